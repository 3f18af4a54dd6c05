/** Everything one simulation holds: what never changes (plan, prices, policies, views), the state, the input and the records. */

import { UserError } from '../errors.js'
import type {
  Arm,
  ChunkView,
  EngineStepView,
  LoadView,
  RequestView,
  RolesView,
  SplitBatch,
  SplitPolicy,
} from '../levers/lever.js'
import { CHUNK_CANDIDATES } from '../levers/lever.js'
import { createSplitEvaluator, type SplitEvaluator } from '../levers/split/model.js'
import { planningPsOf } from '../levers/split/planning.js'
import { spansAndMoves } from '../levers/together.js'
import type { Records } from '../metrics/records.js'
import { createStepTimer, type StepTimer } from '../timing/stepTimer.js'
import type { Workload } from '../traces/workload.js'
import { type Boundary, createBoundary } from './boundaryViews.js'
import {
  type ClusterConfig,
  type EngineConfig,
  type FabricConfig,
  type LoadConfig,
  longestTaken,
  type MeasureWindow,
} from './config.js'
import { policyFault } from './policyFault.js'
import { settleServed } from './quiet.js'
import { createRecords } from './recordStore.js'
import { createRolesView, type Form, poolsOf } from './roles.js'
import type { Sessions } from './sessions.js'
import { createState, type State } from './state.js'
import { engineStepView } from './stepView.js'
import { engineLoadView, type Pool, signalAgeNs } from './views.js'

export interface Core {
  /** In their present roles, with prices and split model. */
  readonly engines: EngineConfig[]
  readonly timers: StepTimer[]
  readonly evaluators: SplitEvaluator[]
  /** Engine by engine what it is in its other role, null where it keeps to one. */
  readonly otherForms: (Form | null)[]
  readonly arm: Arm
  /** What the split policy's planning costs a rank with n decoding sequences, ps; index 0 costs nothing. */
  readonly planningPs: Float64Array
  readonly closed: boolean
  readonly concurrency: number
  /** Smallest max_model_len of the engines that may hold a whole request, and of those that may prefill alone (Infinity without any). */
  readonly maxModelLen: number
  readonly maxPromptLen: number
  /** Infinity when there is no limit. */
  readonly maxQueue: number
  /** At least the time in the frontend; Infinity when patience is endless. */
  readonly timeoutNs: number
  readonly frontendNs: number
  readonly fabric: FabricConfig
  /** Whether the first token reaches the client after the transfer, and not with the first decode step. */
  readonly firstAfterTransfer: boolean
  readonly window: MeasureWindow
  readonly state: State
  // what policies see
  /** Engines that take arrivals; engines that take over after prefill, none in a cluster of aggregated engines. */
  entryPool: Pool
  decodePool: Pool
  /** Null where no engine may change its role. */
  rolesView: RolesView | null
  /** Whether KV is ever on its way from one rank to another: from prefill engines, or moved between ranks. */
  readonly hasTransfers: boolean
  /** Null where ranks are chosen on arrival alone. */
  readonly boundary: Boundary | null
  readonly rankViews: readonly LoadView[]
  readonly requestView: RequestView
  readonly chunkView: ChunkView
  /** Engine by engine, where the chunk lever looks at whole engines; null elsewhere. */
  readonly stepViews: readonly EngineStepView[] | null
  readonly batch: SplitBatch
  // input: columns fed and not yet consumed; `inputStart` is the request index of input[0]'s first row
  input: Workload[]
  inputStart: number
  inputEnded: boolean
  /** Requests fed so far. */
  fed: number
  /** null while no request of the input waits for others. */
  sessions: Sessions | null
  records: Records
  /** The request for which policies are being asked, -1 for none: for messages. */
  deciding: number
  /** Engines that the event being served gave work, and how many. */
  readonly touched: Uint8Array
  touchedCount: number
  /** Sequences that end in the step being ended, on the rank at hand, and how many. */
  readonly leavers: Int32Array
  leaverCount: number
}

/** Whole ps by number of decoding sequences. */
function planningTable(policy: SplitPolicy, mostSequences: number): Float64Array {
  try {
    return Float64Array.from({ length: mostSequences + 1 }, (_, n) => (n === 0 ? 0 : planningPsOf(policy, n)))
  } catch (error) {
    throw policyFault(error)
  }
}

/** A prefill engine never decodes, whatever its settings say of drafts. */
const UNSPECULATIVE = { draftTokens: 0, tokensPer1024Steps: 1024 }

/** Whether the arm spreads contexts over ranks. Throws UserError when its rank policy moves or assigns requests at step boundaries as well. */
function mayUseLanes({ name, rank, span }: Arm): boolean {
  if (!spansAndMoves(span, rank)) return span.largest !== 1
  throw new UserError({
    where: `arms.${name}.span`,
    message: `${span.info.name} spreads contexts over ranks, and ${rank.info.name} decides at step boundaries where requests are: the two do not go together`,
    hint: 'choose a rank policy that places requests on arrival, or span: one',
  })
}

