/** Reading a trace with progress on stderr, for files that take a while. */
import { statSync } from 'node:fs'
import { basename } from 'node:path'
import type { ReadOptions, ReadResult } from '../../traces/index.js'

const MB = 1e6
/** Smaller files are read before anybody wonders. */
const LEAST_BYTES = 8 * MB

export async function readTraceFile(path: string, options: ReadOptions, quiet = false): Promise<ReadResult> {
  const { readTrace } = await import('../../traces/read.js')
  const bytes = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  if (quiet || bytes < LEAST_BYTES) return await readTrace(path, options)
  const { createProgress } = await import('../../reports/progress.js')
  const progress = createProgress()
  const total = Math.ceil(bytes / MB)
  progress.stage(`${basename(path)}, MB`, total)
  try {
    return await readTrace(path, { ...options, onProgress: (read) => progress.update({ done: Math.round(read / MB), total }) })
  } finally {
    progress.stop()
  }
}
