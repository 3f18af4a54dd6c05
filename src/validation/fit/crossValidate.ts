/** Held-out scores: the constants of each fold predict the rows that the fold left out. */
import type { Calibration, Constants } from '../../timing/index.js'
import type { RowPool } from '../pool.js'
import type { Scored } from '../scores.js'
import { type RowSet, scoreRows } from '../validate.js'
import { type CalibrationRun, fitRows, runFit } from './calibrate.js'
import type { OnFit } from './fit.js'
import { type FoldFit, type FoldRule, fitFolds, foldsOf } from './folds.js'

export interface CrossValidationRequest {
  readonly set: RowSet
  readonly start: Calibration
  readonly by: FoldRule
  readonly folds: number
  readonly pool: RowPool
  readonly seed: number
  readonly report: OnFit
}

export interface CrossValidation {
  /** Rows that the fit may see, each predicted by its fold; other rows, by the fit of all. */
  readonly scored: Scored
  readonly run: CalibrationRun
  readonly folds: readonly FoldFit[]
}

export async function crossValidate(request: CrossValidationRequest): Promise<CrossValidation> {
  const { set, start, by, pool, seed, report } = request
  const rows = fitRows(set)
  const run = await runFit(rows, start, { pool, seed }, report)
  const folds = await fitFolds(run.request, run.fit, foldsOf(rows, by, request.folds, seed))
  const held = new Map<string, Constants>()
  for (const { fold, constants } of folds) for (const id of fold.heldOut) held.set(id, constants)
  const scored = await scoreRows({
    set,
    constantsOf: (plan) => held.get(plan.id) ?? run.fit.constants,
    pool,
    seed,
    onDone: (done) => report('held-out rows', done, set.rows.length),
  })
  return { scored, run, folds }
}
