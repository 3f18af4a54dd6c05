/** The operators of a step of an engine of a model: its layers, cut as the engine is. */
import { UserError } from '../errors.js'
import { indexKeyBytes, WEIGHT_BYTES } from './memory.js'
import type { EngineRole, ModelSpec, Parallelism, Precision, SparseIndexer } from './model.js'
import type { Elementwise, ExchangeKernel, Gemm, GemmType, KvPrecision, MoeKernel, Operator, OperatorGroup } from './operator.js'

/** Which of several measured kernels an engine runs; the general ones when absent. */
export interface KernelChoice {
  readonly experts?: MoeKernel
  /** Weight type of the rows that stand for the experts, where their own were not measured on this kernel. */
  readonly expertType?: GemmType
  readonly exchange?: ExchangeKernel
  /** FP8 (per tensor) and NVFP4 weights come with scales of their activations. */
  readonly staticScales?: true
  readonly allReduce?: 'trtllm' | 'sglang-graph'
}

export interface OperatorRequest {
  readonly model: ModelSpec
  readonly parallelism: Parallelism
  readonly precision: Precision
  readonly kvPrecision: KvPrecision
  /** Decode engines run the attention block as the measured module; others need its parts, since their steps mix chunks and decoding. */
  readonly role?: EngineRole
  /** Draft tokens that a decode step verifies for each sequence; 0 when absent. */
  readonly draftTokens?: number
  readonly kernels?: KernelChoice
}

/** Head dims of the measured MLA prefill kernels, query-key and value together. */
const MLA_MEASURED_DIMS = 192 + 128

/** Head dim of the measured absorbed BMMs, between a head and its latent of 512. */
const BMM_MEASURED_DIM = 128

/** bf16 activations: a norm with residual reads two and writes two vectors of the hidden size. */
const NORM_BYTES = 8

/** Weight type of a GEMM. FP8 checkpoints of MLA models are scaled in 128 x 128 blocks (the deep-gemm path), others per tensor. */
function gemmType(precision: Precision, model: ModelSpec): GemmType {
  if (precision === 'nvfp4') return 'nvfp4'
  if (precision === 'fp8') return model.attention.kind === 'mla' ? 'fp8_block' : 'fp8'
  return 'bfloat16'
}

const gemm = (name: string, group: OperatorGroup, count: number, type: GemmType, n: number, k: number): Gemm => ({
  kind: 'gemm',
  name,
  group,
  count,
  type,
  n,
  k,
})
const pass = (name: string, count: number, bytesPerToken: number): Elementwise => ({
  kind: 'elementwise',
  name,
  group: 'local',
  count,
  bytesPerToken,
})

/** Sum over the TP group of a vector of the hidden size per token. */
function allReduce(name: string, count: number, { model, parallelism, kernels }: OperatorRequest): Operator[] {
  const { tp } = parallelism
  if (tp === 1) return []
  return [
    { kind: 'allreduce', name, group: 'local', count, gpus: tp, elementsPerToken: model.hidden, kernel: kernels?.allReduce },
  ]
}

const drafts = (request: OperatorRequest): number => request.draftTokens ?? 0
/** Each draft token is made by one more layer, of the kind of the last ones. */
const allLayers = (request: OperatorRequest): number => request.model.layers + drafts(request)

function gqaOperators(request: OperatorRequest, attentionPrecision: Precision): Operator[] {
  const { model, parallelism, kvPrecision } = request
  const { attention, hidden } = model
  if (attention.kind !== 'gqa') return []
  const layers = allLayers(request)
  const heads = attention.heads / parallelism.tp
  const kvHeads = Math.max(1, attention.kvHeads / parallelism.tp)
  const { headDim, window, windowedLayers } = attention
  const type = gemmType(attentionPrecision, model)
  // FP8 attention math goes with an FP8 (or narrower) attention block and an FP8 cache; otherwise the math is bf16.
  const math = kvPrecision === 'fp8' && type !== 'bfloat16' ? 'fp8' : 'bfloat16'
  const shape = { heads, kvHeads, headDim, kv: kvPrecision } as const
  const full = layers - windowedLayers
  const operators: Operator[] = [
    gemm('qkv', 'local', layers, type, (heads + 2 * kvHeads) * headDim, hidden),
    gemm('attention out', 'local', layers, type, hidden, heads * headDim),
    { kind: 'gqa_decode', name: 'decode attention', group: 'kernel', count: full, ...shape, window: 0, math: 'bfloat16' },
    { kind: 'gqa_prefill', name: 'prefill attention', group: 'prefill', count: full, ...shape, window: 0, math },
  ]
  if (windowedLayers === 0) return operators
  return [
    ...operators,
    {
      kind: 'gqa_decode',
      name: 'windowed decode attention',
      group: 'decodeRows',
      count: windowedLayers,
      ...shape,
      window,
      math: 'bfloat16',
    },
    { kind: 'gqa_prefill', name: 'windowed prefill attention', group: 'prefill', count: windowedLayers, ...shape, window, math },
  ]
}

