/** A trace of our own in Parquet (see write/parquet.ts for its columns): every column back, checked by the hash in its metadata. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { UserError } from '../../errors.js'
import { MOST_ROWS, workloadFault } from '../contract.js'
import { traceHash } from '../hash.js'
import { countJoins } from '../relations.js'
import { namesOf, provenanceOf } from '../shapewiseFormat.js'
import type { Workload } from '../workload.js'
import { damaged, type ParquetSource } from './file.js'
import { METADATA_KEY, METADATA_VERSION, WRITER } from './metadata.js'

/** The text that our writer leaves in the metadata; null in files of others. */
export async function ownMetadata({ metadata, footerHolds }: ParquetSource, path: string): Promise<string | null> {
  const text = metadata.key_value_metadata?.find(({ key }) => key === METADATA_KEY)?.value ?? null
  // read as a table of others it would lose sessions, and what makes sure of its content
  if (text === null && (await footerHolds(WRITER)))
    throw damaged(path, `we wrote it, and its metadata under the key ${METADATA_KEY} are gone`)
  return text
}

const REQUIRED = ['arrival_ns', 'input_tokens', 'output_tokens']
const OPTIONAL = ['class', 'tenant', 'session', 'parent', 'wait_ns', 'joins', 'block_first', 'block_count']

export async function readOwnParquet(source: ParquetSource, text: string, path: string): Promise<Workload> {
  const { version, hash, block_tokens: blockTokens, names, provenance, pages } = parsed(text, path)
  if (version !== METADATA_VERSION) {
    throw new UserError({
      where: path,
      message: `the trace in this Parquet file has version ${String(version)}; this version of Shapewise reads ${METADATA_VERSION}`,
      hint: 'use a newer Shapewise, or write the trace anew',
    })
  }
  await checkPages(pages, path)
  const known = namesOf(names)
  if (known === null) throw damaged(path, 'its names of tenants and classes are none')
  const missing = REQUIRED.find((name) => !source.columns.includes(name))
  if (missing !== undefined) throw damaged(path, `column ${missing} is missing`)
  if (source.rows > MOST_ROWS) throw damaged(path, 'its count of requests is none')
  const columns = [...REQUIRED, ...OPTIONAL.filter((name) => source.columns.includes(name))]
  const read = await readColumns(source, columns, path)
  const parent = read.whole('parent', Int32Array, -1)
  const joins = read.whole('joins', Int32Array, -1)
  const workload: Workload = {
    count: source.rows,
    arrivalNs: read.whole('arrival_ns', Float64Array, Number.NaN) as Float64Array,
    isl: read.whole('input_tokens', Int32Array, 0) as Int32Array,
    osl: read.whole('output_tokens', Int32Array, 0) as Int32Array,
    classId: read.whole('class', Uint16Array, 0),
    tenant: read.whole('tenant', Int32Array, 0),
    session: read.whole('session', Int32Array, -1),
    parent,
    waitNs: read.whole('wait_ns', Float64Array, 0),
    joins,
    joinCount: countJoins(parent, joins),
    ...read.runs(),
    blockTokens: Number(blockTokens),
    names: known,
    provenance: provenanceOf(provenance),
  }
  const fault = workloadFault(workload)
  if (fault !== null) throw damaged(path, fault)
  if (hash !== traceHash(workload)) throw damaged(path, 'its content does not match its hash')
  return workload
}

/** The decoder trusts what it reads, so the bytes are checked before it sees them. */
async function checkPages(pages: unknown, path: string): Promise<void> {
  const { bytes, sha256 } = (pages ?? {}) as { bytes?: unknown; sha256?: unknown }
  if (!Number.isSafeInteger(bytes) || (bytes as number) < 0) throw damaged(path, 'its metadata do not say how long its pages are')
  const digest = createHash('sha256')
  let read = 0
  const stream = createReadStream(path, { end: Math.max(0, (bytes as number) - 1), highWaterMark: 1 << 20 })
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    digest.update(chunk)
    read += chunk.length
  }
  if (read !== bytes || digest.digest('hex') !== sha256) throw damaged(path, 'its pages do not match their digest')
}

function parsed(text: string, path: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // below
  }
  throw damaged(path, `its metadata under the key ${METADATA_KEY} are none of ours`)
}

type Whole = Float64Array | Int32Array | Uint16Array

/** All values by column: numbers as they come, null as NaN; lists joined, with their lengths. */
async function readColumns(source: ParquetSource, columns: readonly string[], path: string) {
  const numbers = new Map(columns.map((name) => [name, new Float64Array(name.startsWith('block_') ? 0 : source.rows)]))
  const lists = { block_first: [] as number[], block_count: [] as number[] }
  const runCount = new Int32Array(source.rows)
  let row = 0
  await source.readGroups(columns, (rows) => {
    columns.forEach((name, c) => {
      const into = numbers.get(name) as Float64Array
      const isList = name === 'block_first' || name === 'block_count'
      for (let i = 0; i < rows.length; i++) {
        const value = rows[i][c]
        if (!isList) {
          into[row + i] = value === null || value === undefined ? Number.NaN : Number(value)
          continue
        }
        if (!Array.isArray(value)) throw damaged(path, `column ${name} has no lists`)
        for (const entry of value) lists[name].push(Number(entry))
        if (name === 'block_first') runCount[row + i] = value.length
      }
    })
    row += rows.length
    return true
  })
  const exact = <T extends Whole>(
    name: string,
    values: ArrayLike<number>,
    Type: new (length: number) => T,
    missing: number,
  ): T => {
    const column = new Type(values.length)
    for (let i = 0; i < values.length; i++) {
      column[i] = Number.isNaN(values[i]) ? missing : values[i]
      if (!Number.isNaN(values[i]) && column[i] !== values[i]) throw damaged(path, `column ${name} has the value ${values[i]}`)
    }
    return column
  }
  return {
    /** The column in its own type, null when the file does not have it. */
    whole: <T extends Whole>(name: string, Type: new (length: number) => T, missing: number): T | null => {
      const values = numbers.get(name)
      return values === undefined ? null : exact(name, values, Type, missing)
    },
    runs(): Pick<Workload, 'runOffset' | 'runCount' | 'runFirst' | 'runLength'> {
      if (!numbers.has('block_first') && !numbers.has('block_count'))
        return { runOffset: null, runCount: null, runFirst: null, runLength: null }
      if (lists.block_first.length !== lists.block_count.length) throw damaged(path, 'prefix blocks are incomplete')
      const runOffset = new Float64Array(source.rows)
      for (let i = 1; i < source.rows; i++) runOffset[i] = runOffset[i - 1] + runCount[i - 1]
      const runFirst = exact('block_first', lists.block_first, Int32Array, -1)
      return { runOffset, runCount, runFirst, runLength: exact('block_count', lists.block_count, Int32Array, -1) }
    },
  }
}
