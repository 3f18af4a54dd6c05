/** Runs a scenario on both simulators and lists every difference. */
import { createSplitEvaluator } from '../../src/levers/split/model.js'
import { FATES, type Records, type StepStatistics } from '../../src/metrics/records.js'
import type { EngineConfig } from '../../src/simulator/config.js'
import { type SimulationResult, simulate } from '../../src/simulator/index.js'
import type { Scenario } from './arbitraries.js'
import { type Decisions, observed } from './observe.js'
import { type SlowRecord, type SlowResult, simulateSlowly } from './simulate.js'

export interface FastRun {
  readonly result: SimulationResult
  readonly decisions: Decisions
}
export interface SlowRun {
  readonly result: SlowResult
  readonly decisions: Decisions
}

/** The entry point of the fast core, or of a damaged copy of it. */
export type Simulate = typeof simulate

export function runFast(scenario: Scenario, run: Simulate = simulate): FastRun {
  const { arm, decisions } = observed(scenario.arm())
  const { config, workload, load, window, untilNs } = scenario
  return { result: run(config, arm, workload, { load, window, untilNs }), decisions }
}

export function runSlow(scenario: Scenario): SlowRun {
  const { arm, decisions } = observed(scenario.arm())
  const { config, workload, load, window, untilNs } = scenario
  const priceSplit = (engine: EngineConfig) => {
    const evaluator = createSplitEvaluator(engine.machine, engine.maxNumSeqs)
    return (batch: Parameters<typeof evaluator.factor>[1]) => evaluator.factor(arm.split, batch)
  }
  return { result: simulateSlowly(config, arm, workload, { load, window, untilNs, priceSplit }), decisions }
}

/** The records of the fast core as objects, by request. */
export function recordObjects(records: Records): Map<number, SlowRecord> {
  const rows = new Map<number, SlowRecord>()
  for (let i = 0; i < records.count; i++) {
    rows.set(records.request[i], {
      arrivalNs: records.arrivalNs[i],
      firstTokenNs: records.firstTokenNs[i],
      endNs: records.endNs[i],
      isl: records.isl[i],
      osl: records.osl[i],
      fate: FATES[records.fate[i]],
      engine: records.engine[i],
      rank: records.rank[i],
      preemptions: records.preemptions[i],
      cachedTokens: records.cachedTokens[i],
      loadedTokens: records.loadedTokens[i],
      maxGapNs: records.maxGapNs[i],
      phaseNs: records.phaseNs.map((column) => column[i]),
    })
  }
  return rows
}

const show = (value: unknown): string => JSON.stringify(value, (_, item) => (Number.isNaN(item) ? 'NaN' : item))

/** Sums of products with a share of blocks are rounded in another order: they agree to this relative error, all else exactly. */
const ROUNDING = 1e-12

function same(fast: unknown, slow: unknown, rounded: boolean): boolean {
  if (typeof fast === 'number' && typeof slow === 'number') {
    return Object.is(fast + 0, slow + 0) || (rounded && Math.abs(fast - slow) <= ROUNDING * Math.abs(slow))
  }
  const left = Array.from(fast as ArrayLike<number>)
  const right = Array.from(slow as ArrayLike<number>)
  return left.length === right.length && left.every((value, i) => same(value, right[i], rounded))
}

const ROUNDED = new Set(['meanAttentionPs', 'kvUsePs', 'engineKvUsePs'])

/** One line for every difference, decisions first: the earliest cause is near the top. */
export function differences(fast: FastRun, slow: SlowRun): string[] {
  const found: string[] = []
  for (const lever of ['pool', 'rank', 'chunk', 'split'] as const) {
    const [a, b] = [fast.decisions[lever], slow.decisions[lever]]
    const at = b.findIndex((entry, i) => show(entry) !== show(a[i]))
    if (at >= 0) found.push(`${lever} question ${at}: fast ${show(a[at])}, slow ${show(b[at])}`)
    if (a.length !== b.length) found.push(`${lever} questions: fast ${a.length}, slow ${b.length}`)
  }
  const rows = recordObjects(fast.result.records)
  if (rows.size !== fast.result.records.count) found.push('fast records a request twice')
  for (const index of new Set([...rows.keys(), ...slow.result.records.keys()])) {
    const [a, b] = [rows.get(index), slow.result.records.get(index)]
    if (show(a) !== show(b)) found.push(`request ${index}: fast ${show(a)}, slow ${show(b)}`)
  }
  const [given, up] = [fast.result.notSent, slow.result.notSent]
  if (given !== up) found.push(`not sent: fast ${given}, slow ${up}`)
  const { statistics } = fast.result
  for (const key of Object.keys(slow.result.statistics) as (keyof StepStatistics)[]) {
    const [a, b] = [statistics[key], slow.result.statistics[key]]
    if (!same(a, b, ROUNDED.has(key)))
      found.push(`statistics ${key}: fast ${typeof a === 'number' ? a : 'array'}, slow ${typeof b === 'number' ? b : 'array'}`)
  }
  return found
}
