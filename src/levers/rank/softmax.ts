/** Choosing a place by its cost: the cheapest, or one by chance, cheap ones more often. */

/** Place of the least of the first `count` costs, the lowest on ties. */
export function leastCostPlace(costs: Float64Array, count: number): number {
  let best = 0
  for (let place = 1; place < count; place++) if (costs[place] < costs[best]) best = place
  return best
}

/**
 * A place whose chance goes with exp(-share / temperature), share being its cost on a scale from 0 (the least of all) to 1 (the greatest). `uniform`: a
 * draw on [0, 1).
 */
export function softmaxPlace(costs: Float64Array, count: number, temperature: number, uniform: number): number {
  let least = costs[0]
  let greatest = costs[0]
  for (let place = 1; place < count; place++) {
    if (costs[place] < least) least = costs[place]
    if (costs[place] > greatest) greatest = costs[place]
  }
  const scale = greatest > least ? 1 / ((greatest - least) * temperature) : 0
  let total = 0
  for (let place = 0; place < count; place++) total += Math.exp((least - costs[place]) * scale)
  let rest = uniform * total
  for (let place = 0; place < count - 1; place++) {
    rest -= Math.exp((least - costs[place]) * scale)
    if (rest < 0) return place
  }
  return count - 1
}
