/**
 * Tuning on the training part: every combination of a family's grid is simulated at the comparison's load, short first; the best go on
 * to longer runs (successive halving). The baseline families and the challenger are tuned by the same rule and with the same care.
 */
import type { Executor } from '../executors/index.js'
import { STATIC_ARM, STATIC_BUDGET_TOKENS } from '../levers/catalogue.js'
import type { ArmSpec } from '../levers/lever.js'
import type { ClusterConfig } from '../simulator/config.js'
import { type Job, meetsSlo, type Outcome } from './job.js'
import type { TuningRecord } from './result.js'

export const CRITERION =
  'median tokens/s/user at the offered load on the training part; settings that overload or miss the SLO rank last'

const BUDGETS = [512, 1024, 2048, 4096, 8192]
const COUNTS = [1, 2, 4, 8, 16, 32]
const SIZES = [512, 1024, 2048, 4096, 8192, 16384]
const EQUAL_TIMES_MS = [10, 20, 40, 80]

export type Family = 'tuned-static' | 'tuned-size' | 'shape-aware'

/** Prefill has engines of its own: then no decode waits for a chunk, and a step takes what its engine's limit allows. */
const chunkIsInert = ({ engines }: ClusterConfig): boolean => engines.some(({ role }) => role === 'prefill')

const largestStep = ({ engines }: ClusterConfig): number => Math.max(...engines.map((engine) => engine.maxNumBatchedTokens))

/** A built-in arm on this cluster: where the chunk lever is inert, its policy is the one that does nothing. */
export const armOn = (arm: ArmSpec, config: ClusterConfig): ArmSpec =>
  chunkIsInert(config) ? { ...arm, chunk: `fixed-budget(${largestStep(config)})` } : arm

/** The static arm's own policies as a setting of tuned-static; the budget is cut where every engine would cut it. */
export function staticSetting(config: ClusterConfig): ArmSpec {
  const chunk = `fixed-budget(${Math.min(STATIC_BUDGET_TOKENS, largestStep(config))})`
  return armOn({ ...STATIC_ARM, name: 'tuned-static', chunk }, config)
}

/**
 * All settings of a family that differ on this cluster: the rank lever is inert with one rank, the pool lever with one engine of each
 * role, the chunk lever where prefill has engines of its own. Budgets
 * fit the smallest engine; the static arm's own budget is always among them, so no grid is empty.
 */
export function familyGrid(family: Family, config: ClusterConfig): ArmSpec[] {
  const smallest = Math.min(...config.engines.map((engine) => engine.maxNumBatchedTokens))
  const fitting = BUDGETS.filter((budget) => budget <= smallest).map((budget) => `fixed-budget(${budget})`)
  const inert = chunkIsInert(config)
  const budgets = [...new Set([...(inert ? [] : fitting), staticSetting(config).chunk])]
  const oneRank = config.engines.every((engine) => engine.ranks === 1)
  // a request goes to one engine of each role
  const oneEngine = new Set(config.engines.map(({ role }) => role)).size === config.engines.length
  const shaped = family === 'shape-aware'
  const splits =
    family === 'tuned-static'
      ? [...COUNTS.map((count) => `fixed-count(${count})`), 'occupancy-rule', 'k-waves(1)', 'k-waves(2)']
      : family === 'tuned-size'
        ? SIZES.map((size) => `fixed-size(${size})`)
        : ['length-aware']
  const chunks = shaped && !inert ? [...budgets, ...EQUAL_TIMES_MS.map((ms) => `equal-time(${ms})`)] : budgets
  const ranks = shaped ? ['least-cost(5000)', 'least-kv-tokens', 'least-requests'] : ['round-robin', 'least-requests']
  const pools = shaped ? ['least-loaded'] : ['round-robin', 'least-loaded']
  const grid: ArmSpec[] = []
  for (const split of splits)
    for (const chunk of chunks)
      for (const rank of oneRank ? ranks.slice(0, 1) : ranks)
        for (const pool of oneEngine ? pools.slice(0, 1) : pools)
          grid.push({ name: family, split, chunk, rank, span: 'one', pool })
  return grid
}

/** Lengths of the rounds, in mean E2E (warm-up, window), and how many settings reach them (at least 2: one place may be the incumbent's). */
export interface TuningRound {
  readonly keep: number
  readonly warmup: number
  readonly measure: number
}

export interface TuneOptions {
  readonly executor: Executor
  readonly grid: readonly ArmSpec[]
  readonly rounds: readonly TuningRound[]
  /** A setting of the grid that is in every round whatever it scores, so that the winner is never worse than it in the last round. */
  readonly incumbent?: ArmSpec
  /** The job of one setting in a round. */
  readonly jobOf: (arm: ArmSpec, round: TuningRound) => Job
  readonly onDone?: (outcome: Outcome) => void
}

export interface Tuned {
  readonly arm: ArmSpec
  readonly record: TuningRecord
  /** The winner's longest run. */
  readonly outcome: Outcome
}

/** Higher is better; infeasible settings below all feasible ones, by their attainment. */
export function score(outcome: Outcome): number {
  const { summary } = outcome
  if (summary === null) return Number.NEGATIVE_INFINITY
  const speed = summary.metrics.tok_s_user.p50 ?? 0
  if (meetsSlo(summary)) return speed
  return (summary.slo_attainment ?? 0) - 1e3 - (summary.saturation.label === 'overloaded' ? 1 : 0)
}

export async function tune(options: TuneOptions): Promise<Tuned> {
  let ranked = options.grid.map((arm) => ({ arm, score: 0, outcome: null as Outcome | null }))
  for (const round of options.rounds) {
    const entered = ranked.slice(0, round.keep)
    const incumbent = ranked.slice(round.keep).find(({ arm }) => options.incumbent && samePolicies(arm, options.incumbent))
    if (incumbent) entered[entered.length - 1] = incumbent
    const outcomes = await options.executor.run(
      entered.map(({ arm }) => options.jobOf(arm, round)),
      options.onDone,
    )
    // equal scores keep the order of the grid, so the result does not depend on chance
    ranked = entered
      .map(({ arm }, i) => ({ arm, score: score(outcomes[i]), outcome: outcomes[i] as Outcome | null }))
      .sort((a, b) => b.score - a.score)
  }
  const best = ranked[0]
  return {
    arm: best.arm,
    outcome: best.outcome as Outcome,
    record: {
      candidates: options.grid.length,
      criterion: CRITERION,
      runners_up: ranked.slice(1, 4).map(({ arm, score }) => ({ policies: policiesOf(arm), score })),
    },
  }
}

const samePolicies = (a: ArmSpec, b: ArmSpec): boolean =>
  a.split === b.split && a.chunk === b.chunk && a.rank === b.rank && a.span === b.span && a.pool === b.pool

export function policiesOf(arm: ArmSpec): Omit<ArmSpec, 'name'> {
  const { split, chunk, rank, span, pool } = arm
  return { split, chunk, rank, span, pool }
}
