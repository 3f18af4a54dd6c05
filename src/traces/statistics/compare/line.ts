/** One line of a comparison: a statistic of both traces and what the second may be if both are samples of the same traffic. */
import { probit } from 'simple-statistics'

export interface ComparisonLine {
  /** What is compared, as printed: `ISL p99`. */
  readonly statistic: string
  /** null where the trace has no such figure. A distance between the traces stands in `b`; `a` is 0 then. */
  readonly a: number | null
  readonly b: number | null
  /** `relative`: difference is b / a - 1; `absolute`: b - a; `distance`: largest difference of the two distribution functions. */
  readonly scale: 'relative' | 'absolute' | 'distance'
  /** null where it is not compared, and for a relative one of nothing. */
  readonly difference: number | null
  /** Values of `b` that sampling noise and the least difference that matters allow; null: no bound on that side, or not compared. */
  readonly low: number | null
  readonly high: number | null
  readonly verdict: 'same' | 'different' | 'not compared'
  /** Why it was not compared, or what makes it different where no figure tells. */
  readonly note: string | null
}

/** Differences below these matter to nobody, however long the traces are. */
export const LEAST_RELATIVE = 0.02
const LEAST_SHARE = 0.02
const LEAST_DISTANCE = 0.02

/**
 * Standard errors that a difference may have: two-sided Student quantile of `level` for noise that is estimated from `units` pieces
 * (expansion of R. Fisher and E. Cornish, Technometrics 2, 1960).
 */
export function errorsAllowed(level: number, units: number): number {
  const z = probit(1 - level / 2)
  const v = units - 1
  return z + (z ** 3 + z) / (4 * v) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * v ** 2)
}

/** Quantile 1 - level of Kolmogorov's distribution, by its first term. */
export const kolmogorovQuantile = (level: number): number => Math.sqrt(-Math.log(level / 2) / 2)

export const notCompared = (
  statistic: string,
  note: string,
  a: number | null = null,
  b: number | null = null,
): ComparisonLine => ({
  statistic,
  a,
  b,
  scale: 'absolute',
  difference: null,
  low: null,
  high: null,
  verdict: 'not compared',
  note,
})

/** Where a unit holds all that a figure rests on (one session, one burst), what chance makes of it is not known. */
export const noiseUnknown = (statistic: string, a: number, b: number): ComparisonLine =>
  notCompared(statistic, 'all of it is in one stretch or session, so its noise is not known', a, b)

/** Something that only one trace has. */
export const onlyOne = (statistic: string, which: 'first' | 'second'): ComparisonLine => ({
  ...notCompared(statistic, `only the ${which} trace has it`),
  verdict: 'different',
})

/**
 * `errors` standard errors of log(b / a), whose one is `error`, are allowed; with an `offset`, of log((b + offset) / (a + offset)), for figures
 * that may be 0.
 */
export function relativeLine(
  statistic: string,
  a: number | null,
  b: number | null,
  error: number,
  errors: number,
  offset = 0,
): ComparisonLine {
  if (a === null || b === null) return missing(statistic, a, b)
  const reach = Math.max(Math.log(1 + LEAST_RELATIVE), errors * error)
  if (!Number.isFinite(reach)) return noiseUnknown(statistic, a, b)
  const at = (logRatio: number): number => (a + offset) * Math.exp(logRatio) - offset
  return judged(statistic, 'relative', a, b, Math.max(0, at(-reach)), at(reach))
}

/** The same for shares and other figures that lie between `from` and `to`; differences up to `least` matter to nobody. */
export function absoluteLine(
  statistic: string,
  a: number | null,
  b: number | null,
  error: number,
  errors: number,
  { least = LEAST_SHARE, from = 0, to = 1 } = {},
): ComparisonLine {
  if (a === null || b === null) return missing(statistic, a, b)
  const reach = Math.max(least, errors * error)
  if (!Number.isFinite(reach)) return noiseUnknown(statistic, a, b)
  return judged(statistic, 'absolute', a, b, Math.max(from, a - reach), Math.min(to, a + reach))
}

export const distanceLine = (statistic: string, distance: number, allowed: number): ComparisonLine =>
  Number.isFinite(allowed)
    ? judged(statistic, 'distance', 0, distance, 0, Math.max(LEAST_DISTANCE, allowed))
    : noiseUnknown(statistic, 0, distance)

export function judged(
  statistic: string,
  scale: ComparisonLine['scale'],
  a: number,
  b: number,
  low: number,
  high: number,
): ComparisonLine {
  return {
    statistic,
    a,
    b,
    scale,
    difference: scale !== 'relative' ? b - a : a === 0 ? null : b / a - 1,
    low: Number.isFinite(low) ? low : null,
    high: Number.isFinite(high) ? high : null,
    verdict: b >= low && b <= high ? 'same' : 'different',
    note: null,
  }
}

const missing = (statistic: string, a: number | null, b: number | null): ComparisonLine =>
  notCompared(
    statistic,
    a === null && b === null ? 'neither trace has it' : `the ${a === null ? 'first' : 'second'} trace has no such figure`,
    a,
    b,
  )
