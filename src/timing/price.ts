/** The time of one operator, from its slice of the measured tables. */
import { bilinear, intervalOf } from '../collections/interval.js'
import type { SystemSpec } from '../hardware/system.js'
import type { Fastest, KvPrecision, Operator } from '../models/operator.js'
import { MEASURED_COLLECTIVE_GPUS } from './kernels/exchange.js'
import { passBytesPerUs } from './kernels/memory.js'
import { scoringGemm } from './keys.js'
import type { Evidence, KernelTables, Slice, Surface } from './slices.js'

/** Launch of a memory-bound pass, us: AIConfigurator's assumption for both systems, not measured. */
const ELEMENTWISE_LAUNCH_US = 3
/** Shape of the measured expert exchange (DeepSeek-R1). */
const MEASURED_EXCHANGE = { hidden: 7168, topk: 8 }
/** GPUs of the node on which DeepEP was measured. */
const DEEPEP_MEASURED_GPUS = 4
/** Shortest KV length of the MLA tables: what is left of a module there, without its kernel, does not depend on the length. */
const SHORTEST_KV = 2
/** Tokens of a rank up to which a step is like one of decoding sequences alone, and from which it is like one of prompts. Trust C. */
const DECODE_BELOW_TOKENS = 512
const PROMPTS_FROM_TOKENS = 2048
/** A score, fp32: choosing reads each once. */
const SCORE_BYTES = 4
/** MLA prefill works on expanded keys (192) and values (128) of every head, in bf16. */
const MLA_EXPANDED_BYTES_PER_HEAD = 2 * (192 + 128)

/**
 * Time in us, for one call. The arguments by group: local, shared, exchange, head and decodeRows (x = tokens or sequences, y unused);
 * kernel and keys (x = sequences, y = mean KV length); prefill (x = chunk, y = prefix).
 */
export interface PricedOperator {
  readonly operator: Operator
  us(x: number, y: number): number
  /** Of group prefill: one call over `chunks` chunks of `tokens` tokens each, none after a prefix. */
  batchUs(chunks: number, tokens: number): number
  /**
   * Of group prefill: the work on the prefix, which each chunk of a call has done for itself. It may hide behind the launch of a call of its own, so it can
   * be more than the prefix adds to `us`.
   */
  prefixUs(chunk: number, prefix: number): number
  evidence(x: number, y: number): { evidence: Evidence; note: string }
}

/** Log-log interpolation; flat below the first knot, the last slope beyond the last. */
function readCurve({ logX, logUs }: Surface, x: number): number {
  const at = Math.log(x)
  if (at <= logX[0]) return Math.exp(logUs[0])
  const i = intervalOf(logX, at)
  return Math.exp(logUs[i] + ((logUs[i + 1] - logUs[i]) * (at - logX[i])) / (logX[i + 1] - logX[i]))
}

function readSurface({ logX, logY, logUs }: Surface, x: number, y: number): number {
  return Math.exp(bilinear(logUs, logX, logY, Math.max(Math.log(x), logX[0]), Math.max(Math.log(y), logY[0])))
}

/**
 * A chunk after a prefix. Only whole prompts were measured: the time of the full length is scaled by the share of query-key pairs that
 * the chunk computes, and cannot fall below a launch and one read of the prefix.
 */
export function chunkUs(slice: Surface, chunk: number, prefix: number, prefixBytesPerToken: number, bytesPerUs: number): number {
  const whole = chunk + prefix
  const share = 1 - (prefix / whole) ** 2
  const floor = readCurve(slice, 1) + (prefix * prefixBytesPerToken) / bytesPerUs
  return Math.max(readCurve(slice, whole) * share, floor)
}

/** Tokens that those of a chunk attend to, the chunk's own included: of all before each, at most `topk`. */
function tokensRead(chunk: number, prefix: number, topk: number): number {
  const whole = Math.min(chunk, Math.max(0, topk - prefix))
  const beyond = chunk - whole
  return whole * prefix + (whole * (whole + 1)) / 2 + (beyond > 0 ? beyond * topk : 0)
}

/** Ring volume (g - 1) / g of a group, relative to the largest measured one. */
function ringVolume(gpus: number): number {
  const measured = Math.min(gpus, MEASURED_COLLECTIVE_GPUS)
  return (gpus - 1) / gpus / ((measured - 1) / measured)
}

