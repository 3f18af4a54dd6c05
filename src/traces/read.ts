/** `readTrace`: any supported trace file into a workload, with a report of what was assumed, sorted and skipped. */
import { basename } from 'node:path'
import { UserError } from '../errors.js'
import { stream } from '../rng.js'
import { NS_PER_S } from '../units.js'
import { createLineSplitter, explainReadError, type LineSplitter, readChunks } from './byteStream.js'
import { countOutOfOrder, createShapeColumns, pickRequests, timeOrder } from './columns.js'
import { type ColumnChoice, layoutOf } from './csvHeader.js'
import { createCsvScanner, separatorOf, splitLine } from './csvScan.js'
import { detectFormat, HEAD_BYTES, type TraceFormat } from './detect.js'
import { createMooncakeScanner, inferBlockTokens } from './mooncake.js'
import { createSkipLog, type SkipLog, type TraceReport } from './report.js'
import { decodeTrace } from './shapewiseFormat.js'
import { idealHitRate } from './statistics/index.js'
import { detectTick, spreadTicks } from './ticks.js'
import { shapesOnly, type Workload } from './workload.js'

export interface ReadOptions {
  /** Overrides the format told by the content. */
  readonly from?: TraceFormat
  /** Spread arrivals that were recorded in ticks of a second or more over their tick; otherwise such traces are refused. */
  readonly spreadTicks: boolean
  /** Leave such ticks as they were recorded, neither spread nor refused: for statistics of the file itself. */
  readonly keepTicks?: boolean
  /** Columns of a CSV file, where their names are not recognised. */
  readonly columns?: ColumnChoice
  /** Seed of the stream `trace/spread-ticks`. Default 1. */
  readonly seed?: number | string
}

export interface ReadResult {
  readonly workload: Workload
  readonly report: TraceReport
}

/** Unix seconds of about the year 5138. */
const LATEST_UNIX_S = 1e11

/** Reader of one text format: takes lines, ends with the columns in file order. */
interface TextReader {
  readonly lines: LineSplitter
  rows(): number
  finish(): { format: TraceFormat; workload: Workload; notes: string[] }
}

export async function readTrace(path: string, options: ReadOptions): Promise<ReadResult> {
  const skips = createSkipLog()
  const intake = createIntake(path, options, skips)
  try {
    for await (const chunk of readChunks(path)) intake.push(chunk)
    const reader = intake.decide()
    return reader === null ? ownFormat(intake.held(), path) : finishText(reader, path, options, skips)
  } catch (error) {
    throw error instanceof UserError ? error : explainReadError(error, path, intake.rowsSoFar())
  }
}

/** Holds the first bytes until they tell the format, then passes all to its reader; a trace of our own is held to its end. */
function createIntake(path: string, options: ReadOptions, skips: SkipLog) {
  let chunks: Buffer[] = []
  let heldBytes = 0
  let reader: TextReader | null | undefined
  const held = (): Buffer => withoutMark(Buffer.concat(chunks))
  /** The reader of a text format, null for our own. */
  const decide = (): TextReader | null => {
    if (reader !== undefined) return reader
    const bytes = held()
    const found = detectFormat(bytes.subarray(0, HEAD_BYTES), path)
    const format = options.from ?? found
    if ((format === 'shapewise') !== (found === 'shapewise')) {
      const message = found === 'shapewise' ? `The file is a Shapewise trace, not ${format}.` : 'The file is no Shapewise trace.'
      throw new UserError({ where: path, message, hint: 'Leave the format out: it is told by the content.' })
    }
    reader = null
    if (format === 'shapewise') return reader
    reader = format === 'mooncake' ? mooncakeReader(path, skips) : csvReader(path, options.columns, format === 'azure', skips)
    chunks = []
    reader.lines.push(bytes)
    return reader
  }
  return {
    held,
    decide,
    push(chunk: Buffer): void {
      if (reader) {
        reader.lines.push(chunk)
        return
      }
      chunks.push(chunk)
      heldBytes += chunk.length
      if (reader === undefined && heldBytes >= HEAD_BYTES) decide()
    },
    /** Rows read when the file broke off, also when it did so before its format was decided. */
    rowsSoFar(): number {
      try {
        return decide()?.rows() ?? 0
      } catch {
        return 0
      }
    },
  }
}

