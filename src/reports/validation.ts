/** A validation as text: every row, then groups, then ranks. */
import type { Calibration } from '../timing/index.js'
import type { RowRange } from '../validation/draws.js'
import type { CrossValidation } from '../validation/fit/crossValidate.js'
import { type GroupScore, groupScores, type RankScore, rankScores, type Scored, type ScoredRow } from '../validation/scores.js'
import type { ErrorStatistics } from '../validation/statistics.js'
import { columns } from './columns.js'
import { change, NOTHING, number } from './format.js'

export const signed = (error: number | null): string => (error === null ? NOTHING : change(1 + error))

export const ROW_HEAD = [
  ...['row', 'shape', 'profile', 'tier', 'C', 'TPOT sim', 'meas', 'error', 'TTFT sim', 'meas', 'error'],
  ...['tok/s/GPU', 'error', 'notes'],
]

export function rowCells({ row, plan, simulated, measured, error, ...flags }: ScoredRow): string[] {
  const notes = [
    flags.saturated ? 'saturated' : '',
    flags.measuredSaturated ? 'measured saturated' : '',
    flags.full ? 'C = slots' : '',
    flags.unmerged ? 'wip' : '',
    plan.engines.some(({ basis }) => basis === 'rule') ? 'cut by rule' : '',
    flags.evidence,
  ]
  return [
    row.id,
    plan.engines.map((engine) => `${engine.count}x${engine.layout}`).join(' + '),
    plan.profile,
    row.tier,
    String(plan.concurrency),
    number(simulated.tpotMs),
    number(measured.tpotMs),
    signed(error.tpotMs),
    number(simulated.ttftMs),
    number(measured.ttftMs),
    signed(error.ttftMs),
    number(simulated.outputTokSPerGpu),
    signed(error.outputTokSPerGpu),
    notes.filter((note) => note !== '').join(', '),
  ]
}

const NUMBERS = [4, 5, 6, 7, 8, 9, 10, 11, 12]

export const meanMedian = (score: ErrorStatistics | null): string =>
  score === null ? NOTHING : `${score.mean_pct.toFixed(1)} / ${score.median_pct.toFixed(1)}`
const byConfiguration = (score: ErrorStatistics | null): string =>
  score === null ? NOTHING : `${score.mean_by_configuration_pct.toFixed(1)} / ${score.median_by_configuration_pct.toFixed(1)}`
const confidence = (score: ErrorStatistics | null): string =>
  score?.mean_ci95_pct ? `${score.mean_ci95_pct[0].toFixed(1)}–${score.mean_ci95_pct[1].toFixed(1)}` : NOTHING

export const GROUP_HEAD = [
  ...['group', '', 'rows', 'shapes', 'TPOT row', 'by shape', '95 %', 'TTFT row', 'by shape', '95 %'],
  ...['tok/s/GPU row', 'by shape', '95 %'],
]

export function groupCells({ group, value, tpot, ttft, tok_s_per_gpu: rate }: GroupScore): string[] {
  const any = tpot ?? ttft ?? rate
  return [
    group,
    value,
    String(any?.rows ?? 0),
    String(any?.configurations ?? 0),
    ...[tpot, ttft, rate].flatMap((score) => [meanMedian(score), byConfiguration(score), confidence(score)]),
  ]
}

export const RANK_HEAD = ['group', 'rows', 'TPOT', 'TTFT', 'tok/s/GPU']
export const rankCells = ({ group, rows, ...rank }: RankScore): string[] => [
  group,
  String(rows),
  ...[rank.tpot, rank.ttft, rank.tok_s_per_gpu].map((value) => (value === null ? NOTHING : value.toFixed(3))),
]

/** Groups in which something was measured. */
export const measuredGroups = (rows: readonly ScoredRow[]): GroupScore[] =>
  groupScores(rows).filter(({ tpot, ttft }) => tpot !== null || ttft !== null)

export function validationTable(scored: Scored): string {
  const { rows, refused } = scored
  const parts = [columns([ROW_HEAD, ...rows.map(rowCells)], NUMBERS)]
  if (refused.length > 0) {
    const cells = refused.map(({ row, refused: reason }) => [row.id, row.tier, reason])
    parts.push(`Refused, ${refused.length} of ${rows.length + refused.length} rows:\n${columns(cells, [])}`)
  }
  const groups = measuredGroups(rows)
  if (groups.length > 0) {
    const lead = 'Absolute errors in percent, mean / median, over rows and over true shapes; intervals by bootstrap over shapes.'
    parts.push(`${lead}\n${columns([GROUP_HEAD, ...groups.map(groupCells)], [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])}`)
  }
  const ranks = rankScores(rows)
  if (ranks.length > 0)
    parts.push(`Rank correlation (Spearman) inside each group.\n${columns([RANK_HEAD, ...ranks.map(rankCells)], [1, 2, 3, 4])}`)
  return parts.join('\n\n')
}

export const CONSTANT_HEAD = ['constant', 'value', '95 %', 'neutral', 'unit', 'from', 'meaning']

export const constantCells = ({ constants }: Calibration): string[][] =>
  Object.entries(constants).map(([name, { value, low, high, neutral, unit, source, meaning }]) => [
    name,
    number(value),
    `${number(low)}–${number(high)}`,
    number(neutral),
    unit,
    source,
    meaning,
  ])

export const constantsTable = (calibration: Calibration): string =>
  columns([CONSTANT_HEAD, ...constantCells(calibration)], [1, 2, 3])

/** Constants fitted to all rows, and what each fold made of them. */
export function foldsTable({ folds }: CrossValidation, all: Calibration): string {
  const head = ['constant', 'all rows', ...folds.map(({ fold }) => fold.name)]
  const rows = Object.entries(all.constants).map(([name, { value }]) => [
    name,
    number(value),
    ...folds.map(({ constants }) => number(constants[name as keyof typeof constants])),
  ])
  const lead = 'Every row above was predicted with the constants of the fold that left it out.'
  return `${lead}\n${columns([head, ...rows], head.map((_, i) => i).slice(1))}`
}

export function rangesTable({ rows }: Scored, ranges: ReadonlyMap<string, RowRange>): string {
  const span = ([low, high]: readonly [number, number]): string => `${number(low)}–${number(high)}`
  const cells = rows.flatMap(({ row }) => {
    const range = ranges.get(row.id)
    return range === undefined ? [] : [[row.id, span(range.tpotMs), span(range.ttftMs), span(range.outputTokSPerGpu)]]
  })
  const head = ['row', 'TPOT, ms', 'TTFT, ms', 'tok/s/GPU']
  return `Range over the draws of the constants.\n${columns([head, ...cells], [1, 2, 3])}`
}