/** The block that the module tables measured. */
function isDeepSeekBlock({ hidden, attention }: ModelSpec): boolean {
  if (attention.kind !== 'mla' || attention.sparseIndexer) return false
  const { qRank, kvRank, rope, nope, value } = attention
  return [hidden, qRank, kvRank, rope, nope, value].join() === '7168,1536,512,64,128,128'
}

/**
 * Choosing the tokens that a chunk attends to: queries from the compressed ones, a key and the weights of the heads from the hidden state, scores. Of
 * decoding sequences only the scores are here, which grow with the context; the rest is fitted (`sparseIndexerUs`, `sparseTokenUs` of timing/calibration.ts).
 */
function indexer(request: OperatorRequest, type: GemmType, qRank: number, { heads, dim, topk }: SparseIndexer): Operator[] {
  const layers = allLayers(request)
  const scores = { kind: 'index_scores', count: layers, heads, dim, topk, keyBytes: indexKeyBytes(dim) } as const
  return [
    gemm('indexer queries', 'prefill', layers, type, heads * dim, qRank),
    gemm('indexer keys', 'prefill', layers, type, dim + heads, request.model.hidden),
    { ...scores, name: 'indexer scores', group: 'prefill' },
    { ...scores, name: 'decode indexer scores', group: 'keys', queries: 1 + drafts(request) },
  ]
}

/**
 * Multi-head latent attention: the measured block where there is one, else its parts. The latent cache is expanded (kv_b) over prefix and chunk in prefill, because the cache
 * holds latents only; decode uses the absorbed form: BMM, kernel over the latents, BMM. Where an indexer chooses tokens, so may prefill.
 */
function mlaOperators(request: OperatorRequest, attentionPrecision: Precision): Operator[] {
  const { model, parallelism, kvPrecision } = request
  const { attention, hidden } = model
  if (attention.kind !== 'mla') return []
  const layers = allLayers(request)
  const heads = attention.heads / parallelism.tp
  const { qRank, kvRank, rope, nope, value, sparseIndexer } = attention
  const queries = 1 + drafts(request)
  const shape = {
    kv: kvPrecision,
    width: (nope + rope + value) / MLA_MEASURED_DIMS,
    ...(sparseIndexer && { topk: sparseIndexer.topk }),
  } as const
  const type = gemmType(attentionPrecision, model)
  // All positions of a sequence are verified in one pass over its latents: measured speculative rows show no further cost. But each
  // multiplies every latent by its query and by its weight. A sparse indexer chooses other tokens for each position.
  const verified = queries > 1 ? { flopsPerToken: queries * heads * 2 * (2 * kvRank + rope) } : {}
  const passes = sparseIndexer ? { queries } : verified
  const kernel: Operator = {
    kind: 'mla_decode',
    name: 'decode attention',
    group: 'kernel',
    count: layers,
    heads,
    ...shape,
    ...passes,
  }
  if (request.role === 'decode' && type !== 'fp8' && isDeepSeekBlock(model)) {
    const module = { kind: 'mla_module', count: layers, heads, kv: kvPrecision, gemmType: type } as const
    return [
      { ...module, name: 'attention block', group: 'decodeRows', phase: 'decode', queries, withoutKernel: true },
      kernel,
      { ...module, name: 'attention block of a chunk', group: 'prefill', phase: 'prefill' },
    ]
  }
  const bmm = {
    kind: 'mla_bmm',
    group: 'decodeRows',
    count: layers,
    heads,
    type: type === 'bfloat16' ? 'bfloat16' : 'fp8',
    queries,
  } as const
  const [pre, post] = [nope, value].map((dim) => (dim === BMM_MEASURED_DIM ? {} : { otherDims: true as const }))
  const queryBmm = { ...bmm, ...pre, name: 'absorbed q BMM', side: 'pre' } as const
  const valueBmm = { ...bmm, ...post, name: 'absorbed v BMM', side: 'post' } as const
  const expanded: Operator[] = [
    { kind: 'mla_prefill', name: 'prefill attention', group: 'prefill', count: layers, heads, ...shape },
    { ...gemm('kv_b', 'prefill', layers, type, heads * (nope + value), kvRank), overPrefix: true },
  ]
  // Every token of a chunk reads latents of its own, as a decoding sequence does.
  const chosen: Operator[] = [queryBmm, kernel, valueBmm].map((part) => ({ ...part, group: 'prefill', queries: 1 }))
  const prefill: Operator[] = sparseIndexer
    ? [
        {
          kind: 'fastest',
          name: 'prefill attention',
          group: 'prefill',
          count: layers,
          forms: [expanded, chosen].map((parts) => parts.map((part) => ({ ...part, count: 1 }))),
        },
        ...indexer(request, type, qRank, sparseIndexer),
      ]
    : expanded
  return [
    gemm('q_a + kv_a', 'local', layers, type, qRank + kvRank + rope, hidden),
    gemm('q_b', 'local', layers, type, heads * (nope + rope), qRank),
    gemm('attention out', 'local', layers, type, hidden, heads * value),
    queryBmm,
    valueBmm,
    kernel,
    ...prefill,
  ]
}

