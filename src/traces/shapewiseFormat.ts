/**
 * Shapewise's own trace file: a msgpack map { magic, version, count, blockTokens, provenance, columns }. Each column names its element
 * type and encoding: `delta` and `plain` are variable-length whole numbers (see varint.ts), `raw` little-endian elements. Lossless.
 */
import { decode, encode } from '@msgpack/msgpack'
import { UserError } from '../errors.js'
import { packWhole, unpackWhole } from './varint.js'
import type { Provenance, Workload } from './workload.js'

export const MAGIC = 'shapewise-trace'
export const VERSION = 1

type Column = Float64Array | Int32Array | Uint16Array
type ColumnName = Exclude<{ [K in keyof Workload]: Workload[K] extends Column | null ? K : never }[keyof Workload], undefined>

/** Content columns in the order they are stored and hashed. */
export const COLUMNS = {
  arrivalNs: 'f64', isl: 'i32', osl: 'i32', classId: 'u16', tenant: 'i32', parent: 'i32', waitNs: 'f64', joinCount: 'i32',
  blockOffset: 'f64', blockCount: 'i32', blockIds: 'i32',
} as const satisfies Record<ColumnName, string>
export const COLUMN_NAMES = Object.keys(COLUMNS) as ColumnName[]
const REQUIRED: readonly ColumnName[] = ['arrivalNs', 'isl', 'osl']
/** Columns of which neighbours are alike: stored as differences. */
const DELTA: readonly ColumnName[] = ['arrivalNs', 'blockOffset', 'blockIds', 'parent']
const CONSTRUCTORS = { f64: Float64Array, i32: Int32Array, u16: Uint16Array } as const
const LARGEST_PACKED = 2 ** 51
const MAX_ROWS = 2 ** 31

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
    magic: MAGIC, version: VERSION, count: workload.count, blockTokens: workload.blockTokens,
    provenance: { name, format, note, rowsRead, rowsSkipped }, columns,
  })
}

function storeColumn(column: Column, type: StoredColumn['type'], delta: boolean): StoredColumn {
  const packable = column.every((value) => Number.isInteger(value) && Math.abs(value) <= LARGEST_PACKED && !Object.is(value, -0))
  if (packable) return { type, encoding: delta ? 'delta' : 'plain', length: column.length, data: packWhole(column, delta) }
  return { type, encoding: 'raw', length: column.length, data: new Uint8Array(column.buffer, column.byteOffset, column.byteLength) }
}

/** The workload in the bytes of a file; `path` is for messages. Throws `UserError` for other versions and damaged files. */
export function decodeTrace(bytes: Uint8Array, path: string): Workload {
  const damaged = (what: string): UserError =>
    new UserError({ where: path, message: `The trace file is damaged: ${what}.`, hint: 'Copy it again, or write it anew from its source.' })
  let file: Record<string, unknown>
  try {
    file = decode(bytes) as Record<string, unknown>
  } catch {
    throw damaged('it cannot be decoded to its end')
  }
  if (file === null || typeof file !== 'object' || file.magic !== MAGIC) throw damaged(`it does not begin with ${MAGIC}`)
  if (file.version !== VERSION) {
    throw new UserError({
      where: path,
      message: `The trace file has format version ${String(file.version)}; this version of Shapewise reads ${VERSION}.`,
      hint: 'Use a newer Shapewise, or write the trace anew.',
    })
  }
  const stored = file.columns as Record<string, StoredColumn> | undefined
  const count = file.count
  if (typeof count !== 'number' || !Number.isInteger(count) || count < 0) throw damaged('its count of requests is none')
  if (stored === null || typeof stored !== 'object') throw damaged('it has no columns')
  for (const name of Object.keys(stored)) {
    if (!Object.hasOwn(COLUMNS, name)) throw damaged(`column ${name} is unknown`)
  }
  const columns = {} as Record<ColumnName, Column | null>
  for (const name of COLUMN_NAMES) {
    columns[name] = stored[name] === undefined ? null : loadColumn(stored[name], COLUMNS[name])
    if (columns[name] === null && (stored[name] !== undefined || REQUIRED.includes(name))) throw damaged(`column ${name} is missing or broken`)
    if (name !== 'blockIds' && columns[name] !== null && columns[name].length !== count) throw damaged(`column ${name} has a wrong length`)
  }
  const blockTokens = typeof file.blockTokens === 'number' ? file.blockTokens : 0
  const workload = { count, ...columns, blockTokens, provenance: provenanceOf(file.provenance) } as unknown as Workload
  const fault = contentFault(workload)
  if (fault !== null) throw damaged(fault)
  return workload
}

function loadColumn(stored: StoredColumn, type: StoredColumn['type']): Column | null {
  if (stored === null || typeof stored !== 'object' || stored.type !== type || !(stored.data instanceof Uint8Array)) return null
  const { length, data } = stored
  if (!Number.isInteger(length) || length < 0 || length > MAX_ROWS) return null
  const elementBytes = CONSTRUCTORS[type].BYTES_PER_ELEMENT
  if (stored.encoding === 'raw') {
    if (data.length !== length * elementBytes) return null
    return new CONSTRUCTORS[type](data.slice().buffer)
  }
  if (length > data.length || (stored.encoding !== 'delta' && stored.encoding !== 'plain')) return null
  const column = new CONSTRUCTORS[type](length)
  return unpackWhole(data, stored.encoding === 'delta', column) ? column : null
}

function provenanceOf(stored: unknown): Provenance {
  const given = (stored ?? {}) as Record<string, unknown>
  const text = (key: string): string => (typeof given[key] === 'string' ? given[key] : '')
  const whole = (key: string): number => (typeof given[key] === 'number' ? given[key] : 0)
  return { name: text('name'), format: text('format'), note: text('note'), rowsRead: whole('rowsRead'), rowsSkipped: whole('rowsSkipped') }
}

/** What breaks the contract of a workload, or null. */
function contentFault(workload: Workload): string | null {
  const { count, arrivalNs, isl, osl, blockOffset, blockCount, blockIds } = workload
  let latest = Number.NEGATIVE_INFINITY
  for (let i = 0; i < count; i++) {
    if (isl[i] < 1 || osl[i] < 1) return `request ${i} has a length below 1`
    if (arrivalNs[i] < latest) return `request ${i} arrives before the one before it`
    if (!Number.isNaN(arrivalNs[i])) latest = arrivalNs[i]
  }
  const parts = [blockOffset, blockCount, blockIds].filter((column) => column !== null).length
  if (parts !== 0 && parts !== 3) return 'prefix blocks are incomplete'
  if (blockOffset !== null && blockCount !== null && blockIds !== null) {
    for (let i = 0; i < count; i++) {
      const inside = blockOffset[i] >= 0 && blockCount[i] >= 0 && blockOffset[i] + blockCount[i] <= blockIds.length
      if (!inside) return `request ${i} points outside the prefix blocks`
    }
  }
  return null
}
