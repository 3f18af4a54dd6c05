/** The simulation of `run`, with all that is gathered from its records while it goes. */
import { UserError } from '../../errors.js'
import { FIRST_DRAW, runName } from '../../experiments/draw.js'
import { createArm } from '../../levers/index.js'
import type { Records } from '../../metrics/records.js'
import { createSummariser, type Summariser } from '../../metrics/summarise.js'
import type { Summary } from '../../metrics/summary.js'
import type { OpenRunFolder } from '../../reports/runFolder.js'
import type { SimulatedTrace } from '../../traces/asSimulated.js'
import { lastArrivalNs, sessionShape } from '../../traces/sessions.js'
import { nsToS, sToNs } from '../../units.js'
import { type PacedResult, simulatePaced } from './paced.js'
import type { PreparedRun } from './prepareRun.js'
import type { RunRequest } from './runOne.js'
import { type SavedState, takeUp } from './savedState.js'

export interface SimulatedRun {
  readonly result: PacedResult
  readonly summary: Summary
  readonly curves: Summariser['curves']
  /** The state at the end, where it is to be saved. */
  readonly state: SavedState | null
  /** Whether nobody comes after that: a run that goes on from the state would measure no request. */
  readonly nobodyComes: boolean
  /** The requests as they were sent, where they are to be exported. */
  readonly sent: SimulatedTrace | null
  /** Simulated time, from the state that the run began with on. */
  readonly simulatedS: number
  /** Wall time of the simulation, without that of its records. */
  readonly simulationS: number
  /** Wall time in which records were summed up and written. */
  readonly recordsS: number
}

/** `folder` gets the records as requests leave. */
export async function simulateRun(
  { plan, config, arm, workload, load, window, begunBefore, stateOf, warm }: PreparedRun,
  { quiet, signal, stopAtS, saveState, warmFrom, exportTrace }: RunRequest,
  folder: OpenRunFolder | null,
): Promise<SimulatedRun> {
  const closed = load.kind === 'closed'
  const summariser = createSummariser(config, { slo: plan.slo.interactive, window, sessions: sessionShape(workload, closed) })
  if (begunBefore !== undefined) summariser.leave(begunBefore)
  if (warm !== null) summariser.leave(warm.left)
  const sent =
    exportTrace === undefined ? null : (await import('../../traces/asSimulated.js')).createSimulatedTrace(workload, closed)
  const left: number[] = warm === null ? [] : [...warm.left]
  let state: SavedState | null = null
  /** Requests inside at the end that came before it. */
  let inside = 0
  let recordsMs = 0
  const onRecords = (records: Records): void => {
    const from = performance.now()
    summariser.add(records)
    // those that come after the end are of requests still inside
    if (saveState !== undefined && state === null) for (const one of records.request.subarray(0, records.count)) left.push(one)
    if (state !== null) for (const timeNs of records.arrivalNs.subarray(0, records.count)) if (timeNs < state.timeNs) inside++
    sent?.add(records)
    folder?.addRequests(records)
    recordsMs += performance.now() - from
  }
  const onEnd = (snapshot: Uint8Array, timeNs: number): void => {
    state = { ...stateOf, arm: arm.name, timeNs, left: Int32Array.from(left), snapshot }
  }
  const untilNs = stopAtS === undefined ? undefined : sToNs(stopAtS)
  const lastNs = Math.min(untilNs ?? Number.POSITIVE_INFINITY, lastArrivalNs(workload))
  const progress = quiet ? null : (await import('../../reports/progress.js')).createProgress()
  progress?.stage('simulating', 100)
  const began = performance.now()
  const result = await simulatePaced(config, createArm(arm, runName(plan.experiment.seed, FIRST_DRAW)), workload, {
    load,
    window,
    signal,
    untilNs,
    from:
      warm === null ? undefined : (simulation) => takeUp(warmFrom ?? '', () => simulation.restore(warm.snapshot, 'another arm')),
    onEnd: saveState === undefined ? undefined : onEnd,
    onProgress: (timeNs) =>
      progress?.update({
        done: lastNs > 0 ? Math.min(99, Math.floor((100 * timeNs) / lastNs)) : 0,
        total: 100,
        simulatedS: nsToS(timeNs),
      }),
    onRecords,
  }).finally(() => progress?.stop())
  const simulationS = (performance.now() - began - recordsMs) / 1000
  const summary = summariser.summary(result.statistics, result.endNs, result.notSent)
  // a part of a run without requests may still lead from one state to the next
  if (warm !== null && saveState === undefined && summary.requests.injected === 0)
    throw new UserError({
      where: `--warm-from ${warmFrom}`,
      message: `no request is sent from ${nsToS(warm.timeNs)} s on${stopAtS === undefined ? '' : ` and before ${stopAtS} s`}, so none is measured`,
      hint: stopAtS === undefined ? 'save a state of an earlier time' : 'stop later, or save a state of an earlier time',
    })
  return {
    result,
    summary,
    curves: summariser.curves,
    state,
    nobodyComes: left.length + inside + result.notSent >= workload.count,
    sent,
    // the state may have been saved long after the last event
    simulatedS: Math.max(0, nsToS(result.endNs - (warm?.timeNs ?? 0))),
    simulationS,
    recordsS: recordsMs / 1000,
  }
}
