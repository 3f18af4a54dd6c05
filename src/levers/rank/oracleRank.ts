/** The dispatch oracle: no rank policy can keep the ranks of an engine much more equal. */
import type { MigrateView, Moves, OracleView, RankPolicy } from '../lever.js'
import { dealLongestFirst } from './lpt.js'

/** Ranks this near to their mean are equal enough. */
const NEAR = 0.002

/**
 * Longest first by the true final length, and before each step sequences move, free and at once, from the fullest rank to the emptiest, or change
 * places, until no such move makes the two more equal. `weight`: cost of a sequence beside its KV, tokens.
 */
export function oracleRank(weight: number): RankPolicy {
  return {
    info: {
      lever: 'rank',
      name: `oracle-rank(w=${weight})`,
      shapeAware: true,
      hooks: ['assign', 'migrate'],
      inputs: ['true output lengths', 'KV of every sequence'],
      signalAge: 'now',
      complexity: 'O(n log n + ranks x sequences) a step, not charged',
      oracle: true,
      wins: 'where decoding sets the pace: nearly always, a bound for the rank lever',
      loses:
        'where the cost of a rank is not tokens + weight x sequences: prompts under way are not balanced, so it is no bound where they set the pace',
      source:
        'LPT with free migration, the dispatch oracle of balance theory: within 4/3 of the optimum (Graham 1969), and equalised further',
    },
    assign(view, out, oracle: OracleView | null) {
      const finalTokens = view.inputTokens.slice(0, view.waiting)
      for (let i = 0; i < view.waiting; i++) finalTokens[i] += oracle?.outputTokens[i] ?? 0
      dealLongestFirst(view, out, finalTokens)
    },
    migrate: (view, out) => equalise(view, out, weight),
  }
}

/** A sequence that is where it was: its number in the list of its rank, and its cost. */
interface Movable {
  readonly from: number
  readonly sequence: number
  readonly cost: number
}

function equalise(view: MigrateView, out: Moves, weight: number): void {
  const { loads } = view
  const costs = Array.from({ length: loads.count }, (_, rank) => loads.kvTokens(rank) + weight * loads.running(rank))
  const mean = costs.reduce((sum, cost) => sum + cost, 0) / costs.length
  const places = costs.map((_, rank) => view.places(rank))
  const lists = new Map<number, Movable[]>()
  const listOf = (rank: number): Movable[] => {
    const known = lists.get(rank)
    if (known !== undefined) return known
    const count = view.list(rank)
    const list = Array.from({ length: count }, (_, i) => ({ from: rank, sequence: i, cost: view.kvTokens[i] + weight }))
    lists.set(rank, list)
    return list
  }
  while (out.count + 2 <= out.from.length) {
    const fullest = costs.indexOf(Math.max(...costs))
    const emptiest = costs.indexOf(Math.min(...costs))
    const gap = costs[fullest] - costs[emptiest]
    if (costs[fullest] <= mean * (1 + NEAR)) return
    const found = bestExchange(listOf(fullest), listOf(emptiest), gap, places[emptiest] > 0)
    if (found === null) return
    const { there, back } = found
    const shifted = there.cost - (back?.cost ?? 0)
    costs[fullest] -= shifted
    costs[emptiest] += shifted
    addMove(out, there, emptiest)
    lists.set(
      fullest,
      listOf(fullest).filter((item) => item !== there),
    )
    if (back === null) {
      places[fullest]++
      places[emptiest]--
    } else {
      addMove(out, back, fullest)
      lists.set(
        emptiest,
        listOf(emptiest).filter((item) => item !== back),
      )
    }
  }
}

/** What to take over, and back, so that the two differ least; null when nothing makes them more equal. The first leaves before the second comes. */
function bestExchange(
  full: readonly Movable[],
  empty: readonly Movable[],
  gap: number,
  hasPlace: boolean,
): { readonly there: Movable; readonly back: Movable | null } | null {
  let best: { readonly there: Movable; readonly back: Movable | null } | null = null
  let least = gap * (1 - NEAR)
  if (!hasPlace) return null
  for (const there of full)
    for (const back of [null, ...empty]) {
      const after = Math.abs(gap - 2 * (there.cost - (back?.cost ?? 0)))
      if (after >= least) continue
      least = after
      best = { there, back }
    }
  return best
}

function addMove(out: Moves, { from, sequence }: Movable, to: number): void {
  out.from[out.count] = from
  out.sequence[out.count] = sequence
  out.to[out.count++] = to
}
