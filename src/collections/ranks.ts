/** Ranks from 0; equal values share the mean of their ranks. `order`: the places of the values, ascending by value. */
export function ranksOf(values: ArrayLike<number>, order: ArrayLike<number> = ascending(values)): Float64Array {
  const n = values.length
  const ranks = new Float64Array(n)
  for (let from = 0; from < n; ) {
    let to = from
    while (to + 1 < n && values[order[to + 1]] === values[order[from]]) to++
    for (let i = from; i <= to; i++) ranks[order[i]] = (from + to) / 2
    from = to + 1
  }
  return ranks
}

const ascending = (values: ArrayLike<number>): number[] =>
  Array.from(values, (_, place) => place).sort((a, b) => values[a] - values[b])
