/**
 * Sessions: requests without an arrival time wait for the ends of others. Here is who is sent when a request ends, who never will be, and
 * when the place of a session in a closed loop is free. Lists of followers are made when columns are fed; an event only walks them.
 * Input in which nobody waits has no `Sessions` at all.
 */
import { EventHeap } from '../collections/eventHeap.js'
import { UserError } from '../errors.js'
import type { Workload } from '../traces/workload.js'

/** In `waits`: nobody will ask for the request again. Below it: it was given up, and so many ends that it waited for are still to come. */
const GONE = -1
const NONE = -1
/** Event class of the sending of a request that waited, for another one or for a place. */
export const RELEASE_CLASS = 2

/** Columns that were fed together, kept until all their requests are gone and all sessions that begin in them are over. */
export interface Chunk {
  /** Index of the first request. */
  readonly start: number
  /** null after a restore, until they are fed again. */
  columns: Workload | null
  /** Requests not yet gone, plus sessions begun here and not yet over. */
  live: number
  /** Ends that the request still waits for; 0 from its release on, GONE at last, below GONE when it was given up. */
  readonly waits: Int32Array
  /** Requests that wait for this one through `parent`, as a list. */
  readonly firstChild: Int32Array
  readonly nextSibling: Int32Array
  readonly joins: Int32Array
  /** First request of the session, and there: its requests not yet gone. */
  readonly root: Int32Array
  readonly open: Int32Array
}

export interface Sessions {
  /** In order of `start`. */
  chunks: Chunk[]
  /** Releases of requests that waited, by (time, request). */
  readonly sends: EventHeap
  /** Requests that will never be sent. */
  notSent: number
  /** Requests known so far, and chunks that a restore is still waiting for. */
  knownTo: number
  missing: number
  /** Work of `giveUp`, empty between events. */
  readonly pile: number[]
}

export function createSessions(): Sessions {
  return { chunks: [], sends: new EventHeap(), notSent: 0, knownTo: 0, missing: 0, pile: [] }
}

export function emptyChunk(start: number, count: number): Chunk {
  const ints = () => new Int32Array(count)
  const lists = () => ints().fill(NONE)
  const counts = { waits: ints(), root: ints(), open: ints() }
  return { start, columns: null, live: count, firstChild: lists(), nextSibling: lists(), joins: lists(), ...counts }
}

/** Whether the request of this row waits for others: it has no time of its own, or, in closed loop, it has a parent. */
export function isWaiting({ arrivalNs, parent }: Workload, row: number, closed: boolean): boolean {
  return closed ? parent !== null && parent[row] >= 0 : Number.isNaN(arrivalNs[row])
}

export function hasWaiting(columns: Workload, closed: boolean): boolean {
  if (columns.parent === null) return false
  for (let row = 0; row < columns.count; row++) if (isWaiting(columns, row, closed)) return true
  return false
}

/**
 * Takes up columns whose first request has index `start`; `parent` and `joins` count from the first request ever fed. Throws UserError when
 * one of them waits for a request that has gone already: those that wait for each other are fed before the first of them ends.
 */
export function feedSessions(sessions: Sessions, columns: Workload, start: number, closed: boolean): void {
  const { count, parent, joins, joinCount } = columns
  if (start < sessions.knownTo) {
    feedAgain(sessions, columns, start)
    return
  }
  const chunk = { ...emptyChunk(start, count), columns }
  if (joins !== null) chunk.joins.set(joins)
  sessions.chunks.push(chunk)
  sessions.knownTo = start + count
  for (let row = 0; row < count; row++) {
    const request = start + row
    if (parent === null || !isWaiting(columns, row, closed)) {
      chunk.root[row] = request
      chunk.open[row] = 1
      chunk.live++
      continue
    }
    const before = chunkOf(sessions, parent[row])
    if (before === null || before.waits[parent[row] - before.start] <= GONE)
      throw new UserError({
        where: 'feed',
        message: `request ${request} waits for request ${parent[row]}, which has left or was fed without sessions`,
        hint: 'feed the requests of a session together, or before the first of them ends',
      })
    const at = parent[row] - before.start
    chunk.nextSibling[row] = before.firstChild[at]
    before.firstChild[at] = request
    chunk.waits[row] = joinCount === null ? 1 : joinCount[row]
    const root = before.root[at]
    chunk.root[row] = root
    const first = chunkOf(sessions, root) as Chunk
    first.open[root - first.start]++
  }
  if (closed) for (const before of sessions.chunks) checkJoins(before, chunk)
}

/** A session that waited for another one could hold the place that the other one needs: joins from `before` to `chunk`. */
function checkJoins(before: Chunk, chunk: Chunk): void {
  const { joins, root } = before
  for (let row = 0; row < joins.length; row++) {
    const to = joins[row] - chunk.start
    if (to < 0 || to >= chunk.root.length || chunk.root[to] === root[row]) continue
    throw new UserError({
      where: `request ${before.start + row}`,
      message: `joins request ${joins[row]}, which descends from another first request: a closed loop gives places to sessions that do not wait for each other`,
      hint: 'replay the trace open loop, or give the requests of a session one first request',
    })
  }
}

