/** A CSV table read by header name (RFC 4180: quoted fields may hold commas, quotes and line ends; CRLF or LF; a byte order mark is skipped). */
import { basename } from 'node:path'
import { UserError } from '../errors.js'
import { readText } from '../textFile.js'

export interface CsvTable {
  /** Base name, for messages. */
  readonly file: string
  readonly columns: readonly string[]
  readonly records: readonly CsvRecord[]
}

export interface CsvRecord {
  /** Line of the file on which the record begins, from 1. */
  readonly line: number
  /** Fields by column name, trimmed; absent columns read as ''. */
  readonly field: (column: string) => string
}

interface RawRecord {
  readonly line: number
  readonly fields: string[]
}

/** Records with their lines; blank lines are skipped. */
function scan(text: string, file: string): RawRecord[] {
  const records: RawRecord[] = []
  let fields: string[] = []
  let field = ''
  let line = 1
  let begun = 1
  let quoted = false
  const endRecord = (): void => {
    fields.push(field)
    if (fields.length > 1 || fields[0].trim() !== '') records.push({ line: begun, fields })
    fields = []
    field = ''
  }
  for (let at = 0; at < text.length; at++) {
    const sign = text[at]
    if (quoted) {
      if (sign === '\n') line++
      if (sign !== '"') field += sign
      else if (text[at + 1] === '"') field += text[++at]
      else quoted = false
    } else if (sign === '"' && field.trim() === '') {
      quoted = true
      field = ''
    } else if (sign === ',') {
      fields.push(field)
      field = ''
    } else if (sign === '\n') {
      endRecord()
      line++
      begun = line
    } else if (sign !== '\r') field += sign
  }
  if (quoted) {
    throw new UserError({
      where: `${file}:${begun}`,
      message: 'a quoted field has no closing quote',
      hint: 'close it, or double the quotes inside it',
    })
  }
  if (field !== '' || fields.length > 0) endRecord()
  return records
}

export function parseCsv(text: string, file: string): CsvTable {
  const [header, ...rows] = scan(text.replace(/^\uFEFF/, ''), file)
  if (header === undefined) {
    throw new UserError({ where: file, message: 'the file is empty', hint: 'give a CSV file with a header line' })
  }
  const columns = header.fields.map((name) => name.trim())
  const twice = columns.find((name, i) => name !== '' && columns.indexOf(name) < i)
  if (twice !== undefined) {
    throw new UserError({ where: `${file}:1`, message: `column ${twice} stands twice in the header`, hint: 'keep one of them' })
  }
  const position = new Map(columns.map((name, i) => [name, i]))
  const records = rows.map(({ line, fields }): CsvRecord => {
    if (fields.length !== columns.length) {
      throw new UserError({
        where: `${file}:${line}`,
        message: `the row has ${fields.length} fields, the header ${columns.length}`,
        hint: 'quote fields that hold commas',
      })
    }
    return { line, field: (column) => fields[position.get(column) ?? -1]?.trim() ?? '' }
  })
  return { file, columns, records }
}

/** Reads a table from a file, plain or gzip (told by content). */
export function readCsv(path: string): CsvTable {
  return parseCsv(readText(path, 'give a readable CSV file'), basename(path))
}

/** Throws when a column is missing, naming the file and all that are. */
export function demandColumns(table: CsvTable, needed: readonly string[]): void {
  const missing = needed.filter((column) => !table.columns.includes(column))
  if (missing.length === 0) return
  throw new UserError({
    where: `${table.file}:1`,
    message: `${missing.length === 1 ? 'column' : 'columns'} ${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing`,
    hint: `the file needs ${needed.join(', ')}`,
  })
}

/** What tools write into a cell that has no value. */
const BLANK = /^(nan|n\/?a|null|none|-)?$/i

/** Not all that JavaScript takes for a number, such as 0x10. */
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i
/** Tables of floats hold whole numbers as 4.0. */
const WHOLE = /^\+?\d+(\.0*)?$/

/** A number >= `least`, null when blank. Throws on anything else. */
export function numberIn(table: CsvTable, record: CsvRecord, column: string, least = 0): number | null {
  const text = record.field(column)
  if (BLANK.test(text)) return null
  const value = DECIMAL.test(text) ? Number(text) : Number.NaN
  if (!(Number.isFinite(value) && value >= least)) {
    throw new UserError({
      where: `${table.file}:${record.line}`,
      message: `${column} is '${text}', expected a number of at least ${least}`,
      hint: 'correct it or leave it blank',
    })
  }
  return value
}

export function wholeIn(table: CsvTable, record: CsvRecord, column: string, least = 0): number | null {
  const value = numberIn(table, record, column, least)
  if (value === null || WHOLE.test(record.field(column))) return value
  throw new UserError({
    where: `${table.file}:${record.line}`,
    message: `${column} is '${record.field(column)}', expected a whole number`,
    hint: 'write its digits alone or leave it blank',
  })
}
