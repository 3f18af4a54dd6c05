/** Decode attention on (sequences, KV length): curves along the length for each measured batch, then across batches. */
import { SLICE_KNOTS } from '../knots.js'
import type { Slice } from '../slices.js'
import { type Curve, type Extension, rising } from './curve.js'
import type { Found } from './find.js'
import { acrossBatches, batchCurves, reachOf, sliceOf } from './slice.js'
import type { Sheet } from './table.js'

/** Batches up to this were measured to the full length, so their own last step tells how they go on. */
const FULL_LENGTH_BATCH = 18

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]

/** us per KV token between the last two points of a batch. */
function lastSlope(batch: number, { x, us }: Curve): number {
  const last = x.length - 1
  return (us[last] - us[last - 1]) / (batch * (x[last] - x[last - 1]))
}

/** `leastTokenUs`: what a KV token takes at the best bandwidth measured; 0 = the length does not tell how many are read. */
export function decodeSlice(key: string, sheet: Sheet, found: Found, leastTokenUs: number): Slice {
  const batches = batchCurves(sheet, found.block)
  const measuredTokens = batches.map(({ batch, curve }) => reachOf(batch * curve.x[curve.x.length - 1]))
  const largest = Math.max(...measuredTokens)
  // Large batches were measured only at short lengths: they go on at the bandwidth that the largest reads of the slice show, a slope
  // between two points.
  const slope = median(
    batches.filter((_, i) => measuredTokens[i] >= largest / 4).map(({ batch, curve }) => lastSlope(batch, curve)),
  )
  const extensionOf =
    (batch: number): Extension =>
    (curve, x) => {
      const last = curve.x.length - 1
      // Windowed layers do not grow beyond the window; what is measured there may even fall a little.
      const rate = Math.max(leastTokenUs, slope, batch <= FULL_LENGTH_BATCH ? lastSlope(batch, curve) : 0)
      return curve.us[last] + rate * batch * (x - curve.x[last])
    }

  const us: number[] = []
  for (const sequences of SLICE_KNOTS.sequences) {
    for (const length of SLICE_KNOTS.kvLength) {
      const between = acrossBatches(batches, sequences, length, extensionOf)
      // More sequences than were measured go on as from half of the most to the most: no faster than the reads either.
      const leastUs = between.share > 1 ? sequences * leastTokenUs : 0
      us.push(Math.max(between.us, leastUs * length))
    }
  }
  const raised = rising(us, SLICE_KNOTS.kvLength.length)
  const longest = reachOf(Math.max(...batches.map(({ curve }) => curve.x[curve.x.length - 1])))
  return { ...sliceOf(key, [SLICE_KNOTS.sequences, SLICE_KNOTS.kvLength], raised, median(measuredTokens), found), longest }
}
