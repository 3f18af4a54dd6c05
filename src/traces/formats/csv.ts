/** Any CSV: columns are recognised by their names or chosen by the user. */
import { UserError } from '../../errors.js'
import { createLineSplitter } from '../byteStream.js'
import { layoutOf } from '../csvHeader.js'
import { createCsvScanner, separatorOf, splitLine } from '../csvScan.js'
import type { Format, ReaderContext, TraceReader } from './format.js'

/** Unix seconds of about the year 5138. */
const LATEST_UNIX_S = 1e11
const NEWLINE = 10

export const csv: Format = {
  // the last resort for text that nobody else claims: the column reader says what it misses
  recognises: () => false,
  heeds: ['columns', 'timeUnit'],
  createReader: (context) => csvReader(context, { mustBeAzure: false, hasTime: true, note: 'Read from a CSV file.' }),
}

export interface CsvKind {
  readonly mustBeAzure: boolean
  readonly hasTime: boolean
  /** Where the requests come from, one sentence. */
  readonly note: string
}

export function csvReader(context: ReaderContext, kind: CsvKind): TraceReader {
  const { path, options } = context
  let scanner: ReturnType<typeof createCsvScanner> | null = null
  let layout: ReturnType<typeof layoutOf> | null = null
  let linesBefore = 0
  const consume = (bytes: Buffer, start: number, end: number): void => {
    while (scanner === null && start < end) {
      const next = bytes.indexOf(NEWLINE, start) + 1
      const line = bytes.toString('utf8', start, next).trim()
      if (line !== '' && !line.startsWith('#')) {
        const separator = separatorOf(line)
        layout = layoutOf(splitLine(line, separator), path, options.columns, kind.mustBeAzure, kind.hasTime)
        if (layout.hasHeader) {
          linesBefore++
          start = next
        }
        scanner = createCsvScanner(layout, separator, linesBefore, context)
      } else {
        linesBefore++
        start = next
      }
    }
    if (start < end) scanner?.scan(bytes, start, end)
  }
  const lines = createLineSplitter(path, consume)
  return {
    push: lines.push,
    end: lines.end,
    rowsRead: () => scanner?.rows ?? 0,
    findings() {
      const notes = [...(layout?.notes ?? [])]
      if (layout?.unitAssumed && scanner !== null && !scanner.clock.sawDate)
        notes.unshift(secondsAssumed(path, scanner.clock.firstNumber))
      return { note: kind.note, notes }
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
