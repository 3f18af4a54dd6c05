/** The work of `calibrate`. */
import { UserError } from '../../errors.js'
import { createProgress } from '../../reports/progress.js'
import { constantsTable } from '../../reports/validation.js'
import { loadCalibration } from '../../timing/index.js'
import { calibrationOf, fitRows, runFit } from '../../validation/fit/calibrate.js'
import { createRowPool } from '../../validation/pool.js'
import { findSettings } from '../../validation/settings.js'
import { readRows } from '../../validation/validate.js'
import { printJson, printResult, remark } from '../output.js'
import { demandAbsent, demandWritable, writeOutput } from '../outputFile.js'
import { explainRows, fitProgress } from './validateRows.js'

export interface CalibrateRequest {
  readonly rows: string
  readonly settings?: string
  readonly start?: string
  readonly out?: string
  readonly overwrite: boolean
  readonly threads: number
  readonly seed: number
  readonly format: string
  readonly quiet: boolean
  readonly signal: AbortSignal
}

export async function calibrateRows(request: CalibrateRequest): Promise<void> {
  const { out, overwrite, threads, seed, format, quiet, signal } = request
  const settingsPath = findSettings(request.rows, request.settings)
  demandWritable('--out', out, [request.rows, settingsPath])
  if (out !== undefined) demandAbsent(`--out ${out}`, out, overwrite)
  const set = readRows(request.rows, settingsPath)
  const say = quiet ? () => {} : remark
  explainRows(set, settingsPath, say)
  for (const { row, refused } of set.refused) say(`  ${row.id}: ${refused}`)
  const rows = fitRows(set)
  if (rows.length === 0) {
    throw new UserError({
      where: request.rows,
      message: 'no row of tier A or B has a measured tpot_ms and can be simulated',
      hint: 'see what validate says of the rows',
    })
  }
  const start = loadCalibration(request.start)
  const progress = createProgress({ quiet })
  const pool = createRowPool({ threads, signal })
  try {
    const run = await runFit(rows, start, { pool, seed }, fitProgress(progress))
    progress.stop()
    const calibration = calibrationOf(run, start, `Constants fitted to ${rows.length} measured serving rows`)
    if (out !== undefined) writeOutput('--out', out, `${JSON.stringify(calibration, null, 2)}\n`)
    if (format === 'json') printJson(calibration)
    else printResult(constantsTable(calibration))
  } finally {
    progress.stop()
    await pool.close()
  }
}
