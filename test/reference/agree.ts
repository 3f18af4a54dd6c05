/** Runs a scenario on both simulators and lists every difference. */
import { createSplitEvaluator } from '../../src/levers/split/model.js'
import type { StepStatistics } from '../../src/metrics/records.js'
import type { EngineConfig } from '../../src/simulator/config.js'
import type { Scenario } from '../../src/testing/arbitraries.js'
import { noted } from '../../src/testing/fullest.js'
import type { Outcome } from '../../src/testing/laws.js'
import { type Decisions, OBSERVED, observed } from '../../src/testing/observe.js'
import { type FastRun, recordObjects } from '../../src/testing/run.js'
import { type SlowResult, simulateSlowly } from './simulate.js'

export interface SlowRun {
  readonly result: SlowResult
  readonly decisions: Decisions
  readonly fullest: ArrayLike<number>
}

export function runSlow(scenario: Scenario): SlowRun {
  const { arm, decisions } = observed(scenario.arm())
  const { workload, load, window, untilNs } = scenario
  const { config, fullest } = noted(scenario.config)
  const priceSplit = (engine: EngineConfig) => {
    const evaluator = createSplitEvaluator(engine.machine, engine.maxNumSeqs)
    return (batch: Parameters<typeof evaluator.factor>[1]) => evaluator.factor(arm.split, batch)
  }
  return { result: simulateSlowly(config, arm, workload, { load, window, untilNs, priceSplit }), decisions, fullest }
}

const show = (value: unknown): string => JSON.stringify(value, (_, item) => (Number.isNaN(item) ? 'NaN' : item))

/** Sums of products with a share of blocks are rounded in another order: they agree to this relative error, all else exactly. */
const ROUNDING = 1e-12

function same(fast: unknown, slow: unknown, rounded: boolean): boolean {
  if (typeof fast === 'number' && typeof slow === 'number') {
    return Object.is(fast + 0, slow + 0) || (rounded && Math.abs(fast - slow) <= ROUNDING * Math.abs(slow))
  }
  const [left, right] = [fast, slow] as ArrayLike<number>[]
  if (left.length !== right.length) return false
  for (let i = 0; i < left.length; i++) if (!same(left[i], right[i], rounded)) return false
  return true
}

const ROUNDED = new Set(['meanAttentionPs', 'prefillMeanPs', 'kvUsePs', 'engineKvUsePs'])

/** One line for every difference, decisions first: the earliest cause is near the top. */
export function differences(fast: FastRun, slow: SlowRun): string[] {
  const found: string[] = []
  for (const lever of OBSERVED) {
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

/** What the laws need of a run of the reference simulator. */
export function outcomeOfSlow({ result, decisions, fullest }: SlowRun): Outcome {
  const { records: rows, leavers, notSent, statistics } = result
  return { written: rows.size, rows, leavers, notSent, statistics, decisions, fullest }
}
