import { SPLIT_COUNT, type SplitPolicy } from '../lever.js'
import { nameOf, orderText, splitInfo } from './info.js'
import { orderPlanPs } from './planning.js'

/** Every request in the same number of pieces, whatever its length: the literal "fixed number of chunks". `count` in [1, 512]. */
export function fixedCount(count: number, longestFirst = false): SplitPolicy {
  return {
    info: splitInfo({
      name: nameOf('fixed-count', [count], { order: orderText(longestFirst, false) }),
      shapeAware: false,
      inputs: longestFirst ? ['order of lengths'] : [],
      complexity: longestFirst ? 'O(n log n)' : 'O(1)',
      wins: 'equal lengths, when count = slots / (sequences x head groups)',
      loses: 'mixed lengths: too many pieces of short requests, too few of long ones',
      source: 'Triton decode kernels with a constant number of KV splits',
    }),
    planningPs: orderPlanPs(longestFirst),
    plan(_batch, _machine, out) {
      out.kind = SPLIT_COUNT
      out.value = count
      out.longestFirst = longestFirst
    },
  }
}
