/**
 * Queueing theory as an oracle: with a constant step time, prompts of one token and `maxNumSeqs` = c the engine is a queue with c
 * servers whose service time is osl steps. Waiting times must agree with the closed forms within a confidence interval by batch
 * means. Seeds are fixed, so a failure is a change of behaviour and never bad luck.
 */
import { expect, test } from 'vitest'
import type { PoolPolicy } from '../src/levers/lever.js'
import { stream } from '../src/rng.js'
import { PLAIN_CLUSTER } from '../src/simulator/config.js'
import { type ClusterConfig, type SimulationResult, simulate } from '../src/simulator/index.js'
import { plainArm } from '../src/testing/policies.js'
import type { Workload } from '../src/traces/workload.js'
import { PS_PER_NS } from '../src/units.js'
import { engineOf, evenSteps, traffic } from './byHand.js'

/** Length of every step, ns. */
const STEP_NS = 10_000
const BATCHES = 20
/** Student's t with 19 degrees of freedom, two-sided 99.9 %. */
const T_999 = 3.883
/** Share of the requests that is left out while the queue fills. */
const WARM_UP = 0.05

function queue(servers: number): ClusterConfig {
  const limits = { maxNumSeqs: servers, maxNumBatchedTokens: 64, maxModelLen: 8192, numGpuBlocks: servers * 512 }
  return { ...PLAIN_CLUSTER, engines: [engineOf(evenSteps(STEP_NS), limits)] }
}

/** Poisson arrivals of `ratePerNs`; `osl` draws the service time in steps. */
function arrivals(count: number, ratePerNs: number, seed: number, osl: (uniform: number) => number): Workload {
  const gaps = stream(seed, 'queueing/gaps')
  const lengths = stream(seed, 'queueing/lengths')
  let nowNs = 0
  const arrivalNs = Float64Array.from({ length: count }, () => {
    nowNs += gaps.exponential() / ratePerNs
    return Math.round(nowNs)
  })
  return traffic(
    arrivalNs,
    arrivalNs.map(() => 1),
    arrivalNs.map(() => osl(lengths.uniform())),
  )
}

const OPEN = { kind: 'open' } as const
const serve = (servers: number, workload: Workload): SimulationResult =>
  simulate(queue(servers), plainArm(64), workload, { load: OPEN })

interface Estimate {
  readonly mean: number
  /** Half the width of the 99.9 % interval. */
  readonly halfWidth: number
}

/** Mean by request order, with an interval from the means of consecutive batches. */
function batchMeans(values: ArrayLike<number>): Estimate {
  const first = Math.floor(values.length * WARM_UP)
  const size = Math.floor((values.length - first) / BATCHES)
  const means = Array.from({ length: BATCHES }, (_, batch) => {
    let total = 0
    for (let i = 0; i < size; i++) total += values[first + batch * size + i]
    return total / size
  })
  const mean = means.reduce((sum, value) => sum + value, 0) / BATCHES
  const variance = means.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (BATCHES - 1)
  return { mean, halfWidth: T_999 * Math.sqrt(variance / BATCHES) }
}

/** A column of the records, in the order of the workload. */
function byRequest({ records }: SimulationResult, read: (row: number) => number): Float64Array {
  const column = new Float64Array(records.count)
  for (let row = 0; row < column.length; row++) column[records.request[row]] = read(row)
  return column
}

const waitNs = (run: SimulationResult): Estimate => batchMeans(byRequest(run, (row) => run.records.phaseNs[0][row]))

/** The interval must hold the theory, up to `slackNs`, and must be narrow enough to mean something. */
function expectAgreement({ mean, halfWidth }: Estimate, theoryNs: number, slackNs = 0): void {
  expect(Math.abs(mean - theoryNs), `${mean} +- ${halfWidth} against ${theoryNs}`).toBeLessThanOrEqual(halfWidth + slackNs)
  expect(halfWidth / theoryNs).toBeLessThan(0.2)
}

/** Exponential service with a mean of about `mean` steps, rounded up to whole steps: a geometric law with this parameter. */
const geometric = (mean: number) => ({
  p: 1 - Math.exp(-1 / mean),
  draw: (uniform: number) => Math.ceil(-Math.log(1 - uniform) * mean) || 1,
})

/** Requests of one run. */
const REQUESTS = 40_000