/** After a restore: the state is known, the columns come back. */
function feedAgain(sessions: Sessions, columns: Workload, start: number): void {
  const chunk = chunkOf(sessions, start)
  if (chunk === null || chunk.start !== start) return
  chunk.columns = columns
  sessions.missing--
}

/** The chunk that holds a request, null when it was dropped or never had sessions. */
function chunkOf({ chunks }: Sessions, request: number): Chunk | null {
  let low = 0
  let high = chunks.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (chunks[middle].start <= request) low = middle + 1
    else high = middle
  }
  const chunk = low > 0 ? chunks[low - 1] : null
  return chunk !== null && request < chunk.start + chunk.waits.length ? chunk : null
}

/** Columns with a request that is about to enter. */
export function columnsOf(sessions: Sessions, request: number): { readonly columns: Workload; readonly start: number } {
  return chunkOf(sessions, request) as Chunk & { columns: Workload }
}

/**
 * A request has left at `nowNs`. Those that waited for it alone are sent, or given up when it was not `completed`. Returns the number of sessions
 * that are over by that, 0 or 1.
 */
export function requestLeft(sessions: Sessions, request: number, nowNs: number, completed: boolean, frontendNs: number): number {
  const chunk = chunkOf(sessions, request)
  // fed before the first columns with sessions: it is a session of its own
  if (chunk === null) return 1
  if (!completed) return giveUp(sessions, request)
  const row = request - chunk.start
  let child = chunk.firstChild[row]
  while (child !== NONE) {
    const holder = chunkOf(sessions, child) as Chunk
    endSeen(sessions, holder, child, nowNs, frontendNs)
    child = holder.nextSibling[child - holder.start]
  }
  const joined = chunk.joins[row]
  if (joined !== NONE) endSeen(sessions, joinedChunk(sessions, request, joined), joined, nowNs, frontendNs)
  return goes(sessions, chunk, row)
}

function joinedChunk(sessions: Sessions, request: number, joined: number): Chunk {
  const chunk = chunkOf(sessions, joined)
  if (chunk !== null) return chunk
  throw new UserError({
    where: 'feed',
    message: `request ${request} has ended, and request ${joined}, which waits for it, was not fed yet`,
    hint: 'feed the requests of a session together, or before the first of them ends',
  })
}

/** One of the ends that `request` waits for has come. */
function endSeen(sessions: Sessions, chunk: Chunk, request: number, nowNs: number, frontendNs: number): void {
  const row = request - chunk.start
  if (chunk.waits[row] < GONE) {
    oneLess(sessions, chunk, row)
    return
  }
  if (chunk.waits[row] <= 0 || --chunk.waits[row] > 0) return
  const { waitNs } = chunk.columns as Workload
  const sentNs = nowNs + (waitNs === null ? 0 : waitNs[row])
  sessions.sends.pushAs(sentNs + frontendNs, RELEASE_CLASS, request, request)
}

/** `request` left without an answer: nobody who waits for it, and for these in turn, will be sent. */
function giveUp(sessions: Sessions, request: number): number {
  const { pile } = sessions
  let over = 0
  for (let gone: number | undefined = request; gone !== undefined; gone = pile.pop()) {
    const chunk = chunkOf(sessions, gone) as Chunk
    const row = gone - chunk.start
    let child = chunk.firstChild[row]
    while (child !== NONE) {
      const holder = chunkOf(sessions, child) as Chunk
      abandon(sessions, holder, child)
      child = holder.nextSibling[child - holder.start]
    }
    const joined = chunk.joins[row]
    if (joined !== NONE) abandon(sessions, joinedChunk(sessions, gone, joined), joined)
    over += goes(sessions, chunk, row)
  }
  return over
}

/** An end that `request` waited for will bring no answer. */
function abandon(sessions: Sessions, chunk: Chunk, request: number): void {
  const row = request - chunk.start
  if (chunk.waits[row] < GONE) oneLess(sessions, chunk, row)
  if (chunk.waits[row] <= 0) return
  // the other ends will ask for it as well, and `goes` does: until then its chunk stays
  chunk.waits[row] = GONE - chunk.waits[row]
  sessions.notSent++
  sessions.pile.push(request)
}

/** One fewer asks for a request that was given up. */
function oneLess(sessions: Sessions, chunk: Chunk, row: number): void {
  if (++chunk.waits[row] === GONE) released(sessions, chunk)
}

/** The request is gone; 1 when its session is over by that. */
function goes(sessions: Sessions, chunk: Chunk, row: number): number {
  const root = chunk.root[row]
  const first = chunkOf(sessions, root) as Chunk
  const over = --first.open[root - first.start] === 0 ? 1 : 0
  if (over === 1) released(sessions, first)
  if (chunk.waits[row] === 0) {
    chunk.waits[row] = GONE
    released(sessions, chunk)
  } else oneLess(sessions, chunk, row)
  return over
}

function released(sessions: Sessions, chunk: Chunk): void {
  if (--chunk.live === 0) sessions.chunks.splice(sessions.chunks.indexOf(chunk), 1)
}
