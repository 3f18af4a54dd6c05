/** The measured tables of one system, each read when first asked for and grouped by its key columns. */
import type { GemmType } from '../../models/operators.js'
import { groupPoints, type Row, readRows } from './rows.js'

/** group -> first axis -> us. */
type Points = Map<string, Map<number, number>>

export interface Measured {
  /** `type/k/n` -> m. */
  gemm(): Points
  /** `heads-kvHeads-headDim/window/kv/batch` -> KV length; head dims 64 and 128. */
  gqaDecode(): Points
  /** `heads-kvHeads-headDim/window/math/kv` -> tokens; one sequence. */
  gqaPrefill(): Points
  /** `heads/kv/batch` -> KV length. */
  mlaDecode(): Points
  /** `heads/kv` -> tokens; one sequence. */
  mlaPrefill(): Points
  /** `side/type/heads` -> tokens. */
  mlaBmm(): Points
  /** `type/hidden-inner-topk-experts/tpxep/routing` -> tokens of all ranks. */
  moe(): Points
  /** `leg/type/ep` -> tokens of one rank; two-sided NVLink exchange. */
  allToAll(): Points
  /** GPUs -> elements. */
  allReduce(): Points
}

const kvName = (row: Row): string => (row.kv_cache_dtype === 'fp8' ? 'fp8' : 'bf16')
const heads = (row: Row): string => `${row.num_heads}-${row.num_kv_heads}-${row.head_dim}/${row.window_size}`
/** The newest general kernels; the min-latency ones exist for one system only and are left out. */
const MOE_KERNELS = new Set(['deepgemm', 'moe_torch_flow', 'moe_torch_flow_cutlass'])
const MOE_TYPES = new Set(['nvfp4', 'fp8_block', 'w4a8_mxfp4_mxfp8', 'bfloat16', 'fp8'])

export function gemmGroup(type: GemmType, k: number, n: number): string {
  return `${type}/${k}/${n}`
}

export function openMeasured(folder: string, system: string): Measured {
  const all = (): boolean => true
  function lazy(table: string, x: string, group: (row: Row) => string, keep: (row: Row) => boolean, from = system): () => Points {
    let points: Points | null = null
    return () => {
      points ??= groupPoints(readRows(folder, from, table, keep), group, x)
      return points
    }
  }
  const smallHead = (row: Row): boolean => row.kernel_source === 'torch_flow' && (row.head_dim === '64' || row.head_dim === '128')
  return {
    gemm: lazy('gemm_', 'm', (row) => `${row.gemm_dtype}/${row.k}/${row.n}`, all),
    gqaDecode: lazy('generation-attention_', 'kv_len', (row) => `${heads(row)}/${kvName(row)}/${row.batch_size}`, smallHead),
    gqaPrefill: lazy(
      'context-attention_',
      'isl',
      (row) => `${heads(row)}/${row.attn_dtype}/${kvName(row)}`,
      (row) => smallHead(row) && row.batch_size === '1',
    ),
    mlaDecode: lazy('mla-generation-kernel_', 'kv_len', (row) => `${row.num_heads}/${kvName(row)}/${row.batch_size}`, all),
    mlaPrefill: lazy(
      'mla-context-kernel_',
      'isl',
      (row) => `${row.num_heads}/${kvName(row)}`,
      (row) => row.batch_size === '1',
    ),
    mlaBmm: lazy(
      'mla-bmm_',
      'num_tokens',
      (row) => `${row.op_name.slice('mla_gen_'.length)}/${row.bmm_dtype}/${row.num_heads}`,
      all,
    ),
    moe: lazy(
      'moe_',
      'num_tokens',
      (row) =>
        `${row.moe_dtype}/${row.hidden_size}-${row.inter_size}-${row.topk}-${row.num_experts}/${row.moe_tp_size}x${row.moe_ep_size}/${row.distribution}`,
      (row) => MOE_KERNELS.has(row.kernel_source) && MOE_TYPES.has(row.moe_dtype),
    ),
    // Measured on GB200 alone; the fabric of GB300 is the same.
    allToAll: lazy(
      'alltoall_',
      'num_tokens',
      (row) => `${row.op_name.slice('alltoall_'.length)}/${row.moe_dtype}/${row.moe_ep_size}`,
      (row) => row.kernel_source === 'NVLinkTwoSided',
      'gb200',
    ),
    allReduce: lazy('custom-allreduce_trtllm', 'message_size', (row) => row.num_gpus, all),
  }
}
