/** Any CSV: columns are recognised by their names or chosen by the user. */
import { UserError } from '../../errors.js'
import { createLineSplitter } from '../byteStream.js'
import { type ColumnChoice, layoutOf, plainName } from '../csvHeader.js'
import { commentsPassed, createCsvScanner, demandSeconds, separatorOf, splitLine, timeFindings } from '../csvScan.js'
import { faultOf, OPEN_QUOTE } from '../report.js'
import { EXTRA_ROLES } from '../table/roles.js'
import type { Format, ReaderContext, TraceReader } from './format.js'

const NEWLINE = 10

export const csv: Format = {
  // the last resort for text that nobody else claims: the column reader says what it misses
  recognises: () => false,
  heeds: ['columns', 'timeUnit', 'blockTokens'],
  createReader: (context) => csvReader(context, { mustBeAzure: false, hasTime: true, note: 'Read from a CSV file.' }),
}

export interface CsvKind {
  readonly mustBeAzure: boolean
  readonly hasTime: boolean
  /** Columns and unit of a known kind of file; those that a file lacks of the columns beyond time and lengths are passed over. */
  readonly columns?: ColumnChoice
  /** Where the requests come from, one sentence. */
  readonly note: string
  /** The line that the table begins with, where other text stands before it. */
  readonly begins?: RegExp
  /** Sentences about columns that are not used, by their plain names. */
  readonly unused?: Readonly<Record<string, string>>
}

export function csvReader(context: ReaderContext, kind: CsvKind): TraceReader {
  const { path, options } = context
  let scanner: ReturnType<typeof createCsvScanner> | null = null
  let layout: ReturnType<typeof layoutOf> | null = null
  let linesBefore = 0
  const remarks: string[] = []
  const consume = (bytes: Buffer, start: number, end: number): void => {
    while (scanner === null && start < end) {
      const next = bytes.indexOf(NEWLINE, start) + 1
      const line = bytes.toString('utf8', start, next).trim()
      if (line !== '' && !line.startsWith('#') && (kind.begins?.test(line) ?? true)) {
        const separator = separatorOf(line)
        const fields = splitLine(line, separator)
        const open = fields.find((field) => field.startsWith('"'))
        if (open !== undefined)
          throw new UserError(faultOf(path, { line: linesBefore + 1, reason: OPEN_QUOTE, found: { text: open } }))
        const choice = kind.columns === undefined ? options.columns : columnsOfKind(kind.columns, fields)
        layout = layoutOf(fields, path, choice, kind.mustBeAzure, kind.hasTime, kind.columns !== undefined)
        if (layout.hasHeader) {
          linesBefore++
          start = next
        }
        for (const name of fields.map(plainName)) if (kind.unused?.[name] !== undefined) remarks.push(kind.unused[name])
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
      if (scanner === null || layout === null) return { note: kind.note, notes: [] }
      demandSeconds(path, layout, scanner.clock)
      const { notes, unitless } = timeFindings(layout, scanner.clock)
      const more = scanner.extras?.findings()
      return {
        note: kind.note,
        notes: [...notes, ...layout.notes, ...remarks, ...commentsPassed(scanner.comments), ...(more?.notes ?? [])],
        unitless,
        blockTokens: more?.blockTokens,
      }
    },
  }
}

function columnsOfKind(columns: ColumnChoice, fields: readonly string[]): ColumnChoice {
  const present = fields.map(plainName)
  const isThere = ([role, name]: [string, string]): boolean =>
    !(EXTRA_ROLES as readonly string[]).includes(role) || present.includes(plainName(name))
  return Object.fromEntries(Object.entries(columns).filter(isThere))
}
