import type { LoadView, SpanPolicy } from '../lever.js'
import { tokensOf } from '../rank/choose.js'

/**
 * The smallest degree k at which a context of L tokens leaves at most theta x mean load on a rank, where the mean load counts its own tokens;
 * one rank where that takes no more than `min` tokens off its home. The answer's length is not known and not guessed.
 * `theta` > 0; `min` in tokens: the KV whose attention takes as long as the exchanges of a step.
 */
export function spanByShape({ theta, min }: { readonly theta: number; readonly min: number }): SpanPolicy {
  return {
    info: {
      lever: 'span',
      name: `by-shape(theta=${theta},min=${min})`,
      shapeAware: true,
      hooks: ['degree'],
      inputs: ['input length', 'KV and queued tokens of every rank'],
      signalAge: 'now',
      complexity: 'O(ranks)',
      wins: 'a context longer than what the other ranks hold: it gates the step of all, however well the rest is placed',
      loses: 'nothing on short contexts, which stay whole; long ones that are common make every step pay the exchanges',
      source:
        'smallest power of two with L / k <= theta x mean rank load whose saving exceeds the exchange (LoongServe and vLLM DyCP choose degrees by request)',
    },
    degree(view, { inputTokens }) {
      const most = view.count & -view.count
      const target = theta * meanLoad(view, inputTokens)
      let degree = 1
      while (degree < most && inputTokens / degree > target) degree *= 2
      return inputTokens - inputTokens / degree > min ? degree : 1
    },
  }
}

/** Tokens of a rank on average, `more` included. */
function meanLoad(view: LoadView, more: number): number {
  let tokens = more
  for (let place = 0; place < view.count; place++) tokens += tokensOf(view, place)
  return tokens / view.count
}
