/** What follows from the numbers of cells, by a rule that was fixed before any of them was known. */
import type { LeverName } from '../../levers/lever.js'
import { addOne, dropOne, shapley } from '../attribution/game.js'
import { holm, signedRankP } from '../multiple.js'
import { ownReading, type Readings } from '../rows.js'
import { type GapClosed, gapClosed, meanOfAll, mixInterval, type PairedRatio, pairedLogs, pairedRatio } from '../statistics.js'
import type { CellResult, MetricName, Values } from './result.js'

/** The gain that the claim speaks of. */
export const CLAIMED = 1.2
/** A gain closer to none than this is none: the bar of the controls. */
export const NO_GAIN = 0.02
const LEVEL = 0.05

const valuesOf = (cell: CellResult, reading: keyof Readings, metric: MetricName, arm: string): Values =>
  cell.values[reading]?.[arm]?.[metric] ?? []

/** Ratio of two arms of a cell, replicate by replicate. */
export const ratioOf = (
  cell: CellResult,
  reading: keyof Readings,
  metric: MetricName,
  arm: string,
  baseline: string,
): PairedRatio =>
  pairedRatio(
    valuesOf(cell, reading, metric, arm),
    valuesOf(cell, reading, metric, baseline),
    1,
    `claim/${cell.id}/${reading}/${metric}/${arm}/${baseline}`,
  )

/** How far shape-aware has come from tuned-static towards an oracle, in time per token of the median user, on the replicates that all three have. */
export function gapTo(cell: CellResult, oracle: string): GapClosed {
  const values = (arm: string): Values => valuesOf(cell, 'fixedLoad', 'tok_s_user.p50', arm)
  const three = { baseline: values('tuned-static'), arm: values('shape-aware'), oracle: values(oracle) }
  const best = ratioOf(cell, 'fixedLoad', 'tok_s_user.p50', oracle, 'tuned-static')
  return gapClosed(three, best, 'higher', 1, `claim/${cell.id}/gap/${oracle}`)
}

/** Share of the replicates in which an arm may be overloaded before its mean means nothing. */
const MOST_OVERLOADED = 0.1

/** Whether an arm could not keep up: a mean over a growing queue says how long one looked, not how fast it is. */
export const isOverloaded = (cell: Pick<CellResult, 'arms'>, arm: string): boolean => isOften(cell, arm, ['overloaded'])

/** Whether its queue grew at all, or was long in being served: what is no ground for a verdict is one for a mark. */
export const isUnsteady = (cell: Pick<CellResult, 'arms'>, arm: string): boolean =>
  isOften(cell, arm, ['overloaded', 'backlogged'])

function isOften({ arms }: Pick<CellResult, 'arms'>, arm: string, labels: readonly string[]): boolean {
  const saturation = arms.find(({ name }) => name === arm)?.saturation ?? {}
  const sum = (counts: readonly number[]): number => counts.reduce((all, count) => all + count, 0)
  return sum(labels.map((label) => saturation[label] ?? 0)) > MOST_OVERLOADED * sum(Object.values(saturation))
}

/** Offered load as a share of what an arm carries within the SLO on the part that judges; null where that was not sought, or not found on some draw. */
export function loadShare(cell: CellResult, arm: string): number | null {
  const capacity = meanOfAll(valuesOf(cell, 'capacity', 'capacity_rps', arm))
  return capacity === null || cell.offered_rps === null ? null : cell.offered_rps / capacity
}

/** Whether one of the two arms that are judged could not keep up. */
export const isUnstable = (cell: Pick<CellResult, 'arms'>): boolean =>
  isOverloaded(cell, 'tuned-static') || isOverloaded(cell, 'shape-aware')

/** The reading at the cell's own load. */
export const readingOf = (cell: CellResult): keyof Readings => ownReading(cell.offered_rps === null)

/** Median speed of a user at the cell's own load. */
export const gainOf = (cell: CellResult, arm = 'shape-aware', baseline = 'tuned-static'): PairedRatio =>
  ratioOf(cell, readingOf(cell), 'tok_s_user.p50', arm, baseline)

