/** A trace file as named on the command line. */

import { UserError } from '../errors.js'
import type { ReadOptions, ReadResult } from '../traces/index.js'
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
  const result = await readTraceFile(input.file, input)
  for (const note of result.report.notes) remark(note)
  return result
}
