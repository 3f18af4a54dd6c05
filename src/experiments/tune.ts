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
 * Finalists whose speed is within this share of the fastest one's are taken for equally fast: by as much the difference between two of them changes from
 * draw to draw (docs/decisions/0014-fair-experiment.md), while one may hold requests for much longer.
 */
const TIE_SHARE = 0.005

/** How settings are ranked, in words. */
const criterion = ({ part = 'training', tieShare = 0 }: Pick<TuneOptions, 'part' | 'tieShare'>): string =>
  [
    `median tokens/s/user at the load of the comparison on the ${part} part`,
    ...(tieShare > 0 ? [`of finalists within ${tieShare * 100} % of the fastest, the one with the shortest mean E2E`] : []),
    'settings that overload or miss the SLO rank last',
  ].join('; ')

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
  /** A setting of the grid that is in every round whatever it scores, so that the winner is no worse than it in the last round, but for `tieShare`. */
  readonly incumbent?: ArmSpec
  /**
   * Of settings whose score in the last round is at most this share below the best, the one with the shortest mean E2E (of completed requests) wins;
   * default 0: the score decides alone.
   */
  readonly tieShare?: number
  /** The job of one setting in a round. */
  readonly jobOf: (arm: ArmSpec, round: TuningRound) => Job
  readonly onDone?: (outcome: Outcome) => void
  /** The part of the trace that the jobs are of, as it is said of the winner; default `training`. */
  readonly part?: 'training' | 'test'
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
  let ranked: Ranked[] = options.grid.map((arm) => ({ arm, score: 0, outcome: null }))
  for (const round of options.rounds) {
    const entered = ranked.slice(0, round.keep)
    const incumbent = ranked.slice(round.keep).find(({ arm }) => options.incumbent && samePolicies(arm, options.incumbent))
    if (incumbent) entered[entered.length - 1] = incumbent
    const outcomes = await options.executor.run(
      entered.map(({ arm }) => options.jobOf(arm, round)),
      options.onDone,
    )
    ranked = byScore(entered.map(({ arm }, i) => ({ arm, score: score(outcomes[i]), outcome: outcomes[i] })))
  }
  ranked = tiesByE2e(ranked, options.tieShare ?? 0)
  const best = ranked[0]
  return {
    arm: best.arm,
    outcome: best.outcome as Outcome,
    record: {
      candidates: options.grid.length,
      tried: triedOf(options.grid),
      criterion: criterion(options),
      score: best.score,
      runners_up: ranked.slice(1, 4).map(({ arm, score }) => ({ policies: policiesOf(arm), score })),
    },
  }
}

interface Ranked {
  readonly arm: ArmSpec
  readonly score: number
  /** null before the first round. */
  readonly outcome: Outcome | null
}

/** The best first. Equals keep the order of the grid, so the result does not depend on chance. */
const byScore = (entered: readonly Ranked[]): Ranked[] => entered.toSorted((a, b) => b.score - a.score)

/** The same, those at most `share` below the best in the order of their mean E2E. Where the best is a miss, whose score is below 0, there are none. */
function tiesByE2e(ranked: readonly Ranked[], share: number): Ranked[] {
  const ties = share > 0 ? ranked.filter(({ score }) => score >= ranked[0].score * (1 - share)) : []
  const e2eMs = ({ outcome }: Ranked): number => outcome?.summary?.metrics.e2e_ms.mean ?? Number.POSITIVE_INFINITY
  return [...ties.toSorted((a, b) => e2eMs(a) - e2eMs(b)), ...ranked.slice(ties.length)]
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
    jobOf: (arm, round) => point.tuning(arm, draw, round),
    onDone: experiment.done,
    // the oracle is the fastest setting there is
    tieShare: family === 'oracle-static' ? 0 : TIE_SHARE,
    part: draw.part === 'test' ? 'test' : 'training',
  })
}

const samePolicies = (a: ArmSpec, b: ArmSpec): boolean => LEVERS.every((lever) => a[lever] === b[lever])
