/** A trace file as named on the command line. */

import { type ReadOptions, type ReadResult, readTrace } from '../traces/index.js'
import { remark } from './output.js'

export interface TraceInput extends ReadOptions {
  readonly file: string
}

/** Reads the file and says on stderr what was assumed, sorted and skipped. */
export async function readNamedTrace(input: TraceInput): Promise<ReadResult> {
  const result = await readTrace(input.file, input)
  for (const note of result.report.notes) remark(note)
  return result
}
