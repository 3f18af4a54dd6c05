/** A filled grid onto the knots of the shipped table, so that reading the knots at the grid gives the grid back. */
import { TABLE_KNOTS } from '../knots.js'
import type { Measured } from './measured.js'

/** Rounds of correction: each leaves a third of the difference at most. */
const ROUNDS = 12

/** Interpolation of (x, y), both of `count` values; the first and last slopes go on outside. */
function lineAt(x: ArrayLike<number>, y: ArrayLike<number>, count: number, at: number): number {
  if (count === 1) return y[0]
  let high = 1
  while (high < count - 1 && x[high] < at) high++
  return y[high - 1] + ((y[high] - y[high - 1]) * (at - x[high - 1])) / (x[high] - x[high - 1])
}

/** Values on the knots from the last one at or before the first x to the first one at or after the last x; NaN elsewhere. */
export function regridLine(logX: readonly number[], y: readonly number[], logKnots: Float64Array): Float64Array {
  const out = new Float64Array(logKnots.length).fill(Number.NaN)
  if (logX.length === 0) return out
  let first = logKnots.findLastIndex((knot) => knot <= logX[0] + 1e-9)
  first = Math.max(0, first)
  let last = logKnots.findIndex((knot) => knot >= logX[logX.length - 1] - 1e-9)
  if (last < 0) last = logKnots.length - 1
  const knots = logKnots.subarray(first, last + 1)
  const values = Float64Array.from(knots, (knot) => lineAt(logX, y, logX.length, knot))
  const residual = new Float64Array(logX.length)
  for (let round = 0; round < ROUNDS; round++) {
    for (let i = 0; i < logX.length; i++) residual[i] = y[i] - lineAt(knots, values, knots.length, logX[i])
    for (let i = 0; i < knots.length; i++) {
      const inside = Math.min(logX[logX.length - 1], Math.max(logX[0], knots[i]))
      values[i] += lineAt(logX, residual, logX.length, inside)
    }
  }
  out.set(values, first)
  return out
}

/** One axis of a block [outer][sizes][inner] onto knots. */
function regridAxis(values: Float64Array, logSizes: Float64Array, logKnots: Float64Array, inner: number): Float64Array {
  const outer = values.length / logSizes.length / inner
  const out = new Float64Array(outer * logKnots.length * inner)
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const x: number[] = []
      const y: number[] = []
      for (let s = 0; s < logSizes.length; s++) {
        const value = values[(o * logSizes.length + s) * inner + i]
        if (Number.isNaN(value)) continue
        x.push(logSizes[s])
        y.push(value)
      }
      const line = regridLine(x, y, logKnots)
      for (let k = 0; k < line.length; k++) out[(o * logKnots.length + k) * inner + i] = line[k]
    }
  }
  return out
}

/** [site][knots of the axes...] of one system; NaN where nothing was measured. */
export function regrid({ family, grid }: Measured, values: Float64Array): Float64Array {
  let block = values
  let inner = 1
  for (let axis = family.axes.length - 1; axis >= 0; axis--) {
    const logKnots = Float64Array.from(TABLE_KNOTS[family.axes[axis].knots], Math.log)
    block = regridAxis(block, Float64Array.from(grid[axis], Math.log), logKnots, inner)
    inner *= logKnots.length
  }
  return block
}
