/** Choosing a place by its cost: the cheapest, or one by chance, cheap ones more often. */
import { stream } from '../../rng.js'

/** Place of the least of the first `count` costs, the lowest on ties. */
export function leastCostPlace(costs: Float64Array, count: number): number {
  let best = 0
  for (let place = 1; place < count; place++) if (costs[place] < costs[best]) best = place
  return best
}

/**
 * A place whose chance goes with exp(-share / temperature), share being its cost on a scale from 0 (the least of all) to 1 (the greatest). Each draw has
 * a random stream of its own, named and numbered, so that the number of draws, `state[slot]`, is all that needs remembering.
 */
export function softmaxPlace(
  costs: Float64Array,
  count: number,
  temperature: number,
  name: string,
  state: Float64Array,
  slot: number,
): number {
  let least = costs[0]
  let greatest = costs[0]
  for (let place = 1; place < count; place++) {
    if (costs[place] < least) least = costs[place]
    if (costs[place] > greatest) greatest = costs[place]
  }
  const scale = greatest > least ? 1 / ((greatest - least) * temperature) : 0
  let total = 0
  for (let place = 0; place < count; place++) total += Math.exp((least - costs[place]) * scale)
  let rest = stream(state[slot]++, name).uniform() * total
  for (let place = 0; place < count - 1; place++) {
    rest -= Math.exp((least - costs[place]) * scale)
    if (rest < 0) return place
  }
  return count - 1
}
