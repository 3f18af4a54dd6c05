/**
 * The groups of a plan priced on knots, before any fitted constant. They are kept, because a calibration builds the tables of the same
 * plans hundreds of times with other constants.
 */
import type { SystemSpec } from '../hardware/system.js'
import type { OperatorGroup } from '../models/operator.js'
import { operatorsOf } from '../models/operators.js'
import { TILE_EDGES } from './knots.js'
import { inGraphOf, type PeakFlops, type PricedOperator, priceOperators, SEEN_BESIDE_EXPERTS, transferred } from './price.js'
import { graphRowsOf, kernelsOf } from './profiles.js'
import type { TimingRequest } from './request.js'
import { loadTables } from './slices.js'

/** us at whole knots; linear between them. The last knot is the largest size; 0 at 0. */
export interface Row {
  readonly knots: Int32Array
  readonly us: Float64Array
}

export interface PricedGroups {
  readonly local: Row
  readonly head: Row
  readonly decodeRows: Row
  readonly shared: Row
  readonly exchange: Row
  /** Column j: mean KV length 2^j; one more column than the step tables have, because theirs are intervals. */
  readonly kernelColumns: number
  /** [(maxNumSeqs + 1) * kernelColumns] us. */
  readonly kernelUs: Float64Array
  /** Of every KV token that a decode step attends to, what an indexer reads of it; 0 without one. */
  readonly keyUs: number
  readonly chunks: Float64Array
  readonly prefixes: Float64Array
  /** [chunks * prefixes] us, never falling. */
  readonly prefillUs: Float64Array
  /** [chunks * prefixes] us of work on the prefix, never falling with it, up to the price, and no less than the price is above that without prefix. */
  readonly prefixUs: Float64Array
  /** Chunks of one step, from 1 on, and the tokens of each. */
  readonly counts: Float64Array
  readonly lengths: Float64Array
  /** [counts * lengths] us of one call over all of them, none after a prefix; never falling with their number, from one call of a chunk to as many. */
  readonly batchUs: Float64Array
}

/** Every whole number up to this is a knot; beyond, so many per octave, and both sides of every tile edge of a GEMM: linear interpolation then errs by 0.01 % at most. */
const DENSE_KNOTS = 128
const KNOTS_PER_OCTAVE = 128
/** Knots per octave of the prefill grid: bilinear interpolation of a square errs by at most 0.75 % of the attention. */
const PREFILL_KNOTS_PER_OCTAVE = 4
/** Knots per octave of the number of chunks in a call; of their tokens as of those of a chunk alone. */
const COUNT_KNOTS_PER_OCTAVE = 2
/** Groups kept; some 0.1-0.4 MB each. */
const KEPT = 400

/** Such that, times the factor of kernels that were measured on another system, times are those of the system's own peaks. */
function peakOf({ denseFlops, kernels }: SystemSpec): PeakFlops {
  const perUs = (flops: number): number => (kernels.factor * flops) / 1e6
  return { fp8: perUs(denseFlops.fp8.value), bf16: perUs(denseFlops.bf16.value) }
}

/** Operators of an engine, priced. Draft layers run in decode steps only. */
export function priceRequest(request: TimingRequest): PricedOperator[] {
  const { role, system, overlap = true } = request
  const draftTokens = role === 'prefill' ? 0 : request.draftTokens
  const operators = operatorsOf({ ...request, draftTokens, kernels: kernelsOf(request) })
  const seen = SEEN_BESIDE_EXPERTS[overlap ? role : 'prefill']
  const priced = priceOperators(operators, loadTables(system.kernels.of), seen, peakOf(system))
  return inGraphOf(graphRowsOf(request), draftTokens + 1, transferred(priced, system))
}

type Us = (x: number, y: number) => number

/** Sum of count x us, or of another time of a call, over one group. */
function groupUs(priced: readonly PricedOperator[], group: OperatorGroup, time: 'us' | 'prefixUs' | 'batchUs' = 'us'): Us {
  const members = priced.filter(({ operator }) => operator.group === group)
  return (x, y) => {
    let total = 0
    for (const member of members) total += member.operator.count * member[time](x, y)
    return total
  }
}

/** Whole numbers from `first` to `last`, growing by 2^(1 / perOctave) or by 1, whichever is more. */
function wholeKnots(first: number, perOctave: number, last: number): number[] {
  const knots = [first]
  for (let i = 1; ; i++) {
    const knot = Math.round(first * 2 ** (i / perOctave))
    if (knot >= last) break
    if (knot > knots[knots.length - 1]) knots.push(knot)
  }
  if (last > first) knots.push(last)
  return knots
}

/** Never falling: a part of a measured block can dip where its whole does not. */
function rowOf(us: Us, last: number): Row {
  const dense = Array.from({ length: Math.min(last, DENSE_KNOTS) + 1 }, (_, x) => x)
  const sparse = last > DENSE_KNOTS ? wholeKnots(DENSE_KNOTS, KNOTS_PER_OCTAVE, last) : []
  const beside = TILE_EDGES.flatMap((edge) => [edge, edge + 1]).filter((x) => x < last)
  const knots = [...new Set([...dense, ...sparse, ...beside])].sort((a, b) => a - b)
  let highest = 0
  const times = Float64Array.from(knots, (x) => {
    highest = x === 0 ? 0 : Math.max(highest, us(x, 0))
    return highest
  })
  return { knots: Int32Array.from(knots), us: times }
}

