/** Slices from the blocks of the table: curves and decode surfaces on the knots of a plan, extended beyond the measured sizes. */
import { KNOT_SHIFT_OCTAVES, SLICE_KNOTS } from '../knots.js'
import type { Evidence, Slice, Surface } from '../slices.js'
import { blend, type Curve, type Extension, proportional, rising, timeAt } from './curve.js'
import type { Found } from './find.js'
import type { Sheet } from './table.js'

const NONE = new Float64Array(0)

/** The measured part of one line of a block. */
export function curveOf(logKnots: Float64Array, logUs: Float64Array): Curve {
  const x: number[] = []
  const us: number[] = []
  for (let i = 0; i < logKnots.length; i++) {
    if (Number.isNaN(logUs[i])) continue
    x.push(Math.exp(logKnots[i]))
    us.push(Math.exp(logUs[i]))
  }
  return { x, us }
}

/** Largest measured size of a curve whose last knot lies just beyond it. */
export const reachOf = (lastKnot: number): number => Math.round(lastKnot / 2 ** KNOT_SHIFT_OCTAVES)

/**
 * Least us that one of `batch x^power` units of work took, among the largest measured sizes x of each batch: where a curve ends is known, while holes
 * before its end are filled.
 */
export function leastUs(sheet: Sheet, block: Float64Array, power: number): number {
  const [logBatches, sizes] = sheet.logKnots
  const curves = Array.from(logBatches, (_, row) => curveOf(sizes, block.subarray(row * sizes.length, (row + 1) * sizes.length)))
  let least = Number.POSITIVE_INFINITY
  curves.forEach((curve, row) => {
    if (curve.x.length === 0) return
    const x = reachOf(curve.x[curve.x.length - 1])
    // the knot lies just beyond the measured batch as well
    const [from, to] = [Math.max(0, row - 1), row]
    const batches: Curve = {
      x: [from, to].map((at) => Math.exp(logBatches[at])),
      us: [from, to].map((at) => timeAt(curves[at], x, proportional)),
    }
    const batch = reachOf(batches.x[1])
    least = Math.min(least, timeAt(batches, batch, proportional) / (batch * x ** power))
  })
  return least
}

/** Times of batches of one size. */
interface BatchCurve {
  readonly batch: number
  readonly curve: Curve
}

/** The curves of a block, one for each measured size of a batch. */
export function batchCurves(sheet: Sheet, block: Float64Array): BatchCurve[] {
  const [rows, sizes] = sheet.logKnots
  return Array.from(rows, (row, i) => ({
    batch: Math.exp(row),
    curve: curveOf(sizes, block.subarray(i * sizes.length, (i + 1) * sizes.length)),
  })).filter(({ curve }) => curve.x.length > 1)
}

/**
 * Time of a batch of `size` at `x`, between the two measured batches beside it, or on from the last two. `share` of the way from the smaller to the
 * larger, above 1 beyond them.
 */
export function acrossBatches(
  batches: readonly BatchCurve[],
  size: number,
  x: number,
  extensionOf: (batch: number) => Extension,
): { readonly us: number; readonly share: number } {
  let high = batches.findIndex(({ batch }) => batch >= size)
  if (high < 0) high = batches.length - 1
  const [a, b] = [batches[Math.max(0, high - 1)], batches[high]]
  const share = a === b ? 0 : Math.log(size / a.batch) / Math.log(b.batch / a.batch)
  const of = ({ batch, curve }: BatchCurve): number => timeAt(curve, x, extensionOf(batch))
  return { us: blend(of(a), of(b), share), share }
}

/** Several prompts of equal length in one call. */
export function promptBatches(sheet: Sheet, { block }: Found, extensionOf: (prompts: number) => Extension): Surface {
  const { prompts, promptTokens } = SLICE_KNOTS
  const batches = batchCurves(sheet, block)
  const us = prompts.flatMap((count) => promptTokens.map((tokens) => acrossBatches(batches, count, tokens, extensionOf).us))
  return surfaceOf([prompts, promptTokens], rising(us, promptTokens.length))
}

function surfaceOf(knots: readonly (readonly number[])[], us: ArrayLike<number>): Surface {
  return {
    logX: Float64Array.from(knots[0], Math.log),
    logY: knots.length > 1 ? Float64Array.from(knots[1], Math.log) : NONE,
    logUs: Float64Array.from(us, Math.log),
  }
}

export function sliceOf(
  key: string,
  knots: readonly (readonly number[])[],
  us: ArrayLike<number>,
  reach: number,
  { evidence, note }: { readonly evidence: Evidence; readonly note: string },
): Slice {
  return {
    key,
    ...surfaceOf(knots, us),
    evidence,
    reach,
    note,
  }
}

/** A slice on one axis; `line` = row of the block when the sheet has two axes. */
export function curveSlice(
  key: string,
  sheet: Sheet,
  found: Found,
  axis: 'tokens' | 'elements' | 'context',
  extend: Extension,
  line = 0,
): Slice {
  const logKnots = sheet.logKnots[sheet.logKnots.length - 1]
  const curve = curveOf(logKnots, found.block.subarray(line * logKnots.length, (line + 1) * logKnots.length))
  const us = rising(
    SLICE_KNOTS[axis].map((x) => timeAt(curve, x, extend)),
    1,
  )
  return sliceOf(key, [SLICE_KNOTS[axis]], us, reachOf(curve.x[curve.x.length - 1]), found)
}
