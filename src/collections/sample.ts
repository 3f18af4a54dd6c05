/**
 * A growing sample of non-negative values and its quantiles: exact while it is small, beyond that a log histogram, whose quantiles are within
 * 0.05 % of the value at the rank asked for.
 */
import { grown } from './grow.js'
import { LOG_HISTOGRAM_BINS, logBin, logBinValue } from './logHistogram.js'
import { quantilesOf } from './select.js'

/** Up to this many values are kept. */
const EXACT_VALUES = 1 << 20
const FIRST_CAPACITY = 1 << 10
/** Values are put into bins as millionths of their unit: what is smaller counts as 0. */
const PER_UNIT = 1e6

export interface Sample {
  /** A finite value >= 0. */
  add(value: number): void
  readonly count: number
  /** NaN of nothing. */
  readonly mean: number
  readonly isExact: boolean
  /** Quantiles at ascending probabilities in [0, 1], by linear interpolation while exact; NaN of nothing. */
  quantiles(probabilities: readonly number[]): number[]
}

/** `expected`: values that there is room for from the first one on that is not 0. */
export function createSample(exactValues = EXACT_VALUES, expected = FIRST_CAPACITY): Sample {
  let kept: Float64Array<ArrayBuffer> | null = new Float64Array(0)
  let bins: Float64Array | null = null
  let count = 0
  /** In an array of its own: a captured variable would be a new object after every addition. */
  const sum = new Float64Array(1)

  /** Room for so many values: the new ones are 0. */
  const keep = (values: number): Float64Array | null => {
    if (kept === null || kept.length >= values) return kept
    kept = grown(kept, Math.min(exactValues, Math.max(values, expected, kept.length * 4)))
    return kept
  }
  const toBins = (): Float64Array => {
    if (bins !== null) return bins
    const values = keep(count)
    bins = new Float64Array(LOG_HISTOGRAM_BINS)
    for (let i = 0; values !== null && i < count; i++) bins[logBin(values[i] * PER_UNIT)]++
    kept = null
    return bins
  }
  return {
    add(value) {
      if (kept === null || count >= exactValues) toBins()[logBin(value * PER_UNIT)]++
      else if (count < kept.length) kept[count] = value
      // what is 0 for everybody, as the time of a phase often is, needs no room
      else if (value !== 0 || sum[0] !== 0) (keep(count + 1) as Float64Array)[count] = value
      count++
      sum[0] += value
    },
    get count() {
      return count
    },
    get mean() {
      return sum[0] / count
    },
    get isExact() {
      return bins === null
    },
    quantiles(probabilities) {
      if (count === 0) return probabilities.map(() => Number.NaN)
      return bins === null
        ? quantilesOf(keep(count) as Float64Array, count, probabilities)
        : binQuantiles(bins, count, probabilities)
    },
  }
}

/** Quantiles of a histogram of `count` values: the middle of the bin in which the value of that rank lies. */
function binQuantiles(bins: Float64Array, count: number, probabilities: readonly number[]): number[] {
  let below = 0
  let at = -1
  return probabilities.map((p) => {
    const rank = p * (count - 1)
    while (below <= rank && at < bins.length - 1) below += bins[++at]
    return at === 0 ? 0 : logBinValue(at) / PER_UNIT
  })
}
