/**
 * The load of the measured benchmark: a closed loop of C requests from an empty system, 10 C requests in all, input and output lengths
 * uniform on [0.8, 1] of the nominal ones; means over all requests are reported.
 */
import { UserError } from '../errors.js'
import { COMPLETED, PHASES } from '../metrics/records.js'
import { stream } from '../rng.js'
import { simulate } from '../simulator/index.js'
import type { Constants } from '../timing/index.js'
import { uniformLengths } from '../traces/generate/uniform.js'
import { shapesOnly, type Workload } from '../traces/workload.js'
import { NS_PER_MS } from '../units.js'
import { measuredArm } from './measuredArm.js'
import { rowCluster } from './rowCluster.js'
import type { RowPlan } from './rowPlan.js'

/** Requests of a run for each place in the loop. */
export const REQUESTS_PER_PLACE = 10
/** Shortest length drawn, relative to the nominal one. */
const SHORTEST = 0.8
/** Mean length drawn, relative to the nominal one. */
const MEAN_LENGTH = 0.9
const QUEUE = PHASES.indexOf('queue')
const DECODE_WAIT = PHASES.indexOf('decode_wait')

export interface RowResult {
  readonly id: string
  /** Means over the requests of a run, ms. */
  readonly ttftMs: number
  readonly tpotMs: number
  readonly outputTokSPerGpu: number
  /** Part of TTFT that is waiting for a prefill step or for a decode slot, ms. */
  readonly waitMs: number
}

export interface RunSettings {
  readonly seed: number
  /** Requests for each place; REQUESTS_PER_PLACE except inside a fit. */
  readonly requestsPerPlace: number
}

/**
 * `uniformWorkload` draws the same kind of lengths for scenarios. Two things differ here: all requests are there from the start, since a closed loop
 * sends them, and the shortest length is rounded up: the fitted constants and docs/VALIDATION.md stand on these draws.
 */
export function benchmarkTraffic(isl: number, osl: number, count: number, seed: number): Workload {
  const shortestOf = (nominal: number): number => Math.ceil(SHORTEST * nominal)
  const columns = uniformLengths({ isl, osl, requests: count }, shortestOf, stream(seed, `benchmark/${isl}x${osl}`))
  return shapesOnly(new Float64Array(count), columns.isl, columns.osl, {
    name: `uniform ${isl}/${osl}`,
    format: 'generated',
    note: 'lengths uniform on [0.8, 1] of the nominal ones',
    rowsRead: count,
    rowsSkipped: 0,
  })
}

/** Output tokens per s and GPU of a closed loop, from mean TTFT and TPOT (Little's law), for `gpus` GPUs. */
export function closedLoopRate(plan: Pick<RowPlan, 'concurrency' | 'osl' | 'gpus'>, ttftMs: number, tpotMs: number): number {
  const length = MEAN_LENGTH * plan.osl
  return (plan.concurrency * length * 1e3) / (ttftMs + (length - 1) * tpotMs) / plan.gpus
}

/** TTFT as a share of the mean latency; above one half the system is queue bound. */
export const ttftShare = (osl: number, ttftMs: number, tpotMs: number): number =>
  ttftMs / (ttftMs + (MEAN_LENGTH * osl - 1) * tpotMs)

export function simulateRow(plan: RowPlan, constants: Constants, { seed, requestsPerPlace }: RunSettings): RowResult {
  const count = requestsPerPlace * plan.concurrency
  const workload = benchmarkTraffic(plan.isl, plan.osl, count, seed)
  const config = rowCluster(plan, constants)
  const { records } = simulate(config, measuredArm(plan, seed), workload, {
    load: { kind: 'closed', concurrency: plan.concurrency },
  })
  let ttftNs = 0
  let tpotNs = 0
  let waitNs = 0
  let completed = 0
  for (let i = 0; i < records.count; i++) {
    if (records.fate[i] !== COMPLETED) continue
    completed++
    ttftNs += records.firstTokenNs[i] - records.arrivalNs[i]
    waitNs += records.phaseNs[QUEUE][i] - config.frontendNs + records.phaseNs[DECODE_WAIT][i]
    tpotNs += (records.endNs[i] - records.firstTokenNs[i]) / (records.osl[i] - 1)
  }
  if (completed !== count) {
    throw new UserError({
      where: plan.id,
      message: `${count - completed} of ${count} requests did not complete`,
      hint: 'look at the limits of its engines',
    })
  }
  const ttftMs = ttftNs / completed / NS_PER_MS
  const tpotMs = tpotNs / completed / NS_PER_MS
  const waitMs = waitNs / completed / NS_PER_MS
  return { id: plan.id, ttftMs, tpotMs, waitMs, outputTokSPerGpu: closedLoopRate(plan, ttftMs, tpotMs) }
}
