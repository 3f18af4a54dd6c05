/**
 * All mutable state of a simulation, in typed arrays. Indices: `e` an engine, `g` a rank counted over all engines (the ranks of
 * engine e are rankStart[e] .. rankStart[e + 1]), `slot` a request in flight. Slots are recycled; their columns grow by doubling.
 *
 * Decoding sequences of an engine all grow alike, so a rank keeps `base = length - token clock` of each, which never changes: the
 * ascending order of the bases, their sum and the histogram of base mod block size stay true without touching a sequence. The length
 * counts the draft tokens that the next step will verify.
 */
import { EventHeap } from '../collections/eventHeap.js'
import { LOG_HISTOGRAM_BINS } from '../collections/logHistogram.js'
import { checkCluster } from './check.js'
import type { ClusterConfig } from './config.js'
import { FIRST_GAP_STRIDE } from './gaps.js'
import { createLanes, type Lanes } from './lanes.js'
import { PrefixCache } from './prefixCache.js'

/** In a queue: for prefill, or with its KV on a prefill rank for a place to decode. */
export const WAITING = 1
export const PREFILLING = 2
export const DECODING = 3
/** Admitted by a decode rank, its KV on the way. */
export const TRANSFERRING = 4
/** Its KV is here: it decodes from the next step on. */
export const ARRIVED = 5

/** Buckets of the finish wheel of a rank: a power of two near a typical answer, so few sequences are met before their time. */
export const WHEEL = 1024

/** Scalars, in one array so that a snapshot is a copy. */
export const NOW = 0
export const NEXT_REQUEST = 1
export const WAITING_TOTAL = 2
export const FREE_HEAD = 3
export const EVENTS = 4
export const STEPS = 5
export const OUTPUT_TOKENS = 6
export const INPUT_TOKENS = 7
export const STEP_PS = 8
export const GATING_ATTENTION_PS = 9
export const MAX_ATTENTION_PS = 10
export const DECODE_SEQUENCES = 11
export const PREEMPTIONS = 12
export const IN_FLIGHT = 13
/** Requests in the queues of decode engines; WAITING_TOTAL counts those of all others. */
export const DECODE_WAITING = 14
/** Entries of the heap of transfer events. */
export const TRANSFERS = 15
/** The engine whose step end is being served; the number of engines when it is another event, which follows all step ends of its time. */
export const SERVING = 16
/** The last event that was no step end: its time, and how many events there were with it. */
export const OTHER_NS = 17
export const OTHER_EVENTS = 18
/** Migrations begun in the measure window, and the bytes that they move. */
export const MIGRATIONS = 19
export const MIGRATED_BYTES = 20
/** Engines that took their other role. */
export const ROLE_CHANGES = 21
const SCALARS = 22

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
  /** [slot * 6 + phase] ns spent. */
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
  preemptions: Uint16Array
  migrations: Uint16Array
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

