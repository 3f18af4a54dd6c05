/** Order statistics: repeated selection on narrowing ranges for a few of them, a sort for many. Deterministic; reorders `values` in place. */

/** Ranges longer than this take their pivot from a sample (R. Floyd and R. Rivest, Algorithm 489 SELECT, CACM 18, 1975). */
const SAMPLED = 600

/** Puts the k-th smallest of values[low..high] at index k, smaller ones before it, larger ones after. Bounds inclusive. */
function selectWithin(values: Float64Array, k: number, low: number, high: number): void {
  while (low < high) {
    if (high - low > SAMPLED) selectInSample(values, k, low, high)
    const pivot = high - low > SAMPLED ? values[k] : medianOfThree(values[low], values[(low + high) >> 1], values[high])
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

/** Puts at index k a value that is very probably just beyond the k-th smallest on the side of the shorter part. */
function selectInSample(values: Float64Array, k: number, low: number, high: number): void {
  const n = high - low + 1
  const i = k - low + 1
  const z = Math.log(n)
  const size = 0.5 * Math.exp((2 * z) / 3)
  const shift = 0.5 * Math.sqrt((z * size * (n - size)) / n) * Math.sign(i - n / 2)
  const from = Math.max(low, Math.floor(k - (i * size) / n + shift))
  const to = Math.min(high, Math.floor(k + ((n - i) * size) / n + shift))
  selectWithin(values, k, from, to)
}

const medianOfThree = (a: number, b: number, c: number): number => Math.max(Math.min(a, b), Math.min(Math.max(a, b), c))

/** From this many quantiles on a sort is cheaper. */
const SORT_BEYOND = 16

/**
 * Quantiles of the first `count` values at ascending probabilities in [0, 1], by linear interpolation between order statistics
 * (position p (count - 1), the rule of NumPy's default). NaN for an empty sample. Reorders the values; none may be NaN.
 */
export function quantilesOf(values: Float64Array, count: number, probabilities: readonly number[]): number[] {
  if (count === 0) return probabilities.map(() => Number.NaN)
  const sorted = probabilities.length > SORT_BEYOND
  if (sorted) values.subarray(0, count).sort()
  let from = 0
  return probabilities.map((p) => {
    const position = p * (count - 1)
    const k = Math.floor(position)
    if (!sorted && k >= from) {
      selectWithin(values, k, from, count - 1)
      from = k
    }
    const fraction = position - k
    if (fraction === 0) return values[k]
    let above = values[k + 1]
    if (!sorted) for (let i = k + 2; i < count; i++) if (values[i] < above) above = values[i]
    return values[k] + fraction * (above - values[k])
  })
}
