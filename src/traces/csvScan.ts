/** Rows of a CSV file into columns, byte by byte: no string or object per row. */
import { UserError } from '../errors.js'
import type { CsvLayout } from './csvHeader.js'
import { COUNT_MISSING, countFault, createTimeParser, isSeparated, parseCount, TIME_FELL, type TimeParser } from './fields.js'
import type { ReaderContext } from './formats/format.js'
import { BEYOND_LIMIT, type FoundText, faultOf, OPEN_QUOTE } from './report.js'
import { createExtras, type Extras } from './table/extras.js'
import type { ExtraRole } from './table/roles.js'
import type { TimeFindings } from './units.js'
import { plural } from './words.js'

const NEWLINE = 10
const RETURN = 13
const SPACE = 32
const TAB = 9
const QUOTE = 34
const HASH = 35
/** Unix seconds of about the year 5138. */
const LATEST_UNIX_S = 1e11

/** The separator of a line: comma, semicolon or tab, whichever there is most of. */
export function separatorOf(line: string): string {
  const uses = [',', ';', '\t'].map((separator) => ({ separator, count: line.split(separator).length }))
  return uses.reduce((best, use) => (use.count > best.count ? use : best)).separator
}

/** Fields of one line, without blanks and quotes around them. */
export function splitLine(line: string, separator: string): string[] {
  const bytes = Buffer.from(`${line}\n`)
  // quotes make fewer fields of it, never more
  const edges = new Int32Array(2 * line.split(separator).length)
  const { count } = findFields(bytes, 0, bytes.length, separator.charCodeAt(0), edges)
  return Array.from({ length: count }, (_, i) => bytes.toString('utf8', edges[2 * i], edges[2 * i + 1]))
}

/**
 * Start and end of each field from `at` to the newline, trimmed; fields that `edges` has no room for are counted only. `openAt`: where a field begins
 * with a quote that its line does not close; -1 if none does.
 */
function findFields(bytes: Buffer, at: number, end: number, separator: number, edges: Int32Array): typeof scanned {
  let count = 0
  let start = at
  scanned.openAt = -1
  for (; at < end; at++) {
    const byte = bytes[at]
    if (byte === QUOTE && at === start) {
      const lineEnd = bytes.indexOf(NEWLINE, at + 1)
      let close = bytes.indexOf(QUOTE, at + 1)
      // two quotes within quotes stand for one
      while (close > at && close < lineEnd && bytes[close + 1] === QUOTE) close = bytes.indexOf(QUOTE, close + 2)
      if (close > at && close < lineEnd) at = close
      else if (scanned.openAt < 0) scanned.openAt = at
      continue
    }
    if (byte !== separator && byte !== NEWLINE) continue
    if (2 * count < edges.length) trimField(bytes, start, at, edges, count)
    count++
    start = at + 1
    if (byte === NEWLINE) break
  }
  scanned.count = count
  scanned.next = at + 1
  return scanned
}

/** The one result object of `findFields`, reused for every row. */
const scanned = { count: 0, next: 0, openAt: -1 }

function trimField(bytes: Buffer, start: number, end: number, edges: Int32Array, field: number): void {
  while (start < end && isBlank(bytes[start])) start++
  while (end > start && isBlank(bytes[end - 1])) end--
  if (end - start >= 2 && bytes[start] === QUOTE && bytes[end - 1] === QUOTE) {
    start++
    end--
  }
  edges[2 * field] = start
  edges[2 * field + 1] = end
}

/** What is no matter of one row. */
const refusesFile = (reason: string): boolean => reason === TIME_FELL || isSeparated(reason)

const isBlank = (byte: number): boolean => byte === SPACE || byte === TAB || byte === RETURN

export interface CsvScanner {
  /** Reads the whole lines in bytes [start, end). */
  scan(bytes: Buffer, start: number, end: number): void
  /** Data rows seen, the skipped ones included. */
  rows: number
  /** Lines among the rows that begin with # and are no row. */
  comments: number
  /** Parser of the time column: whether it met dates or times of day, and the first number. */
  readonly clock: TimeParser
  /** Null when the file has only times and lengths. */
  readonly extras: Extras | null
}

