import { SPLIT_COUNT, type SplitPolicy } from '../lever.js'

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

/** 32 well-mixed bits of two whole numbers (the finaliser of MurmurHash3, A. Appleby, public domain). */
function mixed(a: number, b: number): number {
  let bits = Math.imul(a, 0x9e3779b1) ^ (b % 2 ** 32)
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
  return (bits ^ (bits >>> 16)) >>> 0
}
