/** Everything one simulation holds: what never changes (plan, prices, policies, views), the state, the input and the records. */
import type { Arm, ChunkView, LoadView, RequestView, SplitBatch } from '../levers/lever.js'
import { CHUNK_CANDIDATES } from '../levers/lever.js'
import { createSplitEvaluator, type SplitEvaluator } from '../levers/split/model.js'
import type { Records } from '../metrics/records.js'
import { createStepTimer, type StepTimer } from '../timing/stepTimer.js'
import type { Workload } from '../traces/workload.js'
import type { ClusterConfig, EngineConfig, LoadConfig, MeasureWindow } from './config.js'
import { createRecords } from './recordStore.js'
import { createState, type State } from './state.js'
import { engineLoadView, poolLoadView } from './views.js'

export interface Core {
  readonly engines: readonly EngineConfig[]
  readonly timers: readonly StepTimer[]
  readonly evaluators: readonly SplitEvaluator[]
  readonly arm: Arm
  readonly closed: boolean
  readonly concurrency: number
  /** Smallest max_model_len of the engines. */
  readonly maxModelLen: number
  /** Infinity when there is no limit. */
  readonly maxQueue: number
  /** Infinity when patience is endless. */
  readonly timeoutNs: number
  readonly window: MeasureWindow
  readonly state: State
  // what policies see
  readonly poolView: LoadView
  readonly rankViews: readonly LoadView[]
  readonly requestView: RequestView
  readonly chunkView: ChunkView
  readonly batch: SplitBatch
  // input: columns fed and not yet consumed; `inputStart` is the request index of input[0]'s first row
  input: Workload[]
  inputStart: number
  inputEnded: boolean
  records: Records
}

export function createCore(
  config: ClusterConfig,
  arm: Arm,
  load: LoadConfig,
  window: MeasureWindow,
  expectedRequests: number,
): Core {
  const { engines } = config
  const state = createState(config)
  const timers = new Map(engines.map((engine) => [engine.tables, createStepTimer(engine.tables)]))
  const evaluators = new Map(engines.map((engine) => [engine.machine, engine]))
  const built = new Map([...evaluators].map(([machine, engine]) => [machine, createSplitEvaluator(machine, engine.maxNumSeqs)]))
  return {
    engines,
    timers: engines.map((engine) => timers.get(engine.tables) as StepTimer),
    evaluators: engines.map((engine) => built.get(engine.machine) as SplitEvaluator),
    arm,
    closed: load.kind === 'closed',
    concurrency: load.kind === 'closed' ? load.concurrency : 0,
    maxModelLen: Math.min(...engines.map((engine) => engine.maxModelLen)),
    maxQueue: config.maxQueue ?? Number.POSITIVE_INFINITY,
    timeoutNs: config.timeoutNs ?? Number.POSITIVE_INFINITY,
    window,
    state,
    poolView: poolLoadView(state),
    rankViews: engines.map((_, e) => engineLoadView(state, e)),
    requestView: { inputTokens: 0, classId: 0, tenant: 0 },
    chunkView: {
      decodeSequences: 0,
      decodeKvTokens: 0,
      splitFactor: 1,
      candidates: 0,
      remaining: new Float64Array(CHUNK_CANDIDATES),
      prefix: new Float64Array(CHUNK_CANDIDATES),
      maxBatchedTokens: 0,
      timer: timers.get(engines[0].tables) as StepTimer,
    },
    batch: { n: 0, lengths: new Float64Array(Math.max(...engines.map((engine) => engine.maxNumSeqs))), totalTokens: 0 },
    input: [],
    inputStart: 0,
    inputEnded: false,
    records: createRecords(Math.max(64, expectedRequests)),
  }
}
