/**
 * Levers: the places where work is partitioned. A policy is one way to pull one lever. Each fills a preallocated output, sees
 * only what a real scheduler could see at that moment (no true output length, no future), and declares what it reads.
 * Reading order: this file, then one policy of each folder, then catalogue.ts.
 */
import type { StepTimer } from '../timing/stepTimer.js'
import type { AssignView, MigrateView, Moves, OracleView } from './rank/boundary.js'
import type { SplitMachine } from './split/machine.js'

export type { AssignView, BoundaryView, MigrateView, Moves, OracleView } from './rank/boundary.js'

/** In the order in which they are printed: from the kernel outwards. */
export const LEVERS = ['split', 'chunk', 'rank', 'span', 'pool'] as const
export type LeverName = (typeof LEVERS)[number]

/**
 * What engines must have for a policy to do more than a plainer one would: a scenario without it is refused. A text is the clause that the
 * refusal says of the policy, such as 'weighs what prefix caches hold'.
 */
export interface EngineNeeds {
  /** Some engine has a prefix cache. */
  readonly prefixCaches?: string
  /** Some engine has several ranks (attention DP). */
  readonly severalRanks?: string
  /** Lanes that the engines that take prompts are shared out to: there are as many engines, or more. */
  readonly lanes?: number
  /** Tokens that the policy lets into a step: the step of every engine holds as many. */
  readonly stepTokens?: number
}

export interface PolicyInfo {
  readonly lever: LeverName
  /** Name with its arguments, as written in a scenario: `fixed-count(8)`. */
  readonly name: string
  /** True when the decision depends on the shapes of requests. */
  readonly shapeAware: boolean
  /** Methods that are called. */
  readonly hooks: readonly string[]
  /** Observables read, in plain words. */
  readonly inputs: readonly string[]
  /** Age of the signals: `now` (scheduler-local state), or the period in ns at which the policy's index of prefix caches is updated. */
  readonly signalAge: 'now' | number
  readonly complexity: string
  /** Beside what its hooks say: one with `migrate` needs ranks to move between, one with `switchRole` engines that may change their roles. */
  readonly needs?: EngineNeeds
  /** A bound and no policy: it may search for as long as it likes or see what nobody can. Tuners never choose it; reports label it. */
  readonly oracle?: true
  readonly wins: string
  readonly loses: string
  readonly source: string
  /** Of a user's own policy: the path of its file. */
  readonly file?: string
}

/**
 * Piece rules of a decision (docs/SEMANTICS.md, "The split factor").
 * SPLIT_COUNT: every request in `value` pieces. SPLIT_SIZE: pieces of at most `value` tokens. SPLIT_PER_REQUEST: `pieces[i]` per request.
 * SPLIT_PAYLOAD: one persistent CTA per slot takes a contiguous range of equal work; each stretch of a request in it weighs `value` tiles more.
 * SPLIT_GRID: a captured grid of `value` CTAs per request (1 to 65,535, as CUDA has it), cut for the longest one; the surplus CTAs of shorter requests exit early.
 * SPLIT_LAUNCHES: as SPLIT_PER_REQUEST, in `launches` kernels one after the other; request i is in kernel `launchOf[i]`.
 */
export const SPLIT_COUNT = 0
export const SPLIT_SIZE = 1
export const SPLIT_PER_REQUEST = 2
export const SPLIT_PAYLOAD = 3
export const SPLIT_GRID = 4
export const SPLIT_LAUNCHES = 5
export type SplitKind = 0 | 1 | 2 | 3 | 4 | 5

export interface SplitBatch {
  /** Decoding sequences of this rank, >= 1. */
  n: number
  /** KV lengths in tokens, ascending; the first n entries count. Not to be written. */
  lengths: Float64Array
  /** Sum of the first n lengths. */
  totalTokens: number
}

/** What a policy fills; `createSplitDecision` makes one. */
export interface SplitDecision {
  kind: SplitKind
  value: number
  /** Launch longest first (true) or in arrival order (false). */
  longestFirst: boolean
  /** Per-request counts, aligned with SplitBatch.lengths; read only for SPLIT_PER_REQUEST and SPLIT_LAUNCHES. */
  pieces: Int32Array
  /** Kernels launched one after the other, and the kernel of each request, in [0, launches); read only for SPLIT_LAUNCHES. */
  launches: number
  launchOf: Int32Array
}

