/** Order statistics without a full sort: repeated quickselect on narrowing ranges. Deterministic; reorders `values` in place. */

/** Puts the k-th smallest of values[low..high] at index k, smaller ones before it, larger ones after. Bounds inclusive. */
function selectWithin(values: Float64Array, k: number, low: number, high: number): void {
  while (low < high) {
    const pivot = medianOfThree(values[low], values[(low + high) >> 1], values[high])
    let i = low
    let j = high
    while (i <= j) {
      while (values[i] < pivot) i++
      while (values[j] > pivot) j--
      if (i <= j) {
        const swap = values[i]
        values[i++] = values[j]
        values[j--] = swap
      }
    }
    if (k <= j) high = j
    else if (k >= i) low = i
    else return
  }
}

const medianOfThree = (a: number, b: number, c: number): number => Math.max(Math.min(a, b), Math.min(Math.max(a, b), c))

/**
 * Quantiles of the first `count` values at ascending probabilities in [0, 1], by linear interpolation between order statistics
 * (position p (count - 1), the rule of NumPy's default). NaN for an empty sample. Reorders the values; none may be NaN.
 */
export function quantilesOf(values: Float64Array, count: number, probabilities: readonly number[]): number[] {
  if (count === 0) return probabilities.map(() => Number.NaN)
  let from = 0
  return probabilities.map((p) => {
    const position = p * (count - 1)
    const k = Math.floor(position)
    if (k >= from) {
      selectWithin(values, k, from, count - 1)
      from = k
    }
    const fraction = position - k
    if (fraction === 0) return values[k]
    let above = values[k + 1]
    for (let i = k + 2; i < count; i++) if (values[i] < above) above = values[i]
    return values[k] + fraction * (above - values[k])
  })
}
