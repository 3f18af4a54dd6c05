/** Arrival processes. Each yields gaps in seconds from one named stream. */
import type { Rng } from '../../rng.js'

export type Gaps = () => number

export function poissonGaps(rng: Rng, ratePerS: number): Gaps {
  return () => rng.exponential() / ratePerS
}

export interface RateState {
  readonly ratePerS: number
  /** Mean time in the state, s; exponential. */
  readonly dwellS: number
}

/** Markov-modulated Poisson process that goes round its states in order. */
export function mmppGaps(rng: Rng, states: readonly RateState[]): Gaps {
  let state = 0
  let leftS = rng.exponential() * states[0].dwellS
  return () => {
    let gapS = 0
    for (;;) {
      const { ratePerS } = states[state]
      const next = ratePerS > 0 ? rng.exponential() / ratePerS : Number.POSITIVE_INFINITY
      if (next <= leftS) {
        leftS -= next
        return gapS + next
      }
      // memoryless: the rest of the gap is drawn anew in the next state
      gapS += leftS
      state = (state + 1) % states.length
      leftS = rng.exponential() * states[state].dwellS
    }
  }
}
