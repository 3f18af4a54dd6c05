/**
 * Routed experts: the measured shape and cut, times between measured EP sizes, or the nearest shape scaled by the work it does.
 */
import { loadSystem } from '../../hardware/load.js'
import { WEIGHT_BYTES } from '../../models/memory.js'
import type { Moe } from '../../models/operator.js'
import { SLICE_KNOTS } from '../knots.js'
import type { Slice } from '../slices.js'
import { affine, rising, timeAt } from './curve.js'
import { alongColumn, type Found, sitesWhere } from './find.js'
import { memoryBytesPerUs } from './memory.js'
import { curveOf, reachOf, sliceOf } from './slice.js'
import type { KernelTable, Sheet } from './table.js'

/** Expert kernels of the two systems differ by 2 % in the median; a slice slower than this times the other's is a bad tactic. */
const OTHER_SYSTEM_MARGIN = 1.05
/** Times this far above the limit are worth a note. */
const CAPPED_FROM = 1.05
/** Launches of an expert call, us: the fastest measured calls take 14.5 us. */
const LAUNCH_US = 14.5
/** Whose memory and dense peaks weigh bytes against products: only ratios of the work of two shapes are used. */
const PEAKS_OF = 'gb200'
/** Bytes of a weight by the names of these tables; the others have one. */
const TABLED_BYTES: Readonly<Record<string, number>> = {
  nvfp4: WEIGHT_BYTES.nvfp4,
  bfloat16: WEIGHT_BYTES.bf16,
  w4a16_mxfp4: WEIGHT_BYTES.mxfp4,
  w4a8_mxfp4_mxfp8: WEIGHT_BYTES.mxfp4,
}

const SOURCES = {
  general: ['moe_torch_flow_cutlass', 'deepgemm', 'moe_torch_flow'],
  min_latency: ['moe_torch_flow_min_latency'],
  cutlass: ['moe_torch_flow_cutlass'],
  trtllm: ['moe_torch_flow'],
  deepgemm: ['deepgemm'],
} as const

type Shape = Pick<Moe, 'hidden' | 'inner' | 'topk' | 'experts' | 'moeTp' | 'moeEp'>

/** Reading the weights of the experts that `tokens` tokens hit on one rank, and their multiplications, us at the peaks. */
function workUs(type: string, { hidden, inner, topk, experts, moeTp, moeEp }: Shape, tokens: number): number {
  const weights = (3 * hidden * inner) / moeTp
  const hit = (experts / moeEp) * (1 - (1 - topk / experts) ** tokens)
  const flops = (2 * weights * tokens * topk) / moeEp
  const { nvfp4, bf16, fp8 } = loadSystem(PEAKS_OF).denseFlops
  const peak = type === 'nvfp4' ? nvfp4 : type === 'bfloat16' ? bf16 : fp8
  return (hit * weights * (TABLED_BYTES[type] ?? 1)) / memoryBytesPerUs(PEAKS_OF) + flops / (peak.value / 1e6)
}

interface Source {
  readonly sheet: Sheet
  readonly kernel: string
  readonly type: string
}

const columnsOf = (shape: Shape): Record<string, number> => ({
  hidden_size: shape.hidden,
  inter_size: shape.inner,
  topk: shape.topk,
  num_experts: shape.experts,
})

/**
 * The measured site nearest to a shape and cut: the shape counts first, then tp, then the routing; ep is looked up along its
 * curve.
 */
function nearestCut({ sheet, kernel, type }: Source, wanted: Shape, routing: string): { shape: Shape; routing: string } | null {
  const number = (site: readonly string[], column: string): number => Number(site[sheet.columns.indexOf(column)])
  const far = (site: readonly string[], column: string, value: number): number => Math.abs(Math.log(number(site, column) / value))
  const routingAt = sheet.columns.indexOf('distribution')
  let best: readonly string[] | null = null
  let least = Number.POSITIVE_INFINITY
  for (const site of sitesWhere(sheet, { kernel_source: kernel, moe_dtype: type })) {
    const shapeDistance = Object.entries(columnsOf(wanted)).reduce((sum, [column, value]) => sum + far(site, column, value), 0)
    const cutDistance = far(site, 'moe_tp_size', wanted.moeTp) + 0.1 * far(site, 'moe_ep_size', wanted.moeEp)
    const distance = 1e6 * shapeDistance + 1e3 * cutDistance + (site[routingAt] === routing ? 0 : 1)
    if (distance >= least) continue
    least = distance
    best = site
  }
  if (!best) return null
  const shape = {
    hidden: number(best, 'hidden_size'),
    inner: number(best, 'inter_size'),
    topk: number(best, 'topk'),
    experts: number(best, 'num_experts'),
    moeTp: number(best, 'moe_tp_size'),
    moeEp: wanted.moeEp,
  }
  return { shape, routing: best[routingAt] }
}

