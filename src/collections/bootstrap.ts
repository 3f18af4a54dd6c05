/** The bootstrap: what a statistic is when its values are drawn again, with replacement. */
import type { Rng } from '../rng.js'

/** Of fewer values than this no interval is given: three have but ten distinct resampled means. */
export const FEWEST_FOR_INTERVAL = 4

/** A statistic of `n` values, of which the places that were drawn are given, in each of so many resamples; ascending. */
export function resampled(n: number, resamples: number, rng: Rng, statistic: (drawn: ArrayLike<number>) => number): number[] {
  const drawn = new Int32Array(n)
  return Array.from({ length: resamples }, () => {
    for (let i = 0; i < n; i++) drawn[i] = rng.integer(n)
    return statistic(drawn)
  }).sort((a, b) => a - b)
}
