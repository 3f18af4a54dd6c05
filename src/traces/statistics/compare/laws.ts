/** Lines on a law as a whole: the distance of two distribution functions, and quantiles. */
import { quantile } from '../distribution.js'
import { type ComparisonLine, distanceLine, judged, kolmogorovQuantile, LEAST_RELATIVE, noiseUnknown } from './line.js'
import { UnitSums, type Units } from './units.js'

type Sample = Int32Array | Float64Array

/** Shares at which the spread between units is held against that of independent rows. */
const PROBES = Array.from({ length: 19 }, (_, i) => (i + 1) / 20)

/** Largest difference of the distribution functions of two ascending samples (Kolmogorov-Smirnov). */
export function ksDistance(a: Sample, b: Sample): number {
  let i = 0
  let j = 0
  let largest = 0
  while (i < a.length && j < b.length) {
    const value = Math.min(a[i], b[j])
    while (i < a.length && a[i] === value) i++
    while (j < b.length && b[j] === value) j++
    largest = Math.max(largest, Math.abs(i / a.length - j / b.length))
  }
  return largest
}

/** Kolmogorov-Smirnov with as many independent rows as the units of `a` show there to be. */
export function lawLine(
  statistic: string,
  a: Sample,
  b: Sample,
  units: Units,
  level: number,
  distanceOf = ksDistance,
): ComparisonLine {
  const sortedA = a.slice().sort()
  const distance = distanceOf(sortedA, b.slice().sort())
  const likeness = Math.max(1, averageLikeness(a, sortedA, units))
  return distanceLine(statistic, distance, kolmogorovQuantile(level) * Math.sqrt(likeness * (1 / a.length + 1 / b.length)))
}

/**
 * The same for laws of gaps, whole numbers that may differ in scale: the distance is the least of three, as they are, over their geometric means, and over their
 * commonest values. Means alone would not do: a few long gaps rule them, and by their noise an atom of equal gaps comes to lie elsewhere. Arithmetic ones would be worse.
 */
export const gapLawLine = (statistic: string, a: Float64Array, b: Float64Array, units: Units, level: number): ComparisonLine =>
  lawLine(statistic, a, b, units, level, (sortedA, sortedB) => {
    const over = (unitOf: (sorted: Sample) => number): number =>
      ksDistance(dividedBy(sortedA, unitOf(sortedA)), dividedBy(sortedB, unitOf(sortedB)))
    return Math.min(ksDistance(sortedA, sortedB), over(geometricMean), over(commonest))
  })

const dividedBy = (values: Sample, unit: number): Float64Array => Float64Array.from(values, (value) => value / unit)

/** Of whole numbers of 0 or more, a 0 as if it were 1. */
function geometricMean(values: Sample): number {
  let logs = 0
  for (const value of values) logs += Math.log(Math.max(1, value))
  return Math.exp(logs / values.length)
}

/** Of ascending values the one above 0 that comes most often, the first of several; 1 if there is none. */
function commonest(sorted: Sample): number {
  let most = 0
  let found = 1
  for (let start = 0, end = 0; start < sorted.length; start = end) {
    while (end < sorted.length && sorted[end] === sorted[start]) end++
    if (sorted[start] === 0 || end - start <= most) continue
    most = end - start
    found = sorted[start]
  }
  return found
}

/** By how much the variance of a share below some value exceeds that of independent rows, on average over values (design effect). */
function averageLikeness(values: Sample, sorted: Sample, units: Units): number {
  const bounds = PROBES.map((q) => quantile(sorted, q))
  const below = sharesBelow(values, bounds, units).filter(({ share }) => share > 0 && share < 1)
  const excess = below.map(({ share, error }) => (error ** 2 * values.length) / (share * (1 - share)))
  return excess.length === 0 ? 1 : excess.reduce((sum, value) => sum + value, 0) / excess.length
}

/** Share of the rows at or below each of the ascending bounds, with its standard error. */
function sharesBelow(values: Sample, bounds: readonly number[], units: Units): { share: number; error: number }[] {
  const width = bounds.length + 1
  const between = new Float64Array(units.count * width)
  for (let i = 0; i < values.length; i++) {
    let bin = 0
    while (bin < bounds.length && values[i] > bounds[bin]) bin++
    between[units.of(i) * width + bin]++
  }
  return bounds.map((_, bound) => {
    const sums = new UnitSums(units, 2)
    for (let unit = 0; unit < units.count; unit++) {
      const bins = between.subarray(unit * width, (unit + 1) * width)
      const below = bins.subarray(0, bound + 1)
      sums.addTo(unit, [bins.reduce((a, b) => a + b, 0), below.reduce((a, b) => a + b, 0)])
    }
    const [n, below] = sums.totals()
    return { share: below / n, error: sums.error(([rows, lower]) => lower / rows) }
  })
}

/**
 * A quantile of `b` may lie anywhere between the quantiles of `a` that are the allowed errors of its share away: atoms and gaps of the law
 * count as what they are.
 */
export function quantileLine(
  statistic: string,
  q: number,
  a: Sample,
  b: Sample,
  units: Units,
  errors: (units: number) => number,
): ComparisonLine {
  const sorted = a.slice().sort()
  const at = quantile(sorted, q)
  const independent = Math.sqrt((q * (1 - q)) / a.length)
  const error = Math.max(independent, sharesBelow(a, [at], units)[0].error)
  const reach = errors(units.count) * error * Math.sqrt(1 + a.length / b.length)
  const found = quantile(b.slice().sort(), q)
  if (!Number.isFinite(reach)) return noiseUnknown(statistic, at, found)
  const low = q - reach <= 0 ? Number.NEGATIVE_INFINITY : quantile(sorted, q - reach)
  const high = q + reach >= 1 ? Number.POSITIVE_INFINITY : quantile(sorted, q + reach)
  return judged(statistic, 'relative', at, found, low * (1 - LEAST_RELATIVE), high * (1 + LEAST_RELATIVE))
}
