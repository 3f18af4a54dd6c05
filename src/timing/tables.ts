/** The flat tables of a plan, from the operators of its model and the kernel times of its system. */
import { type OperatorGroup, operatorsOf } from '../models/operators.js'
import { NS_PER_MS, PS_PER_NS, PS_PER_US } from '../units.js'
import { type PricedOperator, priceOperators } from './price.js'
import type { TimingRequest } from './request.js'
import { loadTables } from './slices.js'
import type { StepTables } from './stepTimer.js'

/**
 * Host time of a step that the GPU waits for, ms. Published fits to served systems find 0 (overlapped scheduler) to about 1 ms per
 * decode step, general notes 0.2-2 ms: the middle, trust C.
 */
export const HOST_MS = 0.5
export const HOST_PS = HOST_MS * NS_PER_MS * PS_PER_NS
/** Knots per octave of the prefill grid: bilinear interpolation of a square errs by at most 0.75 % of the attention. */
const PREFILL_KNOTS_PER_OCTAVE = 4

export const priceRequest = (request: TimingRequest): PricedOperator[] =>
  priceOperators(operatorsOf(request), loadTables(request.system.name))

/** Sum of count x us over one group. */
export function groupUs(priced: readonly PricedOperator[], group: OperatorGroup): (x: number, y: number) => number {
  const members = priced.filter(({ operator }) => operator.group === group)
  return (x, y) => {
    let total = 0
    for (const member of members) total += member.operator.count * member.us(x, y)
    return total
  }
}

const wholePs = (us: number): number => Math.round(us * PS_PER_US)

/** [0 .. last] whole ps, 0 at 0. */
function rowOf(us: (x: number, y: number) => number, last: number): Float64Array {
  const row = new Float64Array(last + 1)
  for (let x = 1; x <= last; x++) row[x] = wholePs(us(x, 0))
  return row
}

/** Whole numbers from `first`, `PREFILL_KNOTS_PER_OCTAVE` per octave, up to and including `last`; at least two. */
function prefillKnots(first: number, last: number): number[] {
  const knots = [first]
  for (let i = 1; ; i++) {
    const knot = Math.round(first * 2 ** (i / PREFILL_KNOTS_PER_OCTAVE))
    if (knot >= last) break
    if (knot > knots[knots.length - 1]) knots.push(knot)
  }
  knots.push(Math.max(last, first + 1))
  return knots
}

function kernelTables(us: (x: number, y: number) => number, maxSequences: number, maxLength: number) {
  const kernelColumns = Math.floor(Math.log2(maxLength)) + 1
  const kernelBasePs = new Float64Array((maxSequences + 1) * kernelColumns)
  const kernelSlopePs = new Float64Array((maxSequences + 1) * kernelColumns)
  for (let n = 1; n <= maxSequences; n++) {
    let low = us(n, 1) * PS_PER_US
    for (let column = 0; column < kernelColumns; column++) {
      const high = us(n, 2 ** (column + 1)) * PS_PER_US
      kernelBasePs[n * kernelColumns + column] = low
      kernelSlopePs[n * kernelColumns + column] = (high - low) / (n * 2 ** column)
      low = high
    }
  }
  return { kernelColumns, kernelBasePs, kernelSlopePs }
}

function prefillTables(us: (x: number, y: number) => number, maxTokens: number, maxLength: number) {
  const chunks = prefillKnots(1, maxTokens)
  const prefixes = [0, ...prefillKnots(16, maxLength)]
  const prefillPs = new Float64Array(chunks.length * prefixes.length)
  // A longer chunk or prefix never costs less: the scaled full length can dip where the launch dominates.
  for (let i = 0; i < chunks.length; i++) {
    for (let j = 0; j < prefixes.length; j++) {
      const at = i * prefixes.length + j
      const above = i > 0 ? prefillPs[at - prefixes.length] : 0
      const before = j > 0 ? prefillPs[at - 1] : 0
      prefillPs[at] = Math.max(above, before, us(chunks[i], prefixes[j]) * PS_PER_US)
    }
  }
  return { prefillChunkKnots: Float64Array.from(chunks), prefillPrefixKnots: Float64Array.from(prefixes), prefillPs }
}

/** Throws UserError when the model, the layout or the system cannot be priced. */
export function buildStepTables(request: TimingRequest): StepTables {
  const priced = priceRequest(request)
  const { parallelism, maxNumSeqs, maxNumBatchedTokens, maxModelLen } = request
  const ranks = parallelism.dp
  return {
    ranks,
    maxTokens: maxNumBatchedTokens,
    maxSequences: maxNumSeqs,
    maxLength: maxModelLen,
    hostPs: HOST_PS,
    floorPs: 0,
    localPs: rowOf(groupUs(priced, 'local'), maxNumBatchedTokens),
    headPs: rowOf(groupUs(priced, 'head'), maxNumSeqs),
    decodeRowsPs: rowOf(groupUs(priced, 'decodeRows'), maxNumSeqs),
    sharedPs: rowOf(groupUs(priced, 'shared'), ranks * maxNumBatchedTokens),
    exchangePs: rowOf(groupUs(priced, 'exchange'), maxNumBatchedTokens),
    ...kernelTables(groupUs(priced, 'kernel'), maxNumSeqs, maxModelLen),
    ...prefillTables(groupUs(priced, 'prefill'), maxNumBatchedTokens, maxModelLen),
  }
}
