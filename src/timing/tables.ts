/** The flat tables of a plan: its priced groups, times the constants of its profile. */
import { PS_PER_MS, PS_PER_US } from '../units.js'
import { maxTokensOf, type PricedGroups, priceGroups, type Row } from './groups.js'
import { type Named, scaleOf } from './profiles.js'
import type { TimingRequest } from './request.js'
import type { StepTables } from './stepTimer.js'

export const productOf = (factors: readonly Named[]): number => factors.reduce((product, { value }) => product * value, 1)
const sumOf = (terms: readonly Named[]): number => terms.reduce((sum, { value }) => sum + value, 0)

/** Whole ps at every size up to the last knot; `eachUs` = us that one more adds besides. */
function fill({ knots, us: base }: Row, factor: number, eachUs = 0): Float64Array {
  const row = new Float64Array(knots[knots.length - 1] + 1)
  const scale = factor * PS_PER_US
  const us = eachUs === 0 ? base : base.map((time, i) => time + eachUs * knots[i])
  for (let i = 1; i < knots.length; i++) {
    const [low, high] = [knots[i - 1], knots[i]]
    const start = us[i - 1] * scale
    const slope = (us[i] * scale - start) / (high - low)
    for (let x = low + 1; x < high; x++) row[x] = Math.round(start + slope * (x - low))
    row[high] = Math.round(us[i] * scale)
  }
  return row
}

function kernelTables({ kernelColumns: edges, kernelUs }: PricedGroups, factor: number) {
  const kernelColumns = edges - 1
  const rows = kernelUs.length / edges
  const kernelBasePs = new Float64Array(rows * kernelColumns)
  const kernelSlopePs = new Float64Array(rows * kernelColumns)
  const scale = factor * PS_PER_US
  for (let n = 1; n < rows; n++) {
    for (let column = 0; column < kernelColumns; column++) {
      const low = kernelUs[n * edges + column] * scale
      const high = kernelUs[n * edges + column + 1] * scale
      kernelBasePs[n * kernelColumns + column] = low
      kernelSlopePs[n * kernelColumns + column] = (high - low) / (n * 2 ** column)
    }
  }
  return { kernelColumns, kernelBasePs, kernelSlopePs }
}

/** What one more chunk of the same length adds, between the knots of their number, times `scale`. */
export function nextOf(
  { counts, lengths, batchUs }: Pick<PricedGroups, 'counts' | 'lengths' | 'batchUs'>,
  scale: number,
): Float64Array {
  const width = lengths.length
  return Float64Array.from({ length: batchUs.length - width }, (_, at) => {
    const i = Math.floor(at / width)
    return ((batchUs[at + width] - batchUs[at]) / (counts[i + 1] - counts[i])) * scale
  })
}

/** Throws UserError when the model, the layout or the system cannot be priced. */
export function buildStepTables(request: TimingRequest): StepTables {
  const groups = priceGroups(request)
  const scale = scaleOf(request)
  const all = productOf(scale.all)
  return {
    ranks: request.parallelism.dp,
    maxTokens: maxTokensOf(request),
    maxSequences: request.maxNumSeqs,
    maxLength: request.maxModelLen,
    hostPs: Math.round(all * sumOf(scale.hostMs) * PS_PER_MS),
    localPs: fill(groups.local, all),
    headPs: fill(groups.head, all),
    decodeRowsPs: fill(groups.decodeRows, all, (request.draftTokens + 1) * sumOf(scale.positionUs)),
    sharedPs: fill(groups.shared, all * productOf(scale.experts)),
    exchangePs: fill(groups.exchange, all),
    ...kernelTables(groups, all),
    ...(groups.keyUs > 0 && { keyTokenPs: Math.round(all * groups.keyUs * PS_PER_US) }),
    prefillChunkKnots: groups.chunks,
    prefillPrefixKnots: groups.prefixes,
    prefillPs: groups.prefillUs.map((us) => us * all * PS_PER_US),
    together: {
      counts: groups.counts,
      lengths: groups.lengths,
      nextPs: nextOf(groups, all * PS_PER_US),
      prefixPs: groups.prefixUs.map((us) => us * all * PS_PER_US),
    },
  }
}
