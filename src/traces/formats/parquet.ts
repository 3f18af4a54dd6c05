/** Parquet: a trace of our own with every column, or any table whose columns are known by their names or chosen by the user. */
import { UserError } from '../../errors.js'
import { compressionOf } from '../compressed.js'
import { layoutOf } from '../csvHeader.js'
import { createCsvScanner, demandSeconds, timeFindings } from '../csvScan.js'
import { openParquet, type ParquetSource, type ParquetValues } from '../parquet/file.js'
import { ownMetadata, readOwnParquet } from '../parquet/own.js'
import type { Workload } from '../workload.js'
import type { Findings, Format, ReaderContext, TraceReader } from './format.js'

const MAGIC = 'PAR1'
/** Hardly any text has it. */
const SEPARATOR = '\x1f'

export const parquet: Format = {
  recognises: ({ bytes }) => bytes.subarray(0, MAGIC.length).toString('latin1') === MAGIC,
  heeds: ['columns', 'timeUnit', 'blockTokens'],
  createReader: parquetReader,
}

function parquetReader(context: ReaderContext): TraceReader {
  const { path, options } = context
  let rowsRead = 0
  let own: Workload | null = null
  let table: { findings(): Findings; rows(): number } | null = null
  return {
    push: () => {},
    end: () => {},
    async readFile() {
      const compression = await compressionOf(path)
      if (compression !== null) {
        throw new UserError({
          where: path,
          message: `the Parquet file is inside ${compression}, where it cannot be read by row groups`,
          hint: `unpack it first, with \`${compression} -d\``,
        })
      }
      const source = await openParquet(path)
      const text = await ownMetadata(source, path)
      if (text === null) {
        table = await readTable(source, context)
        return
      }
      if (options.columns !== undefined) {
        throw new UserError({
          where: path,
          message: 'the file is a trace of our own: its columns and units are known',
          hint: 'leave the columns and the time unit out',
        })
      }
      own = await readOwnParquet(source, text, path)
      rowsRead = own.count
    },
    rowsRead: () => table?.rows() ?? rowsRead,
    findings() {
      if (table !== null) return table.findings()
      if (own === null) throw new Error('findings before the end of the file')
      const { note } = own.provenance
      return { note, notes: note === '' ? [] : [note], workload: own }
    },
  }
}

/** A table of others: its rows become lines for the scanner of CSV, which judges them as it judges any other. */
async function readTable(source: ParquetSource, context: ReaderContext): Promise<{ findings(): Findings; rows(): number }> {
  const { path, options, rows } = context
  const layout = layoutOf(source.columns, path, options.columns)
  const used = [layout.time, layout.input, layout.output, ...layout.extras.values()]
  const place = new Map(used.map((column, i) => [column, i]))
  const at = (column: number): number => place.get(column) as number
  const narrow = {
    ...layout,
    columns: used.length,
    time: at(layout.time),
    input: at(layout.input),
    output: at(layout.output),
    extras: new Map([...layout.extras].map(([role, column]) => [role, at(column)])),
    unitNs: isTimestamp(source, layout.time) ? 1 : layout.unitNs,
  }
  const scanner = createCsvScanner(narrow, SEPARATOR, 0, context, false)
  await source.readGroups(
    used.map((column) => source.columns[column]),
    (values) => {
      const bytes = Buffer.from(values.map(lineOf).join(''))
      scanner.scan(bytes, 0, bytes.length)
      return rows.count < (options.limit ?? Number.POSITIVE_INFINITY)
    },
  )
  return {
    rows: () => scanner.rows,
    findings() {
      const { clock } = scanner
      const seen = isTimestamp(source, layout.time) ? { ...clock, sawDate: true, firstNumber: Number.NaN } : clock
      demandSeconds(path, layout, seen)
      const { notes, unitless } = timeFindings(layout, seen)
      const more = scanner.extras?.findings()
      return {
        note: 'Read from a Parquet file.',
        notes: [...notes, ...layout.notes, ...(more?.notes ?? [])],
        unitless,
        blockTokens: more?.blockTokens,
      }
    },
  }
}

function lineOf(row: ParquetValues): string {
  return `${row.map((value) => (value === null || value === undefined ? '' : cellOf(String(value)))).join(SEPARATOR)}\n`
}

/** Marks that mean something in a CSV stand in quotes. */
function cellOf(text: string): string {
  const line = text.replaceAll('\n', ' ').replaceAll(SEPARATOR, ' ')
  return /["#]/.test(line) ? `"${line.trim().replaceAll('"', '""')}"` : line
}

/** Whether a column's values are points in time, which the file reader gives in ns. */
function isTimestamp({ metadata, columns }: ParquetSource, column: number): boolean {
  const element = metadata.schema.find(({ name }) => name === columns[column])
  return (
    element?.logical_type?.type === 'TIMESTAMP' ||
    element?.converted_type === 'TIMESTAMP_MILLIS' ||
    element?.converted_type === 'TIMESTAMP_MICROS' ||
    element?.type === 'INT96'
  )
}
