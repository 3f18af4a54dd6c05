/** Decode attention on (sequences, KV length): curves along the length for each measured batch, then across batches. */
import { AXES } from '../knots.js'
import type { SliceSource } from '../slices.js'
import { blend, type Curve, curveOf, type Extension, rising, timeAt } from './curve.js'

/** Batches up to this were measured to the full length, so their own last step tells how they go on. */
const FULL_LENGTH_BATCH = 16

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]

/** us per KV token between the last two points of a batch. */
function lastSlope(batch: number, { x, us }: Curve): number {
  const last = x.length - 1
  return (us[last] - us[last - 1]) / (batch * (x[last] - x[last - 1]))
}

export function makeDecode(key: string, group: string, points: Map<string, Map<number, number>>): SliceSource | null {
  const batches: { batch: number; curve: Curve }[] = []
  for (const [name, curve] of points) {
    const cut = name.lastIndexOf('/')
    if (name.slice(0, cut) === group) batches.push({ batch: Number(name.slice(cut + 1)), curve: curveOf(curve) })
  }
  if (batches.length === 0) return null
  batches.sort((a, b) => a.batch - b.batch)

  const measuredTokens = batches.map(({ batch, curve }) => batch * curve.x[curve.x.length - 1])
  const largest = Math.max(...measuredTokens)
  // Large batches were measured only at short lengths: they go on at the bandwidth that the largest reads of the slice show.
  const slope = median(
    batches.filter((_, i) => measuredTokens[i] >= largest / 4).map(({ batch, curve }) => lastSlope(batch, curve)),
  )
  const extensionOf =
    (batch: number): Extension =>
    (curve, x) => {
      const last = curve.x.length - 1
      const rate = batch <= FULL_LENGTH_BATCH ? Math.max(slope, lastSlope(batch, curve)) : slope
      return curve.us[last] + rate * batch * (x - curve.x[last])
    }

  const us: number[] = []
  for (const sequences of AXES.sequences) {
    let high = batches.findIndex(({ batch }) => batch >= sequences)
    if (high < 0) high = batches.length - 1
    const low = Math.max(0, high - 1)
    const [a, b] = [batches[low], batches[high]]
    const share = a === b ? 0 : Math.log(sequences / a.batch) / Math.log(b.batch / a.batch)
    for (const length of AXES.kvLength)
      us.push(blend(timeAt(a.curve, length, extensionOf(a.batch)), timeAt(b.curve, length, extensionOf(b.batch)), share))
  }
  return {
    key,
    axes: ['sequences', 'kvLength'],
    us: rising(us, AXES.kvLength.length),
    evidence: 'measured',
    reach: median(measuredTokens),
  }
}
