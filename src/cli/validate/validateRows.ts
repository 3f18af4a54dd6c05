/** The work of `validate`: measured serving rows on the simulator, with the shipped constants or with those of cross-validation. */
import { UserError } from '../../errors.js'
import { validationHtml } from '../../reports/html/validation.js'
import { withGenerated } from '../../reports/markdown.js'
import { createProgress, type Progress } from '../../reports/progress.js'
import { foldsTable, rangesTable, validationTable } from '../../reports/validation.js'
import { DOCS_MARKS, validationDocs } from '../../reports/validationDocs.js'
import { VERSION } from '../../scenario/version.js'
import { type Calibration, constantsOf, drawsOf, loadCalibration } from '../../timing/index.js'
import { ablate } from '../../validation/ablation.js'
import { type RowRange, rowRanges } from '../../validation/draws.js'
import { calibrationOf } from '../../validation/fit/calibrate.js'
import { type CrossValidation, crossValidate } from '../../validation/fit/crossValidate.js'
import type { OnFit } from '../../validation/fit/fit.js'
import type { FoldRule } from '../../validation/fit/folds.js'
import { foldJson, validationJson, withRanges } from '../../validation/json.js'
import { createRowPool, type RowPool } from '../../validation/pool.js'
import type { Scored } from '../../validation/scores.js'
import { findSettings } from '../../validation/settings.js'
import { TOPOLOGY_RULES } from '../../validation/shape.js'
import { type RowSet, readRows, scoreRows } from '../../validation/validate.js'
import { printJson, printResult, remark } from '../output.js'
import { demandDocs, demandPage, pageBefore, writeOutput } from '../outputFile.js'

export interface ValidateRequest {
  readonly rows: string
  readonly settings?: string
  readonly calibration?: string
  /** null = no cross-validation. */
  readonly crossValidation: { readonly folds: number; readonly by: FoldRule } | null
  readonly draws: number
  /** HTML and Markdown files to write. */
  readonly report?: string
  readonly docs?: string
  readonly threads: number
  readonly seed: number
  readonly format: string
  readonly quiet: boolean
  readonly signal: AbortSignal
}

/** What was assumed, on stderr: settings, release profiles, cuts by rule. */
export function explainRows({ rows, refused, configured }: RowSet, settings: string | null, say: (text: string) => void): void {
  const all = rows.length + refused.length
  say(
    settings === null
      ? "settings: none; batch limits, budgets and kernels are the backends' defaults"
      : `settings: ${settings}, of ${configured.size} of ${all} rows${configured.size < all ? "; the others have the backends' defaults" : ''}`,
  )
  const profiles = new Map<string, number>()
  for (const { plan } of rows) profiles.set(plan.profile, (profiles.get(plan.profile) ?? 0) + 1)
  const counts = [...profiles].sort().map(([name, count]) => `${name} ${count}`)
  say(`profiles by backend and date: ${counts.join(', ')}`)
  const guessed = rows.filter(({ plan }) => plan.engines.some(({ basis }) => basis === 'rule'))
  for (const backend of new Set(guessed.map(({ row }) => row.backend))) {
    const count = guessed.filter(({ row }) => row.backend === backend).length
    say(`${count} ${backend} rows without a usable cut: ${TOPOLOGY_RULES[backend]}`)
  }
  if (refused.length > 0) say(`${refused.length} of ${all} rows cannot be simulated; each is listed with its reason`)
}

/** Progress of a fit: a stage whenever its name changes. */
export function fitProgress(progress: Progress): OnFit {
  let current = ''
  return (stage, done, total) => {
    if (stage !== current || done === 1) progress.stage(stage, total)
    current = stage
    progress.update({ done, total })
  }
}

interface Outcome {
  readonly scored: Scored
  readonly cross: CrossValidation | null
  readonly ranges: ReadonlyMap<string, RowRange> | null
}

