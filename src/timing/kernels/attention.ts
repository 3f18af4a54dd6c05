/** Attention of grouped queries and of latents: the measured heads, or times between them. */
import type { Gqa, KvPrecision, Mla, MlaBmm, MlaModule } from '../../models/operator.js'
import type { Slice, Surface } from '../slices.js'
import { affine, type Extension, quadratic } from './curve.js'
import { decodeSlice } from './decode.js'
import { alongColumn, type ColumnValues, type Found, sitesWhere } from './find.js'
import { curveSlice, leastUs, promptBatches } from './slice.js'
import type { KernelTable, Sheet } from './table.js'

const cacheType = (kv: KvPrecision): string => (kv === 'fp8' ? 'fp8' : 'bfloat16')

/** Nearest pair of head counts by ratio; the time scaled with the heads (prefill) or the KV heads (decode). */
function nearestHeads(sheet: Sheet, values: ColumnValues, { kind, heads, kvHeads }: Gqa): Found | null {
  const [headsAt, kvHeadsAt] = [sheet.columns.indexOf('num_heads'), sheet.columns.indexOf('num_kv_heads')]
  const distance = (site: readonly string[]): number =>
    Math.abs(Math.log(Number(site[headsAt]) / heads)) + Math.abs(Math.log(Number(site[kvHeadsAt]) / kvHeads))
  const nearest = sitesWhere(sheet, values).sort((a, b) => distance(a) - distance(b))[0]
  if (!nearest) return null
  const [from, kvFrom] = [Number(nearest[headsAt]), Number(nearest[kvHeadsAt])]
  const logScale = Math.log(kind === 'gqa_prefill' ? heads / from : kvHeads / kvFrom)
  const block = (sheet.block(nearest.join('/')) as Float64Array).map((us) => us + Math.max(0, logScale))
  return { block, evidence: 'transferred', note: `from ${from} heads over ${kvFrom} KV heads`, at: from }
}

/** Times of a head count; between measured ones along the heads, then along the KV heads. */
function gqaFound(sheet: Sheet, operator: Gqa, window: number): Found | null {
  const { heads, kvHeads, headDim, kv, math } = operator
  const values = {
    head_dim: headDim,
    window_size: window,
    attn_dtype: operator.kind === 'gqa_decode' ? 'bfloat16' : math,
    kv_cache_dtype: cacheType(kv),
  }
  const along = [
    alongColumn(sheet, { ...values, num_kv_heads: kvHeads }, 'num_heads', heads),
    alongColumn(sheet, { ...values, num_heads: heads }, 'num_kv_heads', kvHeads),
  ]
  const inside = along.find((found) => found && found.evidence !== 'transferred')
  return inside ?? nearestHeads(sheet, values, operator)
}

/** Row of the table that holds one sequence. */
const ONE_SEQUENCE = 0

/** Pairs of a query and a key or value go with the square of the length. */
const PAIRS = 2

/**
 * Rate of the pairs beyond the measured prompts, at most so many times that of the best of the longest ones: rates still grow. Of curves cut at
 * half their length, the end is priced 7 % too long in the median; 6 % without a bound, 11 % with one at 1.
 */
const STILL_GROWS = 1.1

/** One prompt, and batches of them, where a batch of `prompts` goes on beyond its measured lengths as `extensionOf` says. */
function promptSlice(key: string, sheet: Sheet, found: Found, extensionOf: (prompts: number) => Extension): Slice {
  return {
    ...curveSlice(key, sheet, found, 'context', extensionOf(1), ONE_SEQUENCE),
    batches: promptBatches(sheet, found, extensionOf),
  }
}

/** (A slope between two rows, one of them slow, promised pairs 1.4 times as fast as any that were measured.) */
function prefillSlice(key: string, sheet: Sheet, found: Found): Slice {
  const leastPairUs = leastUs(sheet, found.block, PAIRS) / STILL_GROWS
  return promptSlice(key, sheet, found, (prompts) => quadratic(prompts * leastPairUs))
}

/** Tokens and their KV heads go with the length. */
const TOKENS = 1

/**
 * us of a KV token of one KV head at the best bandwidth that any of the given sites shows. The largest reads of a single shape will not do: they
 * take as little as 50 us, launch and all (5 TB/s of 7).
 */
