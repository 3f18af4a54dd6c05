/** From measured rows to a calibration file: fit, spread, provenance. */
import { type Calibration, type Constants, constantsOf, type FittedConstant } from '../../timing/index.js'
import type { RowPool } from '../pool.js'
import { REQUESTS_PER_PLACE } from '../protocol.js'
import type { RowSet } from '../validate.js'
import { createEvaluator, touching } from './evaluate.js'
import { type Fit, type FitRequest, type FitRow, fitConstants, type OnFit } from './fit.js'
import { CONSTANT_NAMES, type ConstantName, parametersOf } from './parameters.js'
import { drawConstants, rangeOf } from './spread.js'

/** Joint draws that are written to a file. */
const KEPT_DRAWS = 40
const DIGITS = 4

/** Rows that a fit may see: tiers A and B, with a measured TPOT, and such as the simulator can price. */
export const fitRows = (set: RowSet): FitRow[] => set.rows.filter(({ row }) => row.tier !== 'C' && row.tpotMs !== null)

export interface CalibrationRun {
  readonly request: FitRequest
  readonly fit: Fit
}

/** Requests for each place of the runs that slopes are taken from. */
const SLOPE_REQUESTS = 4

export interface FitPool {
  readonly pool: RowPool
  readonly seed: number
  readonly requestsPerPlace?: number
}

export async function runFit(
  rows: readonly FitRow[],
  start: Calibration,
  { pool, seed, requestsPerPlace = REQUESTS_PER_PLACE }: FitPool,
  report: OnFit,
): Promise<CalibrationRun> {
  const evaluator = createEvaluator(pool, { seed, requestsPerPlace })
  const slopeEvaluator = createEvaluator(pool, { seed, requestsPerPlace: Math.min(SLOPE_REQUESTS, requestsPerPlace) })
  const request = { rows, parameters: parametersOf(start), start: constantsOf(start), evaluator, slopeEvaluator, report }
  return { request, fit: await fitConstants(request) }
}

const round = (value: number): number => Number(value.toPrecision(DIGITS))

/** The calibration as written: values, ranges, and from how many rows each constant comes. */
export function calibrationOf({ request, fit }: CalibrationRun, start: Calibration, title: string): Calibration {
  const { rows, parameters } = request
  const draws = drawConstants(fit, parameters)
  const touched = new Map<ConstantName, FitRow[]>(CONSTANT_NAMES.map((name) => [name, []]))
  for (const row of rows) for (const name of touching(row.plan, fit.constants)) touched.get(name)?.push(row)
  const constants = Object.fromEntries(
    CONSTANT_NAMES.map((name): [ConstantName, FittedConstant] => {
      const [low, high] = rangeOf(draws, name)
      const source = touched.get(name) ?? []
      const shapes = new Set(source.map(({ plan }) => plan.shapeKey)).size
      return [
        name,
        {
          ...start.constants[name],
          value: round(fit.constants[name]),
          low: round(low),
          high: round(high),
          source: source.length === 0 ? 'no row: neutral' : `${source.length} rows of ${shapes} configurations`,
        },
      ]
    }),
  ) as Record<keyof Constants, FittedConstant>
  return {
    title,
    rows: rows.length,
    constants,
    draws: {
      order: CONSTANT_NAMES,
      values: draws.slice(0, KEPT_DRAWS).map((draw) => CONSTANT_NAMES.map((name) => round(draw[name]))),
    },
  }
}
