/** A request's way through the system: arrival, queue, patience, departure. Transitions only; steps are in step.ts. */
import { PolicyError } from '../errors.js'
import type { PolicyInfo, RoutePhase } from '../levers/lever.js'
import { COMPLETED, IN_TRANSFER, QUEUED, REJECTED, RUNNING, TIMED_OUT, UNSERVABLE } from '../metrics/records.js'
import type { Workload } from '../traces/workload.js'
import type { Core } from './core.js'
import { classOf } from './lanes.js'
import { widerRecords } from './recordStore.js'
import { reviseRoles } from './roles.js'
import { NEXT_REQUEST, NOW, WAITING_TOTAL } from './scalars.js'
import { columnsOf, isWaiting, RELEASE_CLASS, requestLeft, type Sessions } from './sessions.js'
import { append, prepend, unlink } from './slotList.js'
import { giveSlot, phasesAt, type Slots, TRANSFERRING, takeSlot, WAITING } from './slots.js'
import type { State } from './state.js'

/** Indices into PHASES. */
export const PHASE_QUEUE = 0
export const PHASE_PREFILL = 1
export const PHASE_TRANSFER = 2
export const PHASE_DECODE_WAIT = 3
export const PHASE_DECODE = 4
export const PHASE_STALL = 5

/** The input columns that hold the next request, or null when they are not here (yet). Drops consumed columns. */
export function currentInput(core: Core): Workload | null {
  const { scalars } = core.state
  for (;;) {
    if (core.input.length === 0) return null
    const input = core.input[0]
    if (core.sessions !== null) skipWaiting(core, input)
    if (scalars[NEXT_REQUEST] - core.inputStart < input.count) return input
    core.inputStart += input.count
    core.input.shift()
  }
}

/** Moves on to the next request that waits for nobody. */
function skipWaiting({ state: { scalars }, inputStart, closed }: Core, input: Workload): void {
  let row = scalars[NEXT_REQUEST] - inputStart
  while (row < input.count && isWaiting(input, row, closed)) row++
  scalars[NEXT_REQUEST] = inputStart + row
}

/** Serves the next request of the input, as `enter` does. */
export function arrive(core: Core, input: Workload, nowNs: number): number {
  const request = core.state.scalars[NEXT_REQUEST]++
  const row = request - core.inputStart
  if (core.sessions !== null) skipWaiting(core, input)
  return enter(core, input, row, request, nowNs)
}

/** Serves a request that has waited for others. */
export function enterWaited(core: Core, sessions: Sessions, nowNs: number): number {
  const request = sessions.sends.pop()
  const { columns, start } = columnsOf(sessions, request)
  return enter(core, columns, request - start, request, nowNs)
}

/**
 * A request, which is this row of `input`, enters the system at `nowNs`. Returns the engine it was given to, -1 when it left at once
 * (unservable, rejected).
 */
function enter(core: Core, input: Workload, row: number, request: number, nowNs: number): number {
  const s = core.state
  const isl = input.isl[row]
  const osl = input.osl[row]
  if (isl + osl > core.maxModelLen || isl > core.maxPromptLen) return turnAway(core, request, isl, osl, nowNs, UNSERVABLE)
  if (s.scalars[WAITING_TOTAL] >= core.maxQueue) return turnAway(core, request, isl, osl, nowNs, REJECTED)

  const view = core.requestView
  view.inputTokens = isl
  view.classId = input.classId === null ? 0 : input.classId[row]
  view.tenant = input.tenant === null ? 0 : input.tenant[row]
  const prefix = s.prefix === null ? -1 : s.prefix.runs.hold(input, row)
  if (core.rolesView !== null) reviseRoles(core, core.rolesView)
  const g = choosePlace(core, 'prefill', request, prefix)
  const slot = takeSlot(s)
  const slots = s.slots
  slots.request[slot] = request
  slots.isl[slot] = isl
  slots.osl[slot] = osl
  if (core.decodePool.engines.length > 0 || core.arm.rank.assign !== undefined) {
    slots.classId[slot] = view.classId
    slots.tenant[slot] = view.tenant
  }
  slots.arrivalNs[slot] = nowNs - core.frontendNs
  slots.firstTokenNs[slot] = Number.NaN
  slots.sinceNs[slot] = nowNs - core.frontendNs
  slots.phase[slot] = PHASE_QUEUE
  const { phaseNs } = slots
  for (let at = phasesAt(slot); at < phasesAt(slot + 1); at++) phaseNs[at] = 0
  slots.rank[slot] = g
  slots.target[slot] = isl
  slots.done[slot] = 0
  slots.chunk[slot] = 0
  slots.held[slot] = 0
  slots.emitted[slot] = 0
  slots.preemptions[slot] = 0
  slots.migrations[slot] = 0
  slots.prefix[slot] = prefix
  slots.shared[slot] = 0
  slots.cached[slot] = 0
  slots.loaded[slot] = 0
  slots.maxGapNs[slot] = 0
  chooseSpan(core, slot)
  enqueueTail(s, g, slot)
  if (core.timeoutNs !== Number.POSITIVE_INFINITY) patienceStarts(s, slot)
  return s.engineOf[g]
}

