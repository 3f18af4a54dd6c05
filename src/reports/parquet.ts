/** Records of requests as a Parquet file: one row per request, units in the column names. */
import type { ColumnSource } from 'hyparquet-writer'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { FATES, PHASES, type Records } from '../metrics/records.js'

/** A column of int64 nanoseconds that every row has. Plain: the search for a dictionary would cost more than it saves. */
function timeColumn(name: string, values: Float64Array, count: number): ColumnSource {
  const data = new BigInt64Array(count)
  for (let i = 0; i < count; i++) data[i] = BigInt(values[i])
  return { name, data, type: 'INT64', nullable: false, encoding: 'PLAIN' }
}

/** A column of int64 nanoseconds; NaN becomes null. */
function optionalTimeColumn(name: string, values: Float64Array, count: number): ColumnSource {
  const data = Array.from({ length: count }, (_, i) => (Number.isNaN(values[i]) ? null : BigInt(values[i])))
  return { name, data, type: 'INT64', nullable: true, encoding: 'PLAIN' }
}

function intColumn(name: string, values: ArrayLike<number>, count: number): ColumnSource {
  return {
    name,
    data: Int32Array.from({ length: count }, (_, i) => values[i]),
    type: 'INT32',
    nullable: false,
    encoding: 'PLAIN',
  }
}

/** `records` in the order in which requests left. `labels` become columns of one repeated string, e.g. {arm: 'static'}. */
export function recordsToParquet(
  parts: readonly { readonly labels?: Readonly<Record<string, string>>; readonly records: Records }[],
): Uint8Array {
  const columns: ColumnSource[] = []
  const byName = new Map<string, { first: ColumnSource; pieces: ColumnSource['data'][] }>()
  for (const { labels = {}, records } of parts) {
    const { count } = records
    const texts = Object.entries(labels).map(([name, value]) =>
      textColumn(
        name,
        Array.from({ length: count }, () => value),
      ),
    )
    const own = [
      ...texts,
      intColumn('request', records.request, count),
      timeColumn('arrival_ns', records.arrivalNs, count),
      optionalTimeColumn('first_token_ns', records.firstTokenNs, count),
      optionalTimeColumn('end_ns', records.endNs, count),
      intColumn('input_tokens', records.isl, count),
      intColumn('output_tokens', records.osl, count),
      textColumn(
        'fate',
        Array.from({ length: count }, (_, i) => FATES[records.fate[i]]),
      ),
      intColumn('engine', records.engine, count),
      intColumn('rank', records.rank, count),
      intColumn('preemptions', records.preemptions, count),
      ...PHASES.map((phase, i) => timeColumn(`${phase}_ns`, records.phaseNs[i], count)),
    ]
    for (const column of own) {
      const entry = byName.get(column.name)
      if (entry) entry.pieces.push(column.data)
      else byName.set(column.name, { first: column, pieces: [column.data] })
    }
  }
  for (const { first, pieces } of byName.values())
    columns.push({ ...first, data: pieces.length === 1 ? pieces[0] : join(pieces) })
  return new Uint8Array(parquetWriteBuffer({ columnData: columns, createdBy: 'shapewise', statistics: false }))
}

/** Few different values: the writer stores them once, in a dictionary. */
const textColumn = (name: string, data: string[]): ColumnSource => ({ name, data, type: 'STRING', nullable: false })

const join = (pieces: readonly ColumnSource['data'][]): ColumnSource['data'] =>
  pieces.flatMap((piece) => Array.from(piece as ArrayLike<unknown>))
