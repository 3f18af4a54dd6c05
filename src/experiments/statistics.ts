/**
 * Paired statistics over replicates. Arms see the same traffic, so the log ratio is taken replicate by replicate and only its spread
 * counts. Intervals: percentile bootstrap of the mean log ratio with the levels widened for small n ("expanded percentile interval",
 * T. Hesterberg, The American Statistician 69, 2015): the plain percentile interval of 8 values covers some 89 %, not 95 %.
 */
import { cumulativeStdNormalProbability, mean, quantileSorted, sampleStandardDeviation } from 'simple-statistics'
import { stream } from '../rng.js'

const RESAMPLES = 2000

/** Below this number of replicates no interval is given: three values have but ten distinct resampled means. */
export const FEWEST_FOR_INTERVAL = 4

/** Student's t, 97.5 %, for 1 to 30 degrees of freedom (any statistical table); the normal value beyond. */
const T975 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11, 2.101,
  2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
]
const Z975 = 1.96

const t975 = (degrees: number): number => T975[degrees - 1] ?? Z975

export interface PairedRatio {
  /** Geometric mean of arm / baseline; null when no replicate has both. */
  readonly ratio: number | null
  /** Expanded percentile bootstrap over replicates; null with fewer than FEWEST_FOR_INTERVAL. */
  readonly ci95: readonly [number, number] | null
  readonly n: number
}

/**
 * Ratio of paired positive values, replicate by replicate. Pairs with a null or a value <= 0 are left out (n says how many stayed).
 * The bootstrap draws from the stream `name`, so a further comparison shifts nobody's interval.
 */
export function pairedRatio(
  arm: readonly (number | null)[],
  baseline: readonly (number | null)[],
  seed: number,
  name: string,
): PairedRatio {
  const logs = pairedLogs(arm, baseline)
  if (logs.length === 0) return { ratio: null, ci95: null, n: 0 }
  const ratio = Math.exp(mean(logs))
  return { ratio, ci95: logs.length < FEWEST_FOR_INTERVAL ? null : bootstrapMean(logs, seed, name), n: logs.length }
}

/**
 * Bounds of the ratio one would see on another mix of the same minutes, with 95 % probability. Each replicate is one bootstrap resample of
 * the minutes, so the spread of the log ratios is itself the uncertainty: exp(mean +- t sd), t of 97.5 % at n - 1 degrees of freedom. More
 * replicates make the bounds surer, not narrower. Pairs are left out as in `pairedRatio`; null when fewer than FEWEST_FOR_INTERVAL stay.
 */
export function mixInterval(
  arm: readonly (number | null)[],
  baseline: readonly (number | null)[],
): readonly [number, number] | null {
  const logs = pairedLogs(arm, baseline)
  if (logs.length < FEWEST_FOR_INTERVAL) return null
  const half = t975(logs.length - 1) * sampleStandardDeviation(logs)
  return [Math.exp(mean(logs) - half), Math.exp(mean(logs) + half)]
}

function pairedLogs(arm: readonly (number | null)[], baseline: readonly (number | null)[]): number[] {
  return arm.flatMap((value, i) => {
    const base = baseline[i] ?? null
    return value !== null && base !== null && value > 0 && base > 0 ? [Math.log(value / base)] : []
  })
}

/** Probability of the lower tail whose percentile interval has, for normal values, the width of a t interval of `n` values. */
function expandedTail(n: number): number {
  return cumulativeStdNormalProbability(-Math.sqrt(n / (n - 1)) * t975(n - 1))
}

function bootstrapMean(logs: readonly number[], seed: number, name: string): [number, number] {
  const rng = stream(seed, `bootstrap/${name}`)
  const n = logs.length
  const means = Array.from({ length: RESAMPLES }, () => {
    let sum = 0
    for (let i = 0; i < n; i++) sum += logs[rng.integer(n)]
    return sum / n
  }).sort((a, b) => a - b)
  const tail = expandedTail(n)
  return [Math.exp(quantileSorted(means, tail)), Math.exp(quantileSorted(means, 1 - tail))]
}

/** Mean over replicates of a metric that may be undefined in some of them. */
export function meanOf(values: readonly (number | null)[]): number | null {
  const defined = values.filter((value): value is number => value !== null)
  return defined.length === 0 ? null : mean(defined)
}
