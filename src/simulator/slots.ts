/** Requests in flight, a column for each of their numbers. Slots are recycled; the columns grow by doubling. */
import { PHASES } from '../metrics/records.js'
import { FREE_HEAD, IN_FLIGHT } from './scalars.js'
import type { State } from './state.js'

/** In a queue: for prefill, or with its KV on a prefill rank for a place to decode. */
export const WAITING = 1
export const PREFILLING = 2
export const DECODING = 3
/** Admitted by a decode rank, its KV on the way. */
export const TRANSFERRING = 4
/** Its KV is here: it decodes from the next step on. */
export const ARRIVED = 5

const PHASE_COUNT = PHASES.length
/** Where the times of a request's phases begin in `phaseNs`. */
export const phasesAt = (slot: number): number => slot * PHASE_COUNT

/** Columns of the requests in flight. */
export interface Slots {
  capacity: number
  request: Int32Array
  isl: Int32Array
  /** Never visible to a policy. */
  osl: Int32Array
  /** Kept where levers are asked a second time, for a place to decode. */
  classId: Int32Array
  tenant: Int32Array
  arrivalNs: Float64Array
  firstTokenNs: Float64Array
  /** Start of the present phase and its index into PHASES. */
  sinceNs: Float64Array
  phase: Uint8Array
  /** ns spent in each phase: that of index p at `phasesAt(slot) + p`. */
  phaseNs: Float64Array
  state: Uint8Array
  rank: Int32Array
  /** Its context is spread over 2^spanClass ranks; number of its admission, and neighbours in its lane (see lanes.ts). */
  spanClass: Uint8Array
  admission: Float64Array
  laneNext: Int32Array
  lanePrevious: Int32Array
  /** Rank that holds the KV until its transfer or migration ends; -1 = none, so of a free slot too. */
  source: Int32Array
  /** Prefill: tokens to compute (of KV on the way: to bring), computed so far, scheduled in this step; blocks held while prefilling, or at the source. */
  target: Int32Array
  done: Int32Array
  chunk: Int32Array
  held: Int32Array
  /** Tokens emitted; while decoding it is derived: osl - (finishKey - token clock). */
  emitted: Int32Array
  /** Decoding: length - token clock; token clock at the last token. */
  base: Int32Array
  finishKey: Int32Array
  preemptions: Int32Array
  migrations: Int32Array
  /** Steps that its engine had ended when it began to decode on its rank. */
  joinedStep: Int32Array
  /** List of prefix blocks, -1 = none; leading blocks held in the cache of its rank, and of `source`; input tokens served from a cache, and those of them from a host. */
  prefix: Int32Array
  shared: Int32Array
  sourceShared: Int32Array
  cached: Int32Array
  loaded: Int32Array
  /** Neighbours in the waiting or the running list of the rank. */
  next: Int32Array
  previous: Int32Array
  /** Next in the bucket of the finish wheel. */
  wheelNext: Int32Array
  /** Neighbours in the list of never-scheduled requests, by arrival (patience). */
  timeoutNext: Int32Array
  timeoutPrevious: Int32Array
  /** Time of the next transfer event, and place in the heap of these. */
  transferNs: Float64Array
  heapAt: Int32Array
  /** Not of a slot: the heap itself, which has at most as many entries as there are slots. */
  transferHeap: Int32Array
  /** The flow: bytes left at `flowSinceNs`, its share since then (0: it has not started), and its ports. */
  flowBytes: Float64Array
  flowSinceNs: Float64Array
  flowShare: Int32Array
  fromPort: Int32Array
  toPort: Int32Array
  /** Neighbours among the flows of the source port and of the destination port. */
  fromNext: Int32Array
  fromPrevious: Int32Array
  toNext: Int32Array
  toPrevious: Int32Array
  /** Next in the list of arrived requests, and of those in their first decode step. */
  arrivedNext: Int32Array
  /** Largest gap so far, without the segments from `segment` on (see gaps.ts); time of the last token delivered before them. */
  maxGapNs: Float64Array
  lastTokenNs: Float64Array
  /** Decoding: -1 in its first step after a transfer. */
  segment: Int32Array
}

export function createSlots(capacity: number): Slots {
  const ints = () => new Int32Array(capacity)
  const doubles = () => new Float64Array(capacity)
  return {
    capacity,
    request: ints(),
    isl: ints(),
    osl: ints(),
    classId: ints(),
    tenant: ints(),
    arrivalNs: doubles(),
    firstTokenNs: doubles(),
    sinceNs: doubles(),
    phase: new Uint8Array(capacity),
    phaseNs: new Float64Array(phasesAt(capacity)),
    state: new Uint8Array(capacity),
    rank: ints(),
    spanClass: new Uint8Array(capacity),
    admission: doubles(),
    laneNext: ints(),
    lanePrevious: ints(),
    source: ints().fill(-1),
    target: ints(),
    done: ints(),
    chunk: ints(),
    held: ints(),
    emitted: ints(),
    base: ints(),
    finishKey: ints(),
    preemptions: new Int32Array(capacity),
    migrations: new Int32Array(capacity),
    joinedStep: ints(),
    prefix: ints(),
    shared: ints(),
    sourceShared: ints(),
    cached: ints(),
    loaded: ints(),
    next: ints(),
    previous: ints(),
    wheelNext: ints(),
    timeoutNext: ints(),
    timeoutPrevious: ints(),
    transferNs: doubles(),
    heapAt: ints(),
    transferHeap: ints(),
    flowBytes: doubles(),
    flowSinceNs: doubles(),
    flowShare: ints(),
    fromPort: ints(),
    toPort: ints(),
    fromNext: ints(),
    fromPrevious: ints(),
    toNext: ints(),
    toPrevious: ints(),
    arrivedNext: ints(),
    maxGapNs: doubles(),
    lastTokenNs: doubles(),
    segment: ints(),
  }
}

/** Chains the slots from `from` on into the free list, lowest first. */
export function linkFree(slots: Slots, scalars: Float64Array, from: number): void {
  for (let slot = from; slot < slots.capacity; slot++) slots.next[slot] = slot + 1 < slots.capacity ? slot + 1 : -1
  scalars[FREE_HEAD] = from
}

export function takeSlot(s: State): number {
  if (s.scalars[FREE_HEAD] < 0) {
    const old = s.slots
    const fresh = createSlots(old.capacity * 2)
    for (const key of Object.keys(old) as (keyof Slots)[]) {
      if (key !== 'capacity') (fresh[key] as Float64Array).set(old[key] as Float64Array)
    }
    s.slots = fresh
    linkFree(fresh, s.scalars, old.capacity)
  }
  const slot = s.scalars[FREE_HEAD]
  s.scalars[FREE_HEAD] = s.slots.next[slot]
  s.scalars[IN_FLIGHT]++
  return slot
}

export function giveSlot(s: State, slot: number): void {
  s.slots.state[slot] = 0
  s.slots.next[slot] = s.scalars[FREE_HEAD]
  s.scalars[FREE_HEAD] = slot
  s.scalars[IN_FLIGHT]--
}
