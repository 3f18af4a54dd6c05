import { SPLIT_SIZE, type SplitPolicy } from '../lever.js'

/** Pieces of at most `tokens` tokens, in arrival order: the stronger static form. `tokens` in [1, 2^20]. */
export function fixedSize(tokens: number): SplitPolicy {
  return {
    info: {
      lever: 'split',
      name: `fixed-size(${tokens})`,
      shapeAware: false,
      hooks: ['plan'],
      inputs: [],
      signalAge: 'now',
      complexity: 'O(1)',
      wins: 'mixed lengths at the load that the size was tuned for',
      loses: 'other loads: few sequences want smaller pieces, many want larger ones',
      source: 'equal piece size, as in the planners of FlashInfer, with the size frozen',
    },
    planningPs: 0,
    plan(_batch, _machine, out) {
      out.kind = SPLIT_SIZE
      out.value = tokens
      out.longestFirst = false
    },
  }
}
