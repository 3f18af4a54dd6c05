/** What follows from the numbers of cells, by a rule that was fixed before any of them was known. */
import type { LeverName } from '../../levers/lever.js'
import { addOne, dropOne, shapley } from '../attribution/game.js'
import { holm, signedRankP } from '../multiple.js'
import { mixInterval, type PairedRatio, pairedRatio } from '../statistics.js'
import type { CellResult, MetricName, Values } from './result.js'

/** The gain that the claim speaks of. */
export const CLAIMED = 1.2
/** A gain closer to none than this is none: the bar of the controls. */
export const NO_GAIN = 0.02
const LEVEL = 0.05

export type ReadingName = 'fixedLoad' | 'fixedConcurrency' | 'capacity' | 'mix'

/** Ratio of two arms of a cell, replicate by replicate; of the first `replicates` only where that is given. */
export function ratioOf(
  cell: CellResult,
  reading: ReadingName,
  metric: MetricName,
  arm: string,
  baseline: string,
  replicates?: number,
): PairedRatio {
  const values = (name: string): Values => (cell.values[reading]?.[name]?.[metric] ?? []).slice(0, replicates)
  return pairedRatio(values(arm), values(baseline), 1, `claim/${cell.id}/${reading}/${metric}/${arm}/${baseline}`)
}

/** Share of the replicates in which an arm may be overloaded before its mean means nothing. */
const MOST_OVERLOADED = 0.1

/** Whether tuned-static or shape-aware could not keep up: a mean over a growing queue says how long one looked, not how fast it is. */
export const isUnstable = ({ arms }: Pick<CellResult, 'arms'>): boolean =>
  arms.some(({ name, saturation }) => {
    const replicates = Object.values(saturation).reduce((sum, count) => sum + count, 0)
    return (name === 'tuned-static' || name === 'shape-aware') && (saturation.overloaded ?? 0) > MOST_OVERLOADED * replicates
  })

/** The reading at the cell's own load: fixed load, or in a closed loop fixed concurrency. */
export const ownReading = (cell: CellResult): ReadingName => (cell.offered_rps === null ? 'fixedConcurrency' : 'fixedLoad')

/** Median speed of a user at the cell's own load. */
export const gainOf = (cell: CellResult, arm = 'shape-aware', baseline = 'tuned-static'): PairedRatio =>
  ratioOf(cell, ownReading(cell), 'tok_s_user.p50', arm, baseline)

/** What a lever brings, as ratios: Shapley value, changed alone, and lost when it alone is put back. */
export interface LeverShare {
  readonly lever: LeverName
  readonly shapley: number
  readonly addOne: number
  readonly dropOne: number
}

/** Means over replicates of the cell's attribution; empty without one. */
export function leverShares({ attribution }: CellResult): LeverShare[] {
  if (attribution === null || attribution.games.length === 0 || attribution.levers.length === 0) return []
  const { levers, games } = attribution
  const mean = games[0].map((_, coalition) => games.reduce((sum, game) => sum + game[coalition], 0) / games.length)
  const [values, added, dropped] = [shapley(mean), addOne(mean), dropOne(mean)]
  return levers.map((lever, i) => ({
    lever,
    shapley: Math.exp(values[i]),
    addOne: Math.exp(added[i]),
    dropOne: Math.exp(dropped[i]),
  }))
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
 * untuned default only. The first two must survive Holm's adjustment over the family as well; what does not is undecided. Where one of the two arms is overloaded there is no verdict.
 */
export function judge(cells: readonly CellResult[]): Judged[] {
  const logs = cells.map((cell) => logRatios(cell, 'shape-aware', 'tuned-static'))
  const pNone = holm(logs.map(signedRankP))
  const pClaimed = holm(logs.map((values) => signedRankP(values.map((value) => value - Math.log(CLAIMED)))))
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

function logRatios(cell: CellResult, arm: string, baseline: string): number[] {
  const values = (name: string): Values => cell.values[ownReading(cell)]?.[name]?.['tok_s_user.p50'] ?? []
  return values(arm).flatMap((value, i) => {
    const base = values(baseline)[i] ?? null
    return value !== null && base !== null && value > 0 && base > 0 ? [Math.log(value / base)] : []
  })
}
