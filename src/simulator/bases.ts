/** Ascending bases of the decoding sequences of a rank or a lane, see state.ts. */

/** Puts `base` among the `count` that begin at `first`. */
export function insertBase(sortedBases: Int32Array, first: number, count: number, base: number): void {
  let at = first + count
  while (at > first && sortedBases[at - 1] > base) {
    sortedBases[at] = sortedBases[at - 1]
    at--
  }
  sortedBases[at] = base
}

/** Takes `base` out; `left` bases remain. */
export function removeBase(sortedBases: Int32Array, first: number, left: number, base: number): void {
  const last = first + left
  let low = first
  let high = last
  while (low < high) {
    const middle = (low + high) >> 1
    if (sortedBases[middle] < base) low = middle + 1
    else high = middle
  }
  for (let at = low; at < last; at++) sortedBases[at] = sortedBases[at + 1]
}

/** base mod blockSize in [0, blockSize); bases may be negative. */
export function modulo(base: number, blockSize: number): number {
  const rest = base % blockSize
  return rest < 0 ? rest + blockSize : rest
}