/**
 * What the function that makes a policy of a user's own is called with: `chance(k)` is the k-th random number of this run, in [0, 1), for whole k from 0 to
 * 2^32 - 1. Another one in every replicate and for every seed, the same in all arms of a replicate. How far the policy has drawn is kept in its `state`.
 */
export type Chance = (k: number) => number

/** Whatever a policy remembers between calls lives in `state`, so that a snapshot of a simulation carries it. */
export interface Stateful {
  readonly state?: Float64Array
}

export interface SplitPolicy extends Stateful {
  readonly info: PolicyInfo
  /** Planning cost charged to every step, ps, of its rank with the most of it; as a function, of a rank with so many decoding sequences >= 1. */
  readonly planningPs: number | ((sequences: number) => number)
  plan(batch: SplitBatch, machine: SplitMachine, out: SplitDecision): void
  /** Oracles alone: the kernel time of the batch in the place of the model's price of the decision, ns. */
  priceNs?(batch: SplitBatch, machine: SplitMachine, decision: SplitDecision): number
}

/** What the chunk lever sees of one rank before a step. */
export interface ChunkView {
  /** Sequences that will decode in this step, and their KV tokens (this step's included). */
  decodeSequences: number
  decodeKvTokens: number
  /** Tokens that they take of the step: with speculation each verifies its drafts too. */
  decodeTokens: number
  /** Last split factor of this rank (1 when none was computed). */
  splitFactor: number
  /** Prefill candidates in service order: first those being prefilled, then the waiting; at most CHUNK_CANDIDATES are listed. */
  candidates: number
  remaining: Float64Array
  prefix: Float64Array
  /** The engine's max_num_batched_tokens: no budget goes beyond it. */
  maxBatchedTokens: number
  /**
   * Least time until a decoding sequence of the engine is due its next token at the pace of the policy (`paceNs`), ns; negative when one is
   * late. Infinity when none has a token yet, when no rank of the engine had a prompt as the step began, or without a pace.
   */
  leastSlackNs: number
  timer: StepTimer
}
export const CHUNK_CANDIDATES = 8

/** What the chunk lever sees of a whole engine before a step, as the last step left it. */
export interface EngineStepView {
  readonly engine: number
  readonly ranks: number
  /** Decoding sequences of a rank. */
  decoding(rank: number): number
  /** Whether a prompt is being computed on the rank, or heads its queue and would find a place in the batch. */
  hasPrompt(rank: number): boolean
}

export interface ChunkPolicy extends Stateful {
  readonly info: PolicyInfo
  /** Needs `candidates`, `remaining`, `prefix` filled in. */
  readonly readsCandidates: boolean
  /** Time promised for each token after the first, whole ns: where it is given, `leastSlackNs` is filled in. */
  readonly paceNs?: number
  /**
   * Whether prompts that have not been begun stay in their queues for this step. Asked once for a step, before all else, if any rank of the
   * engine has a prompt. May be true only where a sequence decodes: an engine must not wait for itself.
   */
  hold?(view: EngineStepView): boolean
  /**
   * Tokens of prefill that may enter this step on this rank: a whole number >= 0, and >= 1 when nothing decodes.
   * The engine caps it at maxBatchedTokens - decodeTokens.
   */
  prefillTokens(view: ChunkView): number
}

/** Observable features of one request: everything a router knows on arrival. The output length is not among them. */
export interface RequestView {
  inputTokens: number
  classId: number
  tenant: number
}

/** What a request needs next: to have its prompt computed, or, its prompt computed by a prefill engine, to decode. */
export type RoutePhase = 'prefill' | 'decode'

/** Observable load of `count` places: the ranks of one engine, or the engines of a pool. */
export interface LoadView {
  readonly count: number
  /** Index of the engine whose ranks these are; absent where the places are engines. Keeps turns of different engines apart. */
  readonly engine?: number
  running(place: number): number
  waiting(place: number): number
  /** KV tokens resident on the place. */
  kvTokens(place: number): number
  /** Tokens not yet on the place: queued, being prefilled or on their way. */
  queuedTokens(place: number): number
  freeBlocks(place: number): number
  /**
   * Leading input tokens of the request at hand that the place holds in its prefix cache, so that they need not be computed there; of an engine, its
   * best rank's. A block is known from the next update of the policy's index on (`signalAge`), an evicted one is forgotten at once.
   */
  matchedTokens(place: number): number
}

