/** The work of `trace diff`. */
import { UserError } from '../../errors.js'
import { comparisonJson, comparisonTable, type TraceNames, verdictText } from '../../reports/trace/comparison.js'
import { compareTraces, type ReadResult } from '../../traces/index.js'
import { EXIT_NO } from '../exitCodes.js'
import { printJson, printResult, remark } from '../output.js'
import { demandUnit, readAsRecorded, type TraceInput, tickNotes } from './traceInput.js'

export interface DiffRequest {
  readonly other: string
  readonly scaleFree: boolean
  readonly failOnDifference: boolean
  readonly format: string
}

export async function diffTraces(input: TraceInput, { other, scaleFree, failOnDifference, format }: DiffRequest): Promise<void> {
  const first = await readForStatistics({ ...input, isOneOfSeveral: true })
  const second = await readForStatistics({ ...input, file: other, isOneOfSeveral: true })
  const reports = [first.report, second.report]
  demandUnit(reports)
  for (const note of tickNotes(input, reports)) remark(note)
  const comparison = compareTraces(first.workload, second.workload, { scaleFree })
  const untimed = comparison.lines.find(({ statistic }) => statistic === 'arrivals')
  if (scaleFree && untimed !== undefined)
    throw new UserError({ where: '--scale-free', message: `has no effect: ${untimed.note}`, hint: 'leave it out' })
  const names: TraceNames = [input.file, other]
  if (format === 'json') printJson(comparisonJson(comparison, names))
  else printResult(comparisonTable(comparison, names))
  if (failOnDifference && comparison.verdict !== 'same') {
    remark(`--fail-on-difference  ${verdictText(comparison)} The lines above tell where.`)
    process.exitCode = EXIT_NO
  }
}

/** Ticks stay as they were recorded: spread ones would be compared with times that never were. */
async function readForStatistics(input: TraceInput): Promise<ReadResult> {
  const result = await readAsRecorded(input)
  for (const note of result.report.notes) remark(`${result.workload.provenance.name}: ${note}`)
  return result
}