export interface State {
  readonly scalars: Float64Array
  readonly releases: EventHeap
  /** Never-scheduled requests by arrival, where patience ends: a list of its own. */
  readonly timeoutHead: Int32Array
  readonly timeoutTail: Int32Array
  slots: Slots
  /** Null where no engine caches prefixes. */
  readonly prefix: PrefixCache | null
  /** Null where the arm spreads no request over several ranks. */
  readonly lanes: Lanes | null
  // engines
  readonly rankStart: Int32Array
  readonly clockNs: Float64Array
  readonly clockPs: Float64Array
  /** When a stepping engine must be looked at: the end of the pending step, or of the last of the quiet steps that are planned to follow it. */
  readonly dueNs: Float64Array
  /** Quiet steps planned after the pending one and not begun yet (see quiet.ts): how many, price of the next and its attention, and what each adds to both, ps. */
  readonly quietSteps: Int32Array
  readonly quietPs: Float64Array
  readonly quietAttentionPs: Float64Array
  readonly quietGrowthPs: Float64Array
  /** How many events there were when they were planned. */
  readonly quietSince: Float64Array
  readonly stepCount: Int32Array
  /** Tokens that a sequence has gained in these steps, whole and in 1024ths; what the pending step adds to it. */
  readonly tokenClock: Int32Array
  readonly clockRest: Int32Array
  readonly gain: Int32Array
  /** (-tokenClock) mod block size: the residue of base whose sequences need a block now. */
  readonly residue: Int32Array
  readonly stepping: Uint8Array
  /** Whether its role is decode at present; whether it takes nothing new because it will change that. */
  readonly decodes: Uint8Array
  readonly draining: Uint8Array
  /** Heap of stepping engines by (due time, index). */
  readonly heap: Int32Array
  readonly heapSize: Int32Array
  /** Stamp at which the pending step began. */
  readonly beganNs: Float64Array
  readonly pendingStepPs: Float64Array
  readonly pendingGatingPs: Float64Array
  readonly pendingMeanPs: Float64Array
  readonly pendingMaxPs: Float64Array
  /** Used blocks of the fullest rank. */
  readonly pendingUsed: Float64Array
  readonly pendingDecode: Int32Array
  readonly engineBusyPs: Float64Array
  readonly engineTokens: Float64Array
  /** Used blocks of the fullest rank x ps: a share of the blocks would round in every step. */
  readonly engineUsedPs: Float64Array
  readonly engineMeanPs: Float64Array
  readonly itl: Float64Array
  /** Largest gaps, engine by engine, and the length of an engine's part (see gaps.ts). */
  gaps: Float64Array
  readonly gapStride: Int32Array
  // ports: out of rank g 2 g = NVLink, 2 g + 1 = NIC; those into it follow in the same order: links go both ways
  readonly portHead: Int32Array
  readonly portFlows: Int32Array
  /** Answers completed on an engine, and their tokens; counted where a policy is asked at step boundaries. */
  readonly answers: Float64Array
  readonly answerTokens: Float64Array
  /**
   * Queues are those of the ranks and, from this number on, one for each engine: of requests whose rank is chosen at a step boundary. Such a
   * request has its queue for its rank.
   */
  readonly queueStart: number
  // ranks, and queues of engines
  readonly engineOf: Int32Array
  readonly waitingHead: Int32Array
  readonly waitingTail: Int32Array
  readonly waitingCount: Int32Array
  /** The scalar that counts what waits there. */
  readonly waitingScalar: Uint8Array
  readonly queuedTokens: Float64Array
  // ranks
  /** Blocks that no request holds; some of them may be cached. */
  readonly freeBlocks: Int32Array
  /** Moves of KV within the engine that the rank takes part in: 0 or 1. */
  readonly moving: Uint8Array
  /** Requests in transfer to the rank or arrived, and the lists of the latter: to join at the next step, joined at the present one. */
  readonly incoming: Int32Array
  readonly arrivedHead: Int32Array
  readonly arrivedTail: Int32Array
  readonly freshHead: Int32Array
  readonly runningHead: Int32Array
  readonly runningTail: Int32Array
  readonly firstPrefilling: Int32Array
  readonly prefillingCount: Int32Array
  readonly decodeCount: Int32Array
  readonly baseSum: Float64Array
  readonly prefilledTokens: Float64Array
  /** Tokens whose KV the pending step loads from the host. */
  readonly loadTokens: Float64Array
  readonly sortedStart: Int32Array
  readonly sortedBases: Int32Array
  readonly residueStart: Int32Array
  readonly residues: Int32Array
  readonly wheel: Int32Array
  readonly factor: Float64Array
  readonly factorStep: Int32Array
  readonly factorClock: Int32Array
  /** Sequences at the evaluation of the factor; 0 = none valid. */
  readonly factorCount: Int32Array
  readonly factorTokens: Float64Array
  readonly changed: Uint8Array
}