/** Without the byte order mark that some programs put before UTF-8 text. */
function withoutMark(bytes: Buffer): Buffer {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes
}

function ownFormat(bytes: Buffer, path: string): ReadResult {
  const workload = decodeTrace(bytes, path)
  if (workload.count === 0) throw noRequests(path, 'The trace holds no requests.')
  return {
    workload,
    report: {
      format: 'shapewise',
      rowsRead: workload.count,
      rowsKept: workload.count,
      rowsSkipped: 0,
      skippedByReason: [],
      firstSkipped: [],
      outOfOrder: 0,
      tickNs: null,
      idealHitRate: idealHitRate(workload),
      notes: workload.provenance.note === '' ? [] : [workload.provenance.note],
    },
  }
}

function csvReader(path: string, choice: ColumnChoice | undefined, mustBeAzure: boolean, skips: SkipLog): TextReader {
  const into = createShapeColumns()
  let scanner: ReturnType<typeof createCsvScanner> | null = null
  let layout: ReturnType<typeof layoutOf> | null = null
  let linesBefore = 0
  const consume = (bytes: Buffer, start: number, end: number): void => {
    while (scanner === null && start < end) {
      const next = bytes.indexOf(10, start) + 1
      const line = bytes.toString('utf8', start, next).trim()
      if (line !== '' && !line.startsWith('#')) {
        const separator = separatorOf(line)
        layout = layoutOf(splitLine(line, separator), path, choice, mustBeAzure)
        if (layout.hasHeader) {
          linesBefore++
          start = next
        }
        scanner = createCsvScanner(layout, separator, linesBefore, into, skips)
      } else {
        linesBefore++
        start = next
      }
    }
    if (start < end) scanner?.scan(bytes, start, end)
  }
  return {
    lines: createLineSplitter(path, consume),
    rows: () => scanner?.rows ?? 0,
    finish() {
      const format = layout?.isAzure ? 'azure' : 'csv'
      const { timeNs, isl, osl } = into.trim()
      const notes = [...(layout?.notes ?? [])]
      if (layout?.unitAssumed && scanner !== null && !scanner.clock.sawDate)
        notes.unshift(secondsAssumed(path, scanner.clock.firstNumber))
      const note = format === 'azure' ? 'Azure LLM inference trace (CC-BY), read from a file.' : 'Read from a CSV file.'
      return { format, workload: shapesOnly(timeNs, isl, osl, provenance(path, format, note)), notes }
    },
  }
}

/** The sentence that seconds were assumed; throws when the first time as seconds would be in the year 5000, as Unix ms, us and ns are. */
function secondsAssumed(path: string, firstTime: number): string {
  if (firstTime > LATEST_UNIX_S) {
    throw new UserError({
      where: path,
      message: `The times, such as ${firstTime}, are too large for seconds and the file does not say their unit.`,
      hint: 'Call the column arrival_ms, arrival_us or arrival_ns, or give the time unit.',
    })
  }
  return 'Time is taken to be in seconds: the file does not say; an arrival_ms or arrival_ns column would.'
}

function mooncakeReader(path: string, skips: SkipLog): TextReader {
  const into = createShapeColumns()
  const scanner = createMooncakeScanner(into, skips)
  return {
    lines: createLineSplitter(path, scanner.scan),
    rows: () => scanner.rows,
    finish() {
      const { timeNs, isl, osl } = into.trim()
      const blocks = scanner.blocks()
      const notes: string[] = []
      let workload = shapesOnly(timeNs, isl, osl, provenance(path, 'mooncake', 'Mooncake JSON lines, read from a file.'))
      if (blocks !== null) {
        workload = { ...workload, ...blocks }
        const { blockTokens, certain } = inferBlockTokens(workload)
        workload = { ...workload, blockTokens }
        notes.push(
          `Prefix blocks of ${blockTokens} tokens, ${certain ? 'from the numbers of ids' : 'by custom: the numbers of ids fit no block size'}.`,
        )
      }
      if (scanner.unusedKeys.size > 0) notes.push(`Keys not used: ${[...scanner.unusedKeys].join(', ')}.`)
      return { format: 'mooncake', workload, notes }
    },
  }
}

