/** What every workload must satisfy, whatever reader, generator or file it comes from. */
import { UserError } from '../errors.js'
import { blockCountOf, blockIdLimit } from './blocks.js'
import type { Workload } from './workload.js'

export const MOST_ROWS = 2 ** 31
/** Classes have numbers of 16 bits. */
export const MOST_CLASSES = 2 ** 16
/** Readers allow rows 104 days before and after the first one. */
const LATEST_NS = 2 ** 54

/**
 * Throws UserError for columns, made by hand, that cannot be simulated. Prefix blocks are not looked at: those of answers may be more than an input
 * has, and a part of a trace has only some of its ids.
 */
export function requireWorkload(workload: Workload): void {
  const fault = rowFault(workload)
  if (fault === null) return
  throw new UserError({
    where: 'workload',
    message: `no workload can have these columns: ${fault}`,
    hint: 'see the docstrings of `Workload` for what its columns hold',
  })
}

/** What breaks the contract of a workload (see its columns), or null. */
export function workloadFault(workload: Workload): string | null {
  return rowFault(workload) ?? blockFault(workload)
}

const rowFault = (workload: Workload): string | null => columnFault(workload) ?? requestFault(workload) ?? sessionFault(workload)

const ROW_COLUMNS = ['arrivalNs', 'isl', 'osl', 'classId', 'tenant', 'session', 'parent', 'waitNs', 'joins', 'joinCount'] as const
const BLOCK_COLUMNS = ['runOffset', 'runCount'] as const

function columnFault(workload: Workload): string | null {
  const { count } = workload
  if (!isWholeUpTo(count, MOST_ROWS)) return `its count is ${count}`
  const short = [...ROW_COLUMNS, ...BLOCK_COLUMNS].find((name) => (workload[name]?.length ?? count) < count)
  return short === undefined ? null : `${short} has ${workload[short]?.length} values for ${count} requests`
}

function requestFault({ count, arrivalNs, isl, osl, parent }: Workload): string | null {
  let latest = 0
  for (let i = 0; i < count; i++) {
    if (isl[i] < 1 || osl[i] < 1) return `request ${i} has a length below 1`
    if (Number.isNaN(arrivalNs[i])) {
      if (parent === null || parent[i] < 0) return `request ${i} has neither an arrival time nor a parent`
      continue
    }
    if (!isWholeUpTo(arrivalNs[i], LATEST_NS)) return `request ${i} has no arrival time in whole ns`
    if (arrivalNs[i] < latest) return `request ${i} arrives before the one before it`
    latest = arrivalNs[i]
  }
  return null
}

function sessionFault({ count, session, parent, waitNs, joins, joinCount }: Workload): string | null {
  if (parent === null && (waitNs ?? joins ?? joinCount) !== null) return 'requests wait, but for nobody'
  const joining = joins === null ? null : new Int32Array(count)
  for (let i = 0; i < count; i++) {
    if (session !== null && session[i] < -1) return `request ${i} has an impossible session`
    if (parent !== null && (parent[i] < -1 || parent[i] >= i)) return `request ${i} has an impossible parent`
    if (waitNs !== null && !isWholeUpTo(waitNs[i], LATEST_NS)) return `request ${i} has an impossible wait`
    if (joins === null || joining === null || joins[i] === -1) continue
    if (joins[i] <= i || joins[i] >= count) return `request ${i} joins an impossible request`
    joining[joins[i]]++
  }
  if ((joins === null) !== (joinCount === null)) return 'joins are incomplete'
  for (let i = 0; i < count && parent !== null && joining !== null && joinCount !== null; i++) {
    const due = joining[i] + (parent[i] >= 0 ? 1 : 0)
    if (joinCount[i] !== due) return `request ${i} waits for ${joinCount[i]} ends, but ${due} are named`
  }
  return null
}

function blockFault(workload: Workload): string | null {
  const { count, isl, runOffset, runCount, runFirst, runLength } = workload
  if (runOffset === null && runCount === null && runFirst === null && runLength === null) return null
  if (runOffset === null || runCount === null || runFirst === null || runLength === null) return 'prefix blocks are incomplete'
  if (runFirst.length !== runLength.length) return 'prefix blocks are incomplete'
  for (let run = 0; run < runFirst.length; run++) {
    if (runFirst[run] < 0) return 'a prefix block has a negative id'
    if (runLength[run] < 1 || runFirst[run] + runLength[run] > MOST_ROWS) return 'a run of prefix blocks has an impossible length'
  }
  let total = 0
  for (let i = 0; i < count; i++) {
    const inside = isWholeUpTo(runOffset[i], runFirst.length) && runCount[i] >= 0 && runOffset[i] + runCount[i] <= runFirst.length
    if (!inside) return `request ${i} points outside the prefix blocks`
    const blocks = blockCountOf(workload, i)
    if (blocks > isl[i]) return `request ${i} has more prefix blocks than tokens`
    total += blocks
  }
  return blockIdLimit(workload) > total ? 'ids of prefix blocks are not dense' : null
}

export function isWholeUpTo(value: unknown, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most
}