function kernelOf(us: Us, maxSequences: number, maxLength: number) {
  const kernelColumns = Math.floor(Math.log2(maxLength)) + 2
  const kernelUs = new Float64Array((maxSequences + 1) * kernelColumns)
  for (let n = 1; n <= maxSequences; n++) {
    for (let column = 0; column < kernelColumns; column++) kernelUs[n * kernelColumns + column] = us(n, 2 ** column)
  }
  return { kernelColumns, kernelUs }
}

function prefillOf(us: Us, prefixUs: Us, maxTokens: number, maxLength: number) {
  const chunks = wholeKnots(1, PREFILL_KNOTS_PER_OCTAVE, Math.max(2, maxTokens))
  const prefixes = [0, ...wholeKnots(16, PREFILL_KNOTS_PER_OCTAVE, Math.max(17, maxLength))]
  const prefillUs = new Float64Array(chunks.length * prefixes.length)
  // A longer chunk or prefix never costs less: the scaled full length can dip where the launch dominates.
  for (let i = 0; i < chunks.length; i++) {
    for (let j = 0; j < prefixes.length; j++) {
      const at = i * prefixes.length + j
      const above = i > 0 ? prefillUs[at - prefixes.length] : 0
      const before = j > 0 ? prefillUs[at - 1] : 0
      prefillUs[at] = Math.max(above, before, us(chunks[i], prefixes[j]))
    }
  }
  const workUs = new Float64Array(prefillUs.length)
  for (let i = 0; i < chunks.length; i++) {
    let work = 0
    for (let j = 1; j < prefixes.length; j++) {
      const at = i * prefixes.length + j
      work = Math.max(work, prefixUs(chunks[i], prefixes[j]))
      workUs[at] = Math.max(prefillUs[at] - prefillUs[at - j], Math.min(prefillUs[at], work))
    }
  }
  return { chunks: Float64Array.from(chunks), prefixes: Float64Array.from(prefixes), prefillUs, prefixUs: workUs }
}

function batchesOf(oneUs: Us, batchUs: Us, maxChunks: number, maxTokens: number) {
  const counts = wholeKnots(1, COUNT_KNOTS_PER_OCTAVE, Math.max(2, maxChunks))
  const lengths = wholeKnots(1, PREFILL_KNOTS_PER_OCTAVE, Math.max(2, Math.ceil(maxTokens / 2)))
  const us = new Float64Array(counts.length * lengths.length)
  for (let j = 0; j < lengths.length; j++) {
    const one = oneUs(lengths[j], 0)
    let before = one
    for (let i = 0; i < counts.length; i++) {
      before = i === 0 ? one : Math.min(counts[i] * one, Math.max(before, batchUs(counts[i], lengths[j])))
      us[i * lengths.length + j] = before
    }
  }
  return { counts: Float64Array.from(counts), lengths: Float64Array.from(lengths), batchUs: us }
}

/** Tokens of the fullest step of a rank: the budget, or every sequence with its drafts. */
export function maxTokensOf({ maxNumSeqs, maxNumBatchedTokens, draftTokens }: TimingRequest): number {
  return Math.max(maxNumBatchedTokens, maxNumSeqs * (draftTokens + 1))
}

const kept = new Map<string, PricedGroups>()

/** Throws UserError when the model, the layout or the system cannot be priced. */
export function priceGroups(request: TimingRequest): PricedGroups {
  const { constants: _, system, ...rest } = request
  const key = JSON.stringify([system.evidence, system.kernels, system.denseFlops, rest])
  const known = kept.get(key)
  if (known) return known
  const groups = compute(request)
  if (kept.size >= KEPT) kept.delete(kept.keys().next().value as string)
  kept.set(key, groups)
  return groups
}

function compute(request: TimingRequest): PricedGroups {
  const { parallelism, maxNumSeqs, maxNumBatchedTokens, maxModelLen, draftTokens } = request
  const priced = priceRequest(request)
  const maxTokens = maxTokensOf(request)
  return {
    local: rowOf(groupUs(priced, 'local'), maxTokens),
    head: rowOf(groupUs(priced, 'head'), maxNumSeqs * (draftTokens + 1)),
    decodeRows: rowOf(groupUs(priced, 'decodeRows'), maxNumSeqs),
    shared: rowOf(groupUs(priced, 'shared'), parallelism.dp * maxTokens),
    exchange: rowOf(groupUs(priced, 'exchange'), maxTokens),
    ...kernelOf(groupUs(priced, 'kernel'), maxNumSeqs, maxModelLen),
    keyUs: groupUs(priced, 'keys')(1, 1),
    ...prefillOf(groupUs(priced, 'prefill'), groupUs(priced, 'prefill', 'prefixUs'), maxNumBatchedTokens, maxModelLen),
    ...batchesOf(
      groupUs(priced, 'prefill'),
      groupUs(priced, 'prefill', 'batchUs'),
      Math.min(maxNumSeqs, maxNumBatchedTokens),
      maxNumBatchedTokens,
    ),
  }
}
