/** Curves through measured points, read on log-log scales, and the repair of curves that should rise. */

/** Points (x, us), x ascending. */
export interface Curve {
  readonly x: readonly number[]
  readonly us: readonly number[]
}

/** Time beyond the last point. */
export type Extension = (curve: Curve, x: number) => number

/** Log-log interpolation; flat before the first point. */
export function timeAt(curve: Curve, x: number, extend: Extension): number {
  const { x: knots, us } = curve
  if (x <= knots[0]) return us[0]
  const last = knots.length - 1
  if (x > knots[last]) return extend(curve, x)
  let i = 1
  while (knots[i] < x) i++
  return blend(us[i - 1], us[i], Math.log(x / knots[i - 1]) / Math.log(knots[i] / knots[i - 1]))
}

/** Geometric interpolation between two times. */
export const blend = (low: number, high: number, share: number): number => low * (high / low) ** share

/** Time in proportion to x. */
export const proportional: Extension = ({ x: knots, us }, x) => (us[us.length - 1] * x) / knots[knots.length - 1]

/**
 * A straight line with the least-squares slope of the points in the last two octaves, kept within 0.6 to 1 of proportional growth
 * (the measured last octave of expert compute grows by 0.61 to 0.97).
 */
export const affine: Extension = ({ x: knots, us }, x) => {
  const last = knots.length - 1
  const from = knots.findIndex((knot) => knot >= knots[last] / 4)
  let [count, sumX, sumY, sumXX, sumXY] = [0, 0, 0, 0, 0]
  for (let i = from; i <= last; i++, count++) {
    sumX += knots[i]
    sumY += us[i]
    sumXX += knots[i] ** 2
    sumXY += knots[i] * us[i]
  }
  const proportionalSlope = us[last] / knots[last]
  const fitted = count > 1 ? (count * sumXY - sumX * sumY) / (count * sumXX - sumX ** 2) : proportionalSlope
  const slope = Math.min(proportionalSlope, Math.max(0.6 * proportionalSlope, fitted))
  return us[last] + slope * (x - knots[last])
}

/** A last step of a curve that grows so many times slower than its last octave was disturbed: undisturbed ones come to 1.25. */
const DISTURBED = 1.3

/**
 * Growth with the square of x at the rate between the last two points, or, where one of them was disturbed, of the last octave; from 0 on
 * where the measured times fall: causal attention. Never less than `least` us for one of x^2 pairs.
 */
export const quadratic =
  (least: number): Extension =>
  ({ x: knots, us }, x) => {
    const last = knots.length - 1
    const rateFrom = (from: number): number => (us[last] - us[from]) / (knots[last] ** 2 - knots[from] ** 2)
    const step = rateFrom(last - 1)
    const octave = rateFrom(knots.findIndex((knot) => knot >= knots[last] / 2))
    const measured = DISTURBED * step < octave ? octave : step
    const rate = Math.max(least, measured > 0 ? measured : us[last] / knots[last] ** 2)
    return us[last] + rate * (x ** 2 - knots[last] ** 2)
  }

/**
 * The nearest rising surface, in the sense that it is halfway (in logs) between the smallest rising surface above the values and
 * the largest one below; `columns` = 1 for a curve. Rising values stay as they are.
 */
export function rising(us: readonly number[], columns: number): number[] {
  const upper = [...us]
  const lower = [...us]
  const rows = us.length / columns
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const at = i * columns + j
      if (i > 0) upper[at] = Math.max(upper[at], upper[at - columns])
      if (j > 0) upper[at] = Math.max(upper[at], upper[at - 1])
    }
  }
  for (let i = rows - 1; i >= 0; i--) {
    for (let j = columns - 1; j >= 0; j--) {
      const at = i * columns + j
      if (i < rows - 1) lower[at] = Math.min(lower[at], lower[at + columns])
      if (j < columns - 1) lower[at] = Math.min(lower[at], lower[at + 1])
    }
  }
  return us.map((_, at) => Math.sqrt(upper[at] * lower[at]))
}

/** The largest rising curve below the values: for tables whose outliers are all too slow. */
export function risingBelow(us: readonly number[]): number[] {
  const lower = [...us]
  for (let i = lower.length - 2; i >= 0; i--) lower[i] = Math.min(lower[i], lower[i + 1])
  return lower
}