const foundAt = ({ sheet, kernel, type }: Source, shape: Shape, routing: string): Found | null => {
  const cut = { ...columnsOf(shape), kernel_source: kernel, moe_dtype: type, moe_tp_size: shape.moeTp, distribution: routing }
  return alongColumn(sheet, cut, 'moe_ep_size', shape.moeEp)
}

const timesOf = (sheet: Sheet, found: Found): number[] => {
  const curve = curveOf(sheet.logKnots[0], found.block)
  return SLICE_KNOTS.tokens.map((tokens) => timeAt(curve, tokens, affine))
}

/**
 * A call gets no slower as the experts are spread over more ranks: a time out of order between those of half and of twice the
 * ranks becomes the middle one of the three. (With few tokens the measured rank of a skewed routing may have been hit by chance,
 * or not.)
 */
function inOrder(source: Source, shape: Shape, routing: string, own: number[]): number[] {
  const beside = [shape.moeEp / 2, shape.moeEp * 2].map((moeEp) => foundAt(source, { ...shape, moeEp }, routing))
  if (beside.some((found) => found?.evidence !== 'measured')) return own
  const [fewer, more] = beside.map((found) => timesOf(source.sheet, found as Found))
  return own.map((us, i) => [us, fewer[i], more[i]].sort((a, b) => a - b)[1])
}

/** A slice that is far slower than the same slice of the other system was measured with a bad tactic. */
function repaired(own: number[], theirs: Found | null, other: Sheet | null): { us: number[]; capped: boolean } {
  if (!theirs || !other) return { us: own, capped: false }
  const limit = timesOf(other, theirs).map((us) => OTHER_SYSTEM_MARGIN * us)
  return { us: own.map((us, i) => Math.min(us, limit[i])), capped: own.some((us, i) => us > CAPPED_FROM * limit[i]) }
}

/** First kernel of the family with rows of the type, on this system or the other. */
function sourceOf(operator: Moe, table: KernelTable, other: KernelTable | null): (Source & { borrowed: boolean }) | null {
  for (const from of other ? [table, other] : [table]) {
    const sheet = from.sheet('moe_trtllm')
    for (const kernel of SOURCES[operator.kernel ?? 'general'])
      if (sitesWhere(sheet, { kernel_source: kernel, moe_dtype: operator.type }).length > 0)
        return { sheet, kernel, type: operator.type, borrowed: from !== table }
  }
  return null
}

export function moeSlice(key: string, table: KernelTable, other: KernelTable | null, operator: Moe): Slice | null {
  const source = sourceOf(operator, table, other)
  if (!source) {
    const { kernel = 'general' } = operator
    const general = kernel === 'general' ? null : moeSlice(key, table, other, { ...operator, kernel: 'general' })
    return general && { ...general, evidence: 'transferred', note: `no ${kernel} rows of ${operator.type}, general kernels` }
  }
  const cut = nearestCut(source, operator, operator.routing)
  const found = cut && foundAt(source, cut.shape, cut.routing)
  if (!cut || !found) return null
  const from: Shape = { ...cut.shape, moeEp: found.at }
  const theirs = other && !source.borrowed ? other.sheet('moe_trtllm') : null
  const { us: own, capped } = repaired(
    inOrder(source, cut.shape, cut.routing, timesOf(source.sheet, found)),
    theirs && foundAt({ ...source, sheet: theirs }, cut.shape, cut.routing),
    theirs,
  )
  const same = (Object.keys(from) as (keyof Shape)[]).every((name) => from[name] === operator[name])
  const us = same
    ? own
    : own.map((time, i) => {
        const tokens = SLICE_KNOTS.tokens[i]
        const ratio = workUs(operator.type, operator, tokens) / workUs(operator.type, from, tokens)
        return LAUNCH_US + Math.max(0, time - LAUNCH_US) * ratio
      })
  const notes = [
    same ? found.note : `scaled by work from ${shapeName(from)}`,
    cut.routing === operator.routing ? '' : `routing ${cut.routing}`,
    source.borrowed ? 'rows of the other system' : '',
    capped ? `at most ${OTHER_SYSTEM_MARGIN} x the other system` : '',
  ].filter(Boolean)
  const evidence = !same || cut.routing !== operator.routing || source.borrowed ? 'transferred' : found.evidence
  const last = curveOf(source.sheet.logKnots[0], found.block).x.at(-1) as number
  return sliceOf(key, [SLICE_KNOTS.tokens], rising(us, 1), reachOf(last), { evidence, note: notes.join(', ') })
}

const shapeName = ({ hidden, inner, topk, experts, moeTp, moeEp }: Shape): string =>
  `${experts} experts ${hidden} x ${inner} top ${topk}, moe_tp ${moeTp}, moe_ep ${moeEp}`
