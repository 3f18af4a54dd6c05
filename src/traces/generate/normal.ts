/** The normal distribution function and its inverse. */
import { errorFunction } from 'simple-statistics'

/** P(Z <= z), absolute error below 2e-7. */
export const normalCdf = (z: number): number => (1 + errorFunction(z / Math.SQRT2)) / 2

/** Rational approximations of the inverse (P. J. Acklam, 2003; relative error below 1.2e-9): the middle part and the tails. */
const MIDDLE = {
  over: [-39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716, 2.506628277459239],
  under: [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572, 1],
} as const
const TAIL = {
  over: [
    -0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968, 2.938163982698783,
  ],
  under: [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416, 1],
} as const
const TAIL_BELOW = 0.02425

const polynomial = (coefficients: readonly number[], x: number): number =>
  coefficients.reduce((sum, coefficient) => sum * x + coefficient, 0)

/** z with P(Z <= z) = u, for u in (0, 1). */
export function normalQuantile(u: number): number {
  if (u > 1 - TAIL_BELOW) return -normalQuantile(1 - u)
  if (u < TAIL_BELOW) {
    const q = Math.sqrt(-2 * Math.log(u))
    return polynomial(TAIL.over, q) / polynomial(TAIL.under, q)
  }
  const q = u - 0.5
  return (q * polynomial(MIDDLE.over, q * q)) / polynomial(MIDDLE.under, q * q)
}
