/**
 * A simulation that lets the process breathe: the same events as `simulate`, served in turns, so that Ctrl-C is heard and progress
 * is shown. The result does not depend on how often it breathes.
 */
import { setImmediate as breathe } from 'node:timers/promises'
import { createThinned } from '../../collections/thinned.js'
import type { Arm } from '../../levers/lever.js'
import type { Records } from '../../metrics/records.js'
import {
  type Advance,
  type ClusterConfig,
  createSimulation,
  eventsPerTurn,
  type Simulation,
  type SimulationOptions,
  type SimulationResult,
} from '../../simulator/index.js'
import type { Workload } from '../../traces/workload.js'

/** Turns from one breath to the next: about a tenth of a second of work on one core. */
const TURNS_PER_BREATH = 64

/** Records are handed over when so many have gathered. */
const RECORDS_PER_BATCH = 1 << 16

export interface PacedOptions extends SimulationOptions {
  /** Events later than this are not served. Default: until everything is done. */
  readonly untilNs?: number
  /** Brings the simulation to where it goes on from, instead of from the beginning; steps before that are not counted. */
  readonly from?: (simulation: Simulation) => void
  /** Takes the state as it is at the end. */
  readonly onEnd?: (snapshot: Uint8Array, nowNs: number) => void
  readonly signal: AbortSignal
  readonly onProgress: (simulatedNs: number) => void
  /** Takes the records as requests leave, and at the end those of the requests still inside: memory does not grow with the run. */
  readonly onRecords: (records: Records) => void
}

export interface PacedResult extends Omit<SimulationResult, 'records'> {
  /** Whether the run went to its end: nothing is left that would happen later. */
  readonly isOver: boolean
}

export async function simulatePaced(
  config: ClusterConfig,
  arm: Arm,
  workload: Workload,
  options: PacedOptions,
): Promise<PacedResult> {
  const simulation = createSimulation(config, arm, {
    load: options.load,
    window: options.window,
    expectedRequests: Math.min(workload.count, RECORDS_PER_BATCH),
  })
  if (options.from !== undefined) {
    options.from(simulation)
    simulation.forgetStatistics()
  }
  simulation.feed(workload)
  simulation.feed(null)
  const untilNs = options.untilNs ?? Number.POSITIVE_INFINITY
  const series = createThinned(() => simulation.sample())
  const events = eventsPerTurn(workload.count)
  let outcome: Advance = 'paused'
  while (outcome === 'paused') {
    for (let turn = 0; turn < TURNS_PER_BREATH && outcome === 'paused'; turn++) {
      outcome = simulation.advance(untilNs, events)
      series.turn()
    }
    if (simulation.recordsReady >= RECORDS_PER_BATCH) options.onRecords(simulation.drain())
    options.onProgress(simulation.nowNs)
    await breathe()
    options.signal.throwIfAborted()
  }
  if (options.onEnd !== undefined) {
    options.onRecords(simulation.drain())
    options.onEnd(simulation.snapshot(), untilNs < Number.POSITIVE_INFINITY ? untilNs : simulation.nowNs)
  }
  simulation.recordInside()
  options.onRecords(simulation.drain())
  const isOver = outcome === 'done'
  return {
    statistics: simulation.statistics(),
    notSent: simulation.notSent,
    isOver,
    endNs: isOver ? simulation.nowNs : untilNs,
    events: simulation.events,
    series: series.samples,
  }
}
