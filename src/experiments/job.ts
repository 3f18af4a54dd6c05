/**
 * The unit of work of an experiment: one arm on one draw of traffic, or one bisection for a capacity. Jobs are plain data; `runJob` is pure,
 * so a thread, another machine or a test gets the same outcome.
 */
import { createArm } from '../levers/catalogue.js'
import type { ArmSpec } from '../levers/lever.js'
import type { Records } from '../metrics/records.js'
import { createSummariser, type Summariser } from '../metrics/summarise.js'
import type { Summary } from '../metrics/summary.js'
import { type SloPlan, USUAL_ATTAINMENT } from '../scenario/plan.js'
import type { ClusterConfig, MeasureWindow } from '../simulator/config.js'
import { type SeriesSample, type SimulationResult, simulate } from '../simulator/index.js'
import { closedLoopTraffic, requestsPerArrival } from '../traces/load.js'
import { type SessionShape, sessionShape } from '../traces/sessions.js'
import type { Workload } from '../traces/workload.js'
import { NS_PER_S } from '../units.js'
import { type Capacity, findCapacity } from './capacity.js'
import { type Draw, runName } from './draw.js'
import { openTraffic, partOf } from './jobTraffic.js'

/** What all jobs of an experiment share; sent once to each worker. */
export interface JobContext {
  readonly config: ClusterConfig
  readonly slo: SloPlan
  readonly seed: number
  /** The part of the trace that is tuned on, the part that is judged on, and where there is one the part that tuned settings are chosen on. */
  readonly parts: { readonly train: Workload; readonly test: Workload; readonly validation?: Workload }
  /** Compress the recorded traffic by this factor instead of superposing copies; null = superpose. */
  readonly speedUp: number | null
}

export interface OpenJob {
  readonly kind: 'open'
  readonly arm: ArmSpec
  readonly draw: Draw
  readonly ratePerS: number
  readonly warmupS: number
  readonly measureS: number
  /** Traffic goes on for this long after the window, so that its last requests are served under load. */
  readonly tailS: number
  /** About how long a request takes: sessions that are under way at the beginning are as far as that says. */
  readonly e2eS: number
  readonly keep: 'summary' | 'picture'
}

export interface CapacityJob extends Pick<OpenJob, 'arm' | 'draw' | 'warmupS' | 'measureS' | 'tailS' | 'e2eS'> {
  readonly kind: 'capacity'
  /** First guess, arrivals/s: requests, or sessions where there are any. */
  readonly guessPerS: number
  /** Arrivals that a window holds at least: at rates below the guess it is longer than `measureS`. */
  readonly fewest: number
}

export type Job =
  | OpenJob
  | {
      readonly kind: 'closed'
      readonly arm: ArmSpec
      readonly draw: Draw
      readonly concurrency: number
      /** No queue turns anyone away and nobody loses patience: for a loop that only finds out what the engines can do. */
      readonly admitsAll?: boolean
      /** No queue turns anyone away: what it turns away is replaced at once and turned away too, until the traffic is over. */
      readonly queuesAll?: boolean
      readonly warmupRequests: number
      readonly requests: number
      /** Arrivals for each place that follow what is measured, so that the loop does not run dry and its last requests are served under load. */
      readonly tail: number
      readonly keep: 'summary' | 'picture'
    }
  | CapacityJob

export interface Picture {
  readonly series: readonly SeriesSample[]
  /** Quantile points of ttft_ms, tpot_ms, e2e_ms at QUANTILE_POINTS even probabilities. */
  readonly quantiles: { readonly ttft_ms: number[]; readonly tpot_ms: number[]; readonly e2e_ms: number[] }
  readonly engineBusy: number[]
  readonly engineKv: number[]
  readonly records: Records
  /** What is measured: requests that arrive in it. */
  readonly window: MeasureWindow
}

export interface Outcome {
  /** null for capacity jobs. */
  readonly summary: Summary | null
  /** Mean number of requests in the system over the window (Little's law on the completed). */
  readonly meanInside: number
  readonly copies: number
  readonly simulatedS: number
  /** Capacity jobs: arrivals/s, null when none of the loads tried was served, or all were (`isUnbounded`). */
  readonly capacityPerS: number | null
  /** Capacity jobs: every load tried was served, so the capacity lies beyond. */
  readonly isUnbounded?: true
  /** Capacity jobs: the lowest of the loads tried, where none was served. */
  readonly lowestPerS?: number
  readonly picture: Picture | null
  /** Whether as many requests as the SLO wants met it, without overload; false of capacity jobs. */
  readonly meetsSlo: boolean
}

const QUANTILE_POINTS = 256

/** Who looks on while a job runs. */
export interface JobWatcher {
  /** Of one simulation; a job may be several. */
  onProgress(simulatedNs: number, events: number): void
  /** Before traffic is drawn, which serves no event however long it takes, and after. */
  onDrawing(isUnderWay: boolean): void
}

export function runJob(context: JobContext, job: Job, watcher?: JobWatcher): Outcome {
  if (job.kind === 'capacity') return capacityOutcome(findCapacity(context, job, watcher))
  return job.kind === 'open' ? runOpen(context, job, watcher) : runClosed(context, job, watcher)
}