/** What a lever brings, as ratios: Shapley value, changed alone, and lost when it alone is put back. */
export interface LeverShare {
  readonly lever: LeverName
  readonly shapley: number
  readonly addOne: number
  readonly dropOne: number
}

/** The gain in the replicates of the attribution, and what it is made of: Shapley values multiply to it. */
export interface SharedGain {
  readonly total: number
  readonly levers: readonly LeverShare[]
}

/** Means over replicates of the cell's attribution; null without one. */
export function leverShares({ attribution }: CellResult): SharedGain | null {
  if (attribution === null || attribution.games.length === 0 || attribution.levers.length === 0) return null
  const { levers, games } = attribution
  const mean = games[0].map((_, coalition) => games.reduce((sum, game) => sum + game[coalition], 0) / games.length)
  const [values, added, dropped] = [shapley(mean), addOne(mean), dropOne(mean)]
  return {
    total: Math.exp(mean[mean.length - 1] - mean[0]),
    levers: levers.map((lever, i) => ({
      lever,
      shapley: Math.exp(values[i]),
      addOne: Math.exp(added[i]),
      dropOne: Math.exp(dropped[i]),
    })),
  }
}

export const mixOf = (cell: CellResult): readonly [number, number] | null =>
  mixInterval(
    cell.values.mix?.['shape-aware']?.['tok_s_user.p50'] ?? [],
    cell.values.mix?.['tuned-static']?.['tok_s_user.p50'] ?? [],
  )

export type Verdict =
  | 'reproduced'
  | 'only against an untuned default'
  | 'refuted in this model'
  | 'undecided'
  | 'unstable'
  | 'void'

export interface Judged {
  readonly cell: CellResult
  readonly verdict: Verdict
  readonly gain: PairedRatio
  /** Over the occupancy rule as shipped. */
  readonly overShipped: PairedRatio
  /** Holm-adjusted p values over the family: that the ratio is 1, and that it is CLAIMED. */
  readonly pNone: number
  readonly pClaimed: number
}

/**
 * The verdict of every cell of a family. Reproduced: the whole interval of shape-aware over tuned-static lies at or above CLAIMED. Refuted in this
 * model: all of it lies below. Where it is not reproduced but the interval over the shipped rule lies at or above CLAIMED, the claim holds against an
 * untuned default only. The first two must survive Holm's adjustment over the family as well; what does not is undecided. Where one of the two arms is
 * overloaded there is no verdict. `family`: number of cells that were to be judged; those without an answer count as tests that found nothing, so that a
 * run cut short is not judged by a milder bar.
 */
export function judge(cells: readonly CellResult[], family: number): Judged[] {
  const logs = cells.map((cell) => {
    const values = (arm: string): Values => valuesOf(cell, readingOf(cell), 'tok_s_user.p50', arm)
    return pairedLogs(values('shape-aware'), values('tuned-static'))
  })
  const adjusted = (ps: readonly number[]): number[] => holm([...ps, ...new Array<number>(family - ps.length).fill(1)])
  const pNone = adjusted(logs.map(signedRankP))
  const pClaimed = adjusted(logs.map((values) => signedRankP(values.map((value) => value - Math.log(CLAIMED)))))
  return cells.map((cell, i) => {
    const gain = gainOf(cell)
    const overShipped = gainOf(cell, 'shape-aware', 'occupancy-rule')
    return {
      cell,
      gain,
      overShipped,
      pNone: pNone[i],
      pClaimed: pClaimed[i],
      verdict: verdictOf(cell, gain, overShipped, pClaimed[i]),
    }
  })
}

export function verdictOf(
  cell: Pick<CellResult, 'void_because' | 'arms'>,
  gain: PairedRatio,
  overShipped: PairedRatio,
  pClaimed: number,
): Verdict {
  if (cell.void_because !== null || gain.ratio === null) return 'void'
  if (isUnstable(cell)) return 'unstable'
  if (gain.ci95 === null || pClaimed >= LEVEL) return 'undecided'
  const [low, high] = gain.ci95
  if (low >= CLAIMED) return 'reproduced'
  if (high >= CLAIMED) return 'undecided'
  return overShipped.ci95 !== null && overShipped.ci95[0] >= CLAIMED ? 'only against an untuned default' : 'refuted in this model'
}
