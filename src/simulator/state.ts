/**
 * All mutable state of a simulation, in typed arrays. Indices: `e` an engine, `g` a rank counted over all engines (the ranks of
 * engine e are rankStart[e] .. rankStart[e + 1]), `slot` a request in flight. Slots are recycled; their columns grow by doubling.
 *
 * Decoding sequences all grow by one token a step, so a rank keeps `base = KV length - token clock` of each, which never changes:
 * the ascending order of the bases, their sum and the histogram of base mod block size stay true without touching a sequence.
 */
import { EventHeap } from '../collections/eventHeap.js'
import { LOG_HISTOGRAM_BINS } from '../collections/logHistogram.js'
import { UserError } from '../errors.js'
import type { ClusterConfig } from './config.js'

export const WAITING = 1
export const PREFILLING = 2
export const DECODING = 3

/** Buckets of the finish wheel of a rank: a power of two near a typical answer, so few sequences are met before their time. */
export const WHEEL = 1024

/** Scalars, in one array so that a snapshot is a copy. */
export const NOW = 0
export const NEXT_REQUEST = 1
export const WAITING_TOTAL = 2
export const TIMEOUT_HEAD = 3
export const TIMEOUT_TAIL = 4
export const FREE_HEAD = 5
export const EVENTS = 6
export const STEPS = 7
export const OUTPUT_TOKENS = 8
export const INPUT_TOKENS = 9
export const STEP_PS = 10
export const GATING_ATTENTION_PS = 11
export const MAX_ATTENTION_PS = 12
export const DECODE_SEQUENCES = 13
export const PREEMPTIONS = 14
export const IN_FLIGHT = 15
const SCALARS = 16

/** Columns of the requests in flight. */
export interface Slots {
  capacity: number
  request: Int32Array
  isl: Int32Array
  /** Never visible to a policy. */
  osl: Int32Array
  arrivalNs: Float64Array
  firstTokenNs: Float64Array
  /** Start of the present phase and its index into PHASES. */
  sinceNs: Float64Array
  phase: Uint8Array
  /** [slot * 6 + phase] ns spent. */
  phaseNs: Float64Array
  state: Uint8Array
  rank: Int32Array
  /** Prefill: tokens to compute, computed so far, scheduled in this step; blocks held while prefilling. */
  target: Int32Array
  done: Int32Array
  chunk: Int32Array
  held: Int32Array
  /** Tokens emitted; while decoding it is derived: osl - (finishKey - token clock). */
  emitted: Int32Array
  /** Decoding: KV length - token clock; token clock at the last token. */
  base: Int32Array
  finishKey: Int32Array
  preemptions: Uint16Array
  /** Neighbours in the waiting or the running list of the rank. */
  next: Int32Array
  previous: Int32Array
  /** Next in the bucket of the finish wheel. */
  wheelNext: Int32Array
  /** Neighbours in the list of never-scheduled requests, by arrival (patience). */
  timeoutNext: Int32Array
  timeoutPrevious: Int32Array
}

export interface State {
  readonly scalars: Float64Array
  readonly releases: EventHeap
  slots: Slots
  // engines
  readonly rankStart: Int32Array
  readonly clockNs: Float64Array
  readonly clockPs: Float64Array
  /** Steps ended: the token clock. */
  readonly tokenClock: Int32Array
  /** (-tokenClock) mod block size: the residue of base whose sequences need a block now. */
  readonly residue: Int32Array
  readonly stepping: Uint8Array
  /** Heap of stepping engines by (end time, index). */
  readonly heap: Int32Array
  readonly heapSize: Int32Array
  readonly pendingStepPs: Float64Array
  readonly pendingGatingPs: Float64Array
  readonly pendingMeanPs: Float64Array
  readonly pendingMaxPs: Float64Array
  readonly pendingKvUse: Float64Array
  readonly pendingDecode: Int32Array
  readonly engineBusyPs: Float64Array
  readonly engineTokens: Float64Array
  readonly engineKvUsePs: Float64Array
  readonly engineMeanPs: Float64Array
  readonly itl: Float64Array
  // ranks
  readonly engineOf: Int32Array
  readonly freeBlocks: Int32Array
  readonly waitingHead: Int32Array
  readonly waitingTail: Int32Array
  readonly waitingCount: Int32Array
  readonly runningHead: Int32Array
  readonly runningTail: Int32Array
  readonly firstPrefilling: Int32Array
  readonly prefillingCount: Int32Array
  readonly decodeCount: Int32Array
  readonly baseSum: Float64Array
  readonly prefilledTokens: Float64Array
  readonly queuedTokens: Float64Array
  readonly sortedStart: Int32Array
  readonly sortedBases: Int32Array
  readonly residueStart: Int32Array
  readonly residues: Int32Array
  readonly wheel: Int32Array
  readonly factor: Float64Array
  readonly factorClock: Int32Array
  /** Sequences at the evaluation of the factor; 0 = none valid. */
  readonly factorCount: Int32Array
  readonly factorTokens: Float64Array
  readonly changed: Uint8Array
}

