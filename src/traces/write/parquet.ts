/**
 * Parquet out: one row per request, units in the names. The columns are arrival_ns (null for a request that is released by those it waits for),
 * input_tokens, output_tokens, and those that the workload has of class, tenant, session, parent, wait_ns, joins (row numbers from 0, null for
 * none) and the lists block_first and block_count, one entry for each run of consecutive block ids. Size of a block, names, provenance and
 * the hash of the content are in the metadata under the key `shapewise`.
 */
import { createHash } from 'node:crypto'
import type { SchemaElement } from 'hyparquet'
import { ByteWriter, type ColumnSource, ParquetWriter } from 'hyparquet-writer'
import { traceHash } from '../hash.js'
import { METADATA_KEY, METADATA_VERSION, WRITER } from '../parquet/metadata.js'
import type { Workload } from '../workload.js'
import type { Piece } from './file.js'

/** Rows of a group: what a reader holds at a time. */
const GROUP_ROWS = 1 << 16

/** A column: its schema and its values for rows [from, to). */
interface ParquetColumn {
  readonly schema: readonly SchemaElement[]
  data(from: number, to: number): ColumnSource['data']
}

export function* parquetPieces(workload: Workload): Generator<Piece> {
  const columns = columnsOf(workload)
  const bytes = new ByteWriter()
  /** What was written since the last piece, which the writer may forget. */
  const take = (): Uint8Array => {
    const piece = bytes.getBytes().slice()
    bytes.index = 0
    return piece
  }
  const writer = new ParquetWriter({
    writer: bytes,
    schema: [{ name: 'requests', num_children: columns.length }, ...columns.flatMap(({ schema }) => schema)],
    createdBy: WRITER,
  })
  const digest = createHash('sha256')
  let digested = 0
  for (let from = 0; from < workload.count; from += GROUP_ROWS) {
    const to = Math.min(from + GROUP_ROWS, workload.count)
    const columnData = columns.map(({ schema, data }) => ({ name: schema[0].name, data: data(from, to) }))
    // at once, as for every writer without a `flush`
    void writer.write({ columnData, rowGroupSize: GROUP_ROWS })
    const piece = take()
    digest.update(piece)
    digested += piece.length
    yield piece
  }
  const pages = { bytes: digested, sha256: digest.digest('hex') }
  writer.kvMetadata = [{ key: METADATA_KEY, value: metadataOf(workload, pages) }]
  void writer.finish()
  yield take()
}

/** `pages`: how much of the file comes before its footer, and the digest of that, so that damage is noticed before anything is decoded. */
function metadataOf(workload: Workload, pages: { readonly bytes: number; readonly sha256: string }): string {
  const { blockTokens, names, provenance } = workload
  return JSON.stringify({
    version: METADATA_VERSION,
    hash: traceHash(workload),
    block_tokens: blockTokens,
    names,
    provenance,
    pages,
  })
}

function columnsOf(workload: Workload): ParquetColumn[] {
  const { arrivalNs, isl, osl, classId, tenant, session, parent, waitNs, joins, runFirst, runLength } = workload
  const columns = [timeColumn('arrival_ns', arrivalNs), countColumn('input_tokens', isl), countColumn('output_tokens', osl)]
  if (classId !== null) columns.push(countColumn('class', classId))
  if (tenant !== null) columns.push(countColumn('tenant', tenant))
  if (session !== null) columns.push(referenceColumn('session', session))
  if (parent !== null) columns.push(referenceColumn('parent', parent))
  if (waitNs !== null) columns.push(timeColumn('wait_ns', waitNs))
  if (joins !== null) columns.push(referenceColumn('joins', joins))
  if (runFirst !== null) columns.push(runColumn('block_first', workload, runFirst))
  if (runLength !== null) columns.push(runColumn('block_count', workload, runLength))
  return columns
}

/** Whole ns; NaN becomes null. */
function timeColumn(name: string, values: Float64Array): ParquetColumn {
  return {
    schema: [{ name, type: 'INT64', repetition_type: 'OPTIONAL' }],
    data: (from, to) => Array.from(values.subarray(from, to), (value) => (Number.isNaN(value) ? null : BigInt(value))),
  }
}

function countColumn(name: string, values: Int32Array | Uint16Array): ParquetColumn {
  return {
    schema: [{ name, type: 'INT32', repetition_type: 'REQUIRED' }],
    data: (from, to) => Int32Array.from(values.subarray(from, to)),
  }
}

/** Number of a session or a request; -1 becomes null. */
function referenceColumn(name: string, values: Int32Array): ParquetColumn {
  return {
    schema: [{ name, type: 'INT32', repetition_type: 'OPTIONAL' }],
    data: (from, to) => Array.from(values.subarray(from, to), (value) => (value < 0 ? null : value)),
  }
}

/** A list of the entries that a request's runs have in `values`. */
function runColumn(name: string, { runOffset, runCount }: Workload, values: Int32Array): ParquetColumn {
  return {
    schema: [
      { name, converted_type: 'LIST', repetition_type: 'REQUIRED', num_children: 1 },
      { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
      { name: 'element', type: 'INT32', repetition_type: 'REQUIRED' },
    ],
    data: (from, to) =>
      Array.from({ length: to - from }, (_, k) => {
        const start = runOffset?.[from + k] ?? 0
        return Array.from(values.subarray(start, start + (runCount?.[from + k] ?? 0)))
      }),
  }
}
