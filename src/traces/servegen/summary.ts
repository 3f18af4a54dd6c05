/** What is in a pool: its clients, their rates and burstiness, the hours of its day, and the quantiles of the length tables. */
import { type Pmf, pmfOf, pmfQuantile } from './pmf.js'
import type { Pool, PoolClient } from './pool.js'

const DAY_HOURS = 24
const HOUR_S = 3600

export interface PoolSummary {
  readonly name: string
  readonly clients: number
  readonly duration_s: number
  readonly window_s: number
  /** Sum over the clients of the mean rate of all windows, idle ones included. */
  readonly mean_rate_per_s: number
  /** Share of the requests (0..1) that the client, or the five clients, with the highest mean rate send. */
  readonly share_of_biggest: number
  readonly share_of_five_biggest: number
  /** Busiest window of all clients together against the mean. */
  readonly peak_to_mean: number
  /** Quantiles of the CV of gaps over all windows of all clients, weighted by the rate. */
  readonly gap_cv: { readonly p50: number; readonly p90: number }
  /** Windows with traffic by the law fitted to their gaps. */
  readonly windows: { readonly gamma: number; readonly weibull: number }
  /** Rate of each hour of the day against the mean of the day, 24 numbers. */
  readonly hour_profile: readonly number[]
  /** By field: quantiles over all windows, weighted by their traffic. */
  readonly lengths: Readonly<Record<string, LengthQuantiles>>
  readonly by_client: readonly ClientSummary[]
}

export interface LengthQuantiles {
  readonly p10: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

export interface ClientSummary {
  readonly client: number
  readonly rate_per_s: number
  readonly share: number
  readonly gap_cv_p50: number
  readonly lengths: Readonly<Record<string, LengthQuantiles>>
}

export function poolSummary(pool: Pool): PoolSummary {
  const { clients, windowS, windowCount } = pool
  const meanRate = (client: PoolClient): number => client.windows.reduce((sum, { ratePerS }) => sum + ratePerS, 0) / windowCount
  const rates = clients.map(meanRate)
  const total = rates.reduce((sum, rate) => sum + rate, 0)
  const share = (rate: number): number => (total > 0 ? rate / total : 0)
  const biggest = [...rates].sort((a, b) => b - a)
  const summed = new Float64Array(windowCount)
  for (const { windows } of clients) for (const { startS, ratePerS } of windows) summed[Math.round(startS / windowS)] += ratePerS
  const active = clients.flatMap(({ windows }) => windows)
  return {
    name: pool.name,
    clients: clients.length,
    duration_s: windowS * windowCount,
    window_s: windowS,
    mean_rate_per_s: total,
    share_of_biggest: share(biggest[0]),
    share_of_five_biggest: share(biggest.slice(0, 5).reduce((sum, rate) => sum + rate, 0)),
    peak_to_mean: total > 0 ? summed.reduce((most, rate) => Math.max(most, rate), 0) / total : 0,
    gap_cv: { p50: cvQuantile(active, 0.5), p90: cvQuantile(active, 0.9) },
    windows: {
      gamma: active.filter(({ family }) => family === 'gamma').length,
      weibull: active.filter(({ family }) => family === 'weibull').length,
    },
    hour_profile: hourProfile(summed, windowS),
    lengths: lengthQuantiles(pool, clients),
    by_client: clients
      .map((client, i) => ({
        client: client.id,
        rate_per_s: rates[i],
        share: share(rates[i]),
        gap_cv_p50: cvQuantile(client.windows, 0.5),
        lengths: lengthQuantiles(pool, [client]),
      }))
      .sort((a, b) => b.rate_per_s - a.rate_per_s),
  }
}

function cvQuantile(windows: PoolClient['windows'], u: number): number {
  const pmf = pmfOf(windows.map(({ cv, ratePerS }) => ({ value: cv, share: ratePerS })))
  return pmf === null ? 0 : pmfQuantile(pmf, u)
}

function hourProfile(summed: Float64Array, windowS: number): number[] {
  const hours = Array.from({ length: DAY_HOURS }, () => ({ sum: 0, windows: 0 }))
  summed.forEach((rate, i) => {
    const hour = hours[Math.floor((i * windowS) / HOUR_S) % DAY_HOURS]
    hour.sum += rate
    hour.windows++
  })
  const means = hours.map(({ sum, windows }) => (windows === 0 ? 0 : sum / windows))
  const mean = means.reduce((sum, rate) => sum + rate, 0) / DAY_HOURS
  return means.map((rate) => (mean > 0 ? rate / mean : 0))
}

/** Quantiles of each field over the length windows of some clients, each weighted by the traffic in it. */
function lengthQuantiles({ windowS }: Pool, clients: readonly PoolClient[]): Record<string, LengthQuantiles> {
  const weights = new Map<string, Map<number, number>>()
  for (const { windows, lengths } of clients) {
    lengths.forEach(({ startS, fields }, i) => {
      const endS = lengths[i + 1]?.startS ?? Number.POSITIVE_INFINITY
      const traffic = windows.reduce(
        (sum, window) => sum + (window.startS >= startS && window.startS < endS ? window.ratePerS * windowS : 0),
        0,
      )
      for (const [field, pmf] of fields) addWeighted(weights, field, pmf, traffic)
    })
  }
  const quantiles: Record<string, LengthQuantiles> = {}
  for (const [field, byValue] of weights) {
    const pmf = pmfOf([...byValue].map(([value, share]) => ({ value, share })))
    if (pmf === null) continue
    const at = (u: number): number => pmfQuantile(pmf, u)
    quantiles[field] = { p10: at(0.1), p50: at(0.5), p90: at(0.9), p99: at(0.99), max: pmf.values[pmf.values.length - 1] }
  }
  return quantiles
}

function addWeighted(weights: Map<string, Map<number, number>>, field: string, pmf: Pmf, traffic: number): void {
  const byValue = weights.get(field) ?? new Map<number, number>()
  weights.set(field, byValue)
  for (let i = 0; i < pmf.values.length; i++) {
    const share = pmf.cumulative[i] - (i === 0 ? 0 : pmf.cumulative[i - 1])
    byValue.set(pmf.values[i], (byValue.get(pmf.values[i]) ?? 0) + share * traffic)
  }
}
