/** The traffic of a single run that is not offered as it was recorded. */
import { createExecutor } from '../../executors/index.js'
import { FIRST_DRAW } from '../../experiments/draw.js'
import {
  EFFORTS,
  findLoad,
  halvesOf,
  type JobContext,
  loadJobs,
  openTraffic,
  stagesOf,
  withMeasure,
} from '../../experiments/index.js'
import { staticArm } from '../../levers/index.js'
import { copiesOf, number } from '../../reports/format.js'
import { createProgress } from '../../reports/progress.js'
import type { Plan } from '../../scenario/plan.js'
import type { ClusterConfig, LoadConfig, MeasureWindow } from '../../simulator/index.js'
import { unitsOf } from '../../traces/sessions.js'
import { requireSpeed } from '../../traces/speedUp.js'
import type { Workload } from '../../traces/workload.js'
import { remark } from '../output.js'
import { showStages } from '../stages.js'

export interface Traffic {
  readonly workload: Workload
  readonly load: LoadConfig
  readonly window: MeasureWindow
  /** What is offered, in words, for the result. */
  readonly note: string
  /** Requests or sessions per second of the window in this draw, where traffic is drawn at a rate. */
  readonly drawnPerS?: number
  /** What the draw does not say of the rate that was asked for. */
  readonly remarks?: readonly string[]
  /** Rows of sessions that began before time 0. */
  readonly begunBefore?: Int32Array
}

const EVERYTHING: MeasureWindow = { fromNs: 0, toNs: Number.POSITIVE_INFINITY }

interface TrafficOptions {
  readonly signal: AbortSignal
  /** No progress of a search for the load. */
  readonly quiet: boolean
  /** Of the search for the load; 1 runs inline. Default: 2. */
  readonly threads?: number
}

export async function trafficOf(
  plan: Plan,
  config: ClusterConfig,
  workload: Workload,
  options: TrafficOptions,
): Promise<Traffic> {
  const { load } = plan.workload
  if (load.method === 'closed_loop') {
    const concurrency = load.concurrency as number
    const { count, areSessions } = unitsOf(workload)
    const are = areSessions ? 'sessions' : 'requests'
    if (concurrency >= count)
      remark(
        `warning: concurrency ${concurrency.toLocaleString('en-US')} has a place for each of the ${count.toLocaleString('en-US')} ${are} of the trace: all start at once`,
      )
    return {
      workload,
      load: { kind: 'closed', concurrency },
      window: EVERYTHING,
      note: `${concurrency} ${are} in flight, in the order of the trace`,
    }
  }
  if (load.method === 'speed_up') {
    const factor = load.speedUp as number
    requireSpeed(workload, factor)
    const faster = { ...workload, arrivalNs: workload.arrivalNs.map((timeNs) => Math.floor(timeNs / factor)) }
    return {
      workload: faster,
      load: { kind: 'open' },
      window: EVERYTHING,
      note: `the recorded arrivals, ${factor} times as fast`,
    }
  }
  return superposed(plan, config, workload, options)
}

/**
 * Copies of the second half of the trace, at a rate, drawn as `compare` draws a replicate. A rate given as a fraction is that of `compare`
 * too: the capacity is sought by the same runs.
 */
async function superposed(
  plan: Plan,
  config: ClusterConfig,
  workload: Workload,
  { signal, quiet, threads = 2 }: TrafficOptions,
): Promise<Traffic> {
  const { load, path } = plan.workload
  const parts = halvesOf(
    workload,
    load,
    "superposed copies are drawn from halves of the trace's time",
    'use a longer trace, or --set workload.load.method=as_recorded',
  )
  const { seed, warmup, measure } = plan.experiment
  const effort = withMeasure(EFFORTS.normal, measure)
  const context: JobContext = { config, slo: plan.slo.interactive, seed, parts, speedUp: null }
  const executor = createExecutor({ context, threads, signal })
  const progress = createProgress({ quiet })
  try {
    const search = { config, context, executor, effort, load, wantsCapacity: false, warmup, path }
    const { stage, done } = stagesOf(showStages(progress))
    stage('load', loadJobs(search))
    const found = await findLoad({ ...search, done })
    const { arrivals, ratePerS, staticCapacity, open } = found
    const job = open(staticArm(config.engines), FIRST_DRAW, found.warmup, effort.measure)
    const { workload: drawn, copies, begunBefore, window } = openTraffic(context, job)
    const drawnPerS = arrivedIn(window, drawn, begunBefore) / job.measureS
    const of =
      load.fraction === null
        ? ''
        : `, ${load.fraction} of the capacity of the untuned static arm (${number(staticCapacity)} ${arrivals.are}/s on the tuning half, normal effort; \`compare\` finds those of other arms)`
    return {
      workload: drawn,
      begunBefore,
      load: { kind: 'open' },
      window,
      drawnPerS,
      remarks: apartText(drawnPerS, ratePerS),
      note: `${number(ratePerS)} ${arrivals.are}/s (this draw: ${number(drawnPerS)})${of}; ${copiesOf(copies, arrivals.are, 'the second half of the trace')}, ${number(job.measureS)} s after ${number(job.warmupS)} s of warm-up`,
    }
  } finally {
    progress.stop()
    await executor.close()
  }
}

/** Requests, or sessions, that begin within the window. */
function arrivedIn({ fromNs, toNs }: MeasureWindow, drawn: Workload, begunBefore: Int32Array): number {
  const { count, offset, rows } = unitsOf(drawn)
  const earlier = new Set(begunBefore)
  let arrived = 0
  for (let unit = 0; unit < count; unit++) {
    const first = rows[offset[unit]]
    const timeNs = drawn.arrivalNs[first]
    if (timeNs >= fromNs && timeNs < toNs && !earlier.has(first)) arrived++
  }
  return arrived
}

/** A draw further than this from the rate that was asked for is remarked on. */
const FAR = 0.05

function apartText(drawnPerS: number, askedPerS: number): string[] {
  const apart = drawnPerS / askedPerS - 1
  if (Math.abs(apart) <= FAR) return []
  return [
    `this draw offers ${Math.round(100 * Math.abs(apart))} % ${apart < 0 ? 'less' : 'more'} than asked for: \`compare\` averages draws, or try other seeds`,
  ]
}
