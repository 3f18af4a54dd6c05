/** Names of the slices that price an operator; made and read by the same function. */
import type { Operator } from '../models/operators.js'

/** Largest group of GPUs whose all-reduce was measured; larger groups are derived from it. */
export const MEASURED_ALLREDUCE_GPUS = 4

/** Null for operators that need no table. */
export function sliceKey(operator: Operator): string | null {
  switch (operator.kind) {
    case 'gemm':
      return `gemm/${operator.type}/${operator.n}x${operator.k}`
    case 'elementwise':
      return null
    case 'allreduce':
      return `allreduce/${Math.min(operator.gpus, MEASURED_ALLREDUCE_GPUS)}`
    case 'moe': {
      const shape = [operator.hidden, operator.inner, operator.topk, operator.experts].join('-')
      return `moe/${operator.type}/${shape}/${operator.moeTp}x${operator.moeEp}/${operator.routing}`
    }
    case 'alltoall':
      return `alltoall/${operator.leg}/${operator.type}/${operator.ep}`
    case 'gqa_decode':
      return `gqa_decode/${operator.heads}-${operator.kvHeads}-${operator.headDim}/${operator.window}/${operator.kv}`
    case 'gqa_prefill':
      return `gqa_prefill/${operator.heads}-${operator.kvHeads}-${operator.headDim}/${operator.window}/${operator.math}/${operator.kv}`
    case 'mla_decode':
    case 'mla_prefill':
      return `${operator.kind}/${operator.heads}/${operator.kv}`
    case 'mla_bmm':
      return `mla_bmm/${operator.side}/${operator.type}/${operator.heads}`
  }
}
