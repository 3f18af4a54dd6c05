/**
 * Paired statistics over replicates. Arms see the same traffic, so the log ratio is taken replicate by replicate and only its spread
 * counts. Intervals: percentile bootstrap of the mean log ratio with the levels widened for small n ("expanded percentile interval",
 * T. Hesterberg, The American Statistician 69, 2015): the plain percentile interval of 8 values covers some 89 %, not 95 %. Of fewer than 8 no resample
 * reaches as far as it should (the mean of 4 normal values lies outside all of them one time in eight): Student's t with the jackknife instead.
 */
import { cumulativeStdNormalProbability, mean, quantileSorted, sampleStandardDeviation } from 'simple-statistics'
import { FEWEST_FOR_INTERVAL, resampled } from '../collections/bootstrap.js'
import { stream } from '../rng.js'
import { gapDoubt } from './change.js'

const RESAMPLES = 2000

/** Below this number Student's t takes the place of the bootstrap. */
const FEWEST_TO_RESAMPLE = 8

/** Student's t, 97.5 %, for 1 to 30 degrees of freedom (any statistical table). */
const T975 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11, 2.101,
  2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
]
const Z975 = 1.96

/** Beyond the table the first terms of its expansion about the normal value (Abramowitz and Stegun, 26.7.5): right to 0.003. */
const t975 = (degrees: number): number => T975[degrees - 1] ?? Z975 + (Z975 ** 3 + Z975) / (4 * degrees)

export interface PairedRatio {
  /** Geometric mean of arm / baseline; null when no replicate has both. */
  readonly ratio: number | null
  /** Over replicates, see `replicateInterval`; null with fewer than FEWEST_FOR_INTERVAL. */
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
  const interval = meanInterval(logs, seed, name)
  return { ratio: Math.exp(mean(logs)), ci95: interval && [Math.exp(interval[0]), Math.exp(interval[1])], n: logs.length }
}

/**
 * Bounds of the ratio one would see on another mix of the same minutes, with 95 % probability. Each replicate is one bootstrap resample of
 * the minutes, so the spread of the log ratios is itself the uncertainty of one more: exp(mean +- t sd sqrt(1 + 1/n)), t of 97.5 % at n - 1 degrees of
 * freedom (the prediction interval of a normal value). More replicates make the bounds surer, hardly narrower. Of a half of few minutes it is still too
 * narrow for other traffic than these: resamples of m pieces spread by sqrt((m - 1) / m) less, 6 % of 8. Pairs are left out as in `pairedRatio`; null when fewer than FEWEST_FOR_INTERVAL stay.
 */
export function mixInterval(
  arm: readonly (number | null)[],
  baseline: readonly (number | null)[],
): readonly [number, number] | null {
  const logs = pairedLogs(arm, baseline)
  if (logs.length < FEWEST_FOR_INTERVAL) return null
  const half = t975(logs.length - 1) * sampleStandardDeviation(logs) * Math.sqrt(1 + 1 / logs.length)
  return [Math.exp(mean(logs) - half), Math.exp(mean(logs) + half)]
}

/** Logarithms of the ratios of pairs that are both there and positive. */
export function pairedLogs(arm: readonly (number | null)[], baseline: readonly (number | null)[]): number[] {
  return arm.flatMap((value, i) => {
    const base = baseline[i] ?? null
    return value !== null && base !== null && value > 0 && base > 0 ? [Math.log(value / base)] : []
  })
}

/** Probability of the lower tail whose percentile interval has, for normal values, the width of a t interval of `n` values. */
function expandedTail(n: number): number {
  return cumulativeStdNormalProbability(-Math.sqrt(n / (n - 1)) * t975(n - 1))
}

/**
 * 95 % interval of the mean of `values`; null with fewer than FEWEST_FOR_INTERVAL. Values of the same number and stream `name` are resampled alike, so
 * means that add up do so in every resample.
 */
export function meanInterval(values: readonly number[], seed: number, name: string): readonly [number, number] | null {
  const meanAt = (drawn: ArrayLike<number>): number => {
    let sum = 0
    for (let i = 0; i < drawn.length; i++) sum += values[drawn[i]]
    return sum / drawn.length
  }
  return replicateInterval(values.length, seed, name, meanAt)
}

