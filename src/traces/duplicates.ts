/** Rows that repeat another one in every column: a file joined twice, or a log that retried. */
import { UserError } from '../errors.js'
import { blockIdsOf } from './blocks.js'
import type { ReadOptions } from './options.js'
import { withoutRequests } from './relations.js'
import type { SkipLog } from './report.js'
import type { Workload } from './workload.js'

export function applyDuplicates(
  workload: Workload,
  path: string,
  rule: NonNullable<ReadOptions['duplicates']>,
  skips: SkipLog,
): { workload: Workload; duplicates: number; note: string | null } {
  const { twins, count } = twinsOf(workload)
  if (twins === null) return { workload, duplicates: 0, note: null }
  const rows = count === 1 ? '1 row repeats' : `${count} rows repeat`
  if (rule === 'fail') {
    throw new UserError({
      where: path,
      message: `${rows} another one exactly`,
      hint: 'keep them (duplicates: keep), or drop them (duplicates: drop)',
    })
  }
  if (rule === 'keep') return { workload, duplicates: count, note: `${rows} another one exactly; kept.` }
  skips.leaveOut(count, 'repeats another row exactly')
  const gone = Uint8Array.from(twins, (twin) => (twin < 0 ? 0 : 1))
  return { workload: withoutRequests(heldByTwins(workload, twins), gone), duplicates: count, note: null }
}

/** Who waits for a duplicate waits for the request that it repeats, and who the duplicate joins is joined by that one. */
function heldByTwins(workload: Workload, twins: Int32Array): Workload {
  const twinOf = (row: number): number => (row >= 0 && twins[row] >= 0 ? twins[row] : row)
  const parent = workload.parent?.map(twinOf) ?? null
  const joins = workload.joins?.map(twinOf) ?? null
  if (joins !== null) {
    twins.forEach((twin, duplicate) => {
      if (twin < 0) return
      if (joins[twin] < 0) joins[twin] = joins[duplicate]
      joins[duplicate] = -1
    })
  }
  return { ...workload, parent, joins }
}

/**
 * For each duplicate the first request that it equals in all and in time, -1 for the others; null without duplicates. There are none when all come at
 * one time, which is then no property of a request.
 */
function twinsOf(workload: Workload): { twins: Int32Array | null; count: number } {
  const { arrivalNs, count } = workload
  let twins: Int32Array | null = null
  let found = 0
  let start = 0
  while (start < count) {
    let end = start + 1
    while (end < count && arrivalNs[end] === arrivalNs[start]) end++
    if (end - start > 1 && end - start < count) {
      const seen = new Map<string, number>()
      for (let i = start; i < end; i++) {
        const key = contentOf(workload, i)
        const twin = seen.get(key)
        if (twin === undefined) seen.set(key, i)
        else {
          twins ??= new Int32Array(count).fill(-1)
          twins[i] = twin
          found++
        }
      }
    }
    start = end
  }
  return { twins, count: found }
}

function contentOf(workload: Workload, i: number): string {
  const { isl, osl, classId, tenant, session, parent, runCount } = workload
  const blocks = runCount === null || runCount[i] === 0 ? '' : blockIdsOf(workload, i).join(' ')
  return [isl[i], osl[i], classId?.[i], tenant?.[i], session?.[i], parent?.[i], blocks].join('/')
}
