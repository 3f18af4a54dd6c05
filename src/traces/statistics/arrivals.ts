/** How requests arrive: rate, burstiness on several time scales, and its course. Times are ns, sorted; requests without one are left out. */
import { NS_PER_S } from '../../units.js'
import { detectTick } from '../ticks.js'

/** Widths of the bins of the index of dispersion, s. */
export const DISPERSION_BINS_S = [1, 10, 60] as const
export type DispersionBin = (typeof DISPERSION_BINS_S)[number]
/** A variance of fewer counts says nothing. */
const FEWEST_BINS = 3

export interface ArrivalStatistics {
  /** Requests with an arrival time of their own; the others are sent by those they wait for. */
  readonly timed: number
  /** From the first to the last arrival. */
  readonly durationS: number
  /** Requests per second of that time; null when it is 0. */
  readonly ratePerS: number | null
  /** Coefficient of variation of the gaps, 1 for Poisson; null with fewer than two gaps, all at one time, or in coarse ticks. */
  readonly gapCv: number | null
  /** Index of dispersion of the counts per 1, 10 and 60 s, 1 for Poisson; null with fewer than three such bins or finer than the ticks. */
  readonly idc: Readonly<Record<DispersionBin, number | null>>
  /** Largest count of a whole minute over their mean; null without a whole minute. */
  readonly peakMinute: number | null
  /** Coefficient of variation of the counts of whole minutes. */
  readonly minuteCv: number | null
  /** Length of the ticks that the times were recorded in, s; null when they are finer than a second. */
  readonly tickS: number | null
}

export function arrivalStatistics(allNs: Float64Array): ArrivalStatistics {
  const arrivalNs = allNs.some(Number.isNaN) ? allNs.filter((timeNs) => !Number.isNaN(timeNs)) : allNs
  const timed = arrivalNs.length
  const durationS = timed === 0 ? 0 : (arrivalNs[timed - 1] - arrivalNs[0]) / NS_PER_S
  const tickNs = detectTick(arrivalNs)
  const tickS = tickNs === null ? null : tickNs / NS_PER_S
  const idcOf = (binS: number): number | null => (tickS !== null && binS < tickS ? null : indexOfDispersion(arrivalNs, binS))
  const minutes = countsPerBin(arrivalNs, 60)
  const { mean, variance } = momentsOf(minutes)
  return {
    timed,
    durationS,
    ratePerS: durationS > 0 ? timed / durationS : null,
    gapCv: tickS === null ? gapCv(arrivalNs) : null,
    idc: { 1: idcOf(1), 10: idcOf(10), 60: idcOf(60) },
    peakMinute: minutes.length > 0 ? minutes.reduce((a, b) => Math.max(a, b)) / mean : null,
    minuteCv: minutes.length > 0 ? Math.sqrt(variance) / mean : null,
    tickS,
  }
}

/** Standard deviation over mean of the gaps between arrivals: 1 for Poisson. */
export function gapCv(arrivalNs: Float64Array): number | null {
  const gaps = arrivalNs.length - 1
  if (gaps < 2) return null
  const mean = (arrivalNs[gaps] - arrivalNs[0]) / gaps
  if (!(mean > 0)) return null
  let squares = 0
  for (let i = 1; i <= gaps; i++) squares += (arrivalNs[i] - arrivalNs[i - 1] - mean) ** 2
  return Math.sqrt(squares / gaps) / mean
}

/**
 * Requests in each whole bin of `binS` seconds from the first arrival on, or the sum of their `weights`; an incomplete last bin is
 * left out.
 */
export function countsPerBin(arrivalNs: Float64Array, binS: number, weights?: ArrayLike<number>): Float64Array {
  const count = arrivalNs.length
  const binNs = binS * NS_PER_S
  const bins = count === 0 ? 0 : Math.floor((arrivalNs[count - 1] - arrivalNs[0]) / binNs)
  const counts = new Float64Array(bins)
  for (let i = 0; i < count; i++) {
    const bin = Math.floor((arrivalNs[i] - arrivalNs[0]) / binNs)
    if (bin < bins) counts[bin] += weights?.[i] ?? 1
  }
  return counts
}

/** Variance over mean of the counts in whole bins of `binS` seconds: 1 for Poisson; null with fewer than three whole bins. */
export function indexOfDispersion(arrivalNs: Float64Array, binS: number): number | null {
  const counts = countsPerBin(arrivalNs, binS)
  if (counts.length < FEWEST_BINS) return null
  const { mean, variance } = momentsOf(counts)
  return variance / mean
}

function momentsOf(values: Float64Array): { mean: number; variance: number } {
  let sum = 0
  for (const value of values) sum += value
  const mean = sum / values.length
  let squares = 0
  for (const value of values) squares += (value - mean) ** 2
  return { mean, variance: squares / values.length }
}
