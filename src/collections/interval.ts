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

/** Of values [xs * ys] on ascending knots, between the four around (x, y), or on from the outermost. */
export function bilinear(values: Float64Array, xs: Float64Array, ys: Float64Array, x: number, y: number): number {
  const i = intervalOf(xs, x)
  const j = intervalOf(ys, y)
  const u = (x - xs[i]) / (xs[i + 1] - xs[i])
  const v = (y - ys[j]) / (ys[j + 1] - ys[j])
  const at = i * ys.length + j
  const above = at + ys.length
  const low = values[at] + (values[at + 1] - values[at]) * v
  const high = values[above] + (values[above + 1] - values[above]) * v
  return low + (high - low) * u
}