/**
 * The same for any statistic of `n` replicates, given the indices that were drawn: the expanded percentile bootstrap, of few replicates the jackknife with
 * Student's t. Null too when the statistic is not finite in some resample.
 */
function replicateInterval(
  n: number,
  seed: number,
  name: string,
  statistic: (drawn: ArrayLike<number>) => number,
): readonly [number, number] | null {
  if (n < FEWEST_FOR_INTERVAL) return null
  if (n < FEWEST_TO_RESAMPLE) return jackknifeInterval(n, statistic)
  const found = resampled(n, RESAMPLES, stream(seed, `bootstrap/${name}`), statistic)
  if (!found.every(Number.isFinite)) return null
  const tail = expandedTail(n)
  return [quantileSorted(found, tail), quantileSorted(found, 1 - tail)]
}

/** Pseudo-values of the replicates left out one by one (J. Tukey, Annals of Mathematical Statistics 29, 1958); of a mean they are the values themselves. */
function jackknifeInterval(n: number, statistic: (drawn: ArrayLike<number>) => number): readonly [number, number] | null {
  const all = Array.from({ length: n }, (_, i) => i)
  const whole = statistic(all)
  const pseudo = all.map((out) => n * whole - (n - 1) * statistic(all.filter((i) => i !== out)))
  if (!pseudo.every(Number.isFinite)) return null
  const half = (t975(n - 1) * sampleStandardDeviation(pseudo)) / Math.sqrt(n)
  return [whole - half, whole + half]
}

export interface GapClosed {
  /** Share of the way from the baseline to the oracle that the arm goes: 1 = as good as the oracle, below 0 = worse than the baseline. */
  readonly share: number | null
  readonly ci95: readonly [number, number] | null
  readonly n: number
  /** Why there is no share, or no interval. */
  readonly note: string | null
}

/**
 * (T_baseline - T_arm) / (T_baseline - T_oracle), T a time: the metric itself, or 1 / metric where higher is better; means over the replicates that
 * have all three. Null where the oracle is not better than the baseline, or `toOracle`, their ratio, leaves in doubt that it is: then there is no gap
 * to close. Null as well where so many resamples have none that there is no interval.
 */
export function gapClosed(
  values: {
    readonly baseline: readonly (number | null)[]
    readonly arm: readonly (number | null)[]
    readonly oracle: readonly (number | null)[]
  },
  toOracle: PairedRatio,
  better: 'higher' | 'lower',
  seed: number,
  name: string,
): GapClosed {
  const time = (value: number | null | undefined): number =>
    typeof value !== 'number' || value <= 0 ? Number.NaN : better === 'higher' ? 1 / value : value
  const triples = values.baseline
    .map((value, i) => ({ baseline: time(value), arm: time(values.arm[i]), oracle: time(values.oracle[i]) }))
    .filter(({ baseline, arm, oracle }) => !Number.isNaN(baseline + arm + oracle))
  const n = triples.length
  const none = (note: string): GapClosed => ({ share: null, ci95: null, n, note })
  if (n === 0) return none('undefined in one of the three: no replicate has it')
  const shareOf = (drawn: ArrayLike<number>): number => {
    let closed = 0
    let gap = 0
    for (let i = 0; i < drawn.length; i++) {
      const { baseline, arm, oracle } = triples[drawn[i]]
      closed += baseline - arm
      gap += baseline - oracle
    }
    return gap > 0 ? closed / gap : Number.NaN
  }
  const share = shareOf(triples.map((_, i) => i))
  if (Number.isNaN(share)) return none('the oracle is no better than the baseline: there is no gap to close')
  const ci95 = replicateInterval(n, seed, name, shareOf)
  if (ci95 === null && n >= FEWEST_FOR_INTERVAL) return none('in some resample the oracle is no better than the baseline')
  const doubt = gapDoubt(toOracle)
  return doubt === null ? { share, ci95, n, note: null } : none(doubt)
}

/** Mean over replicates, undefined where one of them is: of capacities, a mean over those alone that could be served would flatter the arm. */
export const meanOfAll = (values: readonly (number | null)[]): number | null => (values.includes(null) ? null : meanOf(values))

/** Mean over replicates of a metric that may be undefined in some of them. */
export function meanOf(values: readonly (number | null)[]): number | null {
  const defined = values.filter((value): value is number => value !== null)
  return defined.length === 0 ? null : mean(defined)
}
