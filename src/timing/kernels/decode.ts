/** Decode attention on (sequences, KV length): curves along the length for each measured batch, then across batches. */
import { SLICE_KNOTS } from '../knots.js'
import type { Slice } from '../slices.js'
import { blend, type Curve, type Extension, rising, timeAt } from './curve.js'
import type { Found } from './find.js'
import { curveOf, reachOf, sliceOf } from './slice.js'
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
  const [rows, lengths] = sheet.logKnots
  const batches: { batch: number; curve: Curve }[] = []
  for (let row = 0; row < rows.length; row++) {
    const curve = curveOf(lengths, found.block.subarray(row * lengths.length, (row + 1) * lengths.length))
    if (curve.x.length > 1) batches.push({ batch: Math.exp(rows[row]), curve })
  }
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
    let high = batches.findIndex(({ batch }) => batch >= sequences)
    if (high < 0) high = batches.length - 1
    const low = Math.max(0, high - 1)
    const [a, b] = [batches[low], batches[high]]
    const share = a === b ? 0 : Math.log(sequences / a.batch) / Math.log(b.batch / a.batch)
    // More sequences than were measured go on as from half of the most to the most: no faster than the reads either.
    const leastUs = share > 1 ? sequences * leastTokenUs : 0
    for (const length of SLICE_KNOTS.kvLength) {
      const between = blend(timeAt(a.curve, length, extensionOf(a.batch)), timeAt(b.curve, length, extensionOf(b.batch)), share)
      us.push(Math.max(between, leastUs * length))
    }
  }
  const raised = rising(us, SLICE_KNOTS.kvLength.length)
  const longest = reachOf(Math.max(...batches.map(({ curve }) => curve.x[curve.x.length - 1])))
  return { ...sliceOf(key, [SLICE_KNOTS.sequences, SLICE_KNOTS.kvLength], raised, median(measuredTokens), found), longest }
}