/**
 * A policy has `place` or `assign`, and may have `migrate` beside it. `assign` and `migrate` are asked for engines of several ranks, before
 * a step begins, and see what has happened up to then.
 */
export interface RankPolicy extends Stateful {
  readonly info: PolicyInfo
  /** Charged to every step before which `assign` or `migrate` was asked, ps. */
  readonly planningPs?: number
  /** The rank of the engine that will hold the request; called once for each engine, when it is routed there. Must be in [0, view.count). */
  place?(view: LoadView, request: RequestView): number
  /**
   * Ranks for the requests of the engine's queue: `out[i]` in [0, ranks), or -1 = it waits on. No rank gets more than its places less those that
   * wait there; at least one is assigned when no rank has a request. `oracle` is given to oracles alone.
   */
  assign?(view: AssignView, out: Int32Array, oracle: OracleView | null): void
  /**
   * Sequences to move to other ranks of the engine. `out` is empty at first; each rank takes part in one move at most. A move is not made when
   * the other rank has no place or no room for its KV. Moves of an oracle are free: at once, as many as fit in `out`.
   */
  migrate?(view: MigrateView, out: Moves): void
}

/** All engines of a cluster with pools, for a policy that may change their roles. */
export interface RolesView {
  readonly nowNs: number
  readonly count: number
  role(engine: number): 'prefill' | 'decode'
  /** Told to change its role, and still at the work of the old one: it takes nothing new. */
  isDraining(engine: number): boolean
  /** Whether it may be told now: its plan allows it, it does not drain, and another engine stays with its role. */
  maySwitch(engine: number): boolean
  gpus(engine: number): number
  /** Requests that its batches can hold. */
  places(engine: number): number
  running(engine: number): number
  waiting(engine: number): number
  queuedTokens(engine: number): number
  /** KV blocks of all its ranks, and those of them that no request holds. */
  blocks(engine: number): number
  freeBlocks(engine: number): number
}

export interface PoolPolicy extends Stateful {
  readonly info: PolicyInfo
  /**
   * The engine that shall change between prefill and decode, one for which `maySwitch` holds, or -1. Asked on each arrival before `route`, where
   * the plan lets engines switch. The engine takes no new work from now on, and has its new role when it holds nothing any more.
   */
  switchRole?(view: RolesView, request: RequestView): number
  /**
   * The engine that will serve the request in this phase, among those that can. Called on arrival (`prefill`, also where engines serve
   * both phases) and, with engines of their own for decode, when the prompt is computed. Must be in [0, view.count).
   */
  route(view: LoadView, request: RequestView, phase: RoutePhase): number
}

export interface SpanPolicy extends Stateful {
  readonly info: PolicyInfo
  /** The largest degree it ever answers with; none = any. A policy of 1 costs a simulation nothing. */
  readonly largest?: number
  /**
   * Over how many ranks of the engine the request's context is spread while it decodes: a power of two that divides view.count. Asked once for each
   * engine, when its home rank is chosen, and not where prompts alone are computed. The further ranks are those of the aligned group of `degree`
   * ranks that the home lies in.
   */
  degree(view: LoadView, request: RequestView): number
}

/** One policy for every lever. Policies may keep state, so an arm is built anew for each simulation. */
export interface Arm {
  readonly name: string
  readonly split: SplitPolicy
  readonly chunk: ChunkPolicy
  readonly rank: RankPolicy
  readonly span: SpanPolicy
  readonly pool: PoolPolicy
}

/** An arm as data: policy names with arguments. */
export interface ArmSpec {
  readonly name: string
  readonly split: string
  readonly chunk: string
  readonly rank: string
  readonly span: string
  readonly pool: string
  /** Of policies that are files: first 12 hex digits of the sha256 of what was run. */
  readonly sourceHash?: Readonly<Partial<Record<LeverName, string>>>
}

/** The five policies of an arm, by lever. */
export function policiesOf({ split, chunk, rank, span, pool }: ArmSpec): Omit<ArmSpec, 'name' | 'sourceHash'> {
  return { split, chunk, rank, span, pool }
}