/** Distinct remote ranks that the topk experts of a token live on, for uniform routing over `ep` ranks. */
const remoteRanks = (ep: number, topk: number): number => (ep - 1) * (1 - (1 - 1 / ep) ** topk)

/**
 * How far a step of `tokens` tokens on a rank is one of prompts, 0 to 1. So much of the shared experts' time is seen: decode steps overlap them with the routed
 * path, prefill does not. `decoded`: tokens that a step may hold without any prompt, where that is known.
 */
export function promptShare(tokens: number, decoded = 0): number {
  const from = Math.max(DECODE_BELOW_TOKENS, decoded)
  const to = Math.max(PROMPTS_FROM_TOKENS, 2 * from)
  return Math.min(1, Math.max(0, Math.log2(tokens / from) / Math.log2(to / from)))
}

/** Share of the shared experts' time that engines of one role see, by tokens of a rank. */
export const SEEN_BESIDE_EXPERTS = {
  aggregated: (tokens: number) => promptShare(tokens),
  decode: () => 0,
  prefill: () => 1,
} as const

const HIDDEN_NOTE = 'hidden beside the routed experts'

type Time = (x: number, y: number) => number

/** `kernel`: the attention kernel that a module is priced without. `bytesPerUs`: of memory-bound passes. */
function timeOf(operator: Exclude<Operator, Fastest>, slice: Slice | null, kernel: Slice | null, bytesPerUs: number): Time {
  if (operator.kind === 'elementwise') return (x) => ELEMENTWISE_LAUNCH_US + (operator.bytesPerToken * x) / bytesPerUs
  const table = slice as Slice
  switch (operator.kind) {
    case 'gemm':
      return operator.overPrefix ? (x, y) => readCurve(table, x + y) : (x) => readCurve(table, x)
    case 'allreduce':
    case 'gather': {
      const factor = ringVolume(operator.gpus)
      return (x) => factor * readCurve(table, operator.elementsPerToken * x)
    }
    case 'alltoall': {
      const { ep, moeTp, hidden, topk, gpusPerRank } = operator
      // Every share of an expert gets the token and sends a sum, those beside the sender's own GPU too.
      const shares = (moeTp * ep - 1) / (ep - 1)
      const size = (shares * hidden) / MEASURED_EXCHANGE.hidden / gpusPerRank
      if (operator.kernel === 'deepep-ll' || operator.kernel === 'deepep-normal') {
        // One message per token and expert, whatever the rank: 1 / ep of them stay on the GPU.
        const remote = (topk * (1 - 1 / ep)) / (MEASURED_EXCHANGE.topk * (1 - 1 / DEEPEP_MEASURED_GPUS))
        return (x) => readCurve(table, x * size) * Math.max(1, remote)
      }
      const volume = (size * remoteRanks(ep, topk)) / remoteRanks(ep, MEASURED_EXCHANGE.topk)
      return (x) => readCurve(table, x * volume)
    }
    case 'moe':
    case 'mla_bmm':
      return (x) => readCurve(table, x)
    case 'gqa_decode':
      // Windowed layers hold at most the window: beyond it the length does not matter.
      return operator.group === 'kernel' ? (x, y) => readSurface(table, x, y) : (x) => readSurface(table, x, 2 * operator.window)
    case 'mla_decode': {
      const { topk = Number.POSITIVE_INFINITY } = operator
      if (operator.group === 'prefill') return (x, y) => readSurface(table, x, tokensRead(x, y, topk) / x)
      return (x, y) => readSurface(table, x, Math.min(y, topk))
    }
    case 'mla_module':
      // The projections of a chunk are paid for its own tokens, so the share of pairs is a lower bound after a prefix.
      if (operator.phase === 'prefill') return (x, y) => chunkUs(table, x, y, 0, bytesPerUs)
      if (!operator.withoutKernel) return (x, y) => readSurface(table, x, y)
      return (x) => Math.max(0, readSurface(table, x, SHORTEST_KV) - readSurface(kernel as Slice, x, SHORTEST_KV))
    case 'gqa_prefill': {
      if (operator.window > 0) return (x) => readCurve(table, x)
      const bytes = 2 * operator.kvHeads * operator.headDim * (operator.kv === 'fp8' ? 1 : 2)
      return (x, y) => chunkUs(table, x, y, bytes, bytesPerUs)
    }
    case 'index_scores': {
      const { topk, keyBytes } = operator
      const { n } = scoringGemm(operator)
      const productUs = readCurve(table, table.reach) / (table.reach * n)
      const pairUs = productUs + SCORE_BYTES / bytesPerUs
      // All positions of a sequence are scored in one pass over its keys; launches are those of the fitted indexer.
      if (operator.group === 'keys') {
        const queryUs = Math.max(pairUs, keyBytes / bytesPerUs / (operator.queries ?? 1))
        return (queries, length) => queries * length * queryUs
      }
      return (x, y) => {
        if (x + y <= topk) return 0
        return (
          ELEMENTWISE_LAUNCH_US + Math.max(tokensRead(x, y, Number.POSITIVE_INFINITY) * pairUs, ((x + y) * keyBytes) / bytesPerUs)
        )
      }
    }
    case 'mla_prefill':
      return (x, y) => operator.width * chunkUs(table, x, y, MLA_EXPANDED_BYTES_PER_HEAD * operator.heads, bytesPerUs)
  }
}