function leastTokenUs(sheet: Sheet, values: ColumnValues): number {
  const kvHeadsAt = sheet.columns.indexOf('num_kv_heads')
  let least = Number.POSITIVE_INFINITY
  for (const site of sitesWhere(sheet, values)) {
    const us = leastUs(sheet, sheet.block(site.join('/')) as Float64Array, TOKENS)
    least = Math.min(least, kvHeadsAt < 0 ? us : us / Number(site[kvHeadsAt]))
  }
  return least
}

export function gqaSlice(key: string, table: KernelTable, operator: Gqa): Slice | null {
  const decode = operator.kind === 'gqa_decode'
  const sheet = table.sheet(decode ? 'generation-attention_trtllm' : 'context-attention_trtllm')
  const found = gqaFound(sheet, operator, operator.window)
  if (found) {
    const { kvHeads, headDim, kv, window } = operator
    if (decode) {
      const like = { head_dim: headDim, window_size: 0, kv_cache_dtype: cacheType(kv) }
      return decodeSlice(key, sheet, found, window > 0 ? 0 : kvHeads * leastTokenUs(sheet, like))
    }
    if (window > 0) return promptSlice(key, sheet, found, () => affine)
    return prefillSlice(key, sheet, found)
  }
  if (operator.window === 0) return null
  // A window that was not measured: full attention up to the window, then no growth with the length.
  const full = gqaSlice(key, table, { ...operator, window: 0 })
  return full && cutAtWindow(full, operator.window, decode)
}

/** Decode: lengths beyond the window cost as the window. Prefill: every further token costs as the last one of the window. */
function cutAtWindow(slice: Slice, window: number, decode: boolean): Slice {
  const cut = <T extends Surface>(surface: T): T => {
    const lengths = surface.logY.length > 0 ? surface.logY : surface.logX
    const edge = Math.max(
      1,
      lengths.findLastIndex((length) => length <= Math.log(window)),
    )
    const logUs = surface.logUs.map((us, i) => {
      const at = i % lengths.length
      if (at <= edge) return us
      const atEdge = surface.logUs[i - at + edge]
      return decode ? atEdge : atEdge + lengths[at] - lengths[edge]
    })
    return { ...surface, logUs }
  }
  const { batches } = slice
  return {
    ...cut(slice),
    ...(batches && { batches: cut(batches) }),
    evidence: 'transferred',
    note: `full attention cut at the window of ${window}`,
  }
}

export function mlaSlice(key: string, table: KernelTable, { kind, heads, kv }: Mla): Slice | null {
  const decode = kind === 'mla_decode'
  const sheet = table.sheet(decode ? 'mla-generation-kernel_trtllm' : 'mla-context-kernel_trtllm')
  const like = { kv_cache_dtype: cacheType(kv) }
  const found = alongColumn(sheet, like, 'num_heads', heads)
  if (!found) return null
  return decode ? decodeSlice(key, sheet, found, leastTokenUs(sheet, like)) : prefillSlice(key, sheet, found)
}

export function mlaModuleSlice(key: string, table: KernelTable, { phase, heads, kv, gemmType }: MlaModule): Slice | null {
  const sheet = table.sheet(phase === 'decode' ? 'mla-generation-module_trtllm' : 'mla-context-module_trtllm')
  const like = { kv_cache_dtype: cacheType(kv) }
  const found = alongColumn(sheet, { ...like, gemm_type: gemmType }, 'num_heads', heads)
  if (!found) return null
  // The projections of a module take their share of its time: it is no measure of how fast pairs are, nor tokens.
  return phase === 'decode'
    ? decodeSlice(key, sheet, found, leastTokenUs(table.sheet('mla-generation-kernel_trtllm'), like))
    : promptSlice(key, sheet, found, () => quadratic(0))
}

export function mlaBmmSlice(key: string, table: KernelTable, { side, type, heads }: MlaBmm): Slice | null {
  const sheet = table.sheet('mla-bmm_trtllm')
  const found = alongColumn(sheet, { op_name: `mla_gen_${side}`, bmm_dtype: type }, 'num_heads', heads)
  return found && curveSlice(key, sheet, found, 'tokens', affine)
}
