/**
 * Index i of the interval [knots[i], knots[i + 1]] that holds a value, by bisection, among ascending knots; the first or the last
 * interval for values outside. `first` and `last` limit the search to a part of the knots.
 */
export function intervalOf(knots: Float64Array, value: number, first = 0, last = knots.length - 1): number {
  let low = first
  let high = last - 1
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (knots[middle] <= value) low = middle
    else high = middle - 1
  }
  return low
}
