import { SPLIT_COUNT, type SplitPolicy } from '../lever.js'
import { nameOf, orderText, splitInfo } from './info.js'
import { orderPlanPs } from './planning.js'

/** One count for all, so that the launch has about k waves of pieces: s = ceil(k P / (n H)). `waves` in (0, 64]. */
export function kWaves(waves: number, longestFirst = false): SplitPolicy {
  return {
    info: splitInfo({
      name: nameOf('k-waves', [waves], { order: orderText(longestFirst, false) }),
      shapeAware: false,
      inputs: longestFirst ? ['sequences', 'order of lengths'] : ['sequences'],
      complexity: longestFirst ? 'O(n log n)' : 'O(1)',
      wins: 'follows the batch size, which a fixed count does not; about equal to the best fixed count at each size',
      loses: 'mixed lengths',
      source: 'length-blind baseline: count by waves',
    }),
    planningPs: orderPlanPs(longestFirst),
    plan(batch, machine, out) {
      out.kind = SPLIT_COUNT
      out.value = Math.max(1, Math.ceil((waves * machine.slots) / (batch.n * machine.headGroups)))
      out.longestFirst = longestFirst
    },
  }
}
