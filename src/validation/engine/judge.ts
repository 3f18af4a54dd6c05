/** How far a simulated run is from the measured one: medians over requests of |simulated / measured - 1|, in percent. */
import { median } from 'simple-statistics'
import { nsToMs } from '../../units.js'
import { fitMachine, fittedCount } from './fit.js'
import { meanBatch } from './meanBatch.js'
import type { MeasuredRun } from './measuredRuns.js'
import { DEFAULT_MAX_NUM_SEQS, type MachineNumbers } from './numbers.js'
import { replay, type Times } from './replay.js'

export interface MedianErrors {
  /** Requests of the part. */
  readonly n: number
  /** From the engine's taking the request in to its first token; first to last token over the tokens between (null: no such request); to the last token. */
  readonly ttft: number
  readonly tpot: number | null
  readonly e2e: number
}

/** One thing left out of the replay, judged on the same requests. */
export interface Ablation {
  readonly without: string
  readonly errors: MedianErrors
}

export interface JudgedRun {
  readonly run: MeasuredRun
  readonly numbers: MachineNumbers
  readonly simulated: Times
  /** By part: the judged last two thirds, the fitted first third, all requests. */
  readonly judged: MedianErrors
  readonly fitted: MedianErrors
  readonly all: MedianErrors
  readonly ablations: readonly Ablation[]
}

const offeredBy = (run: MeasuredRun) => ({
  arrivalNs: run.queuedNs,
  inputTokens: run.inputTokens,
  outputTokens: run.outputTokens,
})

/** Median errors over requests [from, to). */
export function medianErrors(run: MeasuredRun, { ttftMs, e2eMs }: Times, from: number, to: number): MedianErrors {
  const ttft: number[] = []
  const tpot: number[] = []
  const e2e: number[] = []
  const error = (simulated: number, measured: number): number => 100 * Math.abs(simulated / measured - 1)
  for (let i = from; i < to; i++) {
    const measuredTtft = nsToMs(run.firstTokenNs[i] - run.queuedNs[i])
    const measuredE2e = nsToMs(run.lastTokenNs[i] - run.queuedNs[i])
    ttft.push(error(ttftMs[i], measuredTtft))
    e2e.push(error(e2eMs[i], measuredE2e))
    if (measuredE2e > measuredTtft) tpot.push(error(e2eMs[i] - ttftMs[i], measuredE2e - measuredTtft))
  }
  return { n: to - from, ttft: median(ttft), tpot: tpot.length > 0 ? median(tpot) : null, e2e: median(e2e) }
}

/** Fits the first third, simulates the whole run from its start and compares. */
export function judgeRun(run: MeasuredRun): JudgedRun {
  const offered = offeredBy(run)
  const numbers = fitMachine(run)
  const cut = fittedCount(run)
  const count = run.requestId.length
  const rest = (times: Times): MedianErrors => medianErrors(run, times, cut, count)
  const simulated = replay(numbers, offered)
  const ablations = [
    { without: 'queues (the mean batch, in closed form)', errors: rest(meanBatch(numbers, offered)) },
    { without: 'steps scheduled ahead', errors: rest(replay({ ...numbers, leadSteps: 0 }, offered)) },
  ]
  if (numbers.limit.kind === 'kv' || numbers.limit.value !== DEFAULT_MAX_NUM_SEQS) {
    const limit = { kind: 'sequences', value: DEFAULT_MAX_NUM_SEQS } as const
    ablations.push({
      without: 'the fitted limit (the default batch limit)',
      errors: rest(replay({ ...numbers, limit }, offered)),
    })
  }
  return {
    run,
    numbers,
    simulated,
    judged: rest(simulated),
    fitted: medianErrors(run, simulated, 0, cut),
    all: medianErrors(run, simulated, 0, count),
    ablations,
  }
}
