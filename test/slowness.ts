import { stream } from '../src/rng.js'

/** Wall time, ms, in which a quiet core puts a million numbers in order: half of what it takes, 130 to 140, where everything else takes twice as long. */
const QUIET_MS = 68

/** How many times longer that takes here and now, 1 at least. Bounds on wall time are for a quiet core; times this they hold on one that is slow or shared. */
export function slowness(): number {
  const rng = stream(1, 'slowness')
  const numbers = Float64Array.from({ length: 1e6 }, () => rng.uniform())
  const times = [0, 1, 2].map(() => {
    const begun = performance.now()
    numbers.toSorted()
    return performance.now() - begun
  })
  return Math.max(1, Math.min(...times) / QUIET_MS)
}
