/** A trace file as named on the command line. */

import type { ReadOptions, ReadResult } from '../traces/index.js'
import { remark } from './output.js'
import { readTraceFile } from './readTraceFile.js'

export interface TraceInput extends ReadOptions {
  readonly file: string
}

/** Reads the file and says on stderr what was assumed, sorted and skipped. */
export async function readNamedTrace(input: TraceInput): Promise<ReadResult> {
  const result = await readTraceFile(input.file, input)
  for (const note of result.report.notes) remark(note)
  return result
}