test('LAW-16: M/D/1: half the wait of M/M/1 (Pollaczek and Khinchine)', () => {
  const steps = 8
  for (const [seed, load] of [0.5, 0.8].entries()) {
    const serviceNs = steps * STEP_NS
    const run = serve(
      1,
      arrivals(REQUESTS, load / serviceNs, seed, () => steps),
    )
    expectAgreement(waitNs(run), (load * serviceNs) / (2 * (1 - load)))
  }
})

test('LAW-16: M/G/1 with geometric service, and M/M/1 as its limit of short steps', () => {
  const mean = 40
  const { p, draw } = geometric(mean)
  const load = 0.7
  const serviceNs = STEP_NS / p
  const ratePerNs = load / serviceNs
  const run = serve(1, arrivals(REQUESTS, ratePerNs, 3, draw))
  const estimate = waitNs(run)
  expectAgreement(estimate, (ratePerNs * STEP_NS ** 2 * (2 - p)) / p ** 2 / (2 * (1 - load)))
  expectAgreement(estimate, (load * serviceNs) / (1 - load))
  const busy = run.statistics.engineBusyPs[0] / PS_PER_NS / run.endNs
  expect(Math.abs(busy - load)).toBeLessThan(0.02)
})

test('LAW-16: M/M/c: the wait of Erlang C', () => {
  const { p, draw } = geometric(40)
  const load = 0.8
  for (const servers of [2, 4]) {
    const serviceNs = STEP_NS / p
    const offered = servers * load
    let term = 1
    let below = 0
    for (let k = 0; k < servers; k++) {
      below += term
      term *= offered / (k + 1)
    }
    const waits = term / (1 - load) / (below + term / (1 - load))
    const run = serve(servers, arrivals(REQUESTS, offered / serviceNs, 10 + servers, draw))
    // A request that finds a free server waits for the step in progress: at most one step more than in the ideal queue.
    expectAgreement(waitNs(run), (waits * serviceNs) / (servers * (1 - load)), STEP_NS)
  }
})

test("LAW-16: Little's law, by what arrivals see: number inside = rate x time inside", () => {
  const { p, draw } = geometric(40)
  const servers = 3
  const ratePerNs = (0.75 * servers * p) / STEP_NS
  const numbers: number[] = []
  const plain = plainArm(64)
  const pool: PoolPolicy = {
    ...plain.pool,
    route(view) {
      numbers.push(view.running(0) + view.waiting(0))
      return 0
    },
  }
  const run = simulate(queue(servers), { ...plain, pool }, arrivals(REQUESTS, ratePerNs, 21, draw), { load: OPEN })
  const { records, statistics } = run
  const seen = batchMeans(numbers)
  const insideNs = batchMeans(byRequest(run, (row) => records.endNs[row] - records.arrivalNs[row]))
  const expected = ratePerNs * insideNs.mean
  expect(Math.abs(seen.mean - expected)).toBeLessThanOrEqual(seen.halfWidth + ratePerNs * insideNs.halfWidth)
  expect(seen.halfWidth / expected).toBeLessThan(0.2)
  const decodeNs = byRequest(run, (row) => records.phaseNs[4][row]).reduce((sum, value) => sum + value, 0)
  expect(statistics.decodeSequences * STEP_NS).toBe(decodeNs)
})

test('LAW-21: transfers into one port: processor sharing of M/D/1, whose mean time is bytes / rate / (1 - load) whatever the sizes', () => {
  const most = 512
  const limits = { maxNumSeqs: most, maxNumBatchedTokens: most, maxModelLen: 8192, numGpuBlocks: most * 512 }
  const engine = engineOf(evenSteps(1), { ...limits, kvBytesPerToken: 5000 })
  const cluster: ClusterConfig = {
    ...PLAIN_CLUSTER,
    engines: [
      { ...engine, name: 'prefill', role: 'prefill' },
      { ...engine, name: 'decode', role: 'decode' },
    ],
    fabric: { nvlinkBytesPerNs: 0.5, nicBytesPerNs: 1, latencyNs: 0 },
  }
  const aloneNs = 10_000
  for (const [seed, load] of [0.4, 0.7].entries()) {
    const work = arrivals(REQUESTS, load / aloneNs, 31 + seed, () => 2)
    const run = simulate(cluster, plainArm(64), work, { load: OPEN })
    const transferNs = batchMeans(byRequest(run, (row) => run.records.phaseNs[2][row]))
    expectAgreement(transferNs, aloneNs / (1 - load), 2)
  }
})
