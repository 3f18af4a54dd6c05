/** The traffic of a single run that is not offered as it was recorded. */
import { UserError } from '../errors.js'
import { createExecutor } from '../executors/index.js'
import {
  type ArrivalShape,
  arrivalShape,
  capacitySize,
  EFFORTS,
  type Job,
  type JobContext,
  type Outcome,
  probeJob,
  requireHalves,
  TAIL,
  windowS,
} from '../experiments/index.js'
import { staticArm } from '../levers/index.js'
import type { Plan } from '../scenario/plan.js'
import type { ClusterConfig, LoadConfig, MeasureWindow } from '../simulator/index.js'
import { offeredTraffic, splitInTime } from '../traces/load.js'
import { unitsOf } from '../traces/sessions.js'
import type { Workload } from '../traces/workload.js'
import { sToNs } from '../units.js'
import { remark } from './output.js'

export interface Traffic {
  readonly workload: Workload
  readonly load: LoadConfig
  readonly window: MeasureWindow
  /** What is offered, in words, for the result. */
  readonly note: string
}

const EVERYTHING: MeasureWindow = { fromNs: 0, toNs: Number.POSITIVE_INFINITY }
/** The window of a drawn run, in mean E2E. */
const MEASURE_E2E = 30
const EFFORT = EFFORTS.normal

export async function trafficOf(plan: Plan, config: ClusterConfig, workload: Workload, signal: AbortSignal): Promise<Traffic> {
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
    const faster = { ...workload, arrivalNs: workload.arrivalNs.map((timeNs) => Math.floor(timeNs / factor)) }
    return {
      workload: faster,
      load: { kind: 'open' },
      window: EVERYTHING,
      note: `the recorded arrivals, ${factor} times as fast`,
    }
  }
  return superposed(plan, config, workload, signal)
}

/**
 * Copies of the second half of the trace, at a rate, drawn as `compare` draws a replicate. A rate given as a fraction is that of `compare`
 * too: the capacity is sought by the same runs.
 */
async function superposed(plan: Plan, config: ClusterConfig, workload: Workload, signal: AbortSignal): Promise<Traffic> {
  const { load } = plan.workload
  const parts = { train: splitInTime(workload, 0, 0.5), test: splitInTime(workload, 0.5, 1) }
  requireHalves(
    workload,
    [parts.train, parts.test],
    "superposed copies are drawn from halves of the trace's time",
    'use a longer trace, or --set workload.load.method=as_recorded',
  )
  const arrivals = arrivalShape(parts.train)
  const { seed, warmup } = plan.experiment
  const context: JobContext = { config, slo: plan.slo.interactive, seed, parts, speedUp: null }
  const executor = createExecutor({ context, threads: 2, signal })
  try {
    const one = async (job: Job): Promise<Outcome> => (await executor.run([job]))[0]
    const draw = { part: 'train', mode: 'draw', replicate: 0 } as const
    const arm = staticArm(config.engines)
    const probe = await one(probeJob(arm, config, null))
    const probeE2eS = (probe.summary?.metrics.e2e_ms.mean ?? 1000) / 1e3
    let ratePerS = load.ratePerS
    let of = ''
    if (ratePerS === null) {
      const fraction = load.fraction as number
      const guessPerS = probe.summary?.request_s ?? (arrivals.recordedPerS ?? 1) * arrivals.requests
      const capacity = await one({ kind: 'capacity', arm, draw, ...capacitySize(probeE2eS, guessPerS, EFFORT, arrivals) })
      if (capacity.capacityPerS === null)
        throw new UserError({
          where: 'workload.load.fraction',
          message: 'the static arm meets the SLO at no load, so a fraction of its capacity means nothing',
          hint: 'loosen slo.interactive, give more or wider engines, or state rate_per_s',
        })
      ratePerS = fraction * capacity.capacityPerS
      of = `, ${fraction} of the capacity of the static arm`
    }
    // the probe's loop may be far beyond capacity: how long a request lives at this load is asked again
    const pilot = await one({
      kind: 'open',
      arm,
      draw: { ...draw, replicate: 1 },
      ratePerS,
      warmupS: 5 * arrivals.unitS(probeE2eS),
      measureS: windowS(15, arrivals.unitS(probeE2eS), ratePerS * arrivals.requests, EFFORT),
      tailS: TAIL * probeE2eS,
      keep: 'summary',
    })
    const meanE2eS = (pilot.summary?.metrics.e2e_ms.mean ?? probeE2eS * 1e3) / 1e3
    const unitS = arrivals.unitS(meanE2eS)
    const warmupS = warmup * unitS
    const measureS = windowS(MEASURE_E2E, unitS, ratePerS * arrivals.requests, EFFORT)
    const { workload: drawn, copies } = offeredTraffic({
      part: parts.test,
      ratePerS,
      durationNs: sToNs(warmupS + measureS + meanE2eS),
      seed,
      replicate: 0,
      mode: 'draw',
    })
    return {
      workload: drawn,
      load: { kind: 'open' },
      window: { fromNs: sToNs(warmupS), toNs: sToNs(warmupS + measureS) },
      note: `${ratePerS.toPrecision(4)} ${arrivals.are}/s${of}; ${copiesText(arrivals, copies)} of the second half of the trace, ${measureS.toPrecision(3)} s after ${warmupS.toPrecision(3)} s of warm-up`,
    }
  } finally {
    await executor.close()
  }
}

const copiesText = ({ are }: ArrivalShape, copies: number): string =>
  are === 'sessions' ? `sessions, each up to ${copies} times,` : `${copies} ${copies === 1 ? 'copy' : 'copies'}`
