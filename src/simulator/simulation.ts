/**
 * The driver: `createSimulation` makes one, `feed` gives it requests, `advance` serves events, `drain` hands finished requests over,
 * `snapshot` and `restore` copy all state. `simulate` is a loop over these.
 */
import { createThinned } from '../collections/thinned.js'
import { UserError } from '../errors.js'
import type { Arm } from '../levers/lever.js'
import type { Records, StepStatistics } from '../metrics/records.js'
import { requireWorkload } from '../traces/contract.js'
import type { Workload } from '../traces/workload.js'
import type { ClusterConfig, LoadConfig, MeasureWindow } from './config.js'
import { type Core, createCore } from './core.js'
import { popStep, pushStep } from './engineHeap.js'
import { atEvent } from './policyFault.js'
import { admitBlocks } from './prefixInput.js'
import { queueStep, settle, settleAll, wake } from './quiet.js'
import { createRecords } from './recordStore.js'
import { arrive, currentInput, enterWaited, recordInside, releaseFirst, timeOut } from './requests.js'
import {
  DECODE_WAITING,
  EVENTS,
  IN_FLIGHT,
  NEXT_REQUEST,
  NOW,
  OTHER_EVENTS,
  OTHER_NS,
  SERVING,
  WAITING_TOTAL,
} from './scalars.js'
import { createSessions, feedSessions, hasWaiting } from './sessions.js'
import { restore, snapshot } from './snapshot.js'
import { beginStep, endStep } from './step.js'
import { forgetStatistics, statistics } from './stepStatistics.js'
import { nextTransferNs } from './transferHeap.js'
import { serveTransfer } from './transfers.js'

/** A point of the state over time: what waits, what runs, how full the fullest rank's KV is. */
export interface SeriesSample {
  readonly timeNs: number
  readonly waiting: number
  readonly running: number
  /** Used share of the KV blocks of the fullest rank. */
  readonly kvUse: number
}

export interface SimulationOptions {
  readonly load: LoadConfig
  /** Default: everything. */
  readonly window?: MeasureWindow
  /** Hint for the size of the record columns. */
  readonly expectedRequests?: number
}

/**
 * `done`: nothing is left to serve; `reached`: nothing at or before `untilNs`; `paused`: `maxEvents` were served; `needInput`: the next event may
 * be an arrival that was not fed yet.
 */
export type Advance = 'done' | 'reached' | 'paused' | 'needInput'

/** Events between two looks at a simulation from outside: whoever drives one samples, judges and tells progress so often, and all see the same samples. */
export const EVENTS_PER_TURN = 1024

/** The same for a workload of so many requests, 16 to EVENTS_PER_TURN: the curves of a short one have points enough to be read. */
export function eventsPerTurn(requests: number): number {
  return Math.max(16, Math.min(EVENTS_PER_TURN, 2 ** Math.ceil(Math.log2(requests / 16 + 1))))
}

export interface Simulation {
  /**
   * More requests, in order of arrival after those fed before; null = there will be no more. `parent` and `joins` count from the first request
   * ever fed. Columns are trusted: `workloadFault` tells what is wrong with those made by hand. Requests that wait for each other are fed together, or before the first of them ends (UserError).
   */
  feed(columns: Workload | null): void
  /** Serves events with time <= untilNs, at most maxEvents of them. */
  advance(untilNs: number, maxEvents: number): Advance
  /** Hands over the records of requests that left since the last drain. The columns belong to the caller afterwards. */
  drain(): Records
  /** Adds the records of requests still inside (fates queued, running); call once, at the end. */
  recordInside(): void
  snapshot(): Uint8Array
  /**
   * Goes back to a snapshot of a simulation of the same cluster. `another arm`: its policies may differ in name, not in hooks, and those that do
   * begin without memory; else the snapshot is of the same arm, and all goes on as if nothing had been saved.
   */
  restore(bytes: Uint8Array, by?: 'same arm' | 'another arm'): void
  /** Step statistics begin anew: the steps so far are not in `statistics`. */
  forgetStatistics(): void
  statistics(): StepStatistics
  sample(): SeriesSample
  /** Requests that waited for one that left without an answer: they were given up. */
  readonly notSent: number
  readonly nowNs: number
  readonly events: number
  /** Records that `drain` would hand over. */
  readonly recordsReady: number
}

/** After a drain room is made for as many records as before, but no more than these. */
const MOST_RECORDS_AHEAD = 1 << 17