function denseFfn(request: OperatorRequest, layers: number, inner: number): Operator[] {
  const { model, parallelism, precision } = request
  const type = gemmType(precision, model)
  const share = inner / parallelism.tp
  return [
    gemm('gate + up', 'local', layers, type, 2 * share, model.hidden),
    pass('activation', layers, 6 * share),
    gemm('down', 'local', layers, type, model.hidden, share),
  ]
}

const LEGS = ['prepare', 'dispatch', 'combine'] as const

/**
 * Stacks gather NVFP4 tokens after they are quantised and others as bf16, and reduce in bf16 (TensorRT-LLM's and SGLang's MoE with attention
 * data parallelism, as far as known to us; trust C).
 */
function gathers(layers: number, ranks: number, hidden: number, precision: Precision): Operator[] {
  const values = ranks * hidden
  const bf16 = { kind: 'gather', group: 'exchange', count: layers, gpus: ranks, type: 'half', elementsPerToken: values } as const
  const tokens =
    precision === 'nvfp4' ? ({ ...bf16, type: 'int8', elementsPerToken: WEIGHT_BYTES.nvfp4 * values } as const) : bf16
  return [
    { ...tokens, name: 'exchange all-gather', leg: 'all-gather' },
    { ...bf16, name: 'exchange reduce-scatter', leg: 'reduce-scatter' },
  ]
}

function moeFfn(request: OperatorRequest): Operator[] {
  const { model, parallelism, precision } = request
  const { ffn, hidden } = model
  if (ffn.kind !== 'moe') return []
  const { tp, dp, moeTp, moeEp } = parallelism
  const layers = allLayers(request) - ffn.denseLayers
  const type = request.kernels?.expertType ?? (precision === 'mxfp4' ? 'w4a8_mxfp4_mxfp8' : gemmType(precision, model))
  const moe: Operator = {
    kind: 'moe',
    name: 'routed experts',
    group: 'shared',
    count: layers,
    type,
    hidden,
    inner: ffn.inner,
    topk: ffn.topk,
    experts: ffn.experts,
    moeTp,
    moeEp,
    routing: model.routing,
    kernel: request.kernels?.experts,
  }
  const operators: Operator[] = [gemm('router', 'local', layers, 'bfloat16', ffn.experts, hidden), moe]
  if (ffn.sharedExperts > 0) {
    const share = (ffn.inner * ffn.sharedExperts) / tp
    const weights = gemmType(precision, model)
    operators.push(
      { ...gemm('shared expert gate + up', 'local', layers, weights, 2 * share, hidden), besideExperts: true },
      { ...pass('shared expert activation', layers, 6 * share), besideExperts: true },
      { ...gemm('shared expert down', 'local', layers, weights, hidden, share), besideExperts: true },
    )
  }
  if (dp === 1) return operators
  if (moeEp === 1) return [...operators, ...gathers(layers, dp, hidden, precision)]
  const payload = precision === 'nvfp4' ? 'nvfp4' : precision === 'bf16' ? 'bfloat16' : 'fp8'
  const exchange = {
    kind: 'alltoall',
    group: 'exchange',
    count: layers,
    ep: moeEp,
    moeTp,
    hidden,
    topk: ffn.topk,
    type: payload,
    gpusPerRank: tp,
    kernel: request.kernels?.exchange,
  } as const
  // Only the two-sided kernel exchanges its counts in a leg of their own.
  const legs = (exchange.kernel ?? 'two-sided') === 'two-sided' ? LEGS : LEGS.slice(1)
  return [...operators, ...legs.map((leg) => ({ ...exchange, name: `exchange ${leg}`, leg }))]
}

