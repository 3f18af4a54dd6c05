/** Records of requests as a Parquet file: one row per request, units in the column names, written as they come. */
import { ByteWriter, type ColumnSource, ParquetWriter, schemaFromColumnData, type Writer } from 'hyparquet-writer'
import { FATES, PHASES, type Records } from '../metrics/records.js'

const ROWS_PER_GROUP = 1 << 17

/** Columns of one repeated string each, e.g. { arm: 'static' }. */
export type Labels = Readonly<Record<string, string>>

/** Takes records in the order in which requests left. */
export interface RequestsWriter {
  add(records: Records, labels?: Labels): void
  finish(): void
}

/** Writes to `writer` (of the library: a file or a buffer), a group of rows for each batch of records. */
export function createRequestsWriter(writer: Writer, labelNames: readonly string[] = []): RequestsWriter {
  const noLabels = Object.fromEntries(labelNames.map((name) => [name, '']))
  const schema = schemaFromColumnData({ columnData: columnsOf({ count: 0 } as Records, noLabels) })
  // compression would take three times as long as all the rest and save a third of the bytes
  const parquet = new ParquetWriter({ writer, schema, codec: 'UNCOMPRESSED', createdBy: 'shapewise', statistics: false })
  return {
    add(records, labels = {}) {
      // both writers of the library that are used here are synchronous: there is nothing to wait for
      if (records.count > 0) void parquet.write({ columnData: columnsOf(records, labels), rowGroupSize: ROWS_PER_GROUP })
    },
    finish: () => {
      void parquet.finish()
    },
  }
}

/** All records in one buffer. */
export function recordsToParquet(parts: readonly { readonly labels?: Labels; readonly records: Records }[]): Uint8Array {
  const writer = new ByteWriter()
  const requests = createRequestsWriter(writer, Object.keys(parts[0]?.labels ?? {}))
  for (const { records, labels } of parts) requests.add(records, labels)
  requests.finish()
  return writer.getBytes()
}

function columnsOf(records: Records, labels: Labels): ColumnSource[] {
  const { count } = records
  return [
    ...Object.entries(labels).map(([name, value]) => textColumn(name, new Array<string>(count).fill(value))),
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
    intColumn('migrations', records.migrations, count),
    intColumn('cached_tokens', records.cachedTokens, count),
    intColumn('loaded_tokens', records.loadedTokens, count),
    optionalTimeColumn('max_gap_ns', records.maxGapNs, count),
    ...PHASES.map((phase, i) => timeColumn(`${phase}_ns`, records.phaseNs?.[i], count)),
  ]
}

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
  const data = new Int32Array(count)
  for (let i = 0; i < count; i++) data[i] = values[i]
  return { name, data, type: 'INT32', nullable: false, encoding: 'PLAIN' }
}

/** Few different values: the writer stores them once, in a dictionary. */
const textColumn = (name: string, data: string[]): ColumnSource => ({ name, data, type: 'STRING', nullable: false })
