/** What is kept of a cell: metrics replicate by replicate, and what the arms were like. Plain data, six digits. */
import type { ArmSpec, LeverName } from '../../levers/lever.js'
import { policiesOf } from '../../levers/lever.js'
import type { Game } from '../attribution/game.js'
import type { Outcome } from '../job.js'
import { printedNumber } from '../json.js'
import { readOf } from '../metrics.js'
import type { Readings } from '../rows.js'
import { meanOf } from '../statistics.js'

/** Replicate by replicate; null where it is undefined. */
export type Values = readonly (number | null)[]

/** The metrics that are kept; all but the capacity are of one run. */
export const KEPT = {
  'tok_s_user.p50': readOf('tok_s_user', 'p50'),
  'tok_s_user.p10': readOf('tok_s_user', 'p10'),
  'tok_s_user.mean': readOf('tok_s_user', 'mean'),
  'tpot_ms.p95': readOf('tpot_ms', 'p95'),
  'itl_ms.p95': readOf('itl_ms', 'p95'),
  'gap_ms.p95': readOf('gap_ms', 'p95'),
  output_tok_s_per_gpu: (o: Outcome) => o.summary?.output_tok_s_per_gpu ?? null,
  capacity_rps: (o: Outcome) => o.capacityPerS,
} as const
export type MetricName = keyof typeof KEPT

export interface ArmFacts {
  readonly name: string
  readonly policies: Omit<ArmSpec, 'name'>
  /** At the cell's own load, means over replicates. */
  readonly attention_share: number | null
  readonly balance: number | null
  /** Requests inside for each rank that decodes. */
  readonly inside_per_rank: number | null
  readonly kv_use: number | null
  readonly slo_attainment: number | null
  /** Replicates by label of saturation, and by what binds. */
  readonly saturation: Readonly<Record<string, number>>
  readonly binding: Readonly<Record<string, number>>
}

export interface CellResult {
  readonly id: string
  /** Why there is no result; null when there is one. */
  readonly void_because: string | null
  readonly static_capacity_rps: number | null
  readonly offered_rps: number | null
  readonly concurrency: number | null
  /** Length of a replicate in mean E2E of the static arm, and in requests. */
  readonly replicate_e2e: number | null
  readonly replicate_requests: number | null
  readonly arms: readonly ArmFacts[]
  /** reading -> arm -> metric -> replicates. */
  readonly values: Readonly<Record<string, Readonly<Record<string, Readonly<Partial<Record<MetricName, Values>>>>>>>
  /** Logarithms of the median speed under every mix of levers, replicate by replicate (see attribution/game.ts); null where it was not asked for. */
  readonly attribution: { readonly levers: readonly LeverName[]; readonly games: readonly Game[] } | null
  /** Law N4: whether every arm was sent the same requests in every replicate at fixed load. */
  readonly same_traffic: boolean
}

export const VOID = {
  static_capacity_rps: null,
  offered_rps: null,
  concurrency: null,
  replicate_e2e: null,
  replicate_requests: null,
  arms: [],
  values: {},
  attribution: null,
  same_traffic: true,
} as const

export const short = (value: number | null): number | null => (value === null ? null : printedNumber(value))

function byArm(outcomes: ReadonlyMap<string, readonly Outcome[]>): Record<string, Partial<Record<MetricName, Values>>> {
  const metrics = Object.entries(KEPT) as [MetricName, (outcome: Outcome) => number | null][]
  return Object.fromEntries(
    [...outcomes].map(([arm, runs]) => [
      arm,
      Object.fromEntries(
        metrics
          .map(([name, read]) => [name, runs.map((run) => short(read(run)))] as const)
          .filter(([, values]) => values.some((value) => value !== null)),
      ),
    ]),
  )
}

export const valuesOf = (readings: Readings) =>
  Object.fromEntries(Object.entries(readings).map(([reading, outcomes]) => [reading, byArm(outcomes)]))

export function factsOf(arm: ArmSpec, outcomes: readonly Outcome[], ranks: number): ArmFacts {
  const summaries = outcomes.flatMap(({ summary }) => (summary === null ? [] : [summary]))
  const count = (labels: readonly string[]): Record<string, number> => {
    const counts: Record<string, number> = {}
    for (const label of labels) counts[label] = (counts[label] ?? 0) + 1
    return counts
  }
  const mean = (values: readonly (number | null)[]) => short(meanOf(values))
  return {
    name: arm.name,
    policies: policiesOf(arm),
    attention_share: mean(summaries.map((s) => s.attention_share)),
    balance: mean(summaries.map((s) => s.balance)),
    inside_per_rank: mean(outcomes.map(({ meanInside }) => meanInside / ranks)),
    kv_use: mean(summaries.map((s) => s.kv_use)),
    slo_attainment: mean(summaries.map((s) => s.slo_attainment)),
    saturation: count(summaries.map((s) => s.saturation.label)),
    binding: count(summaries.map((s) => s.saturation.binding)),
  }
}
