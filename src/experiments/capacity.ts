/**
 * The search for a capacity. Each load tried is one run of which only one bit is wanted, so it is judged on the way and ends as soon as it is
 * lost: the answers are those of whole runs.
 */
import { createArm } from '../levers/catalogue.js'
import { COMPLETED, type Records, type StepStatistics } from '../metrics/records.js'
import { createSaturation, fallsBehind } from '../metrics/saturation.js'
import { createSloTest, isLimited } from '../metrics/slo.js'
import { stream } from '../rng.js'
import { USUAL_ATTAINMENT } from '../scenario/plan.js'
import type { MeasureWindow } from '../simulator/config.js'
import { type Advance, createSimulation, EVENTS_PER_TURN } from '../simulator/index.js'
import type { Workload } from '../traces/workload.js'
import { NS_PER_S } from '../units.js'
import { runName } from './draw.js'
import { type CapacityJob, type JobContext, type JobWatcher, type OpenJob, watched } from './job.js'
import { openTraffic } from './jobTraffic.js'

/** Ratio of neighbouring rates, at first and at most; rates tried before giving up; ratio that ends the bisection. */
const FIRST_STRIDE = 1.25
const LONGEST_STRIDE = 4
const MOST_TRIES = 10
const PRECISION = 1.01
/** Requests that a window must hold for its load to count as served: at a rate low enough even an impossible SLO would be met. */
const FEWEST_SERVED = 5
/** No window is stretched beyond this, s: 12 days. */
const LONGEST_WINDOW_S = 1e6

export interface Capacity {
  /** Requests (or sessions) per second; null when none of the loads tried was served, or all were. */
  readonly perS: number | null
  /** Every load tried was served, so the capacity lies beyond. */
  readonly isUnbounded: boolean
  /** The lowest of the loads tried, where none was served. */
  readonly lowestPerS?: number
  readonly simulatedS: number
}

/** The largest rate at which as many requests as the SLO wants meet it and the queue does not grow: bracket by growing strides, then bisect on the logarithm. */
export function findCapacity(context: JobContext, job: CapacityJob, watcher?: JobWatcher): Capacity {
  let simulatedS = 0
  const served = (ratePerS: number): boolean => {
    const tried = tryLoad(context, job, ratePerS, watcher)
    simulatedS += tried.simulatedS
    return tried.isServed
  }
  let low: number | null = null
  let high: number | null = null
  // every replicate starts elsewhere, so that the grid of rates tried is noise and not a step; arms start alike, so that equal ones end alike whatever
  // they are called. All as static always did: its capacity is what loads are fractions of.
  const { part, mode, replicate } = job.draw
  const start = stream(context.seed, `capacity/${part}/${mode}/${replicate}/static`).uniform()
  let rate = job.guessPerS * FIRST_STRIDE ** (start - 0.5)
  let stride = FIRST_STRIDE
  for (let tries = 0; tries < MOST_TRIES && (low === null || high === null); tries++) {
    if (served(rate)) {
      low = rate
      rate *= stride
    } else {
      high = rate
      rate /= stride
    }
    // arms differ little, so the first strides are short; a guess far off is left behind ever faster
    stride = Math.min(LONGEST_STRIDE, stride * stride)
  }
  if (low !== null && high !== null) {
    while (high / low > PRECISION) {
      const middle = Math.sqrt(low * high)
      if (served(middle)) low = middle
      else high = middle
    }
  }
  const found = { perS: high === null ? null : low, isUnbounded: high === null, simulatedS }
  return low === null && high !== null ? { ...found, lowestPerS: high } : found
}

/** The run in which a search tries a load. */
export const triedAt = (job: CapacityJob, ratePerS: number): Omit<OpenJob, 'keep'> => ({
  ...job,
  kind: 'open',
  ratePerS,
  measureS: Math.max(job.measureS, Math.min(job.fewest / ratePerS, LONGEST_WINDOW_S)),
})

/** Whether a load is served: the answer of a whole run, with the simulated time up to where it was certain. */
export function tryLoad(
  context: JobContext,
  job: CapacityJob,
  ratePerS: number,
  watcher?: JobWatcher,
): { isServed: boolean; simulatedS: number } {
  const { workload, window } = watched(watcher, () => openTraffic(context, triedAt(job, ratePerS)))
  const simulation = createSimulation(context.config, createArm(job.arm, runName(context.seed, job.draw)), {
    load: { kind: 'open' },
    window,
    expectedRequests: EVENTS_PER_TURN,
  })
  simulation.feed(workload)
  simulation.feed(null)
  const judge = createLoadJudge(context, window, mostArrivals(workload, window))
  let outcome: Advance = 'paused'
  while (outcome === 'paused' && !judge.isLost()) {
    outcome = simulation.advance(Number.POSITIVE_INFINITY, EVENTS_PER_TURN)
    judge.add(simulation.drain())
    watcher?.onProgress(simulation.nowNs, simulation.events)
  }
  const simulatedS = simulation.nowNs / NS_PER_S
  if (judge.isLost()) return { isServed: false, simulatedS }
  simulation.recordInside()
  judge.add(simulation.drain())
  return { isServed: judge.isServed(simulation.statistics(), simulation.nowNs), simulatedS }
}

/** Requests that may arrive in the window: those that wait for others come at times which nobody knows yet. */
function mostArrivals({ arrivalNs }: Workload, { fromNs, toNs }: MeasureWindow): number {
  let count = 0
  for (const timeNs of arrivalNs) if (!(timeNs < fromNs || timeNs >= toNs)) count++
  return count
}

interface LoadJudge {
  add(records: Records): void
  /** Whether more requests of the window have missed the SLO than may: whatever follows, the load is not served. */
  isLost(): boolean
  /** Of a whole run. */
  isServed(statistics: StepStatistics, endNs: number): boolean
}

function createLoadJudge({ config, slo }: JobContext, window: MeasureWindow, arrivalsAtMost: number): LoadJudge {
  const { attainment = USUAL_ATTAINMENT } = slo
  const areLimited = isLimited(slo)
  const meetsSlo = createSloTest(slo)
  const saturation = createSaturation(window, config)
  let arrived = 0
  let missed = 0
  const enough = (arrivals: number): boolean => !areLimited || (arrivals - missed) / arrivals >= attainment
  return {
    add(records) {
      saturation.add(records)
      const { count, arrivalNs, fate } = records
      for (let row = 0; row < count; row++) {
        if (!(arrivalNs[row] >= window.fromNs && arrivalNs[row] < window.toNs)) continue
        arrived++
        if (fate[row] !== COMPLETED || !meetsSlo(records, row)) missed++
      }
    },
    isLost: () => arrivalsAtMost > 0 && !enough(arrivalsAtMost),
    isServed: (statistics, endNs) =>
      arrived >= FEWEST_SERVED && enough(arrived) && !fallsBehind(saturation.verdict(statistics, endNs).label),
  }
}