/** `make` for engines, once for all that share the same `part`: what it makes is then shared as well. */
function sharedBy<Part, Made>(
  partOf: (engine: EngineConfig) => Part,
  make: (engine: EngineConfig) => Made,
): (engine: EngineConfig) => Made {
  const made = new Map<Part, Made>()
  return (engine) => {
    const part = partOf(engine)
    const known = made.get(part) ?? make(engine)
    made.set(part, known)
    return known
  }
}

/** Requests (of sessions: sessions) in flight; 0 where they come at times of their own. */
function concurrencyOf(load: LoadConfig): number {
  if (load.kind === 'open') return 0
  const { concurrency } = load
  if (Number.isSafeInteger(concurrency) && concurrency >= 1) return concurrency
  throw new UserError({
    where: 'load.concurrency',
    message: `expected a whole number >= 1, got ${concurrency}`,
    hint: 'with none in flight nothing is ever sent',
  })
}

export function createCore(
  config: ClusterConfig,
  arm: Arm,
  load: LoadConfig,
  window: MeasureWindow,
  expectedRequests: number,
): Core {
  const inRole = (engine: EngineConfig) => (engine.role === 'prefill' ? { ...engine, ...UNSPECULATIVE } : engine)
  const engines = config.engines.map(inRole)
  const others = engines.map(({ switched }) => switched && inRole(switched))
  const state = createState(config, mayUseLanes(arm))
  if (state.prefix !== null) state.prefix.ages = [signalAgeNs(arm.pool), signalAgeNs(arm.rank)].filter((age) => age > 0)
  const longest = longestTaken(engines)
  const mostSequences = Math.max(...engines.map((engine) => engine.maxNumSeqs))
  const settle = (e: number): void => settleServed(core, e)
  const looksAtEngines = arm.chunk.hold !== undefined || arm.chunk.paceNs !== undefined
  const rankViews = engines.map((_, e) => engineLoadView(state, e, engines[e], signalAgeNs(arm.rank), settle))
  const timerOf = sharedBy(
    ({ tables }) => tables,
    ({ tables }) => createStepTimer(tables),
  )
  const evaluatorOf = sharedBy(
    ({ machine }) => machine,
    ({ machine }) => createSplitEvaluator(machine, mostSequences),
  )
  const withoutPools: Omit<Core, 'entryPool' | 'decodePool'> = {
    engines,
    timers: engines.map(timerOf),
    evaluators: engines.map(evaluatorOf),
    otherForms: others.map((engine) => engine && { engine, timer: timerOf(engine), evaluator: evaluatorOf(engine) }),
    arm,
    planningPs: planningTable(arm.split, mostSequences),
    closed: load.kind === 'closed',
    concurrency: concurrencyOf(load),
    maxModelLen: longest.whole,
    maxPromptLen: longest.prompt,
    maxQueue: config.maxQueue ?? Number.POSITIVE_INFINITY,
    timeoutNs: config.timeoutNs === null ? Number.POSITIVE_INFINITY : Math.max(config.timeoutNs, config.frontendNs),
    frontendNs: config.frontendNs,
    fabric: config.fabric,
    firstAfterTransfer: config.firstToken === 'prefill',
    window,
    state,
    rolesView: null,
    hasTransfers: engines.some(({ role }) => role !== 'aggregated') || arm.rank.migrate !== undefined,
    boundary: createBoundary(state, engines, config.fabric, rankViews, arm.rank),
    rankViews,
    requestView: { inputTokens: 0, classId: 0, tenant: 0 },
    chunkView: {
      decodeSequences: 0,
      decodeKvTokens: 0,
      decodeTokens: 0,
      splitFactor: 1,
      candidates: 0,
      remaining: new Float64Array(CHUNK_CANDIDATES),
      prefix: new Float64Array(CHUNK_CANDIDATES),
      maxBatchedTokens: 0,
      leastSlackNs: Number.POSITIVE_INFINITY,
      timer: timerOf(engines[0]),
    },
    stepViews: looksAtEngines ? engines.map((engine, e) => engineStepView(state, e, engine)) : null,
    batch: { n: 0, lengths: new Float64Array(mostSequences), totalTokens: 0 },
    input: [],
    inputStart: 0,
    inputEnded: false,
    fed: 0,
    sessions: null,
    records: createRecords(Math.max(64, expectedRequests)),
    deciding: -1,
    touched: new Uint8Array(engines.length),
    touchedCount: 0,
    leavers: new Int32Array(mostSequences),
    leaverCount: 0,
  }
  const core: Core = Object.assign(withoutPools, poolsOf(withoutPools))
  core.rolesView = createRolesView(core)
  return core
}