/** Traffic, drawn under the eyes of `watcher`. */
export function watched<T>(watcher: JobWatcher | undefined, draw: () => T): T {
  watcher?.onDrawing(true)
  const traffic = draw()
  watcher?.onDrawing(false)
  return traffic
}

function runOpen(context: JobContext, job: OpenJob, watcher?: JobWatcher): Outcome {
  const { workload, copies, begunBefore, window } = watched(watcher, () => openTraffic(context, job))
  const result = simulate(context.config, createArm(job.arm, runName(context.seed, job.draw)), workload, {
    load: { kind: 'open' },
    window,
    series: job.keep === 'picture',
    onProgress: watcher?.onProgress,
  })
  return outcomeOf(context, result, window, job.keep, copies, sessionShape(workload, false), begunBefore)
}

function runClosed(context: JobContext, job: Extract<Job, { kind: 'closed' }>, watcher?: JobWatcher): Outcome {
  const { mode, replicate } = job.draw
  const part = partOf(context, job.draw)
  const config = {
    ...context.config,
    ...((job.admitsAll || job.queuesAll) && { maxQueue: null }),
    ...(job.admitsAll && { timeoutNs: null }),
  }
  const requestsPerPlace = requestsPerArrival(part)
  // who fills a place at the beginning is warm-up in any case: those all come at one time
  const warmupRequests = Math.max(job.warmupRequests, job.concurrency)
  const sent = warmupRequests + job.requests + Math.ceil(job.tail * job.concurrency * requestsPerPlace)
  const draw = (count: number) => watched(watcher, () => closedLoopTraffic({ part, count, seed: context.seed, replicate, mode }))
  const fresh = () => createArm(job.arm, runName(context.seed, job.draw))
  const probeOf = (traffic: Workload) =>
    simulate(config, fresh(), traffic, {
      load: { kind: 'closed', concurrency: job.concurrency },
      onProgress: watcher?.onProgress,
    })
  // The window is set by requests, not by time: it opens when the first measured request may be sent and closes before the loop runs dry.
  let workload = draw(sent)
  let probe = probeOf(workload)
  // whoever gets no answer sends no more turns: more sessions are drawn in their place, after the same first ones
  while (probe.records.count < sent) {
    workload = draw(Math.ceil((1.1 * workload.count * sent) / probe.records.count))
    probe = probeOf(workload)
  }
  const arrivals = probe.records.arrivalNs.slice(0, probe.records.count).sort()
  const window = { fromNs: arrivals[warmupRequests], toNs: arrivals[warmupRequests + job.requests] }
  const result = simulate(config, fresh(), workload, {
    load: { kind: 'closed', concurrency: job.concurrency },
    window,
    series: job.keep === 'picture',
    onProgress: watcher?.onProgress,
  })
  return outcomeOf(context, result, window, job.keep, 0, sessionShape(workload, true))
}

/** The outcome of a search, which ran nothing that is summed up. */
export const capacityOutcome = ({ perS, isUnbounded, lowestPerS, simulatedS }: Capacity): Outcome => ({
  summary: null,
  meanInside: 0,
  copies: 0,
  simulatedS,
  capacityPerS: perS,
  ...(isUnbounded && { isUnbounded }),
  ...(lowestPerS !== undefined && { lowestPerS }),
  picture: null,
  meetsSlo: false,
})

function meetsSlo({ saturation, slo_attainment }: Summary, { attainment = USUAL_ATTAINMENT }: SloPlan): boolean {
  return saturation.label !== 'overloaded' && (slo_attainment === null || slo_attainment >= attainment)
}

function outcomeOf(
  context: JobContext,
  result: SimulationResult,
  window: MeasureWindow,
  keep: 'summary' | 'picture',
  copies: number,
  sessions: SessionShape | null,
  begunBefore: Int32Array | null = null,
): Outcome {
  const summariser = createSummariser(context.config, { slo: context.slo, window, sessions })
  if (begunBefore !== null) summariser.leave(begunBefore)
  summariser.add(result.records)
  const summary = summariser.summary(result.statistics, result.endNs, result.notSent)
  const meanE2eS = (summary.metrics.e2e_ms.mean ?? 0) / 1e3
  return {
    summary,
    meanInside: summary.window_s > 0 ? (summary.requests.injected / summary.window_s) * meanE2eS : 0,
    copies,
    simulatedS: result.endNs / NS_PER_S,
    capacityPerS: null,
    picture: keep === 'picture' ? { ...pictureOf(result, window, summariser), records: result.records, window } : null,
    meetsSlo: meetsSlo(summary, context.slo),
  }
}

/** What a report draws of one run: the series, latency quantiles of the window, load per engine. */
export function pictureOf(
  result: Omit<SimulationResult, 'records'>,
  window: MeasureWindow,
  summariser: Pick<Summariser, 'curves'>,
): Omit<Picture, 'records' | 'window'> {
  const { statistics } = result
  const spanPs = Math.max(1, Math.min(window.toNs, result.endNs) - Math.max(window.fromNs, 0)) * 1e3
  return {
    series: result.series,
    quantiles: summariser.curves(QUANTILE_POINTS),
    engineBusy: Array.from(statistics.engineBusyPs, (ps) => Math.min(1, ps / spanPs)),
    engineKv: Array.from(statistics.engineKvUsePs, (ps, e) =>
      statistics.engineBusyPs[e] > 0 ? ps / statistics.engineBusyPs[e] : 0,
    ),
  }
}
