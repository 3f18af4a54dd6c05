/** Times of the operators of a plan, made from the shipped kernel tables when first asked for. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { UserError } from '../errors.js'
import { MEASURED_SYSTEMS } from '../hardware/system.js'
import { makeSlice } from './kernels/makeSlice.js'
import { decodeTable, type KernelTable } from './kernels/table.js'
import { sliceKey, type TabledOperator } from './keys.js'

/** What the time of an operator stands on, from the strongest on. */
export const EVIDENCE_KINDS = ['measured', 'interpolated', 'transferred', 'roofline'] as const
export type Evidence = (typeof EVIDENCE_KINDS)[number]

/** Times on one or two axes of knots. */
export interface Surface {
  /** Natural log of the knots. */
  readonly logX: Float64Array
  /** Empty when there is one axis. */
  readonly logY: Float64Array
  /** Natural log of microseconds. */
  readonly logUs: Float64Array
}

/** Times of one operator. */
export interface Slice extends Surface {
  readonly key: string
  /** How the slice as a whole was made. */
  readonly evidence: Evidence
  /** Largest measured abscissa (2-D: product of the two axes); beyond it times are extended. */
  readonly reach: number
  /** Largest measured ordinate of any; absent where there is one axis. */
  readonly longest?: number
  /** Of prefill attention measured for several prompts at once: (prompts, tokens of each), where the slice itself is one prompt. */
  readonly batches?: Surface
  /** Why the evidence is not `measured`, or what was repaired; else empty. */
  readonly note: string
}

export interface KernelTables {
  readonly system: string
  /** Times of an operator that needs tables; kept. Throws UserError when nothing like it was measured. */
  slice(operator: TabledOperator): Slice
}

/** `other` is read when first needed: dense models do without it. */
function tablesOf(own: KernelTable, other: () => KernelTable | null): KernelTables {
  const made = new Map<string, Slice>()
  return {
    system: own.system,
    slice(operator) {
      const key = sliceKey(operator)
      const slice = made.get(key) ?? makeSlice(key, operator, { own, other })
      if (!slice) {
        throw new UserError({
          where: 'engines',
          message: `the kernel tables of ${own.system} have no row for ${key}`,
          hint: 'use a precision, head dimension and expert type that were measured',
        })
      }
      made.set(key, slice)
      return slice
    },
  }
}

const bytesOf = (system: string): Buffer => readFileSync(new URL(`../../data/timing/${system}.bin`, import.meta.url))

let digest: string | undefined

/** Names the shipped tables by their content: what step times rest on, whichever of them a model needs. */
export function kernelsDigest(): string {
  if (digest === undefined) {
    const hash = createHash('sha256')
    for (const system of MEASURED_SYSTEMS) hash.update(bytesOf(system))
    digest = hash.digest('hex')
  }
  return digest
}

const files = new Map<string, KernelTable>()
const loaded = new Map<string, KernelTables>()

/** The file of a measured system (`gb200`, `gb300`), read once. */
export function loadKernelTable(system: string): KernelTable {
  const known = files.get(system)
  if (known) return known
  let file: Buffer
  try {
    file = bytesOf(system)
  } catch {
    throw new UserError({
      where: 'system',
      message: `there are no kernel times of the system ${system}`,
      hint: `use ${MEASURED_SYSTEMS.join(' or ')}`,
    })
  }
  const table = decodeTable(file)
  files.set(system, table)
  return table
}

/** Tables of a measured system (`gb200`, `gb300`), read once. */
export function loadTables(system: string): KernelTables {
  const known = loaded.get(system)
  if (known) return known
  const own = loadKernelTable(system)
  const other = MEASURED_SYSTEMS.find((name) => name !== system)
  const tables = tablesOf(own, () => (other ? loadKernelTable(other) : null))
  loaded.set(system, tables)
  return tables
}