/**
 * The rank, counted over all engines, that the levers choose for the request in `core.requestView` with these prefix blocks; or the queue of
 * its engine, where ranks are chosen at step boundaries.
 */
export function choosePlace(core: Core, phase: RoutePhase, request: number, prefix: number): number {
  const cache = core.state.prefix
  if (cache !== null) {
    cache.routed = prefix
    cache.routedTokens = core.requestView.inputTokens
  }
  const { pool, rank } = core.arm
  const { engines, view } = phase === 'decode' ? core.decodePool : core.entryPool
  core.deciding = request
  const place = pool.route(view, core.requestView, phase)
  checkPlace(pool.info, 'engine', place, view.count, request)
  const e = engines[place]
  const rankView = core.rankViews[e]
  if (rank.place === undefined) return rankView.count === 1 ? core.state.rankStart[e] : core.state.queueStart + e
  const chosen = rank.place(rankView, core.requestView)
  checkPlace(rank.info, 'rank', chosen, rankView.count, request)
  return core.state.rankStart[e] + chosen
}

/**
 * The lever says over how many ranks the request in `core.requestView`, whose home is chosen, is spread. A prefill engine keeps every prompt
 * on one rank.
 */
export function chooseSpan(core: Core, slot: number): void {
  const s = core.state
  const { slots } = s
  const e = s.engineOf[slots.rank[slot]]
  const engine = core.engines[e]
  const { span } = core.arm
  slots.spanClass[slot] = 0
  const degree = engine.role === 'prefill' ? 1 : span.degree(core.rankViews[e], core.requestView)
  core.deciding = -1
  if (degree === 1) return
  const { lanes } = s
  const { largest = degree } = span
  if (lanes === null || !(degree > 1 && degree <= largest && engine.ranks % degree === 0 && Number.isInteger(Math.log2(degree))))
    throw new PolicyError(
      span.info,
      `returned degree ${degree} for request ${slots.request[slot]}; allowed are ${lanes === null ? 'its largest, 1' : `powers of two${span.largest === undefined ? '' : ` up to its largest, ${span.largest},`} that divide the ${engine.ranks} ranks of ${engine.name}`}`,
    )
  slots.spanClass[slot] = classOf(degree)
  lanes.present[e]++
}

function checkPlace(policy: PolicyInfo, kind: string, place: number, count: number, request: number): void {
  if (!(place >= 0 && place < count && Number.isInteger(place)))
    throw new PolicyError(policy, `returned ${kind} ${place} for request ${request}; allowed are 0 to ${count - 1}`)
}

function turnAway(core: Core, request: number, isl: number, osl: number, nowNs: number, fate: number): number {
  const row = nextRecord(core)
  const { records } = core
  records.request[row] = request
  records.arrivalNs[row] = nowNs - core.frontendNs
  records.firstTokenNs[row] = Number.NaN
  records.endNs[row] = nowNs
  records.isl[row] = isl
  records.osl[row] = osl
  records.fate[row] = fate
  records.engine[row] = -1
  records.rank[row] = -1
  records.preemptions[row] = 0
  records.migrations[row] = 0
  records.cachedTokens[row] = 0
  records.loadedTokens[row] = 0
  records.maxGapNs[row] = Number.NaN
  for (const column of records.phaseNs) column[row] = 0
  records.phaseNs[PHASE_QUEUE][row] = core.frontendNs
  makeWay(core, request, nowNs, fate)
  return -1
}

/** Releases the first C requests of a closed loop at time 0. */
export function releaseFirst(core: Core): void {
  for (let i = 0; i < core.concurrency; i++) release(core, 0)
}

/** A request has left: those that waited for it are sent or given up, and in closed loop its place, or that of its session, is free. */
function makeWay(core: Core, request: number, nowNs: number, fate: number): void {
  const { sessions } = core
  const over = sessions === null ? 1 : requestLeft(sessions, request, nowNs, fate === COMPLETED, core.frontendNs)
  for (let free = 0; free < over; free++) release(core, nowNs)
}

/** In closed loop the next request is sent at `nowNs`; it enters when it has passed the frontend. */
function release(core: Core, nowNs: number): void {
  if (core.closed) core.state.releases.push(nowNs + core.frontendNs, RELEASE_CLASS, 0)
}

// --- waiting queue of a rank (doubly linked, so that patience can end anywhere in it)

export function enqueueTail(s: State, g: number, slot: number): void {
  append(s.slots.next, s.slots.previous, s.waitingHead, s.waitingTail, g, slot)
  entered(s, g, slot)
}

export function enqueueHead(s: State, g: number, slot: number): void {
  prepend(s.slots.next, s.slots.previous, s.waitingHead, s.waitingTail, g, slot)
  entered(s, g, slot)
}

function entered(s: State, g: number, slot: number): void {
  s.waitingCount[g]++
  s.scalars[s.waitingScalar[g]]++
  s.queuedTokens[g] += s.slots.target[slot]
  s.slots.state[slot] = WAITING
}

