/** One run of a scenario with every question to a policy written down, and its records as objects. */
import { FATES, type Fate, type Records } from '../metrics/records.js'
import { type SimulationResult, simulate } from '../simulator/index.js'
import type { Scenario } from './arbitraries.js'
import { noted } from './fullest.js'
import { type Decisions, observed } from './observe.js'

/** One request when it has left, or when the run ends with it inside. Engine and rank are -1 when it never had a place. */
export interface RequestRow {
  readonly arrivalNs: number
  readonly firstTokenNs: number
  readonly endNs: number
  readonly isl: number
  readonly osl: number
  readonly fate: Fate
  readonly engine: number
  readonly rank: number
  readonly preemptions: number
  readonly migrations: number
  readonly cachedTokens: number
  readonly loadedTokens: number
  readonly maxGapNs: number
  readonly phaseNs: readonly number[]
}

export interface FastRun {
  readonly result: SimulationResult
  readonly decisions: Decisions
  /** Of each engine: the most tokens of one rank in a step. */
  readonly fullest: ArrayLike<number>
}

/** The entry point of the fast core, or of a damaged copy of it. */
export type Simulate = typeof simulate

/** Runs a generated scenario, and notes every decision of its policies. */
export function runFast(scenario: Scenario, run: Simulate = simulate): FastRun {
  const { arm, decisions } = observed(scenario.arm())
  const { workload, load, window, untilNs } = scenario
  const { config, fullest } = noted(scenario.config)
  return { result: run(config, arm, workload, { load, window, untilNs }), decisions, fullest }
}

/** The records of the fast core as objects, by request. */
export function recordObjects(records: Records): Map<number, RequestRow> {
  const rows = new Map<number, RequestRow>()
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
      migrations: records.migrations[i],
      cachedTokens: records.cachedTokens[i],
      loadedTokens: records.loadedTokens[i],
      maxGapNs: records.maxGapNs[i],
      phaseNs: records.phaseNs.map((column) => column[i]),
    })
  }
  return rows
}
