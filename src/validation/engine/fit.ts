/**
 * Fits the numbers of a machine to the first third of a measured run, by simulating it. Nothing of a later request is known to the
 * fit: in their place the load goes on as it began, the first third being offered twice more.
 */
import { nsToMs } from '../../units.js'
import type { MeasuredRun } from './measuredRuns.js'
import { minimise } from './minimise.js'
import { DEFAULT_MAX_NUM_SEQS, type Limit, type MachineNumbers } from './numbers.js'
import { type Offered, replay } from './replay.js'

/** The requests of a run, in order of arrival, that the fit may see: its first third. */
export const fittedCount = (run: MeasuredRun): number => Math.floor(run.requestId.length / 3)

/** Times the first third is offered, for a load as long as the run. */
const COPIES = 3
/** Where the search begins and how far it may go: any machine that serves models of 1 to 100 GB on one GPU. */
const START = { stepMs: 15, tokenUs: 60, kvTokenNs: 60, leadSteps: 0.5 } as const
const BOUNDS = { stepMs: [0.1, 1000], tokenUs: [0.1, 10_000], kvTokenNs: [0.1, 10_000], leadSteps: [0.01, 3] } as const
/** Batch limits that are tried, the default first: max_num_seqs is set to such numbers. */
const SEQUENCE_LIMITS = [DEFAULT_MAX_NUM_SEQS, 32, 64, 128, 512]
/** The KV capacity is sought from so many requests of mean length on. */
const START_KV_REQUESTS = 40
/** A limit later in the list must lower the loss by this share. */
const EVIDENCE = 0.2
/** The first search of each limit, from far away; then again around what was found, for limits whose loss is near the least. */
const FIRST_SIZE = Math.log(2)
const FIRST_CALLS = 120
const LATER_SIZES = [Math.log(1.4), Math.log(0.8)]
const LATER_CALLS = 100
const HOPELESS = 1.6
const TOLERANCE = 1e-3
/** The simulation of the first third may last this many times as long as it did; what is not done by then is wrong by WORST. */
const PATIENCE = 1.5
/** Largest error of one value that the loss counts, in logarithms. */
const WORST = 3
/** Fitted numbers are used as they are printed. */
const DIGITS = 3

type Cost = keyof typeof BOUNDS
const COSTS = Object.keys(BOUNDS) as Cost[]
type Loss = (numbers: MachineNumbers) => number

interface Found {
  readonly numbers: MachineNumbers
  readonly loss: number
}

/** The first `count` requests, then the same again and again at the same pace. */
export function prolonged(run: MeasuredRun, count: number): Offered {
  const periodNs = (run.queuedNs[count - 1] * count) / (count - 1)
  const again = (column: Int32Array): Int32Array => Int32Array.from({ length: COPIES * count }, (_, i) => column[i % count])
  return {
    arrivalNs: Float64Array.from({ length: COPIES * count }, (_, i) =>
      Math.round(run.queuedNs[i % count] + Math.floor(i / count) * periodNs),
    ),
    inputTokens: again(run.inputTokens),
    outputTokens: again(run.outputTokens),
  }
}

/** Mean over the first `count` requests of |log(simulated / measured)|, summed over TTFT, E2E and the time from first to last token. */
function lossOf(run: MeasuredRun, count: number): Loss {
  const offered = prolonged(run, count)
  const untilNs = PATIENCE * run.lastTokenNs.subarray(0, count).reduce((last, timeNs) => Math.max(last, timeNs), 0)
  const off = (simulated: number, measured: number): number => {
    if (measured <= 0) return 0
    const error = Math.abs(Math.log(simulated / measured))
    return error < WORST ? error : WORST
  }
  return (numbers) => {
    const { ttftMs, e2eMs } = replay(numbers, offered, untilNs)
    let loss = 0
    for (let i = 0; i < count; i++) {
      const ttft = nsToMs(run.firstTokenNs[i] - run.queuedNs[i])
      const e2e = nsToMs(run.lastTokenNs[i] - run.queuedNs[i])
      loss += off(ttftMs[i], ttft) + off(e2eMs[i], e2e) + off(e2eMs[i] - ttftMs[i], e2e - ttft)
    }
    return loss / count
  }
}

/** Numbers from their logarithms, kept within bounds; a KV capacity is the last of them. */
function decoded(at: readonly number[], limit: Limit): MachineNumbers {
  const cost = (key: Cost): number => {
    const [least, most] = BOUNDS[key]
    return Math.min(most, Math.max(least, Math.exp(at[COSTS.indexOf(key)])))
  }
  return {
    stepMs: cost('stepMs'),
    tokenUs: cost('tokenUs'),
    kvTokenNs: cost('kvTokenNs'),
    leadSteps: cost('leadSteps'),
    limit: limit.kind === 'kv' ? { kind: 'kv', value: Math.round(Math.exp(at[COSTS.length])) } : limit,
  }
}

const encoded = ({ limit, ...costs }: MachineNumbers): number[] =>
  [...COSTS.map((key) => costs[key]), ...(limit.kind === 'kv' ? [limit.value] : [])].map(Math.log)

function search(start: MachineNumbers, loss: Loss, size: number, calls: number): Found {
  const { limit } = start
  const { at, value } = minimise((point) => loss(decoded(point, limit)), encoded(start), size, calls, TOLERANCE)
  return { numbers: decoded(at, limit), loss: value }
}

const rounded = (value: number): number => Number(value.toPrecision(DIGITS))

/** Deterministic; one to two thousand short simulations. */
export function fitMachine(run: MeasuredRun): MachineNumbers {
  const count = fittedCount(run)
  const loss = lossOf(run, count)
  const tokens = run.inputTokens.subarray(0, count).reduce((sum, input, i) => sum + input + run.outputTokens[i], 0)
  const limits: Limit[] = SEQUENCE_LIMITS.map((value) => ({ kind: 'sequences', value }))
  limits.push({ kind: 'kv', value: Math.round((START_KV_REQUESTS * tokens) / count) })
  let found = limits.map((limit) => search({ ...START, limit }, loss, FIRST_SIZE, FIRST_CALLS))
  const least = Math.min(...found.map((one) => one.loss))
  found = found.filter((one) => one.loss <= HOPELESS * least)
  for (const size of LATER_SIZES) found = found.map((one) => search(one.numbers, loss, size, LATER_CALLS))
  const { numbers } = found.reduce((chosen, one) => (one.loss < (1 - EVIDENCE) * chosen.loss ? one : chosen))
  return {
    stepMs: rounded(numbers.stepMs),
    tokenUs: rounded(numbers.tokenUs),
    kvTokenNs: rounded(numbers.kvTokenNs),
    leadSteps: rounded(numbers.leadSteps),
    limit: numbers.limit,
  }
}
