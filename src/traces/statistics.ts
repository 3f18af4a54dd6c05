/** Statistics of a trace, as published for the public ones: lengths, burstiness of arrivals, prefix reuse. */
import { NS_PER_S } from '../units.js'
import { blockIdLimit } from './blocks.js'
import type { Workload } from './workload.js'

/** Quantile q (0..1) of ascending values, linear between neighbours; NaN of nothing. */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  if (sorted.length === 0) return Number.NaN
  const at = q * (sorted.length - 1)
  const low = Math.floor(at)
  const high = Math.min(low + 1, sorted.length - 1)
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low)
}

export interface LengthStatistics {
  readonly mean: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

export interface TraceStatistics {
  readonly count: number
  /** From the first to the last arrival. */
  readonly durationS: number
  readonly meanRatePerS: number
  readonly isl: LengthStatistics
  readonly osl: LengthStatistics
  /** Coefficient of variation of the gaps; null with fewer than two gaps or all at one time. */
  readonly gapCv: number | null
  /** Index of dispersion of the counts per 1, 10 and 60 s; null when the trace has fewer than two such bins. */
  readonly dispersion: { readonly s1: number | null; readonly s10: number | null; readonly s60: number | null }
  readonly idealHitRate: number | null
}

export function traceStatistics(workload: Workload): TraceStatistics {
  const { arrivalNs, count } = workload
  const durationS = count === 0 ? 0 : (arrivalNs[count - 1] - arrivalNs[0]) / NS_PER_S
  return {
    count,
    durationS,
    meanRatePerS: durationS > 0 ? count / durationS : Number.NaN,
    isl: lengthStatistics(workload.isl),
    osl: lengthStatistics(workload.osl),
    gapCv: gapCv(arrivalNs),
    dispersion: {
      s1: indexOfDispersion(arrivalNs, 1),
      s10: indexOfDispersion(arrivalNs, 10),
      s60: indexOfDispersion(arrivalNs, 60),
    },
    idealHitRate: idealHitRate(workload),
  }
}

export function lengthStatistics(lengths: Int32Array): LengthStatistics {
  const sorted = lengths.slice().sort()
  let sum = 0
  for (const length of sorted) sum += length
  return {
    mean: sum / sorted.length,
    p50: quantile(sorted, 0.5),
    p90: quantile(sorted, 0.9),
    p99: quantile(sorted, 0.99),
    max: quantile(sorted, 1),
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

/** Variance over mean of the counts in whole bins of `binS` seconds: 1 for Poisson; null with fewer than two whole bins. */
export function indexOfDispersion(arrivalNs: Float64Array, binS: number): number | null {
  const count = arrivalNs.length
  if (count === 0) return null
  const binNs = binS * NS_PER_S
  const bins = Math.floor((arrivalNs[count - 1] - arrivalNs[0]) / binNs)
  if (!(bins >= 2)) return null
  const perBin = new Float64Array(bins)
  for (let i = 0; i < count; i++) {
    const bin = Math.floor((arrivalNs[i] - arrivalNs[0]) / binNs)
    if (bin < bins) perBin[bin]++
  }
  let mean = 0
  for (const n of perBin) mean += n / bins
  let variance = 0
  for (const n of perBin) variance += (n - mean) ** 2 / bins
  return variance / mean
}

/** Share of the input tokens whose leading blocks were all seen earlier (infinite cache, cold start); null without blocks. */
export function idealHitRate(workload: Workload): number | null {
  const { runOffset, runCount, runFirst, runLength, blockTokens, isl, count } = workload
  if (runOffset === null || runCount === null || runFirst === null || runLength === null) return null
  const seen = new Uint8Array(blockIdLimit(workload))
  let hit = 0
  let total = 0
  for (let i = 0; i < count; i++) {
    total += isl[i]
    let leading = 0
    let isPrefix = true
    for (let run = runOffset[i]; run < runOffset[i] + runCount[i]; run++) {
      const end = runFirst[run] + runLength[run]
      for (let id = runFirst[run]; id < end; id++) {
        if (seen[id] === 0) {
          isPrefix = false
          seen[id] = 1
        } else if (isPrefix) leading++
      }
    }
    hit += Math.min(leading * blockTokens, isl[i])
  }
  return total === 0 ? null : hit / total
}
