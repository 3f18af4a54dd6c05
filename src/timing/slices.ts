/**
 * The file of kernel times: one binary per system. Layout: `SWT1`, uint32 LE length of the index, the index (JSON, see
 * `FileIndex`), then 16-bit codes, one per knot (2-D: the last axis runs fastest). A code is log2(us) on a grid of
 * 1/2048 octave from 2^-2 us, so a stored value is within 0.02 % of the value it was made from and order is kept.
 * Values are decoded only for the slices a plan asks for.
 */
import { readFileSync } from 'node:fs'
import { UserError } from '../errors.js'
import { sliceKey, type TabledOperator } from './keys.js'
import type { AxisName } from './knots.js'

export type Evidence = 'measured' | 'interpolated' | 'transferred' | 'roofline'

/** Times of one operator on one or two axes of knots. */
export interface Slice {
  readonly key: string
  /** Natural log of the knots. */
  readonly logX: Float64Array
  /** Empty when the slice has one axis. */
  readonly logY: Float64Array
  /** Natural log of microseconds. */
  readonly logUs: Float64Array
  /** How the slice as a whole was made. */
  readonly evidence: Evidence
  /** Largest measured abscissa (2-D: product of the two axes); beyond it times are extended. */
  readonly reach: number
  /** Why the evidence is not `measured`; empty when it is. */
  readonly note: string
}

export interface SliceSource {
  readonly key: string
  readonly axes: readonly AxisName[]
  readonly us: ArrayLike<number>
  readonly evidence: Evidence
  readonly reach: number
}

interface FileIndex {
  readonly notice: readonly string[]
  readonly system: string
  readonly axes: Readonly<Record<string, readonly number[]>>
  /** [key, axes, evidence, reach, offset in codes] */
  readonly slices: readonly [string, readonly AxisName[], Evidence, number, number][]
}

export interface KernelTables {
  readonly system: string
  readonly notice: readonly string[]
  readonly keys: readonly string[]
  has(key: string): boolean
  /** Times of an operator that needs tables; kept. Throws UserError when the tables do not hold them. */
  slice(operator: TabledOperator): Slice
}

const MAGIC = 'SWT1'
const CODES_PER_OCTAVE = 2048
const FIRST_OCTAVE = -2

const encodeUs = (us: number): number =>
  Math.min(65535, Math.max(0, Math.round((Math.log2(us) - FIRST_OCTAVE) * CODES_PER_OCTAVE)))
const decodeLogUs = (code: number): number => (code / CODES_PER_OCTAVE + FIRST_OCTAVE) * Math.LN2

export function encodeTables(
  system: string,
  notice: readonly string[],
  axes: Readonly<Record<string, readonly number[]>>,
  slices: readonly SliceSource[],
): Uint8Array {
  let offset = 0
  const entries = slices.map((slice) => {
    const entry: FileIndex['slices'][number] = [slice.key, slice.axes, slice.evidence, slice.reach, offset]
    offset += slice.us.length
    return entry
  })
  const rounded = Object.fromEntries(
    Object.entries(axes).map(([name, knots]) => [name, knots.map((knot) => Number(knot.toPrecision(6)))]),
  )
  const index: FileIndex = { notice, system, axes: rounded, slices: entries }
  let text = JSON.stringify(index)
  text += ' '.repeat(Buffer.byteLength(text) % 2)
  const indexBytes = Buffer.from(text)
  const file = Buffer.alloc(8 + indexBytes.length + 2 * offset)
  file.write(MAGIC, 0, 'latin1')
  file.writeUInt32LE(indexBytes.length, 4)
  indexBytes.copy(file, 8)
  let at = 8 + indexBytes.length
  for (const slice of slices) for (let i = 0; i < slice.us.length; i++, at += 2) file.writeUInt16LE(encodeUs(slice.us[i]), at)
  return file
}

export function decodeTables(file: Buffer): KernelTables {
  if (file.toString('latin1', 0, 4) !== MAGIC)
    throw new UserError({ where: 'data/timing', message: 'this is not a file of kernel times.' })
  const indexLength = file.readUInt32LE(4)
  const index = JSON.parse(file.toString('utf8', 8, 8 + indexLength)) as FileIndex
  const logKnots = new Map(Object.entries(index.axes).map(([name, knots]) => [name, Float64Array.from(knots, Math.log)]))
  const entries = new Map(index.slices.map((entry) => [entry[0], entry]))
  const decoded = new Map<string, Slice>()
  const none = new Float64Array(0)

  function decode(key: string): Slice {
    const entry = entries.get(key)
    if (!entry) {
      throw new UserError({
        where: 'engines',
        message: `the kernel tables of ${index.system} have no row for ${key}.`,
        hint: 'Use a layout the tables cover: tp 1, 2, 4 or 8; moe_ep 1, 2, 4, 8, 16, 32 or 64.',
      })
    }
    const [, axes, evidence, reach, offset] = entry
    const logX = logKnots.get(axes[0]) ?? none
    const logY = axes.length > 1 ? (logKnots.get(axes[1]) ?? none) : none
    const logUs = new Float64Array(logX.length * (logY.length || 1))
    const start = 8 + indexLength + 2 * offset
    for (let i = 0; i < logUs.length; i++) logUs[i] = decodeLogUs(file.readUInt16LE(start + 2 * i))
    const note = evidence === 'interpolated' ? 'between measured shapes' : ''
    return { key, logX, logY, logUs, evidence, reach, note }
  }

  return {
    system: index.system,
    notice: index.notice,
    keys: [...entries.keys()],
    has: (key) => entries.has(key),
    slice(operator) {
      const key = sliceKey(operator)
      const known = decoded.get(key) ?? decode(key)
      decoded.set(key, known)
      return known
    },
  }
}

const loaded = new Map<string, KernelTables>()

/** Tables of a shipped system (`gb200`, `gb300`), read once. */
export function loadTables(system: string): KernelTables {
  const known = loaded.get(system)
  if (known) return known
  let file: Buffer
  try {
    file = readFileSync(new URL(`../../data/timing/${system}.bin`, import.meta.url))
  } catch {
    throw new UserError({
      where: 'system',
      message: `there are no kernel times of the system ${system}.`,
      hint: 'Use gb200 or gb300.',
    })
  }
  const tables = decodeTables(file)
  loaded.set(system, tables)
  return tables
}
