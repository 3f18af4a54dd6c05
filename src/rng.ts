/**
 * Named random streams. Every consumer of randomness draws from a stream of its own, keyed by (seed, name), so that a
 * new consumer shifts nobody's draws and arms of one replicate see the same traffic (common random numbers).
 */
import seedrandom from 'seedrandom'

export interface Rng {
  /** Uniform on [0, 1), 32 bits of resolution (one draw of the Alea generator). */
  uniform(): number
  /** Uniform integer on [0, bound). `bound` must be a positive integer below 2^31. */
  integer(bound: number): number
  /** Exponential with mean 1, by inversion: one draw. */
  exponential(): number
  /** Standard normal by inversion-free Box-Muller: always two draws, so the stream stays aligned. */
  normal(): number
}

/** The values in random order (R. Fisher and F. Yates), in place. */
export function shuffled<T extends { readonly length: number; [place: number]: unknown }>(values: T, rng: Rng): T {
  for (let i = values.length - 1; i > 0; i--) {
    const j = rng.integer(i + 1)
    const held = values[i]
    values[i] = values[j]
    values[j] = held
  }
  return values
}

/** The stream `name` of the experiment `seed`. The same pair gives the same draws on every machine (vectors in test/rng.test.ts). */
export function stream(seed: number | string, name: string): Rng {
  const next = seedrandom.alea(`${seed}/${name}`)
  return {
    uniform: () => next(),
    integer: (bound) => Math.floor(next() * bound),
    exponential: () => -Math.log(1 - next()),
    normal: () => {
      const radius = Math.sqrt(-2 * Math.log(1 - next()))
      return radius * Math.cos(2 * Math.PI * next())
    },
  }
}
