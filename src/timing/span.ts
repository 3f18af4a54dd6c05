/**
 * What it costs to spread contexts over ranks. In every layer with full attention the queries of a spanned sequence go from its home to its
 * further ranks, and each sends back its partial output with its log-sum-exp: two exchanges, whose size does not depend on the length (as in
 * Helix parallelism). MLA exchanges latents, because the absorbing projections run at home. Nothing is hidden behind other work.
 */
import { kvBytesPerTokenPerGpu } from '../models/memory.js'
import { operatorsOf } from '../models/operators.js'
import { PS_PER_S, PS_PER_US } from '../units.js'
import type { TimingRequest } from './request.js'

/**
 * Fixed time of one exchange inside an NVLink domain, us. The intercepts of measured all-to-alls are 12-14 (two-sided, EP8 and EP32) and
 * 14-17 (one-sided, blog 18 of TensorRT-LLM) and include the sorting of tokens by expert; published analyses take 10-20. Trust C.
 */
const EXCHANGE_US = 10
const EXCHANGES = 2
/** Bytes of a value of a query or a partial output (bf16) and of a log-sum-exp (fp32). */
const VALUE_BYTES = 2
const LSE_BYTES = 4

/** Prices of contexts that are spread over ranks of an engine. */
export interface SpanPrices {
  /** Of every step in which a spanned sequence decodes: fixed time of the exchanges of all layers, whole ps. */
  readonly layersPs: number
  /** Of each position of a sequence and each further rank: queries out and partial results back through the port of its home, ps. */
  readonly linkPs: number
  /** To move the KV of one token through a port, ps. */
  readonly tokenPs: number
}

export function spanPrices(request: TimingRequest): SpanPrices {
  const { system, model, parallelism, kvPrecision } = request
  const { attention } = model
  const layers = operatorsOf({ ...request, draftTokens: 0 })
    .filter(({ group }) => group === 'kernel')
    .reduce((sum, { count }) => sum + count, 0)
  const [query, partial] =
    attention.kind === 'gqa' ? [attention.headDim, attention.headDim] : [attention.kvRank + attention.rope, attention.kvRank]
  const heads = attention.heads / parallelism.tp
  const linkBytes = layers * heads * (VALUE_BYTES * (query + partial) + LSE_BYTES)
  const psPerByte = PS_PER_S / (system.nvlinkBytesPerS.value * system.nvlinkEfficiency.value)
  return {
    layersPs: layers * EXCHANGES * EXCHANGE_US * PS_PER_US,
    linkPs: linkBytes * psPerByte,
    tokenPs: kvBytesPerTokenPerGpu(model, parallelism, kvPrecision) * psPerByte,
  }
}