/** Whether one call of an operator takes several chunks. */
export const sharesCalls = ({ kind, group }: Operator): boolean =>
  group === 'prefill' && kind !== 'index_scores' && kind !== 'elementwise'

/** `batchUs` of an operator; what takes no several chunks at once is called for each. Token-wise work goes with the sum of the tokens. */
function batchTimeOf(operator: Exclude<Operator, Fastest>, slice: Slice | null, time: Time): Time {
  const batches = slice?.batches
  const each: Time = (chunks, tokens) => chunks * time(tokens, 0)
  switch (operator.kind) {
    case 'gqa_prefill':
    case 'mla_module':
      return batches ? (chunks, tokens) => readSurface(batches, chunks, tokens) : each
    case 'mla_prefill':
      return batches ? (chunks, tokens) => operator.width * readSurface(batches, chunks, tokens) : each
    case 'mla_decode': {
      const { topk = Number.POSITIVE_INFINITY } = operator
      return (chunks, tokens) => readSurface(slice as Slice, chunks * tokens, tokensRead(tokens, 0, topk) / tokens)
    }
    case 'gemm':
    case 'mla_bmm':
      return (chunks, tokens) => time(chunks * tokens, 0)
    default:
      return each
  }
}

/** Pairs of the tokens of a chunk with its prefix, at the rate of the prompt as a whole, its launch left out. */
export function prefixPairsUs(slice: Surface, chunk: number, prefix: number): number {
  const whole = chunk + prefix
  return ((readCurve(slice, whole) - readCurve(slice, 1)) * 2 * chunk * prefix) / whole ** 2
}

/** The same for an operator; null where only what a prefix adds is known. */
function prefixPairsOf(operator: Operator, slice: Slice | null): Time | null {
  const isModule = operator.kind === 'mla_module' && operator.phase === 'prefill'
  const isCausal = operator.kind === 'gqa_prefill' && operator.window === 0
  if (!isCausal && !isModule && operator.kind !== 'mla_prefill') return null
  const width = operator.kind === 'mla_prefill' ? operator.width : 1
  return (chunk, prefix) => width * prefixPairsUs(slice as Slice, chunk, prefix)
}

/** `prefixUs` of an operator. */
export const prefixTimeOf =
  (time: Time, pairs: Time | null): Time =>
  (chunk, prefix) =>
    Math.max(time(chunk, prefix) - time(chunk, 0), pairs === null ? 0 : pairs(chunk, prefix))

/** Which measured attention stands for one that was not, null where it was. */
function stoodInFor(operator: Operator, x: number, y: number): string | null {
  switch (operator.kind) {
    case 'mla_bmm':
      return operator.otherDims ? 'from heads of 128' : null
    case 'mla_decode':
      if (operator.group === 'prefill') return 'decode attention, each token of the chunk in the place of a sequence'
      return y > (operator.topk ?? Number.POSITIVE_INFINITY) ? `dense attention over the ${operator.topk} chosen tokens` : null
    case 'mla_prefill':
      if (x + y > (operator.topk ?? Number.POSITIVE_INFINITY)) return 'dense attention, though tokens are chosen'
      return operator.width === 1 ? null : 'from head dims 192 and 128, by their sum'
    case 'index_scores':
      if (x + y <= operator.topk) return `left out: no more than ${operator.topk} tokens`
      return 'products at the rate of FP8 GEMMs, choosing by bytes'
    default:
      return null
  }
}

