/** Names of the slices that price an operator: one for each set of numbers that the times depend on. */
import type { Elementwise, Fastest, Gemm, IndexScores, Operator } from '../models/operator.js'

/** Operators priced by tables; elementwise passes are priced by their bytes. */
export type TabledOperator = Exclude<Operator, Elementwise | Fastest>

/** Tokens that the GEMM which stands for an indexer scores: a measured width at which its rate has levelled off. */
const SCORED = 8192

/** Scores of an indexer are products over all its heads, summed; no kernel of theirs was measured, so the FP8 GEMM of the same sizes stands for them. */
export const scoringGemm = ({ heads, dim, ...common }: IndexScores): Gemm => ({
  ...common,
  kind: 'gemm',
  type: 'fp8_block',
  n: SCORED,
  k: heads * dim,
})

/** Prefix of a kernel other than the usual one. */
const named = (kernel: string | undefined, usual: string): string =>
  kernel === undefined || kernel === usual ? '' : `${kernel}/`

export function sliceKey(operator: TabledOperator): string {
  switch (operator.kind) {
    case 'gemm':
      return `gemm/${operator.type}/${operator.n}x${operator.k}${operator.staticScales ? '/static' : ''}`
    case 'allreduce':
      return `allreduce/${named(operator.kernel, 'trtllm')}${operator.gpus}`
    case 'moe': {
      const shape = [operator.hidden, operator.inner, operator.topk, operator.experts].join('-')
      return `moe/${named(operator.kernel, 'general')}${operator.type}/${shape}/${operator.moeTp}x${operator.moeEp}/${operator.routing}`
    }
    case 'alltoall':
      return `alltoall/${named(operator.kernel, 'two-sided')}${operator.leg}/${operator.type}/${operator.ep}`
    case 'gather':
      return `gather/${operator.leg}/${operator.type}/${operator.gpus}`
    case 'gqa_decode':
      return `gqa_decode/${operator.heads}-${operator.kvHeads}-${operator.headDim}/${operator.window}/${operator.kv}`
    case 'gqa_prefill':
      return `gqa_prefill/${operator.heads}-${operator.kvHeads}-${operator.headDim}/${operator.window}/${operator.math}/${operator.kv}`
    case 'mla_decode':
    case 'mla_prefill':
      return `${operator.kind}/${operator.heads}/${operator.kv}`
    case 'mla_module':
      return `mla_module/${operator.phase}/${operator.heads}/${operator.kv}/${operator.gemmType}`
    case 'index_scores':
      return sliceKey(scoringGemm(operator))
    case 'mla_bmm':
      return `mla_bmm/${operator.side}/${operator.type}/${operator.heads}`
  }
}
