/** An architecture as a data file (data/models/*.json). */

/** Of weights. */
export type Precision = 'nvfp4' | 'fp8' | 'mxfp4' | 'bf16'

export interface SparseIndexer {
  readonly heads: number
  readonly dim: number
  readonly topk: number
}

export interface ModelSpec {
  readonly name: string
  readonly title: string
  readonly source: string
  readonly layers: number
  /** Layers of the checkpoint that draft tokens (multi-token prediction), which may run several times; left out = none. */
  readonly draftLayers?: number
  readonly hidden: number
  readonly vocabulary: number
  readonly maxContext: number
  readonly attention:
    | {
        readonly kind: 'gqa'
        readonly heads: number
        readonly kvHeads: number
        readonly headDim: number
        readonly windowedLayers: number
        readonly window: number
      }
    | {
        readonly kind: 'mla'
        readonly heads: number
        readonly qRank: number
        readonly kvRank: number
        readonly rope: number
        readonly nope: number
        readonly value: number
        /** A small scorer of `heads` x `dim` in every layer chooses the `topk` tokens that the attention reads. */
        readonly sparseIndexer?: SparseIndexer
      }
  readonly ffn:
    | { readonly kind: 'dense'; readonly inner: number }
    | {
        readonly kind: 'moe'
        readonly denseLayers: number
        readonly denseInner: number
        readonly experts: number
        readonly topk: number
        readonly inner: number
        readonly sharedExperts: number
      }
  /** Weight precisions with checkpoints, and which parts are kept in bf16 in each. First = default. */
  readonly precisions: readonly { readonly precision: Precision; readonly attention: Precision; readonly note: string }[]
  /** Routing skew of the measured MoE rows used by default: balanced | power_law_1.01 | power_law_1.2. */
  readonly routing: string
}

/** Which part of a request an engine computes: all of it, its prompt, or its answer. */
export const ENGINE_ROLES = ['aggregated', 'prefill', 'decode'] as const
export type EngineRole = (typeof ENGINE_ROLES)[number]

/** How one engine is cut. tp*dp*cp = moeTp*moeEp for MoE. */
export interface Parallelism {
  readonly tp: number
  readonly pp: number
  readonly dp: number
  readonly cp: number
  readonly moeTp: number
  readonly moeEp: number
}
