/** `readTrace`: any supported trace file into a workload, with a report of what was assumed, sorted and skipped. */
import { statSync } from 'node:fs'
import { basename } from 'node:path'
import { UserError } from '../errors.js'
import { explainReadError, readChunks } from './byteStream.js'
import type { FormatName } from './formats/catalogue.js'
import type { TraceReader } from './formats/format.js'
import { FORMATS } from './formats/index.js'
import { createIntake } from './intake.js'
import { firstRequests, normalise } from './normalise.js'
import type { ReadOptions } from './options.js'
import { createOutputRule } from './outputs.js'
import { BEYOND_LIMIT, createSkipLog, faultOf, idleUnitText, type SkipLog, type TraceReport } from './report.js'
import { createRequestRows, type RequestRows } from './requestRows.js'
import { idealHitRate } from './statistics/prefixes.js'
import type { Workload } from './workload.js'

export type { ReadOptions } from './options.js'

export interface ReadResult {
  readonly workload: Workload
  readonly report: TraceReport
}

/** Reads a file of any format, plain, gzip or zstd; what had to be decided or skipped is in the report. Throws UserError for a file that cannot be read. */
export async function readTrace(path: string, options: ReadOptions = {}): Promise<ReadResult> {
  const skips = createSkipLog()
  const rows = createRequestRows(path)
  const outputs = createOutputRule(path, options.outputs, skips)
  const intake = createIntake({ path, options, rows, skips, outputTokens: outputs.tokens })
  try {
    for await (const chunk of readChunks(path, progressOf(path, options))) {
      intake.push(chunk)
      if (intake.isDone()) break
    }
    const { reader, format } = await intake.end()
    const result = finish({ reader, format, path, options, skips, rows, outputNotes: outputs.notes() })
    const idle = options.isOneOfSeveral ? null : idleUnitText([result.report])
    if (idle !== null) throw new UserError({ where: path, message: `the time unit ${idle}`, hint: 'leave it out' })
    return result
  } catch (error) {
    throw error instanceof UserError ? error : explainReadError(error, path, intake.rowsSoFar())
  }
}

function progressOf(path: string, { onProgress }: ReadOptions): ((bytes: number) => void) | undefined {
  if (onProgress === undefined) return undefined
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  return (bytes) => onProgress(bytes, size)
}

interface ReadFile {
  readonly reader: TraceReader
  readonly format: FormatName
  readonly path: string
  readonly options: ReadOptions
  readonly skips: SkipLog
  readonly rows: RequestRows
  readonly outputNotes: readonly string[]
}

/** Judges the rows and makes the workload and its report of them. */
function finish({ reader, format, path, options, skips, rows, outputNotes }: ReadFile): ReadResult {
  const rowsRead = reader.rowsRead()
  const { note, notes, unitless, blockTokens = 0, workload: own } = reader.findings()
  skips.refuseIfBad(path, rowsRead)
  if (rowsRead === 0) throw noRequests(path, 'the file has no rows; a header alone is no trace')
  if (own === undefined && rows.count === 0) {
    const none = rowsRead === 1 ? 'the only row is not usable' : `none of the ${rowsRead} rows is usable`
    const [bad] = skips.firstBad
    if (bad !== undefined) {
      const fault = faultOf(path, bad)
      throw new UserError({ ...fault, hint: fault.hint ?? NO_REQUESTS, message: `${none}: ${fault.message}` })
    }
    const [first] = skips.firstSkipped
    throw noRequests(
      path,
      `${none}: ${first === undefined ? skips.byReason()[0]?.reason : `${first.reason} (line ${first.line})`}`,
    )
  }
  const limit = options.limit ?? Number.POSITIVE_INFINITY
  skips.leaveOut(Math.max(0, (own?.count ?? rows.count) - limit), BEYOND_LIMIT)
  const raw = (own && firstRequests(own, limit)) ?? {
    ...rows.columns(limit),
    blockTokens,
    provenance: { name: basename(path), format, note, rowsRead, rowsSkipped: 0 },
  }
  if (options.blockNumbers !== undefined && raw.runFirst !== null && !FORMATS[format].namesBlocks)
    throw unnamedBlocks(path, format)
  const { workload, notes: decided, ...counts } = normalise(raw, path, options, skips, own !== undefined)
  const skipNotes = skips.byReason().map(({ reason, count }) => `${count} ${count === 1 ? 'row' : 'rows'} skipped: ${reason}.`)
  const hitRate = idealHitRate(workload)
  const reuse =
    hitRate === null || own !== undefined
      ? []
      : [`An unlimited cache of prefixes would serve ${(100 * hitRate).toFixed(1)} % of the input tokens.`]
  return {
    workload: own === undefined ? { ...workload, provenance: { ...workload.provenance, rowsSkipped: skips.count } } : workload,
    report: {
      format,
      rowsRead,
      rowsKept: workload.count,
      rowsSkipped: skips.count,
      skippedByReason: skips.byReason(),
      firstSkipped: skips.firstSkipped,
      ...counts,
      idleUnit: options.columns?.timeUnit === undefined ? null : (unitless ?? null),
      idealHitRate: hitRate,
      notes: [...notes, ...skipNotes, ...outputNotes, ...decided, ...reuse],
    },
  }
}

const NO_REQUESTS = 'give a trace with at least one request of one or more input and output tokens'

const unnamedBlocks = (path: string, format: FormatName): UserError =>
  new UserError({
    where: path,
    message: `a file of the format ${format} has no ids of prefix blocks that mean the same in another file`,
    hint: 'merge the files that its blocks were first recorded in (a conversion numbers them anew), or leave --same-ids out',
  })

function noRequests(path: string, message: string): UserError {
  return new UserError({
    where: path,
    message,
    hint: NO_REQUESTS,
  })
}
