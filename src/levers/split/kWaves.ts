import { SPLIT_COUNT, type SplitPolicy } from '../lever.js'

/** One count for all, so that the launch has about k waves of pieces: s = ceil(k P / (n H)). `waves` in (0, 64]. */
export function kWaves(waves: number): SplitPolicy {
  return {
    info: {
      lever: 'split',
      name: `k-waves(${waves})`,
      shapeAware: false,
      hooks: ['plan'],
      inputs: ['sequences'],
      signalAge: 'now',
      complexity: 'O(1)',
      wins: 'follows the batch size, which a fixed count does not; about equal to the best fixed count at each size',
      loses: 'mixed lengths',
      source: 'length-blind baseline: count by waves',
    },
    planningPs: 0,
    plan(batch, machine, out) {
      out.kind = SPLIT_COUNT
      out.value = Math.max(1, Math.ceil((waves * machine.slots) / (batch.n * machine.headGroups)))
      out.longestFirst = false
    },
  }
}
