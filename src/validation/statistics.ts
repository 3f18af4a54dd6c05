/** Statistics of errors: means and medians by row and by configuration, bootstrap over configurations, rank correlation. */
import { mean, median, quantileSorted, sampleCorrelation } from 'simple-statistics'
import { FEWEST_FOR_INTERVAL, resampled } from '../collections/bootstrap.js'
import { grouped } from '../collections/grouped.js'
import { ranksOf } from '../collections/ranks.js'
import { stream } from '../rng.js'

const RESAMPLES = 1000
/** Fewer rows than this give no rank correlation. */
const FEWEST_FOR_RANK = 4

/** Absolute relative errors in percent. */
export interface ErrorStatistics {
  readonly rows: number
  readonly mean_pct: number
  readonly median_pct: number
  readonly configurations: number
  /** Over configurations, each by the mean of its rows. */
  readonly mean_by_configuration_pct: number
  readonly median_by_configuration_pct: number
  /** 95 % percentile bootstrap of `mean_pct` over whole configurations; null with fewer than four. */
  readonly mean_ci95_pct: readonly [number, number] | null
  /** Mean signed error: above 0 = simulated too high. */
  readonly bias_pct: number
}

/** `errors` are signed fractions (simulated / measured - 1), `keys` name the configuration of each; null when there are none. */
export function errorStatistics(errors: readonly number[], keys: readonly string[]): ErrorStatistics | null {
  if (errors.length === 0) return null
  const places = grouped([...errors.keys()], (i) => keys[i])
  const all = [...places.values()].map((members) => members.map((i) => 100 * Math.abs(errors[i])))
  const absolute = all.flat()
  const byConfiguration = all.map((members) => mean(members))
  return {
    rows: errors.length,
    mean_pct: mean(absolute),
    median_pct: median(absolute),
    configurations: all.length,
    mean_by_configuration_pct: mean(byConfiguration),
    median_by_configuration_pct: median(byConfiguration),
    mean_ci95_pct: all.length < FEWEST_FOR_INTERVAL ? null : bootstrapMean(all),
    bias_pct: 100 * mean([...errors]),
  }
}

function bootstrapMean(groups: readonly (readonly number[])[]): [number, number] {
  const rng = stream(1, 'bootstrap over configurations')
  const means = resampled(groups.length, RESAMPLES, rng, (drawn) => {
    let sum = 0
    let count = 0
    for (let i = 0; i < drawn.length; i++) {
      for (const value of groups[drawn[i]]) {
        sum += value
        count++
      }
    }
    return sum / count
  })
  return [quantileSorted(means, 0.025), quantileSorted(means, 0.975)]
}

const ranksFromOne = (values: readonly number[]): number[] => Array.from(ranksOf(values), (rank) => rank + 1)

/** Spearman's rank correlation; null for fewer than four pairs or a constant side. */
export function spearman(a: readonly number[], b: readonly number[]): number | null {
  if (a.length < FEWEST_FOR_RANK) return null
  const correlation = sampleCorrelation(ranksFromOne(a), ranksFromOne(b))
  return Number.isFinite(correlation) ? correlation : null
}
