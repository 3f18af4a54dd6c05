/** How long the runs of an experiment last, and how the capacity of an arm is sought: the same for a comparison and for a single run. */
import type { ArmSpec } from '../levers/lever.js'
import type { ClusterConfig } from '../simulator/config.js'
import type { Workload } from '../traces/workload.js'
import { NS_PER_S } from '../units.js'
import type { Job } from './job.js'
import type { TuningRound } from './tune.js'

/** Mean E2E for which traffic goes on after a window, and the least that a window lasts. */
export const TAIL = 2
const FEWEST_E2E = 8
/** Requests in flight for each rank that decodes, in the probe that finds how long a request lives; requests it measures, for each. */
const PROBE_IN_FLIGHT = 16
const PROBE_REQUESTS = 48
const FEWEST_PROBED = 400

export type Effort = 'quick' | 'normal'

export interface EffortPlan {
  readonly tuning: readonly TuningRound[]
  /** Lengths of capacity runs and of replicates, in mean E2E. */
  readonly capacity: { readonly warmup: number; readonly measure: number; readonly replicates: number }
  readonly measure: number
  /** Requests of one run are held within these, whatever the mean E2E says: statistics below, wall time above. */
  readonly requests: { readonly least: number; readonly most: number }
}

export const EFFORTS: Record<Effort, EffortPlan> = {
  quick: {
    tuning: [
      { keep: 1000, warmup: 2, measure: 3 },
      { keep: 6, warmup: 4, measure: 10 },
    ],
    capacity: { warmup: 4, measure: 8, replicates: 4 },
    measure: 30,
    requests: { least: 500, most: 30_000 },
  },
  normal: {
    tuning: [
      { keep: 1000, warmup: 2, measure: 4 },
      { keep: 16, warmup: 5, measure: 12 },
      { keep: 4, warmup: 8, measure: 30 },
    ],
    capacity: { warmup: 6, measure: 15, replicates: 5 },
    measure: 40,
    requests: { least: 1000, most: 150_000 },
  },
}

/** Requests that live on the engines of a cluster decode on these ranks. */
const decodingRanks = ({ engines }: ClusterConfig): number =>
  engines.reduce((sum, { role, ranks }) => sum + (role === 'prefill' ? 0 : ranks), 0)

/** A closed loop on the training part that tells how long a request lives and about how many are served a second. */
export function probeJob(arm: ArmSpec, config: ClusterConfig, concurrency: number | null): Job {
  const ranks = decodingRanks(config)
  return {
    kind: 'closed',
    arm,
    draw: { part: 'train', mode: 'draw', replicate: 0 },
    concurrency: concurrency ?? ranks * PROBE_IN_FLIGHT,
    warmupRequests: ranks * PROBE_IN_FLIGHT,
    requests: Math.max(FEWEST_PROBED, ranks * PROBE_REQUESTS),
    keep: 'summary',
  }
}

/** A window of `measure` mean E2E, stretched or cut so that it holds a sensible number of requests. Warm-up and tail are never cut. */
export function windowS(measure: number, e2eS: number, rate: number, effort: EffortPlan): number {
  const { least, most } = effort.requests
  return Math.min(Math.max(measure * e2eS, least / rate), Math.max(most / rate, FEWEST_E2E * e2eS))
}

/** Lengths of every run of a search for a capacity. */
export function capacitySize(e2eS: number, guessPerS: number, effort: EffortPlan) {
  const { warmup, measure } = effort.capacity
  return { guessPerS, warmupS: warmup * e2eS, measureS: windowS(measure, e2eS, guessPerS, effort), tailS: TAIL * e2eS }
}

/** Requests per second of a part, as recorded. */
export function recordedRate(part: Workload): number {
  const spanNs = part.arrivalNs[part.count - 1] - part.arrivalNs[0]
  return spanNs > 0 ? (part.count - 1) / (spanNs / NS_PER_S) : part.count
}