/** Whether a call of a chunk works on its prefix too. */
function worksOnPrefix(operator: Operator): boolean {
  if (operator.group !== 'prefill' || operator.kind === 'mla_bmm') return false
  // layers with a window are priced by the chunk alone
  if (operator.kind === 'gqa_prefill' && operator.window > 0) return false
  return operator.kind !== 'gemm' || operator.overPrefix === true
}

const PREFIX_NOTE = 'prefix priced by its share of query-key pairs'

function evidenceAt(operator: Operator, slice: Slice | null, x: number, y: number): { evidence: Evidence; note: string } {
  if (!slice) return { evidence: 'roofline', note: 'bytes at 0.8 of the peak of the memory and 3 us a launch' }
  if (operator.group === 'keys')
    return { evidence: 'roofline', note: 'keys of all tokens at 0.8 of the peak of the memory, or products' }
  const isCollective = operator.kind === 'allreduce' || operator.kind === 'gather'
  if (isCollective && operator.gpus > MEASURED_COLLECTIVE_GPUS)
    return { evidence: 'transferred', note: 'from 4 GPUs by ring volume' }
  if (operator.kind === 'alltoall') {
    if (operator.hidden !== MEASURED_EXCHANGE.hidden || operator.topk !== MEASURED_EXCHANGE.topk)
      return { evidence: 'transferred', note: 'from hidden 7168, top 8 by bytes' }
    if (operator.moeTp > 1) return { evidence: 'transferred', note: 'to every share of an expert, by bytes' }
    if (slice.evidence === 'transferred') return { evidence: 'transferred', note: slice.note }
  }
  const likeness = stoodInFor(operator, x, y)
  if (likeness !== null) return { evidence: 'transferred', note: likeness }
  if (worksOnPrefix(operator) && operator.kind !== 'gemm' && y > 0)
    return x + y > slice.reach
      ? { evidence: 'transferred', note: `${PREFIX_NOTE}, extended beyond the measured ${slice.reach}` }
      : { evidence: 'interpolated', note: PREFIX_NOTE }
  const size =
    operator.group === 'kernel' ? x * y : isCollective ? operator.elementsPerToken * x : worksOnPrefix(operator) ? x + y : x
  if (operator.group === 'kernel' && slice.longest !== undefined && y > slice.longest)
    return { evidence: 'transferred', note: `extended beyond the measured ${slice.longest} KV tokens` }
  if (size > slice.reach) return { evidence: 'transferred', note: `extended beyond the measured ${slice.reach}` }
  return { evidence: slice.evidence, note: slice.note }
}

function kernelInside(operator: Operator, tables: KernelTables): Slice | null {
  if (operator.kind !== 'mla_module' || !operator.withoutKernel) return null
  const { name, count, heads, kv } = operator
  return tables.slice({ kind: 'mla_decode', name, group: 'kernel', count, heads, kv, width: 1 })
}

/** Dense operations per us of products with a KV cache of each type. */
export type PeakFlops = Readonly<Record<KvPrecision, number>>
const UNBOUNDED: PeakFlops = { fp8: Number.POSITIVE_INFINITY, bf16: Number.POSITIVE_INFINITY }

const VERIFY_NOTE = 'products of all verified positions at the dense peak'

/**
 * What the products of verifying drafts take at the least: the measured kernel reads the KV as often, and multiplies it by one position. Null where
 * nothing is verified.
 */
function verifyUs(operator: Operator, peak: PeakFlops): Time | null {
  if (operator.kind !== 'mla_decode' || operator.flopsPerToken === undefined) return null
  const tokenUs = operator.flopsPerToken / peak[operator.kv]
  return (sequences, length) => sequences * length * tokenUs
}

