/** Collectives: all-reduce and the exchange of tokens between experts. */
import { WEIGHT_BYTES } from '../../models/memory.js'
import type { AllReduce, AllToAll, Gather } from '../../models/operator.js'
import { SLICE_KNOTS } from '../knots.js'
import type { Slice } from '../slices.js'
import { affine, proportional, risingBelow, timeAt } from './curve.js'
import { alongColumn, type ColumnValues, type Found } from './find.js'
import { curveOf, curveSlice, reachOf, sliceOf } from './slice.js'
import type { KernelTable, Sheet } from './table.js'

/** Largest group of GPUs whose collectives were measured; larger groups are derived from it. */
export const MEASURED_COLLECTIVE_GPUS = 4

/** The DeepSeek shape and the SMs that DeepEP gives to its normal kernels by default. */
const DEEPEP_SHAPE = { node_num: 1, hidden_size: 7168, topk: 8, num_experts: 256 }
const DEEPEP_SMS = { dispatch_sms: 20, combine_sms: 20 }
/** Bytes of one value on the wire, block scales included. */
const PAYLOAD_BYTES = { nvfp4: WEIGHT_BYTES.nvfp4, fp8: 1, bfloat16: 2 } as const

export function allReduceSlice(key: string, table: KernelTable, { gpus, kernel }: AllReduce): Slice | null {
  const sglang = kernel === 'sglang-graph'
  const sheet = table.sheet(sglang ? 'custom-allreduce_sglang' : 'custom-allreduce_trtllm')
  const values: ColumnValues = sglang ? { kernel_source: 'SGLang_CustomAllReduce_graph' } : {}
  const found = alongColumn(sheet, values, 'num_gpus', Math.min(gpus, MEASURED_COLLECTIVE_GPUS))
  return found && curveSlice(key, sheet, found, 'elements', proportional)
}

export function gatherSlice(key: string, table: KernelTable, { leg, type, gpus }: Gather): Slice | null {
  const sheet = table.sheet('nccl')
  const values: ColumnValues = { op_name: leg === 'all-gather' ? 'all_gather' : 'reduce_scatter', nccl_dtype: type }
  const found = alongColumn(sheet, values, 'num_gpus', Math.min(gpus, MEASURED_COLLECTIVE_GPUS))
  return found && curveSlice(key, sheet, found, 'elements', proportional)
}

/** The outliers of these tables (45-70 us at one token) are all too slow: the largest rising curve below the times. */
function exchangeSlice(key: string, sheet: Sheet, found: Found, payload: number): Slice {
  const { x, us } = curveOf(sheet.logKnots[0], found.block)
  const curve = { x, us: risingBelow(us) }
  const times = SLICE_KNOTS.tokens.map((tokens) => timeAt(curve, tokens * payload, affine))
  return sliceOf(key, [SLICE_KNOTS.tokens], times, reachOf(x[x.length - 1] / payload), found)
}

/** `exchanges`: the table that holds exchanges: measured on GB200 alone, the fabric of GB300 is the same. */
export function allToAllSlice(key: string, table: KernelTable, exchanges: KernelTable, operator: AllToAll): Slice | null {
  const { leg, type, ep, kernel = 'two-sided' } = operator
  // experts that are all on every rank exchange by gathering
  if (ep < 2) return null
  if (kernel === 'deepep-ll' || kernel === 'deepep-normal') {
    const normal = kernel === 'deepep-normal'
    const sheet = table.sheet(normal ? 'deepep-normal_sglang' : 'deepep-ll_sglang')
    const site = normal ? { ...DEEPEP_SHAPE, ...DEEPEP_SMS, time: `${leg}_us` } : { ...DEEPEP_SHAPE, time: `${leg}_us` }
    const found = alongColumn(sheet, site, 'topk', DEEPEP_SHAPE.topk)
    const origin = { evidence: 'transferred', note: 'DeepEP rows of one node, EP 4 or 8' } as const
    return found && exchangeSlice(key, sheet, { ...found, ...origin }, 1)
  }
  const sheet = exchanges.sheet('alltoall_trtllm')
  const site = { kernel_source: kernel === 'one-sided' ? 'NVLinkOneSided' : 'NVLinkTwoSided', op_name: `alltoall_${leg}` }
  const own = alongColumn(sheet, { ...site, moe_dtype: type }, 'moe_ep_size', ep)
  // Every combine sends bf16; one-sided exchanges were measured with NVFP4 dispatch alone.
  const payload = leg === 'dispatch' ? PAYLOAD_BYTES[type] / PAYLOAD_BYTES.nvfp4 : 1
  const found = own ?? alongColumn(sheet, { ...site, moe_dtype: 'nvfp4' }, 'moe_ep_size', ep)
  if (!found) return null
  const origin = !own && leg === 'dispatch' ? 'NVFP4 rows by bytes' : exchanges.system === table.system ? null : 'GB200 rows'
  const named = origin
    ? { ...found, evidence: 'transferred' as const, note: [origin, found.note].filter(Boolean).join(', ') }
    : found
  return exchangeSlice(key, sheet, named, own ? 1 : payload)
}
