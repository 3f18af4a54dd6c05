/** The flat tables of a plan: its priced groups, times the constants of its profile. */

import type { OperatorGroup } from '../models/operator.js'
import { PS_PER_MS, PS_PER_US } from '../units.js'
import { maxTokensOf, type PricedGroups, priceGroups, type Row } from './groups.js'
import { factorsOf, type Named, productOf, scaleOf } from './profiles.js'
import type { TimingRequest } from './request.js'
import type { StepTables } from './stepTimer.js'

const sumOf = (terms: readonly Named[]): number => terms.reduce((sum, { value }) => sum + value, 0)

/** Whole ps at every size up to the last knot, times the factor there, never falling; `eachUs` = us that one more adds besides. */
function fill({ knots, us }: Row, factor: (x: number) => number, eachUs = 0): Float64Array {
  const row = new Float64Array(knots[knots.length - 1] + 1)
  let start = 0
  for (let i = 1; i < knots.length; i++) {
    const [low, high] = [knots[i - 1], knots[i]]
    const end = Math.max(start, (us[i] + eachUs * high) * (factor(high) * PS_PER_US))
    const slope = (end - start) / (high - low)
    for (let x = low + 1; x < high; x++) row[x] = Math.round(start + slope * (x - low))
    row[high] = Math.round(end)
    start = end
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
  const { dp: ranks } = request.parallelism
  const factor = (group: OperatorGroup, tokens = 0): number => productOf(factorsOf(scale, group, tokens))
  const prompts = factor('prefill') * PS_PER_US
  return {
    ranks,
    maxTokens: maxTokensOf(request),
    maxSequences: request.maxNumSeqs,
    maxLength: request.maxModelLen,
    hostPs: Math.round(productOf(scale.all) * sumOf(scale.hostMs) * PS_PER_MS),
    localPs: fill(groups.local, (tokens) => factor('local', tokens)),
    headPs: fill(groups.head, () => factor('head')),
    decodeRowsPs: fill(groups.decodeRows, () => factor('decodeRows'), (request.draftTokens + 1) * sumOf(scale.positionUs)),
    sharedPs: fill(groups.shared, (tokens) => factor('shared', tokens / ranks)),
    exchangePs: fill(groups.exchange, (tokens) => factor('exchange', tokens)),
    ...kernelTables(groups, factor('kernel')),
    ...(groups.keyUs > 0 && { keyTokenPs: Math.round(factor('keys') * groups.keyUs * PS_PER_US) }),
    prefillChunkKnots: groups.chunks,
    prefillPrefixKnots: groups.prefixes,
    prefillPs: groups.prefillUs.map((us) => us * prompts),
    together: {
      counts: groups.counts,
      lengths: groups.lengths,
      nextPs: nextOf(groups, prompts),
      prefixPs: groups.prefixUs.map((us) => us * prompts),
    },
  }
}
