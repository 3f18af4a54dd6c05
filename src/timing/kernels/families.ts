/** The measured kernel tables as families: which columns name a site (a fixed shape), which are its axes, which hold times. */
import { MEASURED_SYSTEMS, type MeasuredSystem } from '../../hardware/system.js'
import type { TableAxis } from '../knots.js'

export interface Family {
  /** Name in the shipped table, and the name of the measured file between the system and the version. */
  readonly name: string
  /** Columns whose values name a site. */
  readonly site: readonly string[]
  /** One or two axes of sizes; the last one was measured as a curve. */
  readonly axes: readonly { readonly column: string; readonly knots: TableAxis }[]
  /** Columns of times in us. With several of them every site is a pair of a shape and a column. */
  readonly times: readonly string[]
  /**
   * Site columns (or columns that change together) whose neighbouring values have curves of similar form: they help to fill
   * holes.
   */
  readonly kin: readonly (string | readonly string[])[]
  /** Site column within whose values estimates are equally good. */
  readonly kind?: string
  /** Decode attention, whose work is its reads: KV tokens, times the heads that keep some. Sites with equal columns `like` may read equally fast. */
  readonly reads?: { readonly heads?: string; readonly like: readonly string[] }
}

const LATENCY = ['latency_us'] as const
const HEADS = ['num_heads', 'num_kv_heads', 'head_dim', 'window_size', 'attn_dtype', 'kv_cache_dtype'] as const
const MOE_SHAPE = ['moe_dtype', 'hidden_size', 'inter_size', 'topk', 'num_experts', 'moe_tp_size', 'moe_ep_size', 'distribution']
const DEEPEP_SHAPE = ['node_num', 'hidden_size', 'topk', 'num_experts']

const tokens = [{ column: 'num_tokens', knots: 'tokens' }] as const
const rows = [{ column: 'm', knots: 'rows' }] as const
const elements = [{ column: 'message_size', knots: 'elements' }] as const
const decode = [
  { column: 'batch_size', knots: 'sequences' },
  { column: 'kv_len', knots: 'kvLength' },
] as const
const prefill = [
  { column: 'batch_size', knots: 'sequences' },
  { column: 'isl', knots: 'context' },
] as const

export const FAMILIES: readonly Family[] = [
  {
    name: 'gemm_trtllm',
    site: ['gemm_dtype', 'kernel_source', 'n', 'k'],
    axes: rows,
    times: LATENCY,
    kin: ['n', 'k'],
    kind: 'gemm_dtype',
  },
  {
    name: 'context-attention_trtllm',
    site: ['kernel_source', ...HEADS],
    axes: prefill,
    times: LATENCY,
    kin: ['num_heads', 'num_kv_heads', 'kv_cache_dtype'],
  },
  {
    name: 'generation-attention_trtllm',
    site: ['kernel_source', ...HEADS],
    axes: decode,
    times: LATENCY,
    kin: ['num_heads', 'num_kv_heads', 'kv_cache_dtype'],
    reads: { heads: 'num_kv_heads', like: ['head_dim', 'window_size', 'kv_cache_dtype'] },
  },
  {
    name: 'mla-context-module_trtllm',
    site: ['num_heads', 'mla_dtype', 'kv_cache_dtype', 'gemm_type'],
    axes: prefill,
    times: LATENCY,
    kin: ['num_heads', 'kv_cache_dtype', 'gemm_type'],
  },
  {
    name: 'mla-context-kernel_trtllm',
    site: ['num_heads', 'mla_dtype', 'kv_cache_dtype'],
    axes: prefill,
    times: LATENCY,
    kin: ['num_heads', 'kv_cache_dtype'],
  },
  {
    name: 'mla-generation-module_trtllm',
    site: ['num_heads', 'mla_dtype', 'kv_cache_dtype', 'gemm_type'],
    axes: decode,
    times: LATENCY,
    kin: ['num_heads', 'kv_cache_dtype', 'gemm_type'],
  },
  {
    name: 'mla-generation-kernel_trtllm',
    site: ['num_heads', 'mla_dtype', 'kv_cache_dtype'],
    axes: decode,
    times: LATENCY,
    kin: ['num_heads', 'kv_cache_dtype'],
    reads: { like: ['kv_cache_dtype'] },
  },
  {
    name: 'mla-bmm_trtllm',
    site: ['op_name', 'kernel_source', 'bmm_dtype', 'num_heads'],
    axes: tokens,
    times: LATENCY,
    kin: ['op_name', 'num_heads'],
  },
  {
    name: 'moe_trtllm',
    site: ['kernel_source', ...MOE_SHAPE],
    axes: tokens,
    times: LATENCY,
    kin: ['moe_tp_size', 'moe_ep_size', 'distribution'],
    kind: 'moe_dtype',
  },
  {
    name: 'wideep-moe_trtllm',
    site: [
      'op_name',
      'moe_kernel',
      'moe_dtype',
      'hidden_size',
      'inter_size',
      'topk',
      'num_experts',
      'num_slots',
      'moe_ep_size',
      'distribution',
    ],
    axes: tokens,
    times: LATENCY,
    kin: ['moe_ep_size', 'distribution'],
  },
  { name: 'nccl', site: ['op_name', 'nccl_dtype', 'num_gpus'], axes: elements, times: LATENCY, kin: ['nccl_dtype', 'num_gpus'] },
  { name: 'custom-allreduce_trtllm', site: ['allreduce_dtype', 'num_gpus'], axes: elements, times: LATENCY, kin: ['num_gpus'] },
  {
    name: 'custom-allreduce_sglang',
    site: ['kernel_source', 'allreduce_dtype', 'num_gpus'],
    axes: elements,
    times: LATENCY,
    kin: ['num_gpus'],
  },
  {
    name: 'alltoall_trtllm',
    site: ['kernel_source', 'op_name', 'moe_dtype', 'hidden_size', 'topk', 'num_experts', 'moe_ep_size', 'distribution'],
    axes: tokens,
    times: LATENCY,
    kin: ['moe_dtype', 'moe_ep_size'],
    kind: 'op_name',
  },
  { name: 'deepep-ll_sglang', site: DEEPEP_SHAPE, axes: tokens, times: ['dispatch_us', 'combine_us'], kin: ['hidden_size'] },
  {
    name: 'deepep-normal_sglang',
    site: [...DEEPEP_SHAPE, 'dispatch_sms', 'combine_sms'],
    axes: tokens,
    times: ['dispatch_us', 'combine_us'],
    kin: [['dispatch_sms', 'combine_sms']],
  },
  { name: 'quantize-computescale_trtllm', site: ['quant_dtype', 'k'], axes: rows, times: LATENCY, kin: ['k'] },
  { name: 'quantize-scale-matrix_trtllm', site: ['quant_dtype', 'k'], axes: rows, times: LATENCY, kin: ['k'] },
]

const MEASURED_FILE = new RegExp(String.raw`^(${MEASURED_SYSTEMS.join('|')})_(.+?)-\d[^/]*\.csv(?:\.gz)?$`)

/** System and family of a measured file such as `gb200_gemm_trtllm-1.3.0rc20.csv.gz`; null for any other name. */
export function fileFamily(name: string): { system: MeasuredSystem; family: Family } | null {
  const match = MEASURED_FILE.exec(name)
  const family = match && FAMILIES.find((candidate) => candidate.name === match[2])
  return match && family ? { system: match[1] as MeasuredSystem, family } : null
}

/** Name of a site: its column values, and the column of times where there are several. */
export const siteName = (family: Family, values: readonly string[], time: string): string =>
  (family.times.length > 1 ? [...values, time] : values).join('/')
