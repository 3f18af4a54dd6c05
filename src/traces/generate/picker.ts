/** Choosing by shares. */

/** Uniform number -> index by shares; the number of shares when it lies beyond their sum. */
export function picker(shares: readonly number[]): (u: number) => number {
  const upTo = new Float64Array(shares.length)
  let sum = 0
  for (let k = 0; k < shares.length; k++) {
    sum += shares[k]
    upTo[k] = sum
  }
  // shares that were meant to add up to 1 do so but for rounding
  if (Math.abs(sum - 1) < 1e-3) upTo[shares.length - 1] = 1
  return (u) => firstAbove(upTo, u)
}

/** Index of the first of the ascending values that is above `value`, their number if none is. */
export function firstAbove(ascending: ArrayLike<number>, value: number): number {
  let low = 0
  let high = ascending.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (ascending[middle] <= value) low = middle + 1
    else high = middle
  }
  return low
}
