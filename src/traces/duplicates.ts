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
  const twinOf = (row: number): number => (row < 0 ? row : twinIn(twins, row))
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
 * one time, which is then no property of a request. One without a time repeats another only where the request that it waits for is a duplicate.
 */
function twinsOf(workload: Workload): { twins: Int32Array | null; count: number } {
  const { arrivalNs, count, joins } = workload
  const continues = continuedBy(workload)
  let twins: Int32Array | null = null
  let found = 0
  let start = 0
  while (start < count) {
    let end = start + 1
    let timed = 1
    // those that wait stand behind the request that releases them
    for (; end < count && !(arrivalNs[end] > arrivalNs[start]); end++) if (!Number.isNaN(arrivalNs[end])) timed++
    if (timed > 1 && end - start < count) {
      const seen = new Map<string, number>()
      for (let i = start; i < end; i++) {
        const before = continues[i]
        const key = `${contentOf(workload, i)}/${before < 0 ? '' : `${twinIn(twins, before)} ${workload.waitNs?.[i]}`}`
        const twin = seen.get(key)
        if (twin === undefined) seen.set(key, i)
        else if (!Number.isNaN(arrivalNs[i]) || twinIn(twins, before) !== before) {
          if (joins !== null && !joinAlike(workload, joins[twin], joins[i])) continue
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

const twinIn = (twins: Int32Array | null, row: number): number => (twins !== null && twins[row] >= 0 ? twins[row] : row)

/**
 * The request that each one continues, or -1. One that came when the thread before it began has not waited for that: it follows by its place in the file
 * alone, as the first turn of a session does in a file joined to itself, and continues what came before that time.
 */
function continuedBy({ arrivalNs, parent, count }: Workload): Int32Array {
  const earlier = new Int32Array(count).fill(-1)
  if (parent === null) return earlier
  /** One that waits came when the request did that its thread began with. */
  const cameNs = arrivalNs.slice()
  for (let i = 0; i < count; i++) {
    const before = parent[i]
    if (before < 0) continue
    if (Number.isNaN(cameNs[i])) cameNs[i] = cameNs[before]
    earlier[i] = cameNs[before] === cameNs[i] ? earlier[before] : before
  }
  return earlier.map((before, i) => (Number.isNaN(arrivalNs[i]) ? parent[i] : before))
}

/** Whether nothing is lost when one of the two joins stands for both: at most one is there, or those joined have the same content. */
const joinAlike = (workload: Workload, a: number, b: number): boolean =>
  a < 0 || b < 0 || (Object.is(workload.arrivalNs[a], workload.arrivalNs[b]) && contentOf(workload, a) === contentOf(workload, b))

/** What a request is but for its time and those it waits for. */
function contentOf(workload: Workload, i: number): string {
  const { isl, osl, classId, tenant, session, runCount } = workload
  const blocks = runCount === null || runCount[i] === 0 ? '' : blockIdsOf(workload, i).join(' ')
  return [isl[i], osl[i], classId?.[i], tenant?.[i], session?.[i], blocks].join('/')
}
