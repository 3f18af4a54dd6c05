/**
 * Attribution of a gain to levers, from the arms of a factorial experiment on paired replicates. All terms of one metric are taken on the logarithm
 * of the metric and bootstrapped over replicates together, so that Shapley values sum to the total in every resample.
 */
import type { LeverName } from '../../levers/lever.js'
import type { Outcome } from '../job.js'
import type { Metric } from '../metrics.js'
import type { Reading } from '../result.js'
import { meanInterval } from '../statistics.js'
import { addOne, dropOne, everybody, type Game, interaction, overlap, shapley } from './game.js'

/** A term of the logarithm of the metric: as such, and as the ratio that it multiplies the metric by. */
export interface Term {
  readonly log: number
  readonly ratio: number
  /** Bounds of the ratio; null with too few replicates. */
  readonly ci95: readonly [number, number] | null
}

export interface LeverTerms {
  readonly lever: LeverName
  /** Average over all orders in which the levers may be changed. */
  readonly shapley: Term
  /** Shapley value as a share of the total logarithm; null where the total may be zero. */
  readonly share: number | null
  /** Changed alone. */
  readonly add_one: Term
  /** What is lost when it alone is put back. */
  readonly drop_one: Term
}

export interface Attribution {
  readonly reading: Reading
  readonly metric: string
  readonly better: 'higher' | 'lower'
  /** Replicates in which the metric is defined in all arms. */
  readonly n: number
  /** `to` over `from`; null with a note when no replicate is complete. */
  readonly total: Term | null
  readonly levers: readonly LeverTerms[]
  readonly interactions: readonly { readonly levers: readonly [LeverName, LeverName]; readonly term: Term }[]
  /** Product of the ratios of levers changed alone over the total ratio; 1 = they add up. */
  readonly overlap: Term | null
  readonly note: string | null
}

/** `outcomes[coalition][replicate]`, coalitions as in `factorialArms`. The bootstrap draws from a stream of the reading and the metric. */
export function attribute(
  levers: readonly LeverName[],
  outcomes: readonly (readonly Outcome[])[],
  reading: Reading,
  metric: Metric,
  seed: number,
): Attribution {
  const { games, missing } = gamesOf(outcomes, metric)
  const head = { reading, metric: metric.name, better: metric.better, n: games.length }
  const note = missing === 0 ? null : `${missing} replicates are left out: ${metric.name} is undefined or zero in one of the arms`
  if (games.length === 0) return { ...head, total: null, levers: [], interactions: [], overlap: null, note }
  const name = `attribution/${reading}/${metric.name}`
  const term = (read: (game: Game) => number): Term => {
    const values = games.map(read)
    const log = values.reduce((sum, value) => sum + value, 0) / values.length
    const interval = meanInterval(values, seed, name)
    return { log, ratio: Math.exp(log), ci95: interval && [Math.exp(interval[0]), Math.exp(interval[1])] }
  }
  const total = term((game) => game[everybody(levers.length)] - game[0])
  const isClear = total.ci95 !== null && (total.ci95[0] > 1 || total.ci95[1] < 1)
  return {
    ...head,
    total,
    levers: levers.map((lever, i) => {
      const value = term((game) => shapley(game)[i])
      return {
        lever,
        shapley: value,
        share: isClear ? value.log / total.log : null,
        add_one: term((game) => addOne(game)[i]),
        drop_one: term((game) => dropOne(game)[i]),
      }
    }),
    interactions: levers.flatMap((first, i) =>
      levers.slice(i + 1).map((second, j) => ({
        levers: [first, second] as const,
        term: term((game) => interaction(game, i, i + 1 + j)),
      })),
    ),
    overlap: term(overlap),
    note,
  }
}

/** One game of logarithms a replicate; replicates in which an arm lacks the metric are left out. */
function gamesOf(outcomes: readonly (readonly Outcome[])[], metric: Metric): { games: Game[]; missing: number } {
  const games: Game[] = []
  const replicates = outcomes[0].length
  for (let replicate = 0; replicate < replicates; replicate++) {
    const values = outcomes.map((arm) => metric.read(arm[replicate]))
    if (values.every((value): value is number => value !== null && value > 0)) games.push(values.map(Math.log))
  }
  return { games, missing: replicates - games.length }
}
