import { SPLIT_COUNT, type SplitPolicy } from '../lever.js'
import { occupancyCount } from './model.js'

/** The rule shipped with Blackwell decode kernels: one count for all, from the batch size and the longest length alone. */
export function occupancyRule(): SplitPolicy {
  return {
    info: {
      lever: 'split',
      name: 'occupancy-rule',
      shapeAware: false,
      hooks: ['plan'],
      inputs: ['sequences', 'longest length'],
      signalAge: 'now',
      complexity: 'O(1)',
      wins: 'equal lengths and small batches',
      loses: 'mixed lengths as soon as sequences x head groups exceeds half the slots: it stops splitting',
      source: 'trtllm-gen and XQA launchers',
    },
    planningPs: 0,
    plan(batch, machine, out) {
      out.kind = SPLIT_COUNT
      out.value = occupancyCount(batch.n, batch.lengths[batch.n - 1], machine)
      out.longestFirst = false
    },
  }
}