export async function validateRows(request: ValidateRequest): Promise<void> {
  const { threads, format, quiet, signal } = request
  const settingsPath = findSettings(request.rows, request.settings)
  const inputs = [request.rows, settingsPath, request.calibration]
  demandPage('--report', request.report, [...inputs, request.docs])
  demandDocs(request.docs, inputs)
  const set = readRows(request.rows, settingsPath)
  const calibration = loadCalibration(request.calibration)
  explainRows(set, settingsPath, quiet ? () => {} : remark)
  const progress = createProgress({ quiet })
  const pool = createRowPool({ threads, signal })
  try {
    const report = fitProgress(progress)
    const outcome = await score(request, set, calibration, pool, report)
    const docs = request.docs === undefined ? undefined : await docsOf(request, set, outcome, calibration, pool, report)
    progress.stop()
    print(outcome, calibration, format)
    if (request.report !== undefined) writeOutput('--report', request.report, pageOf(request, outcome, calibration))
    if (docs !== undefined) writeOutput('--docs', request.docs as string, docs)
  } finally {
    progress.stop()
    await pool.close()
  }
}

async function score(
  { crossValidation, draws, seed }: ValidateRequest,
  set: RowSet,
  calibration: Calibration,
  pool: RowPool,
  report: OnFit,
): Promise<Outcome> {
  if (crossValidation !== null) {
    const cross = await crossValidate({ set, start: calibration, ...crossValidation, pool, seed, report })
    return { scored: cross.scored, cross, ranges: null }
  }
  const joint = draws === 0 ? [] : chosenDraws(calibration, draws)
  const scored = await scoreRows({
    set,
    constantsOf: () => constantsOf(calibration),
    pool,
    seed,
    onDone: (done) => report('rows', done, set.rows.length),
  })
  const onDone = (done: number, total: number) => report('draws', done, total)
  return { scored, cross: null, ranges: draws === 0 ? null : await rowRanges(set, joint, pool, seed, onDone) }
}

function chosenDraws(calibration: Calibration, count: number) {
  const all = drawsOf(calibration)
  if (all.length >= count) return all.slice(0, count)
  throw new UserError({
    where: '--draws',
    message: `the calibration holds ${all.length} joint draws of its constants, ${count} were asked for`,
    hint: all.length === 0 ? 'make one with draws: shapewise calibrate --rows FILE --out FILE' : `ask for at most ${all.length}`,
  })
}

function print({ scored, cross, ranges }: Outcome, calibration: Calibration, format: string): void {
  if (format === 'json') {
    const json = withRanges(validationJson(scored), ranges)
    printJson(cross === null ? json : { ...json, folds: cross.folds.map(foldJson) })
    return
  }
  const parts = [validationTable(scored)]
  if (ranges !== null) parts.push(rangesTable(scored, ranges))
  if (cross !== null) parts.push(foldsTable(cross, fittedConstants(cross, calibration)))
  printResult(parts.join('\n\n'))
}

const leftOutText = (cross: CrossValidation, by: FoldRule): string =>
  by === 'pair'
    ? 'Every row was predicted with constants fitted without its model on its system (one fold a pair).'
    : `Every row was predicted with constants fitted without its true shape (${cross.folds.length} folds).`

const fittedConstants = (cross: CrossValidation | null, calibration: Calibration): Calibration =>
  cross === null ? calibration : calibrationOf(cross.run, calibration, 'all rows')

function pageOf({ crossValidation }: ValidateRequest, { scored, cross }: Outcome, calibration: Calibration): string {
  const constants =
    cross === null
      ? `${calibration.title}. Errors on the rows of the fit are not held out: --cross-validate prints those.`
      : leftOutText(cross, crossValidation?.by ?? 'config_key')
  return validationHtml({ scored, constants, version: VERSION })
}

async function docsOf(
  { crossValidation, docs = '', seed }: ValidateRequest,
  set: RowSet,
  { scored, cross }: Outcome,
  calibration: Calibration,
  pool: RowPool,
  report: OnFit,
): Promise<string> {
  const fitted = fittedConstants(cross, calibration)
  const ablation = await ablate(set, constantsOf(fitted), pool, seed, report)
  const leftOut = cross === null ? '' : leftOutText(cross, crossValidation?.by ?? 'config_key')
  const generated = validationDocs({ scored, calibration: fitted, ablation, folds: cross?.folds ?? [], leftOut })
  return withGenerated(pageBefore(docs), generated, DOCS_MARKS)
}
