import { SPLIT_SIZE, type SplitPolicy } from '../lever.js'
import { nameOf, orderText, splitInfo } from './info.js'
import { orderPlanPs } from './planning.js'

/** Pieces of at most `tokens` tokens: the stronger static form. `tokens` in [1, 2^20]. */
export function fixedSize(tokens: number, longestFirst = false): SplitPolicy {
  return {
    info: splitInfo({
      name: nameOf('fixed-size', [tokens], { order: orderText(longestFirst, false) }),
      shapeAware: false,
      inputs: longestFirst ? ['order of lengths'] : [],
      complexity: longestFirst ? 'O(n log n)' : 'O(1)',
      wins: 'mixed lengths at the load that the size was tuned for',
      loses: 'other loads: few sequences want smaller pieces, many want larger ones',
      source: 'equal piece size, as in the planners of FlashInfer, with the size frozen',
    }),
    planningPs: orderPlanPs(longestFirst),
    plan(_batch, _machine, out) {
      out.kind = SPLIT_SIZE
      out.value = tokens
      out.longestFirst = longestFirst
    },
  }
}
