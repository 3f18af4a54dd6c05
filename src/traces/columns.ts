/** Operations that reorder or choose requests of a workload. */
import type { Workload } from './workload.js'

/** Number of rows that are earlier than some row before them; rows without a time (NaN) are passed over. */
export function countOutOfOrder(timeNs: Float64Array): number {
  let latest = Number.NEGATIVE_INFINITY
  let count = 0
  for (let i = 0; i < timeNs.length; i++) {
    if (timeNs[i] < latest) count++
    else if (timeNs[i] > latest) latest = timeNs[i]
  }
  return count
}

/** Row numbers in order of time; rows of equal time keep their order. */
export function timeOrder(timeNs: Float64Array): Uint32Array {
  const order = new Uint32Array(timeNs.length)
  for (let i = 0; i < order.length; i++) order[i] = i
  return order.sort((a, b) => timeNs[a] - timeNs[b] || a - b)
}

/** A column's values in the given order of rows; null stays null. */
export function pick<T extends Float64Array | Int32Array | Uint16Array | null>(column: T, order: Uint32Array): T {
  if (column === null) return column
  const picked = new (column.constructor as new (length: number) => NonNullable<T>)(order.length)
  for (let i = 0; i < order.length; i++) picked[i] = column[order[i]]
  return picked
}

/**
 * The requests `order` of a workload, with their class, tenant, session and prefix blocks, and new arrival times. What a request waits for
 * keeps its meaning when all of it is in `order`, before the request; otherwise the request waits for nobody.
 */
export function pickRequests(workload: Workload, order: Uint32Array, arrivalNs: Float64Array): Workload {
  return {
    ...workload,
    count: order.length,
    arrivalNs,
    isl: pick(workload.isl, order),
    osl: pick(workload.osl, order),
    classId: pick(workload.classId, order),
    tenant: pick(workload.tenant, order),
    session: pick(workload.session, order),
    waitNs: pick(workload.waitNs, order),
    joinCount: pick(workload.joinCount, order),
    parent: renumbered(workload.parent, order, workload.count),
    joins: renumbered(workload.joins, order, workload.count),
    runOffset: pick(workload.runOffset, order),
    runCount: pick(workload.runCount, order),
  }
}

/** A column that holds request numbers (rows read beyond a limit among them), in a new order and with the new numbers; -1 for a request that is not there. */
function renumbered(column: Int32Array | null, order: Uint32Array, count: number): Int32Array | null {
  if (column === null) return null
  const place = new Int32Array(count).fill(-1)
  for (let i = 0; i < order.length; i++) place[order[i]] = i
  return pick(column, order).map((request) => place[request] ?? -1)
}
