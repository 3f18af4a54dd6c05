/**
 * Shapewise's own trace file: a msgpack map { magic, version, hash, count, blockTokens, provenance, columns }; `hash` is `traceHash`, by
 * which damage is noticed (files without it are read too). Each column names its element
 * type and encoding: `delta` and `plain` are variable-length whole numbers (see varint.ts), `raw` little-endian elements. Lossless.
 */
import { decode, encode } from '@msgpack/msgpack'
import { UserError } from '../errors.js'
import { COLUMN_NAMES, COLUMNS, type Column, type ColumnName } from './contentColumns.js'
import { isWholeUpTo, MOST_ROWS, workloadFault } from './contract.js'
import { traceHash } from './hash.js'
import { packWhole, unpackWhole } from './varint.js'
import { NO_NAMES, type Provenance, type Workload } from './workload.js'

export const MAGIC = 'shapewise-trace'
const VERSION = 2

const REQUIRED: readonly ColumnName[] = ['arrivalNs', 'isl', 'osl']
/** Columns of which neighbours are alike: stored as differences. */
const DELTA: readonly ColumnName[] = ['arrivalNs', 'session', 'parent', 'joins', 'runOffset', 'runFirst']
const CONSTRUCTORS = { f64: Float64Array, i32: Int32Array, u16: Uint16Array } as const
const LARGEST_PACKED = 2 ** 51
/** Lists (names of tenants) and texts of a file are no longer than it has bytes: a length beyond these is damage, and must not be allocated. */
const decodeLimits = ({ length }: Uint8Array) =>
  ({ maxArrayLength: length, maxMapLength: 64, maxExtLength: 64, maxStrLength: length }) as const

interface StoredColumn {
  readonly type: keyof typeof CONSTRUCTORS
  readonly encoding: 'delta' | 'plain' | 'raw'
  readonly length: number
  readonly data: Uint8Array
}

export function encodeTrace(workload: Workload): Uint8Array {
  const columns: Record<string, StoredColumn> = {}
  for (const name of COLUMN_NAMES) {
    const column = workload[name]
    if (column !== null) columns[name] = storeColumn(column, COLUMNS[name], DELTA.includes(name))
  }
  const { name, format, note, rowsRead, rowsSkipped } = workload.provenance
  return encode({
    magic: MAGIC,
    version: VERSION,
    hash: traceHash(workload),
    count: workload.count,
    blockTokens: workload.blockTokens,
    names: workload.names,
    provenance: { name, format, note, rowsRead, rowsSkipped },
    columns,
  })
}

function storeColumn(column: Column, type: StoredColumn['type'], delta: boolean): StoredColumn {
  const packable = column.every((value) => Number.isInteger(value) && Math.abs(value) <= LARGEST_PACKED && !Object.is(value, -0))
  if (packable) return { type, encoding: delta ? 'delta' : 'plain', length: column.length, data: packWhole(column, delta) }
  return {
    type,
    encoding: 'raw',
    length: column.length,
    data: new Uint8Array(column.buffer, column.byteOffset, column.byteLength),
  }
}

/** The workload in the bytes of a file; `path` is for messages. Throws `UserError` for other versions and damaged files. */
export function decodeTrace(bytes: Uint8Array, path: string): Workload {
  const damaged = (what: string): UserError =>
    new UserError({
      where: path,
      message: `the trace file is damaged: ${what}`,
      hint: 'copy it again, or write it anew from its source',
    })
  let file: Record<string, unknown>
  try {
    file = decode(bytes, decodeLimits(bytes)) as Record<string, unknown>
  } catch {
    throw damaged('it cannot be decoded to its end')
  }
  if (file === null || typeof file !== 'object' || file.magic !== MAGIC) throw damaged(`it does not begin with ${MAGIC}`)
  if (file.version !== VERSION) {
    throw new UserError({
      where: path,
      message: `the trace file has format version ${String(file.version)}; this version of Shapewise reads ${VERSION}`,
      hint: 'use a newer Shapewise, or write the trace anew',
    })
  }
  const stored = file.columns as Record<string, StoredColumn> | undefined
  const count = file.count
  if (!isWholeUpTo(count, MOST_ROWS)) throw damaged('its count of requests is none')
  if (stored === null || typeof stored !== 'object') throw damaged('it has no columns')
  for (const name of Object.keys(stored)) {
    if (!Object.hasOwn(COLUMNS, name)) throw damaged(`column ${name} is unknown`)
  }
  const columns = {} as Record<ColumnName, Column | null>
  for (const name of COLUMN_NAMES) {
    columns[name] = stored[name] === undefined ? null : loadColumn(stored[name], COLUMNS[name])
    if (columns[name] === null && (stored[name] !== undefined || REQUIRED.includes(name)))
      throw damaged(`column ${name} is missing or broken`)
    if (name !== 'runFirst' && name !== 'runLength' && columns[name] !== null && columns[name].length !== count)
      throw damaged(`column ${name} has a wrong length`)
  }
  const blockTokens = file.blockTokens ?? 0
  if (!isWholeUpTo(blockTokens, MOST_ROWS)) throw damaged('its tokens per prefix block are no whole number')
  const names = namesOf(file.names)
  if (names === null) throw damaged('its names of tenants and classes are none')
  const workload = { count, ...columns, blockTokens, names, provenance: provenanceOf(file.provenance) } as unknown as Workload
  const fault = workloadFault(workload)
  if (fault !== null) throw damaged(fault)
  if (file.hash !== undefined && file.hash !== traceHash(workload)) throw damaged('its content does not match its hash')
  return workload
}

function loadColumn(stored: StoredColumn, type: StoredColumn['type']): Column | null {
  if (stored === null || typeof stored !== 'object' || stored.type !== type || !(stored.data instanceof Uint8Array)) return null
  const { length, data } = stored
  if (!Number.isInteger(length) || length < 0 || length > MOST_ROWS) return null
  const elementBytes = CONSTRUCTORS[type].BYTES_PER_ELEMENT
  if (stored.encoding === 'raw') {
    if (data.length !== length * elementBytes) return null
    return new CONSTRUCTORS[type](new Uint8Array(data).buffer)
  }
  if (length > data.length || (stored.encoding !== 'delta' && stored.encoding !== 'plain')) return null
  const column = new CONSTRUCTORS[type](length)
  return unpackWhole(data, stored.encoding === 'delta', column) ? column : null
}

/** Names of tenants and classes; null when they are no lists of text. */
export function namesOf(stored: unknown): Workload['names'] | null {
  if (stored === undefined) return NO_NAMES
  if (typeof stored !== 'object' || stored === null) return null
  const { tenant, class: classes } = stored as Record<string, unknown>
  const isNames = (list: unknown): boolean =>
    list === null || (Array.isArray(list) && list.every((name) => typeof name === 'string'))
  return isNames(tenant) && isNames(classes) ? ({ tenant, class: classes } as Workload['names']) : null
}

export function provenanceOf(stored: unknown): Provenance {
  const given = (stored ?? {}) as Record<string, unknown>
  const text = (key: string): string => (typeof given[key] === 'string' ? given[key] : '')
  const whole = (key: string): number => (typeof given[key] === 'number' ? given[key] : 0)
  return {
    name: text('name'),
    format: text('format'),
    note: text('note'),
    rowsRead: whole('rowsRead'),
    rowsSkipped: whole('rowsSkipped'),
  }
}