/** A run in pieces: `feed` requests, `advance`, `drain` records; `simulate` does all of it. Throws UserError for a load or an arm that the cluster cannot have. */
export function createSimulation(config: ClusterConfig, arm: Arm, options: SimulationOptions): Simulation {
  const window = options.window ?? { fromNs: Number.NEGATIVE_INFINITY, toNs: Number.POSITIVE_INFINITY }
  const core = createCore(config, arm, options.load, window, options.expectedRequests ?? 0)
  if (core.closed) releaseFirst(core)
  return {
    feed(columns) {
      if (core.inputEnded) throw new UserError({ where: 'feed', message: 'requests were fed after the end of the input' })
      if (columns === null) endInput(core)
      else if (columns.count > 0) feed(core, columns)
    },
    advance(untilNs, maxEvents) {
      try {
        return advance(core, untilNs, maxEvents)
      } catch (error) {
        throw atEvent(core, error)
      }
    },
    drain() {
      const { records } = core
      core.records = createRecords(Math.min(records.request.length, MOST_RECORDS_AHEAD))
      return records
    },
    recordInside: () => recordInside(core),
    snapshot: () => snapshot(core),
    restore: (bytes, by = 'same arm') => restore(core, bytes, by),
    forgetStatistics: () => forgetStatistics(core),
    statistics: () => statistics(core),
    sample: () => sample(core),
    get notSent() {
      return core.sessions?.notSent ?? 0
    },
    get nowNs() {
      return core.state.scalars[NOW]
    },
    get events() {
      return core.state.scalars[EVENTS]
    },
    get recordsReady() {
      return core.records.count
    },
  }
}

function feed(core: Core, columns: Workload): void {
  if (core.state.prefix !== null) admitBlocks(core.state.prefix, columns, core.fed)
  if (hasWaiting(columns, core.closed)) core.sessions ??= createSessions()
  if (core.sessions !== null) feedSessions(core.sessions, columns, core.fed, core.closed)
  core.input.push(columns)
  core.fed += columns.count
}

function endInput(core: Core): void {
  if (core.sessions !== null && core.sessions.missing > 0)
    throw new UserError({
      where: 'feed',
      message: 'the requests fed after a restore are not those of the snapshot, or were fed in other pieces',
      hint: 'feed the same columns again, from the first request',
    })
  core.inputEnded = true
  if (core.state.prefix !== null) core.state.prefix.chains.before = new Float64Array(0)
}

/** The event loop. Order of events at one time: step end, transfer, release after a wait, timeout, arrival. */
function advance(core: Core, untilNs: number, maxEvents: number): Advance {
  const s = core.state
  const { scalars, heap, heapSize, dueNs, releases, timeoutHead } = s
  const { frontendNs, sessions } = core
  const everyEngine = core.engines.length
  if (sessions !== null && sessions.missing > 0) return 'needInput'
  const patient = core.timeoutNs === Number.POSITIVE_INFINITY
  let input = currentInput(core)
  for (let served = 0; served < maxEvents; served++) {
    const row = scalars[NEXT_REQUEST] - core.inputStart
    if (input === null || row >= input.count) input = currentInput(core)
    const inputHere = input !== null
    const stepNs = heapSize[0] > 0 ? dueNs[heap[0]] : Number.POSITIVE_INFINITY
    const releaseNs = core.closed && (inputHere || !core.inputEnded) ? releases.peekTime() : Number.POSITIVE_INFINITY
    const arrivalNs =
      !core.closed && input !== null
        ? input.arrivalNs[scalars[NEXT_REQUEST] - core.inputStart] + frontendNs
        : Number.POSITIVE_INFINITY
    const timeoutNs =
      patient || timeoutHead[0] < 0 ? Number.POSITIVE_INFINITY : s.slots.arrivalNs[timeoutHead[0]] + core.timeoutNs
    const transferNs = core.hasTransfers ? nextTransferNs(s) : Number.POSITIVE_INFINITY
    const sendNs = sessions === null ? Number.POSITIVE_INFINITY : sessions.sends.peekTime()
    let next = stepNs
    if (transferNs < next) next = transferNs
    if (sendNs < next) next = sendNs
    if (releaseNs < next) next = releaseNs
    if (arrivalNs < next) next = arrivalNs
    if (timeoutNs < next) next = timeoutNs

    if (!inputHere && !core.inputEnded && (!core.closed || releaseNs <= next)) return 'needInput'
    if (next === Number.POSITIVE_INFINITY) return 'done'
    if (next > untilNs) {
      settleAll(core, untilNs)
      return 'reached'
    }
    if (next > scalars[NOW]) scalars[NOW] = next
    if (stepNs === next) {
      const e = popStep(s)
      scalars[SERVING] = e
      served += settle(core, e, next, maxEvents - served)
      if (served >= maxEvents) {
        pushStep(s, e)
        return 'paused'
      }
      scalars[EVENTS]++
      endStep(core, e, next)
      if (core.touchedCount > 0) beginTouched(core, e, next)
      else if (beginStep(core, e, next)) queueStep(core, e)
      continue
    }
    scalars[EVENTS]++
    scalars[SERVING] = everyEngine
    scalars[OTHER_NS] = next
    scalars[OTHER_EVENTS] = scalars[EVENTS]
    if (transferNs === next) {
      serveTransfer(core, next)
      beginTouched(core, -1, next)
    } else {
      let e: number
      if (timeoutNs === next && sendNs !== next) e = timeOut(core, next)
      else if (sessions !== null && sendNs === next) e = enterWaited(core, sessions, next)
      else {
        if (releaseNs === next) releases.pop()
        e = arrive(core, input as Workload, next)
      }
      if (e >= 0) giveWork(core, e, next)
    }
  }
  return 'paused'
}

