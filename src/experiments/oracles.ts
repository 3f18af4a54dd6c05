/**
 * The oracle ladder: what nobody can do, beside each gain. An oracle is the challenger with one lever replaced by a policy that no real system
 * could have, so the gap that is left to it is a gap of that lever. Oracles never compete: they are in no tuning grid and beat nobody.
 */

import { parsePolicy } from '../levers/catalogue.js'
import { type ArmSpec, policiesOf } from '../levers/lever.js'
import { isOracleArm, type ORACLE_ARMS } from '../levers/oracles.js'
import { spansAndMoves } from '../levers/together.js'
import type { ClusterConfig } from '../simulator/config.js'
import { hasOneRank } from './families.js'
import type { Outcome } from './job.js'
import { CAPACITY, METRICS } from './metrics.js'
import type { OracleResult, Reading } from './result.js'
import { type GapClosed, gapClosed, type PairedRatio, pairedRatio } from './statistics.js'

interface Rung {
  readonly name: (typeof ORACLE_ARMS)[number]
  readonly lever: 'split' | 'rank'
  readonly policy: string
  readonly says: string
  /** Simulated with every comparison; the others when they are asked for. */
  readonly cheap: boolean
}

/** From what no kernel can beat to what no dispatcher can. */
const RUNGS: readonly Rung[] = [
  {
    name: 'oracle-floor',
    lever: 'split',
    policy: 'oracle-floor',
    says: 'byte floor: every decode attention kernel streams all its bytes at the full rate, with no idle slot, no merge and no planning',
    cheap: true,
  },
  {
    name: 'oracle-step',
    lever: 'split',
    policy: 'oracle-split',
    says: 'step oracle: the best partition of every batch that a wide search finds under list scheduling, with no planning time',
    cheap: false,
  },
  {
    name: 'oracle-dispatch',
    lever: 'rank',
    policy: 'oracle-rank',
    says: 'dispatch oracle: requests dealt to ranks longest first by their true lengths, and moved between ranks before each step, free and at once',
    cheap: false,
  },
]

export interface OracleArm {
  readonly arm: ArmSpec
  readonly says: string
}

/**
 * The rungs of the ladder over `challenger` that differ on this cluster and can be: with one rank an engine there is nothing to dispatch, and
 * requests whose contexts are spread over ranks cannot be moved between them.
 */
export function oracleArms(challenger: ArmSpec, config: ClusterConfig, all: boolean): OracleArm[] {
  const oneRank = hasOneRank(config)
  const span = parsePolicy('span', challenger.span)()
  return RUNGS.filter(({ cheap }) => all || cheap)
    .filter(({ lever, policy }) => lever !== 'rank' || !(oneRank || spansAndMoves(span, parsePolicy('rank', policy)())))
    .map(({ name, lever, policy, says }) => ({ arm: { ...challenger, name, [lever]: policy }, says }))
}

/** Why the ladder over `challenger` has no dispatch oracle where one was asked for. */
export const dispatchNotes = (challenger: ArmSpec, config: ClusterConfig): string[] =>
  hasOneRank(config) || oracleArms(challenger, config, true).some(({ arm }) => arm.name === 'oracle-dispatch')
    ? []
    : [
        `oracle-dispatch is left out: span ${challenger.span} of ${challenger.name} spreads contexts over ranks, and requests that are spread cannot be moved.`,
      ]

/** What is said of the family that is tuned on the traffic that judges it. */
export const ORACLE_STATIC =
  'oracle static: the grid of tuned-static tuned on a draw of the test part itself; what it gains is what tuning on other traffic costs, what it loses is the noise of tuning on one draw'

export const oraclesOf = (oracles: readonly OracleArm[]): OracleResult[] =>
  oracles.map(({ arm, says }) => ({ name: arm.name, policies: policiesOf(arm), says }))

/** Oracles that a scenario names itself. */
export const ownOracles = (arms: readonly ArmSpec[]): OracleArm[] =>
  arms.filter(isOracleArm).map((arm) => ({ arm, says: 'an oracle of the scenario' }))

/** How far an arm has come from a baseline towards an oracle. */
export interface GapRow {
  readonly reading: Reading
  readonly metric: string
  readonly oracle: string
  readonly baseline: string
  readonly arm: string
  /** The oracle over the baseline. */
  readonly oracle_ratio: number | null
  readonly oracle_ci95: readonly [number, number] | null
  /** Null where the replicates leave open that there is a gap; `note` says why. */
  readonly gap_closed: number | null
  readonly ci95: readonly [number, number] | null
  readonly n: number
  readonly note: string | null
}

/** `outcomes(name)`: those of an arm or an oracle in this reading, replicate by replicate. */
export function gapRows(
  reading: Reading,
  pairs: readonly { readonly arm: string; readonly baseline: string }[],
  oracles: readonly string[],
  outcomes: (name: string) => readonly Outcome[],
  seed: number,
): GapRow[] {
  return (reading === 'capacity' ? [CAPACITY] : METRICS).flatMap((metric) =>
    oracles.flatMap((oracle) =>
      pairs.map(({ arm, baseline }): GapRow => {
        const values = (name: string) => outcomes(name).map(metric.read)
        const stream = `gap/${reading}/${metric.name}/${oracle}/${arm}/${baseline}`
        const best: PairedRatio = pairedRatio(values(oracle), values(baseline), seed, `${stream}/oracle`)
        const three = { baseline: values(baseline), arm: values(arm), oracle: values(oracle) }
        const gap: GapClosed = gapClosed(three, best, metric.better, seed, stream)
        return {
          reading,
          metric: metric.name,
          oracle,
          baseline,
          arm,
          oracle_ratio: best.ratio,
          oracle_ci95: best.ci95,
          gap_closed: gap.share,
          ci95: gap.ci95,
          n: gap.n,
          note: gap.note,
        }
      }),
    ),
  )
}
