/**
 * Tuning on the training part: every combination of a family's grid is simulated at the comparison's load, short first; the best go on
 * to longer runs (successive halving). The baseline families and the challenger are tuned by the same rule and with the same care.
 */
import type { Executor } from '../executors/index.js'
import { type ArmSpec, LEVERS, policiesOf } from '../levers/lever.js'
import type { Draw } from './draw.js'
import type { Experiment } from './experiment.js'
import { type Family, familyGrid, incumbentOf } from './families.js'
import type { Job, Outcome } from './job.js'
import type { OperatingPoint } from './operatingPoint.js'
import type { TuningRecord } from './result.js'
import { type Tried, triedOf } from './tried.js'

/**
 * Settings whose speed is within this share of the best are taken for equally fast, and the shortest mean E2E decides. From round to round and draw to
 * draw the speed of two settings differs by as much, where one may hold requests for much longer: see docs/decisions/0014-fair-experiment.md.
 */
const EQUALLY_FAST = 0.01

const criterion = (part: string, equallyFast = 0): string =>
  `median tokens/s/user at the offered load on the ${part} part${equallyFast > 0 ? `, within ${equallyFast * 100} % of the best by mean E2E` : ''}; settings that overload or miss the SLO rank last`

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
  /** A setting of the grid that is in every round whatever it scores, so that the winner is no worse than it in the last round, but for `equallyFast`. */
  readonly incumbent?: ArmSpec
  /** Of settings whose score is at most this share below the best of a round the one with the shortest mean E2E comes first; default: the score decides alone. */
  readonly equallyFast?: number
  /** The job of one setting in a round. */
  readonly jobOf: (arm: ArmSpec, round: TuningRound) => Job
  readonly onDone?: (outcome: Outcome) => void
  /** Said of the winner; default: that of the training part. */
  readonly criterion?: string
}

export interface Tuned {
  readonly arm: ArmSpec
  readonly record: TuningRecord & { readonly tried: Tried }
  /** The winner's longest run. */
  readonly outcome: Outcome
}

/** Taken from the attainment of settings that overload or miss the SLO; above any attainment by more than the one that an overload takes. */
const MISSED = 1e3

/** Median tokens/s/user; settings that overload or miss the SLO are below 0, by their attainment. */
export function score(outcome: Outcome): number {
  const { summary } = outcome
  if (summary === null) return Number.NEGATIVE_INFINITY
  const speed = summary.metrics.tok_s_user.p50 ?? 0
  if (outcome.meetsSlo) return speed
  return (summary.slo_attainment ?? 0) - MISSED - (summary.saturation.label === 'overloaded' ? 1 : 0)
}

/** Whether a score is of a setting that overloads or misses the SLO, so no speed. */
export const isMiss = (score: number): boolean => score < 0

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
    ranked = rank(
      entered.map(({ arm }, i) => ({ arm, score: score(outcomes[i]), outcome: outcomes[i] })),
      options.equallyFast,
    )
  }
  const best = ranked[0]
  return {
    arm: best.arm,
    outcome: best.outcome as Outcome,
    record: {
      candidates: options.grid.length,
      tried: triedOf(options.grid),
      criterion: options.criterion ?? criterion('training', options.equallyFast),
      runners_up: ranked.slice(1, 4).map(({ arm, score }) => ({ policies: policiesOf(arm), score })),
    },
  }
}

/** The best first. Equals keep the order of the grid, so the result does not depend on chance. */
function rank<T extends { readonly score: number; readonly outcome: Outcome }>(entered: readonly T[], equallyFast = 0): T[] {
  const byScore = entered.toSorted((a, b) => b.score - a.score)
  if (equallyFast === 0) return byScore
  // none where the best is a miss, whose score is below 0
  const equals = byScore.filter(({ score }) => score >= byScore[0].score * (1 - equallyFast))
  const e2eMs = ({ outcome }: T): number => outcome.summary?.metrics.e2e_ms.mean ?? Number.POSITIVE_INFINITY
  return [...equals.sort((a, b) => e2eMs(a) - e2eMs(b)), ...byScore.slice(equals.length)]
}

/** Streams of random numbers are named by replicate: those of tuning are no judged replicate's. */
const TUNED_ON = 1_000_000

/** The traffic that settings are tuned on. */
export const tuningDraw = (part: Draw['part']): Draw => ({ part, mode: 'draw', replicate: TUNED_ON })

/**
 * The best setting of a family at the comparison's load, frozen. `oracle-static` is tuned like `tuned-static`, on one draw of the test part: it
 * knows the traffic that judges, but the noise of one draw may still cost it more than `tuned-static` loses by tuning on other traffic.
 */
export function tuneFamily(experiment: Experiment, point: OperatingPoint, family: Family): Promise<Tuned> {
  const { config, executor, effort } = experiment
  const grid = familyGrid(family, config)
  const draw = tuningDraw(family === 'oracle-static' ? 'test' : 'train')
  experiment.stage(
    `tuning ${family}`,
    effort.tuning.reduce((sum, round) => sum + Math.min(round.keep, grid.length), 0),
  )
  return tune({
    executor,
    grid,
    rounds: effort.tuning,
    incumbent: incumbentOf(family, config),
    jobOf: (arm, round) => point.own(arm, draw, round.warmup, round.measure),
    onDone: experiment.done,
    equallyFast: EQUALLY_FAST,
    criterion: criterion(draw.part === 'test' ? 'test' : 'training', EQUALLY_FAST),
  })
}

const samePolicies = (a: ArmSpec, b: ArmSpec): boolean => LEVERS.every((lever) => a[lever] === b[lever])
