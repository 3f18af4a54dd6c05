/** Paired statistics: log-ratios replicate by replicate, bootstrap intervals. */
import { mean, quantileSorted } from 'simple-statistics'
import { stream } from '../rng.js'

const RESAMPLES = 2000

export interface PairedRatio {
  /** Geometric mean of arm / baseline; null when no replicate has both. */
  readonly ratio: number | null
  /** Percentile bootstrap over replicates; null with fewer than 3. */
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
  const logs: number[] = []
  arm.forEach((value, i) => {
    const base = baseline[i]
    if (value !== null && base !== null && value > 0 && base > 0) logs.push(Math.log(value / base))
  })
  if (logs.length === 0) return { ratio: null, ci95: null, n: 0 }
  const ratio = Math.exp(mean(logs))
  return { ratio, ci95: logs.length < 3 ? null : bootstrapMean(logs, seed, name), n: logs.length }
}

function bootstrapMean(logs: readonly number[], seed: number, name: string): [number, number] {
  const rng = stream(seed, `bootstrap/${name}`)
  const means = Array.from({ length: RESAMPLES }, () => {
    let sum = 0
    for (let i = 0; i < logs.length; i++) sum += logs[rng.integer(logs.length)]
    return sum / logs.length
  }).sort((a, b) => a - b)
  return [Math.exp(quantileSorted(means, 0.025)), Math.exp(quantileSorted(means, 0.975))]
}

/** Mean over replicates of a metric that may be undefined in some of them. */
export function meanOf(values: readonly (number | null)[]): number | null {
  const defined = values.filter((value): value is number => value !== null)
  return defined.length === 0 ? null : mean(defined)
}
