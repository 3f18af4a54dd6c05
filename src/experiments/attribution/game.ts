/**
 * Attribution as a cooperative game: players are levers, the worth of a coalition is what the arm with those levers changed gains. Pure
 * numbers; everything here is linear in the worths, so means over replicates may be taken before or after.
 */

/** Worth of every coalition of k players, 2^k values; bit i of the index says whether player i is in it. Only differences count. */
export type Game = readonly number[]

const playersOf = (game: Game): number => Math.log2(game.length)

export const everybody = (players: number): number => 2 ** players - 1

const sizeOf = (coalition: number): number => {
  let size = 0
  for (let rest = coalition; rest > 0; rest &= rest - 1) size++
  return size
}

const factorials = (n: number): number[] => {
  const all = [1]
  for (let i = 1; i <= n; i++) all.push(all[i - 1] * i)
  return all
}

/**
 * Shapley values: what a player adds to those before it, averaged over all orders in which players may come (L. S. Shapley, "A value for n-person
 * games", 1953). They sum to the worth of all less that of none, whatever the interactions; a player that never adds anything gets 0; players
 * that add alike get alike.
 */
export function shapley(game: Game): number[] {
  const n = playersOf(game)
  const factorial = factorials(n)
  return Array.from({ length: n }, (_, player) => {
    const bit = 1 << player
    let value = 0
    for (let before = 0; before < game.length; before++) {
      if ((before & bit) !== 0) continue
      const size = sizeOf(before)
      value += ((factorial[size] * factorial[n - size - 1]) / factorial[n]) * (game[before | bit] - game[before])
    }
    return value
  })
}

/** What each player adds to nobody. */
export const addOne = (game: Game): number[] =>
  Array.from({ length: playersOf(game) }, (_, player) => game[1 << player] - game[0])

/** What is lost when each player leaves the coalition of all. */
export const dropOne = (game: Game): number[] =>
  Array.from({ length: playersOf(game) }, (_, player) => game[game.length - 1] - game[(game.length - 1) & ~(1 << player)])

/**
 * Shapley interaction index of a pair (M. Grabisch and M. Roubens, Int. J. Game Theory 28, 1999): what two players add together beyond what they add
 * one by one, averaged over the coalitions of the others. Below 0 they overlap, above 0 they complement each other.
 */
export function interaction(game: Game, first: number, second: number): number {
  const n = playersOf(game)
  const factorial = factorials(n)
  const [a, b] = [1 << first, 1 << second]
  let value = 0
  for (let others = 0; others < game.length; others++) {
    if ((others & (a | b)) !== 0) continue
    const size = sizeOf(others)
    const together = game[others | a | b] - game[others | a] - game[others | b] + game[others]
    value += ((factorial[size] * factorial[n - size - 2]) / factorial[n - 1]) * together
  }
  return value
}

/** Sum of what players add alone, less what they add together: above 0 the gains overlap (sub-additive). */
export const overlap = (game: Game): number =>
  addOne(game).reduce((sum, alone) => sum + alone, 0) - (game[game.length - 1] - game[0])
