/** Growing columns that readers fill row by row, in the order of the file: three that every request has, and others as they come. */

import { grown } from '../collections/grow.js'
import { UserError } from '../errors.js'
import { type BlockColumns, createBlockBuilder } from './blocks.js'
import { MOST_CLASSES, MOST_ROWS } from './contract.js'
import { countJoins } from './relations.js'
import type { Workload } from './workload.js'

const FIRST_CAPACITY = 1 << 14

/** All of a workload but where it comes from; rows may be in any order, and their relations are not judged yet. */
export type RawRequests = Omit<Workload, 'provenance' | 'blockTokens'>

/** A column that only some formats have: rows without a value keep its default. */
export interface OptionalColumn {
  set(row: number, value: number): void
  /** The value of a row set before, else the default. */
  get(row: number): number
}

export interface RequestRows {
  readonly count: number
  /** A new request; returns its row. `timeNs` NaN: it is sent after the requests it waits for. */
  add(timeNs: number, isl: number, osl: number): number
  /** Gives a request that was added without a time one; a time that it has stays. */
  comeAt(row: number, timeNs: number): void
  readonly session: OptionalColumn
  /** Row of the request that this one continues. */
  readonly parent: OptionalColumn
  readonly waitNs: OptionalColumn
  /** Row of the request that waits for the end of this one too. */
  readonly joins: OptionalColumn
  /** Number of the tenant, for sources that number them. */
  readonly tenant: OptionalColumn
  setTenantName(row: number, name: string): void
  setClassName(row: number, name: string): void
  /** Appends a prefix block to the request added last. */
  pushBlock(id: number): void
  /** Appends blocks `first`, `first + 1`, ... to it. */
  pushBlocks(first: number, length: number): void
  /** The first `limit` requests. Takes the columns over: add no more rows after it. */
  columns(limit: number): RawRequests
}

export function createRequestRows(path: string): RequestRows {
  let timeNs = new Float64Array(FIRST_CAPACITY)
  let isl = new Int32Array(FIRST_CAPACITY)
  let osl = new Int32Array(FIRST_CAPACITY)
  const classId = optionalColumn(Uint16Array, 0)
  const tenant = optionalColumn(Int32Array, -1)
  const session = optionalColumn(Int32Array, -1)
  const parent = optionalColumn(Int32Array, -1)
  const waitNs = optionalColumn(Float64Array, 0)
  const joins = optionalColumn(Int32Array, -1)
  const tenants = createNumbering<string>()
  const classes = createNumbering<string>()
  const blocks = createBlockBuilder()
  let blockRows = 0
  let hasBlocks = false
  const reachRow = (count: number): void => {
    for (; blockRows < count; blockRows++) blocks.next()
  }
  const rows = {
    count: 0,
    add(time: number, input: number, output: number): number {
      const row = rows.count++
      if (row === timeNs.length) {
        timeNs = grown(timeNs)
        isl = grown(isl)
        osl = grown(osl)
      }
      timeNs[row] = time
      isl[row] = input
      osl[row] = output
      return row
    },
    comeAt(row: number, time: number): void {
      if (Number.isNaN(timeNs[row])) timeNs[row] = time
    },
    session,
    parent,
    waitNs,
    joins,
    tenant,
    setTenantName: (row: number, name: string): void => tenant.set(row, tenants.of(name)),
    setClassName(row: number, name: string): void {
      const id = classes.of(name)
      if (id >= MOST_CLASSES) {
        throw new UserError({
          where: path,
          message: `the file names more than ${MOST_CLASSES} classes of requests`,
          hint: 'leave the column of the class out, or read it as the tenant',
        })
      }
      classId.set(row, id)
    },
    pushBlock: (id: number): void => rows.pushBlocks(id, 1),
    pushBlocks(first: number, length: number): void {
      hasBlocks = true
      if (first + length > MOST_ROWS) {
        throw new UserError({
          where: path,
          message: `the file has more than ${MOST_ROWS} different prefix blocks`,
          hint: 'read a part of it, with a limit of requests',
        })
      }
      reachRow(rows.count)
      blocks.pushRun(first, length)
    },
    columns(limit: number): RawRequests {
      const count = Math.min(rows.count, limit)
      if (hasBlocks) reachRow(rows.count)
      const runs: BlockColumns | null = hasBlocks ? blocks.columns() : null
      const waitsFor = parent.trim(count)
      const joined = waitsFor === null ? null : joins.trim(count)
      const tenantIds = tenant.trim(count)
      const classIds = classId.trim(count)
      return {
        count,
        arrivalNs: timeNs.slice(0, count),
        isl: isl.slice(0, count),
        osl: osl.slice(0, count),
        classId: classIds,
        tenant: tenantIds,
        session: session.trim(count),
        parent: waitsFor,
        waitNs: waitsFor === null ? null : (waitNs.trim(count) ?? new Float64Array(count)),
        joins: joined,
        joinCount: countJoins(waitsFor, joined),
        runOffset: runs?.runOffset?.subarray(0, count) ?? null,
        runCount: runs?.runCount?.subarray(0, count) ?? null,
        runFirst: runs?.runFirst ?? null,
        runLength: runs?.runLength ?? null,
        names: {
          tenant: numbered(tenantIds, tenants.names(), -(2 ** 31), 2 ** 31 - 1),
          class: numbered(classIds, classes.names(), 0, MOST_CLASSES - 1),
        },
      }
    },
  }
  return rows
}

