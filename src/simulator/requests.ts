/** A request's way through the system: arrival, queue, patience, departure. Transitions only; steps are in step.ts. */
import { PolicyError } from '../errors.js'
import { COMPLETED, QUEUED, REJECTED, RUNNING, TIMED_OUT, UNSERVABLE } from '../metrics/records.js'
import type { Workload } from '../traces/workload.js'
import type { Core } from './core.js'
import { widerRecords } from './recordStore.js'
import {
  giveSlot,
  NEXT_REQUEST,
  NOW,
  type Slots,
  type State,
  TIMEOUT_HEAD,
  TIMEOUT_TAIL,
  takeSlot,
  WAITING,
  WAITING_TOTAL,
} from './state.js'

/** Indices into PHASES. */
export const PHASE_QUEUE = 0
export const PHASE_PREFILL = 1
export const PHASE_DECODE = 4
export const PHASE_STALL = 5

/** Event class of a release in the order of events. */
const RELEASE_CLASS = 1

/** The input columns that hold the next request, or null when they are not here (yet). Drops consumed columns. */
export function currentInput(core: Core): Workload | null {
  const { scalars } = core.state
  while (core.input.length > 0 && scalars[NEXT_REQUEST] - core.inputStart >= core.input[0].count) {
    core.inputStart += core.input[0].count
    core.input.shift()
  }
  return core.input.length > 0 ? core.input[0] : null
}

/**
 * Serves the next request of the input at time `nowNs`. Returns the engine it was given to, -1 when it left at once
 * (unservable, rejected).
 */
export function arrive(core: Core, input: Workload, nowNs: number): number {
  const s = core.state
  const request = s.scalars[NEXT_REQUEST]++
  const row = request - core.inputStart
  const isl = input.isl[row]
  const osl = input.osl[row]
  if (isl + osl > core.maxModelLen) return turnAway(core, request, isl, osl, nowNs, UNSERVABLE)
  if (s.scalars[WAITING_TOTAL] >= core.maxQueue) return turnAway(core, request, isl, osl, nowNs, REJECTED)

  const view = core.requestView
  view.inputTokens = isl
  view.classId = input.classId === null ? 0 : input.classId[row]
  view.tenant = input.tenant === null ? 0 : input.tenant[row]
  const engine = core.arm.pool.route(core.poolView, view)
  checkPlace(core.arm.pool.info.name, 'engine', engine, core.poolView.count, request)
  const rankView = core.rankViews[engine]
  const rank = core.arm.rank.place(rankView, view)
  checkPlace(core.arm.rank.info.name, 'rank', rank, rankView.count, request)
  if (core.arm.span.degree(rankView, view) !== 1)
    throw new PolicyError(core.arm.span.info.name, `degree must be 1 on this engine (request ${request})`)

  const g = s.rankStart[engine] + rank
  const slot = takeSlot(s)
  const slots = s.slots
  slots.request[slot] = request
  slots.isl[slot] = isl
  slots.osl[slot] = osl
  slots.arrivalNs[slot] = nowNs
  slots.firstTokenNs[slot] = Number.NaN
  slots.sinceNs[slot] = nowNs
  slots.phase[slot] = PHASE_QUEUE
  slots.phaseNs.fill(0, slot * 6, slot * 6 + 6)
  slots.rank[slot] = g
  slots.target[slot] = isl
  slots.done[slot] = 0
  slots.chunk[slot] = 0
  slots.held[slot] = 0
  slots.emitted[slot] = 0
  slots.preemptions[slot] = 0
  enqueueTail(s, g, slot)
  if (core.timeoutNs !== Number.POSITIVE_INFINITY) patienceStarts(s, slot)
  return engine
}

function checkPlace(policy: string, kind: string, place: number, count: number, request: number): void {
  if (!(place >= 0 && place < count && Number.isInteger(place)))
    throw new PolicyError(policy, `returned ${kind} ${place} for request ${request}; allowed are 0 to ${count - 1}`)
}

function turnAway(core: Core, request: number, isl: number, osl: number, nowNs: number, fate: number): number {
  const row = nextRecord(core)
  const { records } = core
  records.request[row] = request
  records.arrivalNs[row] = nowNs
  records.firstTokenNs[row] = Number.NaN
  records.endNs[row] = nowNs
  records.isl[row] = isl
  records.osl[row] = osl
  records.fate[row] = fate
  records.engine[row] = -1
  records.rank[row] = -1
  records.preemptions[row] = 0
  for (let phase = 0; phase < 6; phase++) records.phaseNs[phase][row] = 0
  if (core.closed) core.state.releases.push(nowNs, RELEASE_CLASS, 0)
  return -1
}

/** Releases the first C requests of a closed loop at time 0. */
export function releaseFirst(core: Core): void {
  for (let i = 0; i < core.concurrency; i++) core.state.releases.push(0, RELEASE_CLASS, 0)
}

// --- waiting queue of a rank (doubly linked, so that patience can end anywhere in it)

