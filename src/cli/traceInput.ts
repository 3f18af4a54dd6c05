/** A trace file as named on the command line. */

import { UserError } from '../errors.js'
import type { ReadOptions, ReadResult, TraceReport } from '../traces/index.js'
import { remark } from './output.js'
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
    const result = await readTraceFile(input.file, input)
    for (const note of result.report.notes) remark(note)
    results.push(result)
  }
  demandTicks(
    inputs[0],
    results.map(({ report }) => report),
  )
  return results
}

/** Throws where it was said what to do about ticks, and none of the files has any. */
export function demandTicks({ spreadTicks, keepTicks }: TraceInput, reports: readonly TraceReport[]): void {
  if (!(spreadTicks || keepTicks) || reports.some(({ tickNs }) => tickNs !== null)) return
  throw new UserError({
    where: spreadTicks ? '--spread-ticks' : '--keep-ticks',
    message: 'has no effect: no arrivals come in ticks of a second or more (those of a Shapewise trace stay as they are)',
    hint: 'leave it out',
  })
}