/** The form that takes least, told by the part of it that takes most. */
function fastestOf(operator: Fastest, forms: readonly (readonly PricedOperator[])[]): PricedOperator {
  const partUs = (part: PricedOperator, x: number, y: number): number => part.operator.count * part.us(x, y)
  const sums = (x: number, y: number): number[] => forms.map((parts) => parts.reduce((sum, part) => sum + partUs(part, x, y), 0))
  return {
    operator,
    us: (x, y) => Math.min(...sums(x, y)),
    batchUs(chunks, tokens) {
      const batches = forms.map((parts) =>
        parts.reduce((sum, part) => sum + part.operator.count * part.batchUs(chunks, tokens), 0),
      )
      return Math.min(...batches)
    },
    prefixUs(chunk, prefix) {
      const all = sums(chunk, prefix)
      const us = Math.min(...all)
      const work = forms[all.indexOf(us)].reduce((sum, part) => sum + part.operator.count * part.prefixUs(chunk, prefix), 0)
      // without a prefix another form may be the fastest
      return Math.max(work, us - Math.min(...sums(chunk, 0)))
    },
    evidence(x, y) {
      const all = sums(x, y)
      const parts = forms[all.indexOf(Math.min(...all))]
      return parts.reduce((most, part) => (partUs(part, x, y) > partUs(most, x, y) ? part : most)).evidence(x, y)
    },
  }
}

/** Throws UserError when the tables lack a slice. `seen`: share of the operators beside the experts that a step sees. */
export function priceOperators(
  operators: readonly Operator[],
  tables: KernelTables,
  seen: (tokens: number) => number = promptShare,
  peak: PeakFlops = UNBOUNDED,
): PricedOperator[] {
  return operators.map((operator): PricedOperator => {
    if (operator.kind === 'fastest')
      return fastestOf(
        operator,
        operator.forms.map((parts) => priceOperators(parts, tables, seen, peak)),
      )
    const slice = operator.kind === 'elementwise' ? null : tables.slice(operator)
    const measured = timeOf(operator, slice, kernelInside(operator, tables), passBytesPerUs(tables.system))
    const leastUs = verifyUs(operator, peak)
    const time: Time = leastUs === null ? measured : (x, y) => Math.max(measured(x, y), leastUs(x, y))
    const queries = operator.queries ?? 1
    return {
      operator,
      batchUs: batchTimeOf(operator, slice, time),
      prefixUs: prefixTimeOf(time, prefixPairsOf(operator, slice)),
      us: operator.besideExperts ? (x, y) => time(x, y) * seen(x) : (x, y) => time(x * queries, y),
      evidence(x, y) {
        if (leastUs !== null && leastUs(x, y) > measured(x, y)) return { evidence: 'roofline', note: VERIFY_NOTE }
        const own = evidenceAt(operator, slice, x * queries, y)
        const hidden = operator.besideExperts === true && seen(x) < 1
        return hidden ? { ...own, note: [own.note, HIDDEN_NOTE].filter(Boolean).join(', ') } : own
      },
    }
  })
}

/**
 * Decode steps that replay one captured graph of `rows` sequences, most of them padding. Token-wise work and attention are paid for all
 * rows, the live KV tokens spread over them; the experts and their exchange, for the live tokens: padding is routed nowhere.
 */
export function inGraphOf(rows: number, positions: number, priced: PricedOperator[]): PricedOperator[] {
  if (rows <= 1) return priced
  return priced.map((item) => {
    const { group } = item.operator
    const kernel = group === 'kernel'
    const least = group === 'local' || group === 'head' ? rows * positions : kernel || group === 'decodeRows' ? rows : 0
    if (least === 0) return item
    const size = (x: number): number => Math.max(x, least)
    const length = (x: number, y: number): number => (kernel ? Math.max(1, (x * y) / size(x)) : y)
    return {
      operator: item.operator,
      us: (x, y) => item.us(size(x), length(x, y)),
      batchUs: item.batchUs,
      prefixUs: item.prefixUs,
      evidence(x, y) {
        const own = item.evidence(size(x), length(x, y))
        return x >= least ? own : { ...own, note: [own.note, `in a graph of ${least} rows`].filter(Boolean).join(', ') }
      },
    }
  })
}

/** Times of a system whose kernels were measured on another: each by the system's factor, and marked. */
export function transferred(priced: PricedOperator[], { evidence: level, kernels }: SystemSpec): PricedOperator[] {
  if (level === 'measured' && kernels.factor === 1) return priced
  return priced.map((item) => ({
    operator: item.operator,
    us: (x, y) => kernels.factor * item.us(x, y),
    batchUs: (chunks, tokens) => kernels.factor * item.batchUs(chunks, tokens),
    prefixUs: (chunk, prefix) => kernels.factor * item.prefixUs(chunk, prefix),
    evidence(x, y) {
      const own = item.evidence(x, y)
      return own.evidence === 'roofline' ? own : { evidence: 'transferred', note: `${kernels.of} kernels x ${kernels.factor}` }
    },
  }))
}
