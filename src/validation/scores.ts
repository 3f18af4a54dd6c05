/** Simulated against measured, row by row, in groups, and as ranks. */
import { grouped } from '../collections/grouped.js'
import type { Evidence } from '../timing/index.js'
import { closedLoopRate, type RowResult, ttftShare } from './protocol.js'
import type { RowPlan } from './rowPlan.js'
import type { ServingRow } from './servingRow.js'
import { type ErrorStatistics, errorStatistics, spearman } from './statistics.js'

/** Above this share of TTFT in the latency a system is queue bound. */
export const SATURATED_SHARE = 0.5
/** A concurrency this close to all decode slots counts as equal to them. */
const FULL_TOLERANCE = 0.05

export interface Values {
  readonly tpotMs: number
  readonly ttftMs: number
  readonly outputTokSPerGpu: number
}

export interface ScoredRow {
  readonly row: ServingRow
  readonly plan: RowPlan
  readonly simulated: Values
  /** null where the row is blank. */
  readonly measured: { readonly [K in keyof Values]: number | null }
  /** simulated / measured - 1; null where the row is blank. */
  readonly error: { readonly [K in keyof Values]: number | null }
  /** By simulated TTFT and TPOT; the groups go by the measured ones where they exist. */
  readonly saturated: boolean
  readonly measuredSaturated: boolean | null
  /** Concurrency equals all decode slots within 5 %; false where their number is not known. */
  readonly full: boolean
  /** From an unmerged submission. */
  readonly unmerged: boolean
  readonly evidence: Evidence
}

export interface RefusedRow {
  readonly row: ServingRow
  readonly refused: string
}

export interface Scored {
  readonly rows: readonly ScoredRow[]
  readonly refused: readonly RefusedRow[]
}

const errorOf = (simulated: number, measured: number | null): number | null =>
  measured === null ? null : simulated / measured - 1

export function scoreRow(row: ServingRow, plan: RowPlan, result: RowResult, evidence: Evidence): ScoredRow {
  const { ttftMs, tpotMs } = row
  const both = ttftMs !== null && tpotMs !== null
  const measured = { ttftMs, tpotMs, outputTokSPerGpu: both ? closedLoopRate(plan, ttftMs, tpotMs) : null }
  return {
    row,
    plan,
    simulated: { ttftMs: result.ttftMs, tpotMs: result.tpotMs, outputTokSPerGpu: result.outputTokSPerGpu },
    measured,
    error: {
      ttftMs: errorOf(result.ttftMs, ttftMs),
      tpotMs: errorOf(result.tpotMs, tpotMs),
      outputTokSPerGpu: errorOf(result.outputTokSPerGpu, measured.outputTokSPerGpu),
    },
    saturated: ttftShare(plan.osl, result.ttftMs, result.tpotMs) > SATURATED_SHARE,
    measuredSaturated: both ? ttftShare(plan.osl, ttftMs, tpotMs) > SATURATED_SHARE : null,
    full: plan.slots !== null && Math.abs(plan.concurrency / plan.slots - 1) <= FULL_TOLERANCE,
    unmerged: /\bwip\b/.test(row.quality),
    evidence,
  }
}

export interface GroupScore {
  readonly group: string
  readonly value: string
  readonly tpot: ErrorStatistics | null
  readonly ttft: ErrorStatistics | null
  readonly tok_s_per_gpu: ErrorStatistics | null
}

const METRICS = { tpot: 'tpotMs', ttft: 'ttftMs', tok_s_per_gpu: 'outputTokSPerGpu' } as const
export type Metric = keyof typeof METRICS

function statisticsOf(rows: readonly ScoredRow[], metric: Metric): ErrorStatistics | null {
  const scored = rows.filter((row) => row.error[METRICS[metric]] !== null)
  return errorStatistics(
    scored.map((row) => row.error[METRICS[metric]] as number),
    scored.map(({ plan }) => plan.shapeKey),
  )
}

const groupScore = (group: string, value: string, rows: readonly ScoredRow[]): GroupScore => ({
  group,
  value,
  tpot: statisticsOf(rows, 'tpot'),
  ttft: statisticsOf(rows, 'ttft'),
  tok_s_per_gpu: statisticsOf(rows, 'tok_s_per_gpu'),
})

const isSaturated = (row: ScoredRow): boolean => row.measuredSaturated ?? row.saturated
const speculation = ({ plan }: ScoredRow): string => (plan.draftTokens > 0 ? 'speculative' : 'non-speculative')

/** Rows that count: certain or reconstructed ones (tiers A and B), and rows of files without tiers. */
export const counts = ({ row }: ScoredRow): boolean => row.tier !== 'C'

/** How rows are grouped; each row belongs to one value of each. */
const DIMENSIONS: Readonly<Record<string, (row: ScoredRow) => string>> = {
  all: () => 'tiers A and B',
  load: (row) => (isSaturated(row) ? 'saturated' : 'unsaturated'),
  speculation,
  'speculation and load': (row) => `${speculation(row)}, ${isSaturated(row) ? 'saturated' : 'unsaturated'}`,
  'unsaturated, by slots': (row) =>
    isSaturated(row)
      ? ''
      : row.unmerged
        ? 'unmerged submissions'
        : row.full
          ? 'concurrency equals the decode slots'
          : 'all others',
  // five of the saturated rows are of this one release, and two configurations carry its prefill constant
  'load, without sglang-2025-dep24': (row) =>
    row.plan.profile === 'sglang-2025-dep24' ? '' : isSaturated(row) ? 'saturated' : 'unsaturated',
  system: ({ plan }) => plan.system,
  model: ({ plan }) => plan.model,
  mode: ({ plan }) => plan.mode,
  pair: ({ plan }) => `${plan.model} on ${plan.system}`,
  profile: ({ plan }) => plan.profile,
  cell: ({ plan, ...row }) =>
    [plan.system, plan.model, plan.precision, row.row.backend, `${plan.isl}/${plan.osl}`, plan.draftTokens > 0 ? 'spec' : '']
      .join(' ')
      .trim(),
}

export function groupScores(rows: readonly ScoredRow[]): GroupScore[] {
  const counted = rows.filter(counts)
  return Object.entries(DIMENSIONS).flatMap(([group, nameOf]) => {
    const members = grouped(counted, nameOf)
    members.delete('')
    return [...members].sort(([a], [b]) => a.localeCompare(b, 'en')).map(([value, of]) => groupScore(group, value, of))
  })
}

export interface RankScore {
  readonly group: string
  readonly rows: number
  /** Spearman; null for fewer than four rows. */
  readonly tpot: number | null
  readonly ttft: number | null
  readonly tok_s_per_gpu: number | null
}

/** Rank correlation inside each (system, model, isl/osl). */
export function rankScores(rows: readonly ScoredRow[]): RankScore[] {
  const ranked = rows.filter((row) => counts(row) && row.measured.outputTokSPerGpu !== null)
  return [...grouped(ranked, ({ plan }) => `${plan.system} ${plan.model} ${plan.isl}/${plan.osl}`)]
    .sort(([a], [b]) => a.localeCompare(b, 'en'))
    .map(([group, members]) => {
      const rank = (key: keyof Values): number | null =>
        spearman(
          members.map((row) => row.simulated[key]),
          members.map((row) => row.measured[key] as number),
        )
      return {
        group,
        rows: members.length,
        tpot: rank('tpotMs'),
        ttft: rank('ttftMs'),
        tok_s_per_gpu: rank('outputTokSPerGpu'),
      }
    })
}
