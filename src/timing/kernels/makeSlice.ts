/** The slice of an operator from the kernel tables. */
import { scoringGemm, type TabledOperator } from '../keys.js'
import type { Slice } from '../slices.js'
import { gqaSlice, mlaBmmSlice, mlaModuleSlice, mlaSlice } from './attention.js'
import { allReduceSlice, allToAllSlice, gatherSlice } from './exchange.js'
import { gemmSlice } from './gemm.js'
import { moeSlice } from './moe.js'
import { staticGemmSlice } from './staticGemm.js'
import type { KernelTable } from './table.js'

export interface SystemTables {
  readonly own: KernelTable
  /** The other measured system, for repairs and for what was measured there alone; null when there is none. */
  readonly other: () => KernelTable | null
}

/** Null when neither the operator nor one like it was measured. */
export function makeSlice(key: string, operator: TabledOperator, { own, other }: SystemTables): Slice | null {
  switch (operator.kind) {
    case 'gemm': {
      const { type, staticScales } = operator
      return staticScales && (type === 'fp8' || type === 'nvfp4')
        ? staticGemmSlice(key, own, { ...operator, type })
        : gemmSlice(key, own.sheet('gemm_trtllm'), operator)
    }
    case 'moe':
      return moeSlice(key, own, other(), operator)
    case 'alltoall':
      return allToAllSlice(key, own, own.has('alltoall_trtllm') ? own : (other() ?? own), operator)
    case 'allreduce':
      return allReduceSlice(key, own, operator)
    case 'gather':
      return gatherSlice(key, own, operator)
    case 'gqa_decode':
    case 'gqa_prefill':
      return gqaSlice(key, own, operator)
    case 'mla_decode':
    case 'mla_prefill':
      return mlaSlice(key, own, operator)
    case 'mla_module':
      return mlaModuleSlice(key, own, operator)
    case 'mla_bmm':
      return mlaBmmSlice(key, own, operator)
    case 'index_scores':
      return gemmSlice(key, own.sheet('gemm_trtllm'), scoringGemm(operator))
  }
}
