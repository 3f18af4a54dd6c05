import { SPLIT_COUNT, type SplitPolicy } from '../lever.js'
import { mixed } from '../mixed.js'

/**
 * The placebo of an experiment: a count of pieces drawn anew whenever the policy is asked, from 1, 2, 4 … `most`. The draw is a hash of the batch's size
 * and tokens, so that it needs no memory and is the same on every machine; of lengths it knows nothing else.
 */
export function randomCount(most: number): SplitPolicy {
  const choices = Math.floor(Math.log2(most)) + 1
  return {
    info: {
      lever: 'split',
      name: `random-count(${most})`,
      shapeAware: false,
      hooks: ['plan'],
      inputs: ['sequences', 'total tokens, as the seed of the draw'],
      signalAge: 'now',
      complexity: 'O(1)',
      wins: 'nowhere: it is a placebo, which shows what mere variation of the count does',
      loses: 'to the best fixed count',
      source: 'control arm of the fair experiment; not for serving',
    },
    planningPs: 0,
    plan(batch, _machine, out) {
      out.kind = SPLIT_COUNT
      out.value = 2 ** (mixed(batch.n, batch.totalTokens) % choices)
      out.longestFirst = false
    },
  }
}
