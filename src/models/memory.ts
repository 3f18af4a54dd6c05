/**
 * Memory of one GPU of an engine: weights, KV cache, activations. Whole-checkpoint sums; no allocator effects.
 * The reserve for the runtime is the one part that is not derived from the architecture. The layer that drafts (MTP), some 2 % of weights and KV, is left out.
 */
import type { ModelSpec, Parallelism, Precision } from './model.js'

/** Bytes per stored weight; nvfp4 carries one fp8 scale per 16 weights, mxfp4 one scale byte per 32 (trust A, formats' definitions). */
export const WEIGHT_BYTES: Readonly<Record<Precision, number>> = { bf16: 2, fp8: 1, nvfp4: 0.5 + 1 / 16, mxfp4: 0.5 + 1 / 32 }

/** Bytes per cached element. */
const KV_BYTES: Readonly<Record<'fp8' | 'bf16', number>> = { fp8: 1, bf16: 2 }

/** Bytes per GPU for the runtime: 3.5 GiB plus 0.4 GiB of collective buffers (AIConfigurator's constants, trust B). */
export const RUNTIME_BYTES = 3.9 * 2 ** 30

/** Least bytes per GPU reserved for activations and graphs: 6 GB for MLA with experts, 4 GB for the others (AIConfigurator's, trust B). */
const MIN_ACTIVATION_BYTES = { mla: 6e9, gqa: 4e9 } as const

/** Activation coefficient of TensorRT-LLM by TP 1, 2, 4, 8 and beyond, as AIConfigurator states it (trust B). */
const ACTIVATION_COEFFICIENTS = { dense: [11, 6.5, 5, 5], moe: [22, 13, 10, 10] } as const

function precisionOf(model: ModelSpec, precision: Precision): { weights: number; attention: number } {
  const found = model.precisions.find((candidate) => candidate.precision === precision)
  if (!found) throw new RangeError(`${model.name} has no ${precision} checkpoint`)
  return { weights: WEIGHT_BYTES[precision], attention: WEIGHT_BYTES[found.attention] }
}

/**
 * Bytes of the key that a sparse indexer keeps of a token in a layer: FP8 whatever the cache of the attention, with a 4-byte scale for each
 * 128 values, whole on every TP rank (the open implementations' layout, trust C).
 */
export const indexKeyBytes = (dim: number): number => dim + 4 * Math.ceil(dim / 128)

/** Attention weights of one layer on one GPU, in elements. MLA's down-projections and indexer are whole on every GPU, KV heads at least one. */
function attentionElements(model: ModelSpec, tp: number): number {
  const { attention, hidden } = model
  if (attention.kind === 'gqa') {
    const queries = (attention.heads / tp) * attention.headDim
    const keysAndValues = 2 * Math.max(1, attention.kvHeads / tp) * attention.headDim
    return hidden * (queries + keysAndValues) + queries * hidden
  }
  const { qRank, kvRank, rope, nope, value, sparseIndexer: indexer } = attention
  const heads = attention.heads / tp
  // queries from the compressed ones; one key and the heads' weights from the hidden state
  const index = indexer ? indexer.heads * indexer.dim * qRank + hidden * (indexer.dim + indexer.heads) : 0
  const down = hidden * (qRank + kvRank + rope) + index
  return down + heads * (qRank * (nope + rope) + kvRank * (nope + value) + value * hidden)
}

/**
 * Weight bytes on one GPU. Attention, shared experts, dense layers, embedding and head are cut by TP and whole on every attention-DP
 * rank; routed experts are cut by moeTp x moeEp (where moeEp does not divide them, copies fill the last places); the router is whole everywhere. Embedding, head and router stay in bf16.
 */