type Column = Float64Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>

/** The names of a column of ids; when all are whole numbers from `least` to `most`, the ids become these numbers, and there are no names. */
function numbered(ids: Column | null, names: readonly string[] | null, least: number, most: number): readonly string[] | null {
  const numbers = names?.map((name) => (/^(0|-?[1-9]\d{0,9})$/.test(name) ? Number(name) : Number.NaN))
  if (ids === null || numbers === undefined || !numbers.every((number) => number >= least && number <= most)) return names
  for (let i = 0; i < ids.length; i++) if (ids[i] >= 0) ids[i] = numbers[ids[i]]
  return null
}

/** Null until a row has a value. */
function optionalColumn<T extends Column>(Type: new (length: number) => T, missing: number) {
  let values: T | null = null
  let used = 0
  const reach = (length: number): T => {
    if (values === null || length > values.length) {
      const wider = new Type(Math.max(FIRST_CAPACITY, 2 ** Math.ceil(Math.log2(length))))
      wider.fill(missing)
      if (values !== null) wider.set(values as never)
      values = wider
    }
    return values
  }
  return {
    set(row: number, value: number): void {
      reach(row + 1)[row] = value
      used = Math.max(used, row + 1)
    },
    get: (row: number): number => (values === null || row >= used ? missing : values[row]),
    trim: (count: number): T | null => (values === null ? null : (reach(count).slice(0, count) as T)),
  }
}

/** Dense numbers, from 0 in the order of first use, for what a source calls by names or by sparse ids. */
export interface Numbering<K> {
  of(key: K): number
  readonly size: number
  names(): K[] | null
}

/** `mostInMap`: a Map holds at most 2^24 keys, and a long trace has more different prefix blocks. */
export function createNumbering<K>(mostInMap = 2 ** 24 - 1): Numbering<K> {
  let newest = new Map<K, number>()
  const maps = [newest]
  let size = 0
  return {
    of(key) {
      for (let i = maps.length - 1; i >= 0; i--) {
        const number = maps[i].get(key)
        if (number !== undefined) return number
      }
      if (newest.size >= mostInMap) {
        newest = new Map()
        maps.push(newest)
      }
      newest.set(key, size)
      return size++
    },
    get size() {
      return size
    },
    names: () => (size === 0 ? null : maps.flatMap((map) => [...map.keys()])),
  }
}
