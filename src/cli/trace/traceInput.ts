/** A trace file as named on the command line. */

import { UserError } from '../../errors.js'
import type { ReadOptions, ReadResult, TraceReport } from '../../traces/index.js'
import { idleUnitText } from '../../traces/report.js'
import { remark } from '../output.js'
import { readTraceFile } from './readTraceFile.js'

export interface TraceInput extends ReadOptions {
  readonly file: string
}

/** Reads the file for statistics of itself: ticks stay as they were recorded, unless they are to be spread. */
export function readAsRecorded(input: TraceInput): Promise<ReadResult> {
  if (input.keepTicks)
    throw new UserError({ where: '--keep-ticks', message: 'has no effect here: ticks stay as they are', hint: 'leave it out' })
  return readTraceFile(input.file, { ...input, keepTicks: !input.spreadTicks })
}

/** Reads the file and says on stderr what was assumed, sorted and skipped. */
export async function readNamedTrace(input: TraceInput): Promise<ReadResult> {
  const [result] = await readNamedTraces([input])
  return result
}

/** The same for several files that are read alike. */
export async function readNamedTraces(inputs: readonly TraceInput[]): Promise<ReadResult[]> {
  const results: ReadResult[] = []
  for (const input of inputs) {
    const result = await readTraceFile(input.file, { ...input, isOneOfSeveral: inputs.length > 1 })
    for (const note of result.report.notes) remark(note)
    results.push(result)
  }
  const reports = results.map(({ report }) => report)
  demandUnit(reports)
  for (const note of tickNotes(inputs[0], reports)) remark(note)
  return results
}

/** Throws where a time unit was given that has no effect on any of the files, which were read as some of several. */
export function demandUnit(reports: readonly TraceReport[]): void {
  const idle = idleUnitText(reports)
  if (idle !== null) throw new UserError({ where: '--time-unit', message: idle, hint: 'leave it out' })
}

/** The sentence that it was said (by `said`) what to do about ticks, and no file has any. No error: that is seen only when a file is read. */
export function tickNotes(
  { spreadTicks, keepTicks }: ReadOptions,
  reports: readonly TraceReport[],
  said = spreadTicks ? '--spread-ticks' : '--keep-ticks',
): string[] {
  if (!(spreadTicks || keepTicks) || reports.some(({ tickNs }) => tickNs !== null)) return []
  return [`${said} has no effect: no arrivals come in ticks of a second or more (those of a Shapewise trace stay as they are).`]
}