/** `layout` of the file whose data begins after line `linesBefore`; `isText`: its lines are those that a user sees. */
export function createCsvScanner(
  layout: CsvLayout,
  separator: string,
  linesBefore: number,
  context: ReaderContext,
  isText = true,
): CsvScanner {
  const { rows, skips, outputTokens } = context
  const limit = context.options.limit ?? Number.POSITIVE_INFINITY
  const edges = new Int32Array(2 * layout.columns)
  const clock = createTimeParser(layout.unitNs)
  const timeAt = 2 * layout.time
  const inputAt = 2 * layout.input
  const outputAt = 2 * layout.output
  const code = separator.charCodeAt(0)
  let line = linesBefore
  const reasonFor = (isl: number, osl: number): string | null =>
    countFault(isl, 'input tokens') ?? (isl === 0 ? 'input tokens are 0' : null) ?? countFault(osl, 'output tokens')
  const extras = layout.extras.size === 0 ? null : createExtras(new Set(layout.extras.keys()), layout.waitUnitNs, context, isText)
  let row: Buffer = Buffer.alloc(0)
  const cell = (role: ExtraRole): string => {
    const at = 2 * (layout.extras.get(role) as number)
    const text = row.toString('utf8', edges[at], edges[at + 1])
    return text.includes('"') ? text.replaceAll('""', '"') : text
  }
  /** A name may begin with # too, so only what cannot be used as a row is a comment. */
  const skip = (isMarked: boolean, reason: string, found?: FoundText): void => {
    if (isMarked) {
      scanner.rows--
      scanner.comments++
    } else if (!refusesFile(reason)) skips.skip(line, reason, undefined, found)
    else if (rows.count < limit) throw new UserError(faultOf(context.path, { line, reason, found }))
    else skips.leaveOut(1, BEYOND_LIMIT)
  }
  /** What stands in the row that begins at `start`, in the field whose edges are at `at`. */
  const foundAt = (start: number, at: number): FoundText => ({
    column: isText ? [...row.toString('utf8', start, edges[at])].length + 1 : undefined,
    text: row.toString('utf8', edges[at], edges[at + 1]),
  })
  const scanner: CsvScanner = {
    rows: 0,
    comments: 0,
    clock,
    extras,
    scan(bytes, start, end) {
      let at = start
      while (at < end) {
        line++
        const isMarked = bytes[at] === HASH
        const rowStart = at
        row = bytes
        const { count, next, openAt } = findFields(bytes, at, end, code, edges)
        at = next
        if (count === 1 && edges[0] === edges[1]) continue
        scanner.rows++
        if (openAt >= 0) {
          const column = isText ? [...row.toString('utf8', rowStart, openAt)].length + 1 : undefined
          skip(isMarked, OPEN_QUOTE, { column, text: row.toString('utf8', openAt, next - 1).trim() })
          continue
        }
        if (count !== layout.columns) {
          skip(isMarked, `the row has another number of fields than ${layout.columns}`)
          continue
        }
        const isl = parseCount(bytes, edges[inputAt], edges[inputAt + 1], isText)
        let osl = parseCount(bytes, edges[outputAt], edges[outputAt + 1], isText)
        if (isl <= 0 || osl < COUNT_MISSING) {
          skip(isMarked, reasonFor(isl, osl) as string, foundAt(rowStart, isl <= 0 ? inputAt : outputAt))
          continue
        }
        const fault = extras?.read(cell) ?? null
        if (fault !== null) {
          skip(isMarked, fault, isSeparated(fault) ? foundAt(rowStart, 2 * (layout.extras.get('prefix') as number)) : undefined)
          continue
        }
        const isTimeless = timeAt >= 0 && edges[timeAt] === edges[timeAt + 1]
        const releasedNs = isTimeless ? (extras?.releasedNs() ?? null) : null
        const timeNs = releasedNs ?? (timeAt < 0 ? 0 : clock.parse(bytes, edges[timeAt], edges[timeAt + 1]))
        if (releasedNs === null && Number.isNaN(timeNs)) {
          skip(isMarked, clock.fault, foundAt(rowStart, timeAt))
          continue
        }
        if (osl <= 0) osl = outputTokens(osl, line)
        if (osl > 0) {
          const request = rows.add(timeNs, isl, osl)
          extras?.apply(request, isl)
        } else extras?.skip(timeNs)
      }
    },
  }
  return scanner
}

/** The sentence on `comments` of a scanner. */
export function commentsPassed(comments: number): string[] {
  if (comments === 0) return []
  return [
    `${plural(comments, 'line', 'lines')} among the rows ${comments === 1 ? 'begins' : 'begin'} with # and cannot be used as ${comments === 1 ? 'a row: taken as a comment' : 'rows: taken as comments'}.`,
  ]
}

/** What the `clock` of a scanner tells about the times. */
export function timeFindings(
  { unitAssumed, waitsInTimeUnit }: CsvLayout,
  { sawDate, sawTimeOfDay, firstNumber }: TimesSeen,
): TimeFindings {
  const areNumbers = !(sawDate || sawTimeOfDay) || !Number.isNaN(firstNumber)
  const notes = sawTimeOfDay
    ? ['Times have no date: all are taken to be of one day, since none is earlier than the one before it.']
    : unitAssumed && areNumbers
      ? ['Time is taken to be in seconds: the file does not say; an arrival_ms or arrival_ns column would.']
      : []
  return { notes, unitless: areNumbers || waitsInTimeUnit ? undefined : sawDate ? 'dates' : 'times of day' }
}

type TimesSeen = Omit<TimeParser, 'parse' | 'fault'>

/** Throws when seconds were assumed and the first time would be in the year 5000, as Unix ms, us and ns are. */
export function demandSeconds(path: string, { unitAssumed }: CsvLayout, { firstNumber }: TimesSeen): void {
  if (!unitAssumed || !(firstNumber > LATEST_UNIX_S)) return
  const unit = firstNumber > 1e6 * LATEST_UNIX_S ? 'ns' : firstNumber > 1e3 * LATEST_UNIX_S ? 'us' : 'ms'
  throw new UserError({
    where: path,
    message: `the times, such as ${firstNumber}, are too large for seconds and the file does not say their unit`,
    hint: `say the unit: workload.read.time_unit=${unit} (trace commands: --time-unit ${unit}), or call the column arrival_${unit}`,
  })
}