export function createState(config: ClusterConfig): State {
  const { engines } = config
  if (engines.length === 0)
    throw new UserError({ where: 'engines', message: 'no engine in the plan', hint: 'give at least one engine' })
  const rankStart = new Int32Array(engines.length + 1)
  engines.forEach((engine, e) => {
    if (engine.numGpuBlocks * engine.blockSize < engine.maxModelLen)
      throw new UserError({
        where: `engines.${engine.name}`,
        message: `${engine.numGpuBlocks} KV blocks of ${engine.blockSize} tokens cannot hold one request of max_model_len ${engine.maxModelLen}`,
        hint: 'lower max_model_len or give the engine more KV memory',
      })
    rankStart[e + 1] = rankStart[e] + engine.ranks
  })
  const ranks = rankStart[engines.length]
  const engineOf = new Int32Array(ranks)
  const freeBlocks = new Int32Array(ranks)
  const sortedStart = new Int32Array(ranks + 1)
  const residueStart = new Int32Array(ranks + 1)
  engines.forEach((engine, e) => {
    for (let g = rankStart[e]; g < rankStart[e + 1]; g++) {
      engineOf[g] = e
      freeBlocks[g] = engine.numGpuBlocks
      sortedStart[g + 1] = sortedStart[g] + engine.maxNumSeqs
      residueStart[g + 1] = residueStart[g] + engine.blockSize
    }
  })
  const perEngine = () => new Float64Array(engines.length)
  const listOf = (length: number) => new Int32Array(length).fill(-1)
  const scalars = new Float64Array(SCALARS)
  scalars[TIMEOUT_HEAD] = -1
  scalars[TIMEOUT_TAIL] = -1
  const slots = createSlots(256)
  linkFree(slots, scalars, 0)
  return {
    scalars,
    releases: new EventHeap(),
    slots,
    rankStart,
    clockNs: perEngine(),
    clockPs: perEngine(),
    tokenClock: new Int32Array(engines.length),
    residue: new Int32Array(engines.length),
    stepping: new Uint8Array(engines.length),
    heap: new Int32Array(engines.length),
    heapSize: new Int32Array(1),
    pendingStepPs: perEngine(),
    pendingGatingPs: perEngine(),
    pendingMeanPs: perEngine(),
    pendingMaxPs: perEngine(),
    pendingKvUse: perEngine(),
    pendingDecode: new Int32Array(engines.length),
    engineBusyPs: perEngine(),
    engineTokens: perEngine(),
    engineKvUsePs: perEngine(),
    engineMeanPs: perEngine(),
    itl: new Float64Array(LOG_HISTOGRAM_BINS),
    engineOf,
    freeBlocks,
    waitingHead: listOf(ranks),
    waitingTail: listOf(ranks),
    waitingCount: new Int32Array(ranks),
    runningHead: listOf(ranks),
    runningTail: listOf(ranks),
    firstPrefilling: listOf(ranks),
    prefillingCount: new Int32Array(ranks),
    decodeCount: new Int32Array(ranks),
    baseSum: new Float64Array(ranks),
    prefilledTokens: new Float64Array(ranks),
    queuedTokens: new Float64Array(ranks),
    sortedStart,
    sortedBases: new Int32Array(sortedStart[ranks]),
    residueStart,
    residues: new Int32Array(residueStart[ranks]),
    wheel: listOf(ranks * WHEEL),
    factor: new Float64Array(ranks).fill(1),
    factorClock: new Int32Array(ranks),
    factorCount: new Int32Array(ranks),
    factorTokens: new Float64Array(ranks),
    changed: new Uint8Array(ranks),
  }
}

function createSlots(capacity: number): Slots {
  const ints = () => new Int32Array(capacity)
  const doubles = () => new Float64Array(capacity)
  return {
    capacity,
    request: ints(),
    isl: ints(),
    osl: ints(),
    arrivalNs: doubles(),
    firstTokenNs: doubles(),
    sinceNs: doubles(),
    phase: new Uint8Array(capacity),
    phaseNs: new Float64Array(capacity * 6),
    state: new Uint8Array(capacity),
    rank: ints(),
    target: ints(),
    done: ints(),
    chunk: ints(),
    held: ints(),
    emitted: ints(),
    base: ints(),
    finishKey: ints(),
    preemptions: new Uint16Array(capacity),
    next: ints(),
    previous: ints(),
    wheelNext: ints(),
    timeoutNext: ints(),
    timeoutPrevious: ints(),
  }
}

/** Chains the slots from `from` on into the free list, lowest first. */
function linkFree(slots: Slots, scalars: Float64Array, from: number): void {
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
