/**
 * All mutable state of a simulation, in typed arrays. Indices: `e` an engine, `g` a rank counted over all engines (the ranks of
 * engine e are rankStart[e] .. rankStart[e + 1]), `slot` a request in flight (slots.ts).
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
import { DECODE_WAITING, SCALARS, WAITING_TOTAL } from './scalars.js'
import { createSlots, linkFree, type Slots } from './slots.js'

/** Buckets of the finish wheel of a rank: a power of two near a typical answer, so few sequences are met before their time. */
export const WHEEL = 1024

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
  /** Of these, what steps in the role `prefill` have. */
  readonly enginePrefillMeanPs: Float64Array
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
    enginePrefillMeanPs: perEngine(),
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
