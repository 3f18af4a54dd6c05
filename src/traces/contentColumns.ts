/** The columns that make up the content of a trace: what its file stores and its hash covers. */
import type { Workload } from './workload.js'

export type Column = Float64Array | Int32Array | Uint16Array
export type ColumnName = Exclude<
  { [K in keyof Workload]: Workload[K] extends Column | null ? K : never }[keyof Workload],
  undefined
>

/** Content columns in the order they are stored and hashed, with the type of their elements. */
export const COLUMNS = {
  arrivalNs: 'f64',
  isl: 'i32',
  osl: 'i32',
  classId: 'u16',
  tenant: 'i32',
  session: 'i32',
  parent: 'i32',
  waitNs: 'f64',
  joins: 'i32',
  joinCount: 'i32',
  runOffset: 'f64',
  runCount: 'i32',
  runFirst: 'i32',
  runLength: 'i32',
} as const satisfies Record<ColumnName, string>

export const COLUMN_NAMES = Object.keys(COLUMNS) as ColumnName[]
