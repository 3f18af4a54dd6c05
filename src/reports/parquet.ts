/** Records of requests as a Parquet file: one row per request, units in the column names. */
import { FATES, PHASES, type Records } from '../metrics/records.js'
import { type ParquetColumn, parquetFile } from './parquetFile.js'

type Numbers = Float64Array | Int32Array | Int16Array | Uint16Array | Uint8Array

interface Part {
  readonly labels?: Readonly<Record<string, string>>
  readonly records: Records
}

/** `records` in the order in which requests left. `labels` become columns of one repeated string, e.g. {arm: 'static'}: the same ones in each part. */
export function recordsToParquet(parts: readonly Part[]): Uint8Array {
  const rows = parts.reduce((sum, { records }) => sum + records.count, 0)
  const joined = (read: (records: Records) => Numbers): Float64Array => {
    const values = new Float64Array(rows)
    let at = 0
    for (const { records } of parts) {
      values.set(read(records).subarray(0, records.count), at)
      at += records.count
    }
    return values
  }
  const int = (name: string, read: (records: Records) => Numbers): ParquetColumn => ({
    name,
    type: 'int32',
    values: joined(read),
  })
  const time = (name: string, read: (records: Records) => Float64Array, nullable = false): ParquetColumn => ({
    name,
    type: 'int64',
    values: joined(read),
    nullable,
  })
  const label = (name: string): ParquetColumn => {
    const words = parts.map(({ labels }) => labels?.[name] as string)
    const codes = new Uint8Array(rows)
    let at = 0
    parts.forEach(({ records }, part) => {
      codes.fill(part, at, at + records.count)
      at += records.count
    })
    return { name, type: 'text', words, codes }
  }
  return parquetFile(
    [
      ...Object.keys(parts[0]?.labels ?? {}).map(label),
      int('request', (records) => records.request),
      time('arrival_ns', (records) => records.arrivalNs),
      time('first_token_ns', (records) => records.firstTokenNs, true),
      time('end_ns', (records) => records.endNs, true),
      int('input_tokens', (records) => records.isl),
      int('output_tokens', (records) => records.osl),
      { name: 'fate', type: 'text', words: FATES, codes: Uint8Array.from(joined((records) => records.fate)) },
      int('engine', (records) => records.engine),
      int('rank', (records) => records.rank),
      int('preemptions', (records) => records.preemptions),
      ...PHASES.map((phase, i) => time(`${phase}_ns`, (records) => records.phaseNs[i])),
    ],
    rows,
    'shapewise',
  )
}