export function weightBytesPerGpu(model: ModelSpec, parallelism: Parallelism, precision: Precision): number {
  const bytes = precisionOf(model, precision)
  const { tp, moeTp, moeEp } = parallelism
  const { ffn, hidden, layers } = model
  const embeddingAndHead = (2 * model.vocabulary * hidden * WEIGHT_BYTES.bf16) / tp
  const attention = layers * attentionElements(model, tp) * bytes.attention
  if (ffn.kind === 'dense') return attention + embeddingAndHead + (layers * 3 * hidden * ffn.inner * bytes.weights) / tp
  const moeLayers = layers - ffn.denseLayers
  const expert = 3 * hidden * ffn.inner * bytes.weights
  const routed = (moeLayers * Math.ceil(ffn.experts / moeEp) * expert) / moeTp
  const shared = (moeLayers * ffn.sharedExperts * expert) / tp
  const dense = (ffn.denseLayers * 3 * hidden * ffn.denseInner * bytes.weights) / tp
  const router = moeLayers * hidden * ffn.experts * WEIGHT_BYTES.bf16
  return attention + embeddingAndHead + routed + shared + dense + router
}

/**
 * KV bytes of one token on one GPU. GQA heads are cut by TP (at least one is kept); the MLA latent is whole on every TP rank, and so are the
 * keys of a sparse indexer.
 * Windowed layers are counted in full: a cache without a pool of its own for them, which is the cautious side.
 */
export function kvBytesPerTokenPerGpu(model: ModelSpec, parallelism: Parallelism, kvPrecision: 'fp8' | 'bf16'): number {
  const { attention, layers } = model
  const elements =
    attention.kind === 'gqa'
      ? 2 * Math.max(1, attention.kvHeads / parallelism.tp) * attention.headDim
      : attention.kvRank + attention.rope
  const index = attention.kind === 'mla' && attention.sparseIndexer ? indexKeyBytes(attention.sparseIndexer.dim) : 0
  return layers * (elements * KV_BYTES[kvPrecision] + index)
}

/**
 * Activation bytes on one GPU for steps of up to `maxTokens` tokens a rank: the larger of the flat reserve and TensorRT-LLM's formula,
 * 2 T H d x coefficient, plus for experts a dispatch workspace of 4 T h dp E k / (e 128) bytes.
 */
export function activationBytesPerGpu(model: ModelSpec, parallelism: Parallelism, maxTokens: number): number {
  const { attention, ffn, hidden } = model
  const column = Math.min(3, Math.floor(Math.log2(parallelism.tp)))
  const width = attention.kind === 'gqa' ? attention.heads * attention.headDim : hidden
  const workspace =
    ffn.kind === 'moe' ? (4 * maxTokens * hidden * parallelism.dp * ffn.experts * ffn.topk) / (parallelism.moeEp * 128) : 0
  const formula = 2 * maxTokens * width * ACTIVATION_COEFFICIENTS[ffn.kind][column] + workspace
  return Math.max(MIN_ACTIVATION_BYTES[attention.kind], Math.round(formula))
}

export interface MemoryBudget {
  readonly weightBytes: number
  readonly activationBytes: number
  readonly kvBytesPerToken: number
  /** Left for KV after weights, activations and runtime, times the fraction; may be negative. */
  readonly kvBytes: number
  /** Whole tokens of one rank; 0 when nothing is left. */
  readonly kvTokens: number
}

export interface MemoryRequest {
  readonly model: ModelSpec
  readonly parallelism: Parallelism
  readonly precision: Precision
  readonly kvPrecision: 'fp8' | 'bf16'
  readonly hbmBytes: number
  readonly maxNumBatchedTokens: number
  /** Share of the memory left over that KV may use, (0, 1]. */
  readonly kvMemoryFraction: number
}

/** What one GPU holds. Every GPU of a rank keeps its share of every token of the rank, so `kvTokens` is also the rank's. */
export function memoryBudget(request: MemoryRequest): MemoryBudget {
  const { model, parallelism } = request
  const weightBytes = Math.ceil(weightBytesPerGpu(model, parallelism, request.precision))
  const activationBytes = activationBytesPerGpu(model, parallelism, request.maxNumBatchedTokens)
  const kvBytesPerToken = kvBytesPerTokenPerGpu(model, parallelism, request.kvPrecision)
  const kvBytes = request.kvMemoryFraction * (request.hbmBytes - weightBytes - activationBytes - RUNTIME_BYTES)
  return { weightBytes, activationBytes, kvBytesPerToken, kvBytes, kvTokens: Math.max(0, Math.floor(kvBytes / kvBytesPerToken)) }
}
