/** The work of `trace diff`. */
import { UserError } from '../errors.js'
import { comparisonJson, comparisonTable, type TraceNames, verdictText } from '../reports/trace/comparison.js'
import { compareTraces, type Workload } from '../traces/index.js'
import { printJson, printResult, remark } from './output.js'
import { readAsRecorded, type TraceInput } from './traceInput.js'

export interface DiffRequest {
  readonly other: string
  readonly scaleFree: boolean
  readonly failOnDifference: boolean
  readonly format: string
}

export async function diffTraces(input: TraceInput, { other, scaleFree, failOnDifference, format }: DiffRequest): Promise<void> {
  const first = await readForStatistics(input)
  const second = await readForStatistics({ ...input, file: other })
  const comparison = compareTraces(first, second, { scaleFree })
  const names: TraceNames = [input.file, other]
  if (format === 'json') printJson(comparisonJson(comparison, names))
  else printResult(comparisonTable(comparison, names))
  if (failOnDifference && comparison.verdict !== 'same') {
    throw new UserError({ where: '--fail-on-difference', message: verdictText(comparison), hint: 'the lines above tell where' })
  }
}

/** Ticks stay as they were recorded: spread ones would be compared with times that never were. */
async function readForStatistics(input: TraceInput): Promise<Workload> {
  const { workload, report } = await readAsRecorded(input)
  for (const note of report.notes) remark(`${workload.provenance.name}: ${note}`)
  return workload
}
