/** Generated requests, collected in the order in which they are written, into a workload. */
import { createBlockBuilder } from '../blocks.js'
import { denseBlocks } from '../denseBlocks.js'
import type { Provenance, Workload } from '../workload.js'
import { type Chain, pushChain } from './chains.js'

export interface NewRequest {
  /** NaN: sent after its parent. */
  readonly arrivalNs: number
  readonly isl: number
  readonly osl: number
  readonly classId: number
  readonly tenant: number
  readonly session: number
  /** Rows of the workload, -1 for none. */
  readonly parent: number
  readonly waitNs: number
  readonly joins: number
  readonly chain: Chain | null
}

export interface Rows {
  readonly count: number
  push(request: NewRequest): void
  workload(names: Workload['names'], blockTokens: number, provenance: Omit<Provenance, 'rowsRead' | 'rowsSkipped'>): Workload
}

const COLUMNS = ['arrivalNs', 'isl', 'osl', 'classId', 'tenant', 'session', 'parent', 'waitNs', 'joins'] as const

export function createRows(): Rows {
  const columns = Object.fromEntries(COLUMNS.map((name) => [name, [] as number[]])) as Record<(typeof COLUMNS)[number], number[]>
  const builder = createBlockBuilder()
  return {
    get count() {
      return columns.isl.length
    },
    push(request) {
      for (const name of COLUMNS) columns[name].push(request[name])
      builder.next()
      pushChain(builder, request.chain)
    },
    workload(names, blockTokens, provenance) {
      const count = columns.isl.length
      const any = (column: readonly number[], none: number): boolean => column.some((value) => value !== none)
      const hasParents = any(columns.parent, -1)
      const hasJoins = any(columns.joins, -1)
      const blocks = builder.columns()
      const arrivalNs = Float64Array.from(columns.arrivalNs)
      const startNs = arrivalNs[0]
      return {
        count,
        arrivalNs: arrivalNs.map((timeNs) => timeNs - startNs),
        isl: Int32Array.from(columns.isl),
        osl: Int32Array.from(columns.osl),
        classId: names.class === null ? null : Uint16Array.from(columns.classId),
        tenant: any(columns.tenant, -1) ? Int32Array.from(columns.tenant) : null,
        session: any(columns.session, -1) ? Int32Array.from(columns.session) : null,
        parent: hasParents ? Int32Array.from(columns.parent) : null,
        waitNs: hasParents ? Float64Array.from(columns.waitNs) : null,
        joins: hasJoins ? Int32Array.from(columns.joins) : null,
        joinCount: hasJoins ? joinCounts(columns.parent, columns.joins) : null,
        ...(blocks === null ? { runOffset: null, runCount: null, runFirst: null, runLength: null } : denseBlocks(blocks)),
        blockTokens: blocks === null ? 0 : blockTokens,
        names,
        provenance: { ...provenance, rowsRead: count, rowsSkipped: 0 },
      }
    },
  }
}

function joinCounts(parent: readonly number[], joins: readonly number[]): Int32Array {
  const counts = Int32Array.from(parent, (row) => (row < 0 ? 0 : 1))
  for (const row of joins) if (row >= 0) counts[row]++
  return counts
}
