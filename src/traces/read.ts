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
import { idealHitRate } from './statistics.js'
import { detectTick, spreadTicks } from './ticks.js'
import { shapesOnly, type Workload } from './workload.js'

export interface ReadOptions {
  /** Overrides the format told by the content. */
  readonly from?: TraceFormat
  /** Spread arrivals that were recorded in ticks of a second or more over their tick; otherwise such traces are refused. */
  readonly spreadTicks: boolean
  /** Columns of a CSV file, where their names are not recognised. */
  readonly columns?: ColumnChoice
  /** Seed of the stream `trace/spread-ticks`. Default 1. */
  readonly seed?: number | string
}

export interface ReadResult {
  readonly workload: Workload
  readonly report: TraceReport
}

/** Reader of one text format: takes lines, ends with the columns in file order. */
interface TextReader {
  readonly lines: LineSplitter
  rows(): number
  finish(): { format: TraceFormat; workload: Workload; notes: string[] }
}

export async function readTrace(path: string, options: ReadOptions): Promise<ReadResult> {
  const skips = createSkipLog()
  let reader: TextReader | null = null
  try {
    const held: Buffer[] = []
    let heldBytes = 0
    let format: TraceFormat | null = null
    const decide = (): void => {
      const head = Buffer.concat(held).subarray(0, HEAD_BYTES)
      const found = detectFormat(head, path)
      format = options.from ?? found
      if (format === 'shapewise') return
      if (found === 'shapewise') {
        throw new UserError({ where: path, message: `The file is a Shapewise trace, not ${format}.`, hint: 'Leave the format out.' })
      }
      reader = format === 'mooncake' ? mooncakeReader(path, skips) : csvReader(path, options.columns, format === 'azure', skips)
      for (const chunk of held.splice(0)) reader.lines.push(chunk)
    }
    for await (const chunk of readChunks(path)) {
      if (reader !== null) (reader as TextReader).lines.push(chunk)
      else {
        held.push(chunk)
        heldBytes += chunk.length
        if (format === null && heldBytes >= HEAD_BYTES) decide()
      }
    }
    if (format === null) decide()
    if (reader === null) return ownFormat(Buffer.concat(held), path)
    return finishText(reader, path, options, skips)
  } catch (error) {
    throw error instanceof UserError ? error : explainReadError(error, path, (reader as TextReader | null)?.rows() ?? 0)
  }
}

function ownFormat(bytes: Buffer, path: string): ReadResult {
  const workload = decodeTrace(bytes, path)
  if (workload.count === 0) throw noRequests(path, 'The trace holds no requests.')
  return {
    workload,
    report: {
      format: 'shapewise', rowsRead: workload.count, rowsKept: workload.count, rowsSkipped: 0, skippedByReason: [], firstSkipped: [],
      outOfOrder: 0, tickNs: null, idealHitRate: idealHitRate(workload), notes: workload.provenance.note === '' ? [] : [workload.provenance.note],
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
      const line = bytes.toString('utf8', start, next).replace(/^\uFEFF/, '').trim()
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
      const note = format === 'azure' ? 'Azure LLM inference trace (CC-BY), read from a file.' : 'Read from a CSV file.'
      return { format, workload: shapesOnly(timeNs, isl, osl, provenance(path, format, note)), notes: [...(layout?.notes ?? [])] }
    },
  }
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
        const { blockTokens, certain } = inferBlockTokens(isl, blocks.blockCount)
        workload = { ...workload, ...blocks, blockTokens }
        notes.push(`Prefix blocks of ${blockTokens} tokens, ${certain ? 'from the numbers of ids' : 'by custom: the numbers of ids fit no block size'}.`)
      }
      if (scanner.unusedKeys.size > 0) notes.push(`Keys not used: ${[...scanner.unusedKeys].join(', ')}.`)
      return { format: 'mooncake', workload, notes }
    },
  }
}

const provenance = (path: string, format: string, note: string) => ({ name: basename(path), format, note, rowsRead: 0, rowsSkipped: 0 })

/** Judges the rows, sorts, spreads ticks, and moves the first arrival to time 0. */
function finishText(reader: TextReader, path: string, options: ReadOptions, skips: SkipLog): ReadResult {
  reader.lines.end()
  const rowsRead = reader.rows()
  skips.refuseIfBad(path, rowsRead)
  const { format, workload: raw, notes } = reader.finish()
  if (rowsRead === 0) throw noRequests(path, 'The file has a header and no rows.')
  if (raw.count === 0) throw noRequests(path, `None of the ${rowsRead} rows is usable: ${skips.firstSkipped[0].reason} (line ${skips.firstSkipped[0].line}).`)
  for (const { reason, count } of skips.byReason()) notes.push(`${count} ${count === 1 ? 'row' : 'rows'} skipped: ${reason}.`)

  let workload = raw
  const outOfOrder = countOutOfOrder(raw.arrivalNs)
  if (outOfOrder > 0) {
    workload = sortedByTime(raw, raw.arrivalNs)
    notes.push(`${outOfOrder} ${outOfOrder === 1 ? 'row was' : 'rows were'} out of order in time and sorted.`)
  }
  const hitRate = idealHitRate(workload)
  if (hitRate !== null) {
    notes.push(`Prefix caching is off, so reuse is not credited: an unlimited cache would serve ${(100 * hitRate).toFixed(1)} % of the input tokens.`)
  }
  const tickNs = detectTick(workload.arrivalNs)
  if (tickNs !== null) {
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
      format, rowsRead, rowsKept: workload.count, rowsSkipped: skips.count, skippedByReason: skips.byReason(), firstSkipped: skips.firstSkipped,
      outOfOrder, tickNs, idealHitRate: hitRate, notes,
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
  return new UserError({ where: path, message, hint: 'Give a trace with at least one request of one or more input and output tokens.' })
}
