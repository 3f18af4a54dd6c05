/** Rows in, scores out: read, map, simulate, compare. Nothing is fitted here. */
import { type Constants, type Evidence, evidenceOf, weakestEvidence } from '../timing/index.js'
import { readCsv } from './csvTable.js'
import type { RowPool } from './pool.js'
import { REQUESTS_PER_PLACE } from './protocol.js'
import { rowTiming } from './rowCluster.js'
import { planRow, type RowPlan } from './rowPlan.js'
import type { RowJob } from './runRows.js'
import { type RefusedRow, type Scored, type ScoredRow, scoreRow } from './scores.js'
import { type ServingRow, servingRows } from './servingRow.js'
import { readSettings, type SettingsById } from './settings.js'

export interface MappedRow {
  readonly row: ServingRow
  readonly plan: RowPlan
}

export interface RowSet {
  readonly rows: readonly MappedRow[]
  /** Ids that have settings. */
  readonly configured: ReadonlySet<string>
  readonly refused: readonly RefusedRow[]
}

export function mapRows(rows: readonly ServingRow[], settings: SettingsById): RowSet {
  const good: MappedRow[] = []
  const refused: RefusedRow[] = []
  const lines = new Map<string, number>()
  for (const row of rows) {
    const before = lines.get(row.id)
    if (before !== undefined) {
      refused.push({ row, refused: `its id stands in line ${before} already` })
      continue
    }
    lines.set(row.id, row.line)
    const plan = planRow(row, settings.get(row.id))
    if ('refused' in plan) refused.push({ row, refused: plan.refused })
    else good.push({ row, plan })
  }
  return { rows: good, refused, configured: new Set(rows.map(({ id }) => id).filter((id) => settings.has(id))) }
}

export const readRows = (rowsPath: string, settingsPath: string | null): RowSet =>
  mapRows(servingRows(readCsv(rowsPath)), readSettings(settingsPath))

export interface ScoreRequest {
  readonly set: RowSet
  /** Constants of each row: the same for all, or those of the fold that left it out. */
  readonly constantsOf: (plan: RowPlan) => Constants
  readonly pool: RowPool
  readonly seed: number
  readonly onDone?: (done: number) => void
}

export async function scoreRows({ set, constantsOf, pool, seed, onDone }: ScoreRequest): Promise<Scored> {
  const settings = { seed, requestsPerPlace: REQUESTS_PER_PLACE }
  const jobs = set.rows.map(({ plan }): RowJob => ({ plan, constants: constantsOf(plan), settings }))
  let done = 0
  const answers = await pool.run(jobs, () => onDone?.(++done))
  const rows: ScoredRow[] = []
  const refused: RefusedRow[] = [...set.refused]
  answers.forEach((answer, i) => {
    const { row, plan } = set.rows[i]
    if ('refused' in answer) refused.push({ row, refused: answer.refused })
    else rows.push(scoreRow(row, plan, answer, evidenceOfPlan(plan, jobs[i].constants)))
  })
  return { rows, refused }
}

const evidenceOfPlan = (plan: RowPlan, constants: Constants): Evidence =>
  weakestEvidence(plan.engines.map((engine) => evidenceOf(rowTiming(plan, engine, constants))))