export function createState(config: ClusterConfig, maySpan = false): State {
  const { engines } = config
  checkCluster(engines)
  const rankStart = new Int32Array(engines.length + 1)
  engines.forEach((engine, e) => {
    rankStart[e + 1] = rankStart[e] + engine.ranks
  })
  const ranks = rankStart[engines.length]
  const queues = ranks + engines.length
  const engineOf = new Int32Array(queues)
  const freeBlocks = new Int32Array(ranks)
  const sortedStart = new Int32Array(ranks + 1)
  const residueStart = new Int32Array(ranks + 1)
  const waitingScalar = new Uint8Array(queues)
  engines.forEach((engine, e) => {
    const counted = engine.role === 'decode' ? DECODE_WAITING : WAITING_TOTAL
    engineOf[ranks + e] = e
    waitingScalar[ranks + e] = counted
    for (let g = rankStart[e]; g < rankStart[e + 1]; g++) {
      engineOf[g] = e
      freeBlocks[g] = engine.numGpuBlocks
      waitingScalar[g] = counted
      sortedStart[g + 1] = sortedStart[g] + engine.maxNumSeqs
      residueStart[g + 1] = residueStart[g] + engine.blockSize
    }
  })
  const perEngine = () => new Float64Array(engines.length)
  const counts = () => new Int32Array(engines.length)
  const listOf = (length: number) => new Int32Array(length).fill(-1)
  const scalars = new Float64Array(SCALARS)
  const slots = createSlots(256)
  linkFree(slots, scalars, 0)
  return {
    scalars,
    releases: new EventHeap(),
    timeoutHead: listOf(1),
    timeoutTail: listOf(1),
    slots,
    prefix: engines.some((engine) => engine.prefixCaching) ? new PrefixCache(engines, engineOf.slice(0, ranks)) : null,
    lanes: maySpan ? createLanes(engines, rankStart) : null,
    rankStart,
    clockNs: perEngine(),
    clockPs: perEngine(),
    dueNs: perEngine(),
    quietSteps: counts(),
    quietPs: perEngine(),
    quietGrowthPs: perEngine(),
    quietSince: perEngine(),
    quietAttentionPs: perEngine(),
    stepCount: counts(),
    tokenClock: counts(),
    clockRest: counts(),
    gain: counts().fill(1),
    residue: counts(),
    stepping: new Uint8Array(engines.length),
    decodes: Uint8Array.from(engines, ({ role }) => (role === 'decode' ? 1 : 0)),
    draining: new Uint8Array(engines.length),
    heap: counts(),
    heapSize: new Int32Array(1),
    beganNs: perEngine(),
    pendingStepPs: perEngine(),
    pendingGatingPs: perEngine(),
    pendingMeanPs: perEngine(),
    pendingMaxPs: perEngine(),
    pendingUsed: perEngine(),
    pendingDecode: counts(),
    engineBusyPs: perEngine(),
    engineTokens: perEngine(),
    engineUsedPs: perEngine(),
    engineMeanPs: perEngine(),
    itl: new Float64Array(LOG_HISTOGRAM_BINS),
    gaps: new Float64Array(engines.length * FIRST_GAP_STRIDE),
    gapStride: Int32Array.of(FIRST_GAP_STRIDE),
    portHead: listOf(4 * ranks),
    portFlows: new Int32Array(4 * ranks),
    answers: perEngine(),
    answerTokens: perEngine(),
    queueStart: ranks,
    engineOf,
    waitingHead: listOf(queues),
    waitingTail: listOf(queues),
    waitingCount: new Int32Array(queues),
    waitingScalar,
    queuedTokens: new Float64Array(queues),
    freeBlocks,
    moving: new Uint8Array(ranks),
    incoming: new Int32Array(ranks),
    arrivedHead: listOf(ranks),
    arrivedTail: listOf(ranks),
    freshHead: listOf(ranks),
    runningHead: listOf(ranks),
    runningTail: listOf(ranks),
    firstPrefilling: listOf(ranks),
    prefillingCount: new Int32Array(ranks),
    decodeCount: new Int32Array(ranks),
    baseSum: new Float64Array(ranks),
    prefilledTokens: new Float64Array(ranks),
    loadTokens: new Float64Array(ranks),
    sortedStart,
    sortedBases: new Int32Array(sortedStart[ranks]),
    residueStart,
    residues: new Int32Array(residueStart[ranks]),
    wheel: listOf(ranks * WHEEL),
    factor: new Float64Array(ranks).fill(1),
    factorStep: new Int32Array(ranks),
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
    classId: ints(),
    tenant: ints(),
    arrivalNs: doubles(),
    firstTokenNs: doubles(),
    sinceNs: doubles(),
    phase: new Uint8Array(capacity),
    phaseNs: new Float64Array(capacity * 6),
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
    preemptions: new Uint16Array(capacity),
    migrations: new Uint16Array(capacity),
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
