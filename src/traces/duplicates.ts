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
  const { marks, count } = duplicatesOf(workload)
  if (count === 0) return { workload, duplicates: 0, note: null }
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
  return { workload: withoutRequests(workload, marks), duplicates: count, note: null }
}

/** Marks every request that equals an earlier one of the same time; none when all come at one time, which is then no property of a request. */
function duplicatesOf(workload: Workload): { marks: Uint8Array; count: number } {
  const { arrivalNs, count } = workload
  const marks = new Uint8Array(count)
  let found = 0
  let start = 0
  while (start < count) {
    let end = start + 1
    while (end < count && arrivalNs[end] === arrivalNs[start]) end++
    if (end - start > 1 && end - start < count) {
      const seen = new Set<string>()
      for (let i = start; i < end; i++) {
        const key = contentOf(workload, i)
        if (seen.has(key)) {
          marks[i] = 1
          found++
        } else seen.add(key)
      }
    }
    start = end
  }
  return { marks, count: found }
}

function contentOf(workload: Workload, i: number): string {
  const { isl, osl, classId, tenant, session, parent, runCount } = workload
  const blocks = runCount === null || runCount[i] === 0 ? '' : blockIdsOf(workload, i).join(' ')
  return [isl[i], osl[i], classId?.[i], tenant?.[i], session?.[i], parent?.[i], blocks].join('/')
}
