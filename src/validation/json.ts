/** What `validate --format json` prints: simulated values by row, errors by group, rank correlations. */

import { sixDigits } from '../units.js'
import type { RowRange } from './draws.js'
import type { FoldFit } from './fit/folds.js'
import {
  type GroupScore,
  groupScores,
  type RankScore,
  type RefusedRow,
  rankScores,
  type Scored,
  type ScoredRow,
} from './scores.js'

/** The same value with every number inside it rounded. */
function rounded<T>(value: T): T {
  const text = JSON.stringify(value, (_, inner) => (typeof inner === 'number' ? sixDigits(inner) : inner))
  return JSON.parse(text) as T
}

export interface RowJson {
  readonly id: string
  /** Simulated means; null for a refused row. */
  readonly tpot_ms: number | null
  readonly ttft_ms: number | null
  readonly output_tok_s_per_gpu: number | null
  /** More than half of the simulated latency is TTFT. */
  readonly saturated: boolean | null
  readonly evidence: string | null
  readonly refused?: string
  readonly profile?: string
  readonly shape?: string
  readonly tpot_error_pct?: number
  readonly ttft_error_pct?: number
  readonly output_tok_s_per_gpu_error_pct?: number
  /** Smallest and largest over the draws of the constants. */
  readonly tpot_ms_range?: readonly [number, number]
  readonly ttft_ms_range?: readonly [number, number]
  readonly output_tok_s_per_gpu_range?: readonly [number, number]
}

export interface ValidationJson {
  readonly rows: readonly RowJson[]
  readonly groups: readonly GroupScore[]
  readonly rank: readonly RankScore[]
}

function scoredJson({ row, plan, simulated, error, saturated, evidence }: ScoredRow): RowJson {
  const percent = (name: string, value: number | null) => (value === null ? {} : { [name]: sixDigits(100 * value) })
  return {
    id: row.id,
    tpot_ms: sixDigits(simulated.tpotMs),
    ttft_ms: sixDigits(simulated.ttftMs),
    output_tok_s_per_gpu: sixDigits(simulated.outputTokSPerGpu),
    saturated,
    evidence,
    profile: plan.profile,
    shape: plan.shapeKey,
    ...percent('tpot_error_pct', error.tpotMs),
    ...percent('ttft_error_pct', error.ttftMs),
    ...percent('output_tok_s_per_gpu_error_pct', error.outputTokSPerGpu),
  }
}

const refusedJson = ({ row, refused }: RefusedRow): RowJson => ({
  id: row.id,
  tpot_ms: null,
  ttft_ms: null,
  output_tok_s_per_gpu: null,
  saturated: null,
  evidence: null,
  refused,
})

/** Rows in the order of the file. */
export function validationJson({ rows, refused }: Scored): ValidationJson {
  const entries = [
    ...rows.map((row) => [row.row.line, scoredJson(row)] as const),
    ...refused.map((row) => [row.row.line, refusedJson(row)] as const),
  ]
  return {
    rows: entries.sort(([a], [b]) => a - b).map(([, entry]) => entry),
    groups: rounded(groupScores(rows)),
    rank: rounded(rankScores(rows)),
  }
}

const roundBoth = ([low, high]: readonly [number, number]): readonly [number, number] => [sixDigits(low), sixDigits(high)]

export function withRanges(json: ValidationJson, ranges: ReadonlyMap<string, RowRange> | null): ValidationJson {
  if (ranges === null) return json
  const rows = json.rows.map((row): RowJson => {
    const range = ranges.get(row.id)
    if (range === undefined) return row
    const { tpotMs, ttftMs, outputTokSPerGpu } = range
    return {
      ...row,
      tpot_ms_range: roundBoth(tpotMs),
      ttft_ms_range: roundBoth(ttftMs),
      output_tok_s_per_gpu_range: roundBoth(outputTokSPerGpu),
    }
  })
  return { ...json, rows }
}

export const foldJson = ({ fold, constants }: FoldFit) => ({
  fold: fold.name,
  rows: fold.heldOut.size,
  constants: Object.fromEntries(Object.entries(constants).map(([name, value]) => [name, sixDigits(value)])),
})
