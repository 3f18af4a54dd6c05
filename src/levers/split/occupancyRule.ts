import { SPLIT_COUNT, type SplitPolicy } from '../lever.js'
import { nameOf, orderText, splitInfo } from './info.js'
import { occupancyCount } from './model.js'
import { orderPlanPs } from './planning.js'

/** The rule shipped with Blackwell decode kernels: one count for all, from the batch size and the longest length alone. */
export function occupancyRule(longestFirst = false): SplitPolicy {
  return {
    info: splitInfo({
      name: nameOf('occupancy-rule', [], { order: orderText(longestFirst, false) }),
      shapeAware: false,
      inputs: longestFirst ? ['sequences', 'longest length', 'order of lengths'] : ['sequences', 'longest length'],
      complexity: longestFirst ? 'O(n log n)' : 'O(1)',
      wins: 'equal lengths and small batches',
      loses: 'mixed lengths as soon as sequences x head groups exceeds half the slots: it stops splitting',
      source: 'trtllm-gen and XQA launchers',
    }),
    planningPs: orderPlanPs(longestFirst),
    plan(batch, machine, out) {
      out.kind = SPLIT_COUNT
      out.value = occupancyCount(batch.n, batch.lengths[batch.n - 1], machine)
      out.longestFirst = longestFirst
    },
  }
}
