/** The work of `validate levers`. */
import { leverValidationHtml } from '../../reports/html/leverValidation.js'
import { leverValidationTable } from '../../reports/leverValidation.js'
import { LEVER_MARKS, leverValidationDocs } from '../../reports/leverValidationDocs.js'
import { leverValidationJson } from '../../reports/leverValidationJson.js'
import { withGenerated } from '../../reports/markdown.js'
import { measuredDocs } from '../../reports/measuredDocs.js'
import { measuredJson, measuredTable } from '../../reports/measuredLaunches.js'
import { createProgress } from '../../reports/progress.js'
import { VERSION } from '../../scenario/version.js'
import { scoreMeasured } from '../../validation/levers/measured.js'
import { readMeasuredRows } from '../../validation/levers/measuredRows.js'
import { otherReadings, validateLevers } from '../../validation/levers/score.js'
import { loadShippedLaunches, scoreShippedLaunches } from '../../validation/levers/shippedLaunches.js'
import { wrongConstants } from '../../validation/levers/wrongConstants.js'
import { printJson, printResult } from '../output.js'
import { demandDocs, demandPage, pageBefore, writeOutput } from '../outputFile.js'

export interface LeverCellsRequest {
  readonly report?: string
  readonly docs?: string
  readonly format: string
}

export function validateLeverCells({ report, docs, format }: LeverCellsRequest): void {
  demandPage('--report', report, [docs])
  demandDocs(docs, [])
  const validation = validateLevers()
  const all = { validation, others: otherReadings(validation), wrong: wrongConstants() }
  if (format === 'json') printJson(leverValidationJson(all))
  else printResult(leverValidationTable(all))
  if (report !== undefined) writeOutput('--report', report, leverValidationHtml(all, VERSION))
  if (docs === undefined) return
  const progress = createProgress()
  progress.stage('kernels measured on a GPU', loadShippedLaunches().kernels.length)
  const measured = scoreShippedLaunches({ onKernel: (done, total) => progress.update({ done, total }) })
  progress.stop()
  writeOutput('--docs', docs, withGenerated(pageBefore(docs), leverValidationDocs(all, measuredDocs(measured)), LEVER_MARKS))
}

export function validateMeasuredLaunches(path: string, train: readonly string[], format: string): void {
  const groups = scoreMeasured(readMeasuredRows(path), train.flatMap(readMeasuredRows))
  if (format === 'json') printJson(measuredJson(groups))
  else printResult(measuredTable(groups))
}