function enqueueTail(s: State, g: number, slot: number): void {
  const { next, previous, state } = s.slots
  const tail = s.waitingTail[g]
  next[slot] = -1
  previous[slot] = tail
  if (tail < 0) s.waitingHead[g] = slot
  else next[tail] = slot
  s.waitingTail[g] = slot
  entered(s, g, slot)
  state[slot] = WAITING
}

export function enqueueHead(s: State, g: number, slot: number): void {
  const { next, previous, state } = s.slots
  const head = s.waitingHead[g]
  previous[slot] = -1
  next[slot] = head
  if (head < 0) s.waitingTail[g] = slot
  else previous[head] = slot
  s.waitingHead[g] = slot
  entered(s, g, slot)
  state[slot] = WAITING
}

function entered(s: State, g: number, slot: number): void {
  s.waitingCount[g]++
  s.scalars[WAITING_TOTAL]++
  s.queuedTokens[g] += s.slots.target[slot]
}

/** Takes a request out of its rank's queue. Its queued tokens stay counted: they are prefilled next, or dropped by the caller. */
export function leaveQueue(s: State, g: number, slot: number): void {
  const { next, previous } = s.slots
  const before = previous[slot]
  const after = next[slot]
  if (before < 0) s.waitingHead[g] = after
  else next[before] = after
  if (after < 0) s.waitingTail[g] = before
  else previous[after] = before
  s.waitingCount[g]--
  s.scalars[WAITING_TOTAL]--
}

// --- patience: never-scheduled requests in order of arrival; all have the same patience, so the head is the next to leave

function patienceStarts(s: State, slot: number): void {
  const { timeoutNext, timeoutPrevious } = s.slots
  const tail = s.scalars[TIMEOUT_TAIL]
  timeoutNext[slot] = -1
  timeoutPrevious[slot] = tail
  if (tail < 0) s.scalars[TIMEOUT_HEAD] = slot
  else timeoutNext[tail] = slot
  s.scalars[TIMEOUT_TAIL] = slot
}

export function patienceEnds(s: State, slot: number): void {
  const { timeoutNext, timeoutPrevious } = s.slots
  const before = timeoutPrevious[slot]
  const after = timeoutNext[slot]
  if (before < 0) s.scalars[TIMEOUT_HEAD] = after
  else timeoutNext[before] = after
  if (after < 0) s.scalars[TIMEOUT_TAIL] = before
  else timeoutPrevious[after] = before
}

/** The request whose patience is over leaves. */
export function timeOut(core: Core, nowNs: number): void {
  const s = core.state
  const slot = s.scalars[TIMEOUT_HEAD]
  const g = s.slots.rank[slot]
  patienceEnds(s, slot)
  leaveQueue(s, g, slot)
  s.queuedTokens[g] -= s.slots.target[slot]
  depart(core, slot, nowNs, TIMED_OUT)
}

// --- phases and departure

/** Ends the present phase at `nowNs` and begins `phase`. */
export function enterPhase(slots: Slots, slot: number, phase: number, nowNs: number): void {
  slots.phaseNs[slot * 6 + slots.phase[slot]] += nowNs - slots.sinceNs[slot]
  slots.phase[slot] = phase
  slots.sinceNs[slot] = nowNs
}

function nextRecord(core: Core): number {
  if (core.records.count === core.records.request.length) core.records = widerRecords(core.records)
  return core.records.count++
}

/** Writes the record of a request that leaves now, and frees its slot. KV and lists are the caller's business. */
export function depart(core: Core, slot: number, nowNs: number, fate: number): void {
  const s = core.state
  enterPhase(s.slots, slot, s.slots.phase[slot], nowNs)
  writeRecord(core, slot, nowNs, fate)
  giveSlot(s, slot)
  if (core.closed) s.releases.push(nowNs, RELEASE_CLASS, 0)
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
  records.rank[row] = g - state.rankStart[engine]
  records.preemptions[row] = slots.preemptions[slot]
  const at = slot * 6
  const { phaseNs } = slots
  records.phaseNs[0][row] = phaseNs[at]
  records.phaseNs[1][row] = phaseNs[at + 1]
  records.phaseNs[2][row] = phaseNs[at + 2]
  records.phaseNs[3][row] = phaseNs[at + 3]
  records.phaseNs[4][row] = phaseNs[at + 4]
  records.phaseNs[5][row] = phaseNs[at + 5]
}

export function complete(core: Core, slot: number, nowNs: number): void {
  depart(core, slot, nowNs, COMPLETED)
}

/** Records of the requests still inside, in order of their index; their phases run up to now. The state is left as it is. */
export function recordInside(core: Core): void {
  const { slots, scalars } = core.state
  const inside: number[] = []
  for (let slot = 0; slot < slots.capacity; slot++) if (slots.state[slot] !== 0) inside.push(slot)
  inside.sort((a, b) => slots.request[a] - slots.request[b])
  for (const slot of inside) {
    const at = slot * 6 + slots.phase[slot]
    const spent = slots.phaseNs[at]
    slots.phaseNs[at] = spent + scalars[NOW] - slots.sinceNs[slot]
    writeRecord(core, slot, Number.NaN, slots.state[slot] === WAITING ? QUEUED : RUNNING)
    slots.phaseNs[at] = spent
  }
}