/** In index order: begins a step of the engine whose step has just ended (-1: none), and gives the others the work that came to them. */
function beginTouched(core: Core, ended: number, nowNs: number): void {
  const { touched } = core
  for (let e = 0; e < touched.length; e++) {
    const isTouched = touched[e] === 1
    touched[e] = 0
    if (e === ended) {
      if (beginStep(core, e, nowNs)) queueStep(core, e)
    } else if (isTouched) giveWork(core, e, nowNs)
  }
  core.touchedCount = 0
}

/** Somebody has come to engine `e`: an idle one begins a step, a stepping one may no longer be quiet. */
function giveWork(core: Core, e: number, nowNs: number): void {
  const { stepping, clockNs, clockPs } = core.state
  if (stepping[e] === 1) {
    wake(core, e)
    return
  }
  clockNs[e] = nowNs
  clockPs[e] = 0
  if (beginStep(core, e, nowNs)) queueStep(core, e)
}

function sample(core: Core): SeriesSample {
  settleAll(core, core.state.scalars[NOW] - 1)
  const { scalars, freeBlocks, engineOf } = core.state
  let fullest = 0
  for (let g = 0; g < freeBlocks.length; g++) {
    const used = 1 - freeBlocks[g] / core.engines[engineOf[g]].numGpuBlocks
    if (used > fullest) fullest = used
  }
  const waiting = scalars[WAITING_TOTAL] + scalars[DECODE_WAITING]
  return {
    timeNs: scalars[NOW],
    waiting,
    running: scalars[IN_FLIGHT] - waiting,
    kvUse: fullest,
  }
}

// --- one call for the usual case

export interface SimulateOptions extends SimulationOptions {
  /** Events later than this are not served. Default: until everything is done. */
  readonly untilNs?: number
  /** Sample the state, 256 to 512 times in a long run (the series is empty otherwise). */
  readonly series?: boolean
  /** Called every eventsPerTurn(requests) events and at the end. */
  readonly onProgress?: (simulatedNs: number, events: number) => void
}

export interface SimulationResult {
  /** One row per request of the workload that has arrived by the end. */
  readonly records: Records
  readonly statistics: StepStatistics
  /** Requests that were given up before they were sent, see docs/SEMANTICS.md on sessions. */
  readonly notSent: number
  /** Time of the last event; where events later than `untilNs` are left, that time: up to there nothing more happens. */
  readonly endNs: number
  readonly events: number
  readonly series: readonly SeriesSample[]
}

/** Serves the whole workload, or what of it is due by `untilNs`. Times are whole ns from the beginning of the run. Throws UserError for what cannot be simulated, PolicyError for an answer out of range. */
export function simulate(config: ClusterConfig, arm: Arm, workload: Workload, options: SimulateOptions): SimulationResult {
  requireWorkload(workload)
  const simulation = createSimulation(config, arm, { ...options, expectedRequests: workload.count })
  simulation.feed(workload)
  simulation.feed(null)
  const untilNs = options.untilNs ?? Number.POSITIVE_INFINITY
  const series = createThinned(() => simulation.sample())
  const events = eventsPerTurn(workload.count)
  let outcome: Advance = 'paused'
  while (outcome === 'paused') {
    outcome = simulation.advance(untilNs, events)
    if (options.series) series.turn()
    options.onProgress?.(simulation.nowNs, simulation.events)
  }
  simulation.recordInside()
  return {
    records: simulation.drain(),
    statistics: simulation.statistics(),
    notSent: simulation.notSent,
    endNs: outcome === 'done' ? simulation.nowNs : untilNs,
    events: simulation.events,
    series: series.samples,
  }
}
