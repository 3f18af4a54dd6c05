/** Statistics of errors: means and medians by row and by configuration, bootstrap over configurations, rank correlation. */
import { mean, median, quantileSorted, sampleCorrelation } from 'simple-statistics'
import { stream } from '../rng.js'

const RESAMPLES = 1000
/** Fewer configurations give no interval, fewer rows no rank correlation. */
const FEWEST_FOR_INTERVAL = 4
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
  const groups = new Map<string, number[]>()
  errors.forEach((error, i) => {
    const members = groups.get(keys[i])
    if (members) members.push(100 * Math.abs(error))
    else groups.set(keys[i], [100 * Math.abs(error)])
  })
  const all = [...groups.values()]
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
  const means = Array.from({ length: RESAMPLES }, () => {
    let sum = 0
    let count = 0
    for (let i = 0; i < groups.length; i++) {
      for (const value of groups[rng.integer(groups.length)]) {
        sum += value
        count++
      }
    }
    return sum / count
  }).sort((a, b) => a - b)
  return [quantileSorted(means, 0.025), quantileSorted(means, 0.975)]
}

/** Ranks from 1; equal values share the mean of their ranks. */
function ranksOf(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a] - values[b])
  const ranks = new Array<number>(values.length)
  for (let from = 0; from < order.length; ) {
    let to = from
    while (to + 1 < order.length && values[order[to + 1]] === values[order[from]]) to++
    for (let i = from; i <= to; i++) ranks[order[i]] = 1 + (from + to) / 2
    from = to + 1
  }
  return ranks
}

/** Spearman's rank correlation; null for fewer than four pairs or a constant side. */
export function spearman(a: readonly number[], b: readonly number[]): number | null {
  if (a.length < FEWEST_FOR_RANK) return null
  const correlation = sampleCorrelation(ranksOf(a), ranksOf(b))
  return Number.isFinite(correlation) ? correlation : null
}
