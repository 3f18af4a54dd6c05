/**
 * Fits the global constants to measured rows: Gauss-Newton on the simulator with numerical slopes and a robust loss. One set of constants
 * for all rows; nothing depends on a row or a configuration.
 */
import type { Constants } from '../../timing/index.js'
import { ttftShare } from '../protocol.js'
import type { RowPlan } from '../rowPlan.js'
import { SATURATED_SHARE } from '../scores.js'
import type { ServingRow } from '../servingRow.js'
import { type Evaluation, type Evaluator, touching } from './evaluate.js'
import { constantsAt, coordinatesOf, type Parameter } from './parameters.js'
import { type Residual, solveRobust } from './solve.js'

export interface FitRow {
  readonly row: ServingRow
  readonly plan: RowPlan
}

/** Weight of a residual: TTFT and the rate of a saturated system repeat some four times worse than TPOT. */
const WEIGHTS = { tpot: 1, ttft: 0.25, rate: 0.25 } as const
type Kind = keyof typeof WEIGHTS

/** What a row is fitted on: TPOT, and TTFT, or the throughput where TTFT is a queue length. */
function targetsOf({ row, plan }: FitRow): { readonly kind: Kind; readonly measuredLog: number }[] {
  const { tpotMs, ttftMs } = row
  if (tpotMs === null) return []
  const tpot = { kind: 'tpot', measuredLog: Math.log(tpotMs) } as const
  if (ttftMs === null) return [tpot]
  if (ttftShare(plan.osl, ttftMs, tpotMs) <= SATURATED_SHARE) return [tpot, { kind: 'ttft', measuredLog: Math.log(ttftMs) }]
  return [tpot, { kind: 'rate', measuredLog: -logLatency(plan, ttftMs, tpotMs) }]
}

/** Log of the mean latency; a closed loop's throughput is its inverse. */
const logLatency = (plan: RowPlan, ttftMs: number, tpotMs: number): number =>
  Math.log(ttftMs / ttftShare(plan.osl, ttftMs, tpotMs))

/** Log outputs of a row by kind. */
type Outputs = Readonly<Record<Kind, number>>

const outputsOf = (plan: RowPlan, { ttftMs, tpotMs }: { ttftMs: number; tpotMs: number }): Outputs => ({
  tpot: Math.log(tpotMs),
  ttft: Math.log(ttftMs),
  rate: -logLatency(plan, ttftMs, tpotMs),
})

export type OnFit = (stage: string, done: number, total: number) => void

/** Slopes of every row's outputs by every coordinate, at a reference; by the id of the row. */
export type Slopes = ReadonlyMap<string, Readonly<Record<Kind, Float64Array>>>

async function outputsAt(rows: readonly FitRow[], constants: Constants, evaluator: Evaluator, report: OnFit) {
  const wanted = rows.map(({ plan }) => ({ plan, constants }))
  const means = await evaluator.means(wanted, (done, total) => report('rows', done, total))
  return means.map((mean, i) => (mean === null ? null : outputsOf(rows[i].plan, mean)))
}

/** One simulation a row and constant that touches it. */
async function slopesAt(
  rows: readonly FitRow[],
  parameters: readonly Parameter[],
  at: readonly number[],
  evaluator: Evaluator,
  report: OnFit,
): Promise<Slopes> {
  const here = constantsAt(parameters, at)
  const base = await outputsAt(rows, here, evaluator, report)
  const moves: { readonly rowIndex: number; readonly j: number; readonly step: number; readonly evaluation: Evaluation }[] = []
  rows.forEach(({ plan }, rowIndex) => {
    const names = new Set(touching(plan, here))
    parameters.forEach(({ name, step, high }, j) => {
      if (!names.has(name) || base[rowIndex] === null) return
      const signed = at[j] + step <= high ? step : -step
      const moved = at.map((value, k) => (k === j ? value + signed : value))
      moves.push({ rowIndex, j, step: signed, evaluation: { plan, constants: constantsAt(parameters, moved) } })
    })
  })
  const means = await evaluator.means(
    moves.map(({ evaluation }) => evaluation),
    (done, total) => report('slopes', done, total),
  )
  const none = () => new Float64Array(parameters.length)
  const slopes = new Map(rows.map(({ plan }) => [plan.id, { tpot: none(), ttft: none(), rate: none() }]))
  moves.forEach(({ rowIndex, j, step }, i) => {
    const mean = means[i]
    const from = base[rowIndex]
    if (mean === null || from === null) return
    const to = outputsOf(rows[rowIndex].plan, mean)
    const slope = slopes.get(rows[rowIndex].plan.id)
    if (slope === undefined) return
    for (const kind of Object.keys(WEIGHTS) as Kind[]) slope[kind][j] = (to[kind] - from[kind]) / step
  })
  return slopes
}

/** Residuals at given constants, with slopes from a reference near by. Configurations weigh alike, whatever their number of rows. */
async function residualsAt(
  rows: readonly FitRow[],
  slopes: Slopes,
  constants: Constants,
  evaluator: Evaluator,
  report: OnFit,
): Promise<Residual[]> {
  const outputs = await outputsAt(rows, constants, evaluator, report)
  const keys = [...new Set(rows.map(({ plan }) => plan.shapeKey))]
  const sizes = new Map<string, number>()
  for (const { plan } of rows) sizes.set(plan.shapeKey, (sizes.get(plan.shapeKey) ?? 0) + 1)
  return rows.flatMap((fitRow, i): Residual[] => {
    const output = outputs[i]
    const slope = slopes.get(fitRow.plan.id)
    if (output === null || slope === undefined) return []
    const share = 1 / Math.sqrt(sizes.get(fitRow.plan.shapeKey) ?? 1)
    return targetsOf(fitRow).map(({ kind, measuredLog }) => ({
      error: output[kind] - measuredLog,
      slope: slope[kind],
      weight: WEIGHTS[kind] * share,
      configuration: keys.indexOf(fitRow.plan.shapeKey),
    }))
  })
}

export interface FitRequest {
  readonly rows: readonly FitRow[]
  readonly parameters: readonly Parameter[]
  readonly start: Constants
  /** Means as they are reported. */
  readonly evaluator: Evaluator
  /** Means of shorter runs, for slopes alone: differences of runs with the same draws need fewer requests. */
  readonly slopeEvaluator: Evaluator
  readonly report: OnFit
}

export interface Fit {
  readonly constants: Constants
  readonly slopes: Slopes
  /** At the constants. */
  readonly residuals: readonly Residual[]
}

/** Slopes are measured once, at the start; the iterations keep them, since few constants bend. */
const ITERATIONS = 3

export async function fitConstants(request: FitRequest): Promise<Fit> {
  const { rows, parameters, start, slopeEvaluator, report } = request
  const slopes = await slopesAt(rows, parameters, coordinatesOf(parameters, start), slopeEvaluator, report)
  const constants = await iterate(request, slopes, start, ITERATIONS)
  return { constants, slopes, residuals: await residualsAt(rows, slopes, constants, request.evaluator, report) }
}

/** Iterations with slopes that are kept: each simulates the rows once and solves the linear model. */
export async function iterate(
  { rows, parameters, evaluator, report }: FitRequest,
  slopes: Slopes,
  start: Constants,
  iterations: number,
): Promise<Constants> {
  let constants = start
  for (let iteration = 0; iteration < iterations; iteration++) {
    const residuals = await residualsAt(rows, slopes, constants, evaluator, report)
    constants = constantsAt(parameters, solveRobust(residuals, parameters, coordinatesOf(parameters, constants)))
  }
  return constants
}
