/** Trace files that a command writes. */
import { basename } from 'node:path'
import { UserError } from '../../errors.js'
import { type Workload, writeWorkload } from '../../traces/index.js'
import type { WriteOptions } from '../../traces/write/index.js'
import { TARGET_ENDINGS, TARGET_NAMES, type TargetName, targetOf } from '../../traces/write/targets.js'
import { linkTarget, putInPlace, temporaryFor } from '../../wholeFile.js'
import { whileWriting } from '../interrupt.js'
import { demandAbsent, demandWritable, discard } from '../outputFile.js'

/**
 * The format in which `path` is to be written, by `to` or by its ending. Throws when nothing may be written there: an ending without a
 * format, an existing file, a file that is read, a folder that is not there.
 */
export function demandTraceOutput(path: string, overwrite: boolean, inputs: readonly string[] = [], to?: TargetName): TargetName {
  const target = to ?? targetOf(path)
  if (target === null) {
    const endings = TARGET_NAMES.map((name) => `${TARGET_ENDINGS[name]} for ${name}`)
    throw new UserError({
      where: path,
      message: 'the ending does not tell the format to write',
      hint: `use the ending ${endings.join(', ')}`,
    })
  }
  demandAbsent(path, path, overwrite)
  demandWritable(path, path, inputs)
  return target
}

/** Writes a trace to a place that `demandTraceOutput` has looked at; Ctrl-C meanwhile leaves nothing of it. */
export const writeTraceOutput = (path: string, workload: Workload, options: WriteOptions): Promise<void> =>
  whileWriting(path, () => writeWorkload(path, workload, options))

export interface TraceOutput {
  readonly path: string
  readonly workload: Workload
  readonly to: TargetName
}

/** Writes several traces to such places, all of them or none: each goes beside its place, and when all are written they are renamed. */
export async function writeTraceOutputs(outputs: readonly TraceOutput[]): Promise<void> {
  // a name that the file system refuses is told here, before the first of them is in its place
  const parts = outputs.map((output) => {
    const place = linkTarget(output.path)
    // the ending stays: it says whether a file is compressed
    return { ...output, place, temporary: temporaryFor(place, /(\.[a-z]+)?(\.[a-z]+)?$/.exec(output.path)?.[0]) }
  })
  const remove = (): void => {
    for (const { temporary } of parts) discard(temporary)
  }
  process.once('exit', remove)
  try {
    await whileWriting(outputs.map(({ path }) => path).join(', '), async () => {
      for (const { path, workload, to, temporary } of parts)
        await writeWorkload(temporary, workload, { to }).catch((error: unknown) => {
          throw said(error, temporary, path)
        })
      for (const { place, temporary } of parts) putInPlace(temporary, place)
    })
  } finally {
    remove()
    process.off('exit', remove)
  }
}

/** The error with the name that the user gave to the file. */
const said = (error: unknown, temporary: string, path: string): unknown =>
  error instanceof UserError
    ? new UserError(error.faults.map((fault) => (fault.where === temporary ? { ...fault, where: path } : fault)))
    : error

/** The name of a trace that is kept in its file: the file's, without its endings. */
export function traceNameOf(path: string): string {
  const name = basename(path).replace(/\.gz$/, '')
  const ending = Object.values(TARGET_ENDINGS).find((one) => name.endsWith(one)) ?? ''
  return name.slice(0, name.length - ending.length)
}

/** A trace made of another: with the name of the file it is written to, and what was `done` to the other. */
export function derived(workload: Workload, output: string, done: string): Workload {
  const { provenance } = workload
  return {
    ...workload,
    provenance: { ...provenance, name: traceNameOf(output), note: `${done}: ${provenance.name}, ${provenance.note}` },
  }
}
