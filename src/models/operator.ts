/**
 * An operator of one step of one engine, as data: what runs on a GPU, how often, and which quantity sets its size.
 * `timing/` prices them. Groups are the terms of a step (docs/SEMANTICS.md): `local`, `head`, `decodeRows`, `kernel`, `prefill`
 * belong to one rank, and so does `keys`, whose time is proportional to the KV tokens of the decoding sequences; `shared` (experts) is sized by the sum of tokens over the ranks, `exchange` by the fullest rank.
 */
export type OperatorGroup = 'local' | 'head' | 'decodeRows' | 'kernel' | 'keys' | 'prefill' | 'shared' | 'exchange'
export type GemmType = 'bfloat16' | 'fp8' | 'fp8_block' | 'nvfp4'
export type KvPrecision = 'fp8' | 'bf16'
export type MoeKernel = 'general' | 'min_latency' | 'cutlass' | 'trtllm' | 'deepgemm'
export type ExchangeKernel = 'two-sided' | 'one-sided' | 'deepep-ll' | 'deepep-normal'

interface Common {
  readonly name: string
  readonly group: OperatorGroup
  /** Calls in a step (layers). */
  readonly count: number
  /** Runs beside the routed experts: unseen in decode engines, seen in prefill engines, see `promptShare` in timing/price.ts otherwise. */
  readonly besideExperts?: true
  /** Positions of one sequence that a call handles at once, where x counts sequences (decode with drafts); 1 when absent. */
  readonly queries?: number
}
/** y[m, n] = x[m, k] w[n, k]; m = tokens of the rank, emitting sequences (group head) or chunk tokens (group prefill). */
export type Gemm = Common & {
  readonly kind: 'gemm'
  /** m = prefix + chunk tokens. */
  readonly overPrefix?: true
  readonly type: GemmType
  readonly n: number
  readonly k: number
  /** FP8 (per tensor) or NVFP4 activations quantised in the pass before, with the scales of the checkpoint: no kernel of their own. */
  readonly staticScales?: true
}
/** Memory-bound pass over activations. */
export type Elementwise = Common & { readonly kind: 'elementwise'; readonly bytesPerToken: number }
export type AllReduce = Common & {
  readonly kind: 'allreduce'
  readonly gpus: number
  readonly elementsPerToken: number
  /** Whose custom all-reduce: `trtllm` when absent, or that of SGLang in a captured graph. */
  readonly kernel?: 'trtllm' | 'sglang-graph'
}
export type Moe = Common & {
  readonly kind: 'moe'
  readonly type: string
  readonly hidden: number
  readonly inner: number
  readonly topk: number
  readonly experts: number
  readonly moeTp: number
  readonly moeEp: number
  /** Routing skew of the measured rows: balanced | power_law_1.01 | power_law_1.2. */
  readonly routing: string
  /**
   * Whose grouped GEMMs. `general` (when absent) = the newest general kernels of the type; `min_latency` = the NVFP4 ones for few tokens
   * (measured on GB200 alone); `cutlass`, `trtllm` and `deepgemm` = the rows of that family.
   */
  readonly kernel?: MoeKernel
}
/** One leg of the expert exchange over NVLink; `gpusPerRank` GPUs of a TP group share the tokens of a rank, and `moeTp` GPUs hold shares of each expert. */
export type AllToAll = Common & {
  readonly kind: 'alltoall'
  readonly leg: 'prepare' | 'dispatch' | 'combine'
  readonly type: 'nvfp4' | 'fp8' | 'bfloat16'
  readonly ep: number
  readonly moeTp: number
  readonly hidden: number
  readonly topk: number
  readonly gpusPerRank: number
  /** Exchange kernel: the two-sided one of TensorRT-LLM when absent. DeepEP has no prepare leg and was measured on 4 GPUs. */
  readonly kernel?: ExchangeKernel
}
/** One leg by which experts that every rank holds a share of get the tokens of all ranks, and give their sums back: one GPU of each rank takes part. */
export type Gather = Common & {
  readonly kind: 'gather'
  readonly leg: 'all-gather' | 'reduce-scatter'
  readonly gpus: number
  /** Values of the type that NCCL moves: one byte, or two. */
  readonly type: 'int8' | 'half'
  /** Of a token, for all ranks together: each brings as many tokens as the fullest. */
  readonly elementsPerToken: number
}
export type Gqa = Common & {
  readonly kind: 'gqa_decode' | 'gqa_prefill'
  readonly heads: number
  readonly kvHeads: number
  readonly headDim: number
  /** 0 = full attention. */
  readonly window: number
  readonly math: 'bfloat16' | 'fp8'
  readonly kv: KvPrecision
}
export type Mla = Common & {
  readonly kind: 'mla_decode' | 'mla_prefill'
  readonly heads: number
  readonly kv: KvPrecision
  /** Floating-point work of a query-key pair relative to the measured head dims (192 and 128). */
  readonly width: number
  /**
   * Tokens that the attention reads at most (a sparse indexer chose them); absent = all. `mla_decode` in group prefill reads so many for each
   * token of the chunk; `mla_prefill` reads all, and masks what was not chosen.
   */
  readonly topk?: number
  /** Of decode, operations that verifying drafts takes for each KV token read; absent = no drafts, as measured. */
  readonly flopsPerToken?: number
}
/**
 * A sparse indexer scores every token that one of a chunk (group prefill) or a decoding sequence (group keys) may attend to, and chooses `topk`.
 * A chunk with no more than those is not scored; decode steps score always, so that one graph serves all lengths.
 */
export type IndexScores = Common & {
  readonly kind: 'index_scores'
  readonly heads: number
  readonly dim: number
  readonly topk: number
  /** Of the key of a token in the cache. */
  readonly keyBytes: number
}
/** Ways to compute the same; a stack takes the fastest. */
export type Fastest = Common & { readonly kind: 'fastest'; readonly forms: readonly (readonly Operator[])[] }
export type MlaBmm = Common & {
  readonly kind: 'mla_bmm'
  readonly heads: number
  readonly side: 'pre' | 'post'
  readonly type: 'bfloat16' | 'fp8'
  /** Heads of other dims than the measured 128 x 512, at the times of those. */
  readonly otherDims?: true
}
/** The whole attention block of a DeepSeek-V3 layer (projections, norms, BMMs, kernel) as one measured module. */
export type MlaModule = Common & {
  readonly kind: 'mla_module'
  readonly phase: 'decode' | 'prefill'
  readonly heads: number
  readonly kv: KvPrecision
  readonly gemmType: 'bfloat16' | 'fp8_block' | 'nvfp4'
  /** The module less its attention kernel, which is an operator of its own: what depends on the tokens alone. */
  readonly withoutKernel?: true
}
export type Operator =
  | Gemm
  | Elementwise
  | AllReduce
  | Moe
  | AllToAll
  | Gather
  | Gqa
  | Mla
  | MlaBmm
  | MlaModule
  | IndexScores
  | Fastest
