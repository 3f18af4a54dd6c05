/** Who waits for whom: an order in which every request comes after those it waits for, and what remains of it when requests go. */
import { countOutOfOrder, pickRequests, timeOrder } from './columns.js'
import type { Workload } from './workload.js'

type Waiting = Pick<Workload, 'count' | 'arrivalNs' | 'parent' | 'joins'>

/** Ends that each request waits for; null when nobody joins. */
export function countJoins(parent: Int32Array | null, joins: Int32Array | null): Int32Array | null {
  if (joins === null) return null
  const due = new Int32Array(joins.length)
  for (let i = 0; i < joins.length; i++) {
    if (parent !== null && parent[i] >= 0) due[i]++
    if (joins[i] >= 0 && joins[i] < due.length) due[joins[i]]++
  }
  return due
}

/**
 * Rows in the order of a workload: those with an arrival by time (equal times in the order of the rows), each followed by the requests that
 * it releases, depth first. Requests that wait for each other in a circle, or for nobody, are left out.
 */
function releaseOrder(requests: Waiting): Uint32Array {
  const { count, arrivalNs, parent, joins } = requests
  const untimed = arrivalNs.reduce((sum, time) => sum + (Number.isNaN(time) ? 1 : 0), 0)
  if (untimed === 0) return timeOrder(arrivalNs)
  const pending = new Int32Array(count)
  const firstChild = new Int32Array(count).fill(-1)
  const nextSibling = new Int32Array(count).fill(-1)
  for (let i = count - 1; i >= 0; i--) {
    const joined = joins === null ? -1 : joins[i]
    if (joined >= 0 && joined < count) pending[joined]++
    if (!Number.isNaN(arrivalNs[i])) continue
    const before = parent === null ? -1 : parent[i]
    pending[i]++
    if (before < 0 || before >= count) continue
    nextSibling[i] = firstChild[before]
    firstChild[before] = i
  }
  const timed = Uint32Array.from({ length: count - untimed }, () => 0)
  let at = 0
  for (let i = 0; i < count; i++) if (!Number.isNaN(arrivalNs[i])) timed[at++] = i
  if (countOutOfOrder(arrivalNs) > 0) timed.sort((a, b) => arrivalNs[a] - arrivalNs[b] || a - b)

  const order = new Uint32Array(count)
  let placed = 0
  const ready: number[] = []
  const released: number[] = []
  const release = (row: number): void => {
    if (Number.isNaN(arrivalNs[row]) && --pending[row] === 0) released.push(row)
  }
  for (const root of timed) {
    ready.push(root)
    for (let row = ready.pop(); row !== undefined; row = ready.pop()) {
      order[placed++] = row
      for (let child = firstChild[row]; child >= 0; child = nextSibling[child]) release(child)
      const joined = joins === null ? -1 : joins[row]
      if (joined >= 0 && joined < count) release(joined)
      while (released.length > 0) ready.push(released.pop() as number)
    }
  }
  return order.subarray(0, placed)
}

/** Whether every request comes after those it waits for, and none without a time waits for nobody. Times are not looked at. */
export function isInReleaseOrder({ count, arrivalNs, parent, joins }: Waiting): boolean {
  for (let i = 0; i < count; i++) {
    const before = parent === null ? -1 : parent[i]
    if (before >= i || (before < 0 && Number.isNaN(arrivalNs[i]))) return false
    if (joins !== null && joins[i] >= 0 && (joins[i] <= i || joins[i] >= count)) return false
  }
  return true
}

/** The workload in the order `releaseOrder`, with relations that point forward in it (or to requests left out) taken away. */
export function inReleaseOrder(workload: Workload): { workload: Workload; relationsLost: number } {
  const order = releaseOrder(workload)
  const arrivalNs = new Float64Array(order.length)
  for (let i = 0; i < order.length; i++) arrivalNs[i] = workload.arrivalNs[order[i]]
  return settled(pickRequests(workload, order, arrivalNs))
}

/** Relations that the contract forbids are taken away; the waits and counts that hung on them too. */
export function settled(workload: Workload): { workload: Workload; relationsLost: number } {
  const { parent, joins, waitNs, count } = workload
  if (parent === null && joins === null) return { workload, relationsLost: 0 }
  let relationsLost = 0
  const before = parent?.slice() ?? new Int32Array(count).fill(-1)
  const after = joins?.slice() ?? null
  const waits = waitNs?.slice() ?? null
  for (let i = 0; i < count; i++) {
    if (before[i] >= i) {
      before[i] = -1
      relationsLost++
    }
    if (before[i] < 0 && waits !== null) waits[i] = 0
    if (after === null || after[i] < 0 || after[i] > i) continue
    after[i] = -1
    relationsLost++
  }
  return {
    workload: { ...workload, parent: before, waitNs: waits, joins: after, joinCount: countJoins(before, after) },
    relationsLost,
  }
}

/**
 * The workload without the requests marked in `gone`. Who waited for one of them waits for what that one waited for, its wait added; who waited
 * for a first request arrives when that one did, plus the wait. Who joined one of them joins the next request that stays.
 */
export function withoutRequests(workload: Workload, gone: Uint8Array): Workload {
  const { count, arrivalNs, parent, joins, waitNs } = workload
  const kept = new Uint32Array(count)
  let remaining = 0
  for (let i = 0; i < count; i++) if (gone[i] === 0) kept[remaining++] = i
  const order = kept.subarray(0, remaining)
  if (parent === null) return pickRequests(workload, order, gather(arrivalNs, order))

  const heir = parent.slice()
  const waits = waitNs?.slice() ?? new Float64Array(count)
  const arrivals = arrivalNs.slice()
  /** The request itself, or the first one that stays of those that continue it. */
  const standIn = Int32Array.from({ length: count }, (_, i) => (gone[i] === 0 ? i : -1))
  for (let i = count - 1; i >= 0; i--) {
    const before = parent[i]
    if (standIn[i] < 0 || before < 0 || gone[before] === 0) continue
    standIn[before] = standIn[before] < 0 ? standIn[i] : Math.min(standIn[before], standIn[i])
  }
  for (let i = 0; i < count; i++) {
    const before = parent[i]
    if (before < 0 || gone[before] === 0) continue
    heir[i] = heir[before]
    waits[i] += waits[before]
    if (heir[i] < 0 && Number.isNaN(arrivals[i])) arrivals[i] = arrivals[before] + (waitNs?.[i] ?? 0)
  }
  const joined = joins === null ? null : new Int32Array(count).fill(-1)
  for (let i = 0; i < count && joins !== null && joined !== null; i++) {
    const target = joins[i] < 0 ? -1 : standIn[joins[i]]
    const source = gone[i] === 0 ? i : heir[i]
    if (target <= source || source < 0 || joined[source] >= 0 || heir[target] === source) continue
    if (heir[target] >= 0 || !Number.isNaN(arrivalNs[target])) joined[source] = target
    else {
      // all before it are gone, but for this one
      heir[target] = source
      arrivals[target] = Number.NaN
    }
  }
  const rewired = {
    ...workload,
    arrivalNs: arrivals,
    parent: heir,
    waitNs: waits,
    joins: joined,
    joinCount: countJoins(heir, joined),
  }
  return inReleaseOrder(pickRequests(rewired, order, gather(arrivals, order))).workload
}

function gather(column: Float64Array, order: Uint32Array): Float64Array {
  const picked = new Float64Array(order.length)
  for (let i = 0; i < order.length; i++) picked[i] = column[order[i]]
  return picked
}
