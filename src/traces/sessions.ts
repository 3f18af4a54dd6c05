/** What belongs together in a workload: sessions are cut, drawn and repeated whole. */
import { UserError } from '../errors.js'
import type { Workload } from './workload.js'

/** Sets of requests that stay together: those of a session, and whoever waits for one of them. A request alone is a unit of its own. */
export interface Units {
  readonly count: number
  /** Rows of unit u in ascending order: rows[offset[u]] to rows[offset[u + 1] - 1]. Units are in order of their first rows. */
  readonly offset: Int32Array
  readonly rows: Int32Array
  /** Whether the workload has sessions; otherwise unit u is row u. */
  readonly areSessions: boolean
}

export const hasSessions = ({ session, parent }: Workload): boolean => session !== null || parent !== null

/** Times at which the units begin, ascending. */
export const startsOf = ({ arrivalNs }: Workload, { count, offset, rows }: Units): Float64Array =>
  Float64Array.from({ length: count }, (_, unit) => arrivalNs[rows[offset[unit]]])

/** The last time of its own that a request has. */
export const lastArrivalNs = ({ arrivalNs }: Workload): number => arrivalNs.findLast((timeNs) => !Number.isNaN(timeNs)) ?? 0

/** Whether nothing has a later time of its own than the first request: what does not wait for an answer comes at once. */
export const startAtOnce = ({ arrivalNs, count }: Workload): boolean =>
  count > 1 && !arrivalNs.some((timeNs) => !Number.isNaN(timeNs) && timeNs !== arrivalNs[0])

export function unitsOf(workload: Workload): Units {
  const { count } = workload
  const identity = (length: number) => Int32Array.from({ length }, (_, i) => i)
  if (!hasSessions(workload)) return { count, offset: identity(count + 1), rows: identity(count), areSessions: false }
  const first = firstOfUnit(workload)
  const unit = new Int32Array(count)
  const sizes = new Int32Array(count)
  let units = 0
  for (let row = 0; row < count; row++) {
    unit[row] = first[row] === row ? units++ : unit[first[row]]
    sizes[unit[row]]++
  }
  const offset = new Int32Array(units + 1)
  for (let u = 0; u < units; u++) offset[u + 1] = offset[u] + sizes[u]
  const rows = new Int32Array(count)
  const next = offset.slice()
  for (let row = 0; row < count; row++) rows[next[unit[row]]++] = row
  return { count: units, offset, rows, areSessions: true }
}

/** First row of the unit of each row: rows of one session, parents and joins are united. */
function firstOfUnit({ count, session, parent, joins }: Workload): Int32Array {
  const leader = Int32Array.from({ length: count }, (_, row) => row)
  const find = (row: number): number => {
    let at = row
    while (leader[at] !== at) {
      leader[at] = leader[leader[at]]
      at = leader[at]
    }
    return at
  }
  const unite = (a: number, b: number): void => {
    const [x, y] = [find(a), find(b)]
    if (x < y) leader[y] = x
    else leader[x] = y
  }
  const firstOf = new Map<number, number>()
  for (let row = 0; row < count; row++) {
    if (parent !== null && parent[row] >= 0) unite(parent[row], row)
    if (joins !== null && joins[row] >= 0) unite(row, joins[row])
    if (session === null || session[row] < 0) continue
    const first = firstOf.get(session[row])
    if (first === undefined) firstOf.set(session[row], row)
    else unite(first, row)
  }
  return leader.map((_, row) => find(row))
}

/**
 * When each request would be sent, ns after the first one of its unit, if each took `e2eNs` from its sending to its end. That and waits count
 * `stretch` times, for a clock of recorded times that will be sped up by as much.
 */
export function sendingTimes(workload: Workload, units: Units, e2eNs: number, stretch = 1): Float64Array {
  const { count, arrivalNs, parent, joins, waitNs } = workload
  const lastsNs = stretch * e2eNs
  const sentNs = new Float64Array(count)
  /** The latest end that each request waits for, of those known so far: all stand before it. */
  const lastEndNs = new Float64Array(count)
  for (let u = 0; u < units.count; u++) {
    const originNs = arrivalNs[units.rows[units.offset[u]]]
    for (let at = units.offset[u]; at < units.offset[u + 1]; at++) {
      const row = units.rows[at]
      if (Number.isNaN(arrivalNs[row])) {
        const answeredNs = parent === null ? 0 : sentNs[parent[row]] + lastsNs
        sentNs[row] = Math.max(lastEndNs[row], answeredNs) + stretch * (waitNs?.[row] ?? 0)
      } else sentNs[row] = arrivalNs[row] - originNs
      const joined = joins === null ? -1 : joins[row]
      if (joined >= 0) lastEndNs[joined] = Math.max(lastEndNs[joined], sentNs[row] + lastsNs)
    }
  }
  return sentNs
}

/** What results by session need: the unit of each row, how many rows a unit has, and the wait of each row before it is sent, ns. */
export interface SessionShape {
  readonly unitOf: Int32Array
  readonly sizes: Int32Array
  readonly waitNs: Float64Array
  /** Whether all requests but the first of each unit wait for others; else some come at times of their own, and nobody knows what they waited for. */
  readonly allWait: boolean
}

/** null without sessions. `closed`: in a closed loop every request with a parent waits for it, otherwise those without an arrival do. */
export function sessionShape(workload: Workload, closed: boolean): SessionShape | null {
  const { count, arrivalNs, parent, waitNs } = workload
  if (!hasSessions(workload)) return null
  const units = unitsOf(workload)
  const unitOf = new Int32Array(count)
  for (let u = 0; u < units.count; u++) for (let at = units.offset[u]; at < units.offset[u + 1]; at++) unitOf[units.rows[at]] = u
  const isWaiting = (row: number) => (closed ? parent !== null && parent[row] >= 0 : Number.isNaN(arrivalNs[row]))
  let waiting = 0
  for (let row = 0; row < count; row++) if (isWaiting(row)) waiting++
  return {
    unitOf,
    sizes: Int32Array.from({ length: units.count }, (_, u) => units.offset[u + 1] - units.offset[u]),
    waitNs: Float64Array.from({ length: count }, (_, row) => (isWaiting(row) ? (waitNs?.[row] ?? 0) : 0)),
    allWait: waiting + units.count >= count,
  }
}

/** The workload with every request that has a parent waiting for it, whenever it was recorded. Throws UserError without parents. */
export function closedSessions(workload: Workload): Workload {
  const { parent, provenance } = workload
  if (parent === null || !parent.some((before) => before >= 0))
    throw new UserError({
      where: provenance.name,
      message: 'no request of the trace follows another one, so there are no sessions to be closed',
      hint: 'leave out workload.load.sessions',
    })
  return { ...workload, arrivalNs: workload.arrivalNs.map((timeNs, row) => (parent[row] >= 0 ? Number.NaN : timeNs)) }
}
