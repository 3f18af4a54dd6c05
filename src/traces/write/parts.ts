/** What a workload holds beyond times and lengths, part by part: a format that cannot hold a part is refused, or the part is dropped knowingly. */
import { blockCountOf } from '../blocks.js'
import type { Workload } from '../workload.js'

/** Parts by the names that `--drop` takes. `joins`: requests that wait for several others. */
export const PARTS = ['classes', 'tenants', 'sessions', 'joins', 'blocks'] as const
export type Part = (typeof PARTS)[number]

export function partsOf(workload: Workload): Part[] {
  const { classId, tenant, session, parent, joins, runOffset } = workload
  const held: Readonly<Record<Part, boolean>> = {
    classes: classId !== null,
    tenants: tenant !== null,
    sessions: session !== null || parent !== null,
    joins: joins?.some((target) => target >= 0) ?? false,
    blocks: runOffset !== null && workload.isl.some((_, i) => blockCountOf(workload, i) > 0),
  }
  return PARTS.filter((part) => held[part])
}

/** The workload without some of its parts. Without `joins` a request waits for its parent only. Requests without an arrival time keep theirs out. */
export function withoutParts(workload: Workload, parts: readonly Part[]): Workload {
  let rest = workload
  for (const part of parts) rest = { ...rest, ...emptied(part, rest) }
  return rest
}

function emptied(part: Part, { names }: Workload): Partial<Workload> {
  switch (part) {
    case 'classes':
      return { classId: null, names: { ...names, class: null } }
    case 'tenants':
      return { tenant: null, names: { ...names, tenant: null } }
    case 'sessions':
      return { session: null, parent: null, waitNs: null, joins: null, joinCount: null }
    case 'joins':
      return { joins: null, joinCount: null }
    case 'blocks':
      return { runOffset: null, runCount: null, runFirst: null, runLength: null, blockTokens: 0 }
  }
}