const provenance = (path: string, format: string, note: string) => ({
  name: basename(path),
  format,
  note,
  rowsRead: 0,
  rowsSkipped: 0,
})

/** Judges the rows, sorts, spreads ticks, and moves the first arrival to time 0. */
function finishText(reader: TextReader, path: string, options: ReadOptions, skips: SkipLog): ReadResult {
  reader.lines.end()
  const rowsRead = reader.rows()
  const { format, workload: raw, notes } = reader.finish()
  skips.refuseIfBad(path, rowsRead)
  if (rowsRead === 0) throw noRequests(path, 'The file has no rows; a header alone is no trace.')
  if (raw.count === 0)
    throw noRequests(
      path,
      `None of the ${rowsRead} rows is usable: ${skips.firstSkipped[0].reason} (line ${skips.firstSkipped[0].line}).`,
    )
  for (const { reason, count } of skips.byReason()) notes.push(`${count} ${count === 1 ? 'row' : 'rows'} skipped: ${reason}.`)

  let workload = raw
  const outOfOrder = countOutOfOrder(raw.arrivalNs)
  if (outOfOrder > 0) {
    workload = sortedByTime(raw, raw.arrivalNs)
    notes.push(`${outOfOrder} ${outOfOrder === 1 ? 'row was' : 'rows were'} out of order in time and sorted.`)
  }
  const hitRate = idealHitRate(workload)
  if (hitRate !== null) {
    notes.push(
      `Prefix caching is off, so reuse is not credited: an unlimited cache would serve ${(100 * hitRate).toFixed(1)} % of the input tokens.`,
    )
  }
  const tickNs = detectTick(workload.arrivalNs)
  if (tickNs !== null && !options.keepTicks) {
    if (!options.spreadTicks) {
      throw new UserError({
        where: path,
        message: `The arrivals were recorded in ticks of ${(tickNs / NS_PER_S).toFixed(3)} s, so requests would arrive in bursts that never were.`,
        hint: 'Set spread_ticks: true to spread each tick uniformly over its length.',
      })
    }
    const spread = spreadTicks(workload.arrivalNs, tickNs, stream(options.seed ?? 1, 'trace/spread-ticks'))
    workload = sortedByTime(workload, spread)
    notes.push(`Arrivals of each ${(tickNs / NS_PER_S).toFixed(3)} s tick were spread uniformly over it.`)
  } else if (workload.arrivalNs[0] === workload.arrivalNs[workload.count - 1] && workload.count > 1) {
    notes.push('All requests arrive at the same time: only closed-loop load makes sense.')
  }
  workload = { ...fromZero(workload), provenance: { ...workload.provenance, rowsRead, rowsSkipped: skips.count } }
  return {
    workload,
    report: {
      format,
      rowsRead,
      rowsKept: workload.count,
      rowsSkipped: skips.count,
      skippedByReason: skips.byReason(),
      firstSkipped: skips.firstSkipped,
      outOfOrder,
      tickNs,
      idealHitRate: hitRate,
      notes,
    },
  }
}

function sortedByTime(workload: Workload, timeNs: Float64Array): Workload {
  const order = timeOrder(timeNs)
  const sorted = new Float64Array(order.length)
  for (let i = 0; i < order.length; i++) sorted[i] = timeNs[order[i]]
  return pickRequests(workload, order, sorted)
}

function fromZero(workload: Workload): Workload {
  const first = workload.arrivalNs[0]
  return first === 0 ? workload : { ...workload, arrivalNs: workload.arrivalNs.map((timeNs) => timeNs - first) }
}

function noRequests(path: string, message: string): UserError {
  return new UserError({
    where: path,
    message,
    hint: 'Give a trace with at least one request of one or more input and output tokens.',
  })
}