function checkParallelism({ model, parallelism }: OperatorRequest): void {
  const { tp, pp, dp, cp, moeTp, moeEp } = parallelism
  const refuse = (message: string, hint: string): never => {
    throw new UserError({ where: 'engines', message, hint })
  }
  if (pp !== 1 || cp !== 1)
    refuse(`pp ${pp} and cp ${cp} cannot be priced: only pp 1 and cp 1 are`, 'use tensor or attention data parallelism')
  if (model.attention.heads % tp !== 0)
    refuse(
      `${model.attention.heads} attention heads of ${model.name} cannot be cut over tp ${tp}`,
      'choose a tp that divides the heads',
    )
  if (model.ffn.kind === 'dense') {
    if (dp !== 1) refuse(`dp ${dp} of the dense model ${model.name} is not one engine`, 'raise the engine count instead of dp')
  } else if (tp * dp * cp !== moeTp * moeEp) {
    refuse(`tp ${tp} x dp ${dp} differs from moe_tp ${moeTp} x moe_ep ${moeEp}`, 'make tp x dp x cp equal to moe_tp x moe_ep')
  } else if (model.ffn.experts < moeEp) {
    refuse(`${model.ffn.experts} experts cannot be cut over moe_ep ${moeEp}`, 'choose a moe_ep of at most the number of experts')
  }
}

function withStaticScales(operator: Operator): Operator {
  if (operator.kind === 'fastest') return { ...operator, forms: operator.forms.map((parts) => parts.map(withStaticScales)) }
  const quantised = operator.kind === 'gemm' && (operator.type === 'fp8' || operator.type === 'nvfp4')
  return quantised ? { ...operator, staticScales: true } : operator
}

/** Every operator of a step. Throws UserError for a layout or precision that the model does not have. */
export function operatorsOf(request: OperatorRequest): Operator[] {
  checkParallelism(request)
  const { model, parallelism, precision } = request
  const weights = model.precisions.find((candidate) => candidate.precision === precision)
  if (!weights) {
    const known = model.precisions.map((candidate) => candidate.precision).join(', ')
    throw new UserError({
      where: 'precision',
      message: `${model.name} has no ${precision} weights`,
      hint: `use one of: ${known}`,
    })
  }
  const { hidden, ffn } = model
  const { tp, dp } = parallelism
  const layers = allLayers(request)
  const draftTokens = drafts(request)
  const denseLayers = ffn.kind === 'dense' ? layers : ffn.denseLayers
  const moeLayers = layers - denseLayers
  const logits = gemm('logits', 'head', 1, 'bfloat16', Math.ceil(model.vocabulary / tp), hidden)
  const operators: Operator[] = [
    pass('embedding', 1, 4 * hidden),
    ...allReduce('embedding all-reduce', 1, request),
    pass('norms', 2 * layers, NORM_BYTES * hidden),
    ...gqaOperators(request, weights.attention),
    ...mlaOperators(request, weights.attention),
    ...allReduce('attention all-reduce', layers, request),
    ...(denseLayers > 0 ? denseFfn(request, denseLayers, ffn.kind === 'dense' ? ffn.inner : ffn.denseInner) : []),
    ...moeFfn(request),
    ...allReduce('ffn all-reduce', denseLayers + (dp === 1 ? moeLayers : 0), request),
    logits,
    // Drafts are projected one token of a sequence at a time.
    ...(draftTokens > 0 ? [{ ...logits, name: 'draft logits', count: draftTokens, queries: 1 / (draftTokens + 1) }] : []),
  ]
  return request.kernels?.staticScales ? operators.map(withStaticScales) : operators
}