/** Takes a request out of its rank's queue. Its queued tokens stay counted: they are prefilled next, or dropped by the caller. */
export function leaveQueue(s: State, g: number, slot: number): void {
  unlink(s.slots.next, s.slots.previous, s.waitingHead, s.waitingTail, g, slot)
  s.waitingCount[g]--
  s.scalars[s.waitingScalar[g]]--
}

// --- patience: never-scheduled requests in order of arrival; all have the same patience, so the head is the next to leave

const patienceStarts = (s: State, slot: number): void =>
  append(s.slots.timeoutNext, s.slots.timeoutPrevious, s.timeoutHead, s.timeoutTail, 0, slot)

export const patienceEnds = (s: State, slot: number): void =>
  unlink(s.slots.timeoutNext, s.slots.timeoutPrevious, s.timeoutHead, s.timeoutTail, 0, slot)

/** The request whose patience is over leaves. Returns its engine: who waits behind it may fit where it did not. */
export function timeOut(core: Core, nowNs: number): number {
  const s = core.state
  const slot = s.timeoutHead[0]
  const g = s.slots.rank[slot]
  patienceEnds(s, slot)
  leaveQueue(s, g, slot)
  s.queuedTokens[g] -= s.slots.target[slot]
  depart(core, slot, nowNs, TIMED_OUT)
  return s.engineOf[g]
}

// --- phases and departure

/** Ends the present phase at `nowNs` and begins `phase`. */
export function enterPhase(slots: Slots, slot: number, phase: number, nowNs: number): void {
  slots.phaseNs[phasesAt(slot) + slots.phase[slot]] += nowNs - slots.sinceNs[slot]
  slots.phase[slot] = phase
  slots.sinceNs[slot] = nowNs
}

function nextRecord(core: Core): number {
  if (core.records.count === core.records.request.length) core.records = widerRecords(core.records)
  return core.records.count++
}

/** Writes the record of a request that leaves now, and frees its slot. KV and lists are the caller's business. */
function depart(core: Core, slot: number, nowNs: number, fate: number): void {
  const s = core.state
  const request = s.slots.request[slot]
  enterPhase(s.slots, slot, s.slots.phase[slot], nowNs)
  writeRecord(core, slot, nowNs, fate)
  if (s.prefix !== null) s.prefix.runs.drop(s.slots.prefix[slot])
  if (s.lanes !== null && s.slots.spanClass[slot] > 0) s.lanes.present[s.engineOf[s.slots.rank[slot]]]--
  giveSlot(s, slot)
  makeWay(core, request, nowNs, fate)
}

function writeRecord(core: Core, slot: number, endNs: number, fate: number): void {
  const row = nextRecord(core)
  const { records, state } = core
  const { slots } = state
  const g = slots.rank[slot]
  const engine = state.engineOf[g]
  records.request[row] = slots.request[slot]
  records.arrivalNs[row] = slots.arrivalNs[slot]
  records.firstTokenNs[row] = slots.firstTokenNs[slot]
  records.endNs[row] = endNs
  records.isl[row] = slots.isl[slot]
  records.osl[row] = slots.osl[slot]
  records.fate[row] = fate
  records.engine[row] = engine
  records.rank[row] = g < state.queueStart ? g - state.rankStart[engine] : -1
  records.preemptions[row] = slots.preemptions[slot]
  records.migrations[row] = slots.migrations[slot]
  records.cachedTokens[row] = slots.cached[slot]
  records.loadedTokens[row] = slots.loaded[slot]
  records.maxGapNs[row] = fate === COMPLETED ? slots.maxGapNs[slot] : Number.NaN
  const at = phasesAt(slot)
  const { phaseNs } = slots
  records.phaseNs[0][row] = phaseNs[at]
  records.phaseNs[1][row] = phaseNs[at + 1]
  records.phaseNs[2][row] = phaseNs[at + 2]
  records.phaseNs[3][row] = phaseNs[at + 3]
  records.phaseNs[4][row] = phaseNs[at + 4]
  records.phaseNs[5][row] = phaseNs[at + 5]
}

export function complete(core: Core, slot: number, nowNs: number): void {
  if (core.boundary !== null) {
    const { state: s } = core
    const e = s.engineOf[s.slots.rank[slot]]
    s.answers[e]++
    s.answerTokens[e] += s.slots.osl[slot]
  }
  depart(core, slot, nowNs, COMPLETED)
}

/** Records of the requests still inside, in order of their index; their phases run up to now. The state is left as it is. */
export function recordInside(core: Core): void {
  const { slots, scalars } = core.state
  const inside: number[] = []
  for (let slot = 0; slot < slots.capacity; slot++) if (slots.state[slot] !== 0) inside.push(slot)
  inside.sort((a, b) => slots.request[a] - slots.request[b])
  for (const slot of inside) {
    const at = phasesAt(slot) + slots.phase[slot]
    const spent = slots.phaseNs[at]
    slots.phaseNs[at] = spent + scalars[NOW] - slots.sinceNs[slot]
    const state = slots.state[slot]
    writeRecord(core, slot, Number.NaN, state === WAITING ? QUEUED : state === TRANSFERRING ? IN_TRANSFER : RUNNING)
    slots.phaseNs[at] = spent
  }
}
