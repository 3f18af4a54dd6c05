/** Quantiles and moments of a sample, as published for the public traces: quantiles linear between neighbours, population moments. */

/** Quantile q (0..1) of ascending values, linear between neighbours; NaN of nothing. */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  if (sorted.length === 0) return Number.NaN
  const at = q * (sorted.length - 1)
  const low = Math.floor(at)
  const high = Math.min(low + 1, sorted.length - 1)
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low)
}

export interface TraceDistribution {
  readonly n: number
  readonly mean: number
  /** Standard deviation of the sample as it is (divided by n). */
  readonly std: number
  readonly p10: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

/** What is known of `values`, in any order; they are left as they are. All figures but n are NaN for an empty sample. */
export function distributionOf(values: Int32Array | Float64Array): TraceDistribution {
  const sorted = values.slice().sort()
  const n = sorted.length
  let sum = 0
  for (const value of sorted) sum += value
  const mean = sum / n
  let squares = 0
  for (const value of sorted) squares += (value - mean) ** 2
  return {
    n,
    mean,
    std: Math.sqrt(squares / n),
    p10: quantile(sorted, 0.1),
    p50: quantile(sorted, 0.5),
    p90: quantile(sorted, 0.9),
    p99: quantile(sorted, 0.99),
    max: quantile(sorted, 1),
  }
}
