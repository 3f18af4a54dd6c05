/**
 * Where a sequence changes: of all ways to cut it into pieces the one with the largest likelihood less a price for every piece. Exact, by dynamic
 * programming (J. Scargle et al., "Bayesian Blocks", Astrophysical Journal 764, 2013), with beginnings dropped that can never be the best
 * again (R. Killick et al., Journal of the American Statistical Association 107, 2012).
 */

/** Log likelihood of the piece [from, to) under its own best constant law: cutting a piece never makes the sum smaller. */
export type Likelihood = (from: number, to: number) => number

/** The first element of each piece, ascending from 0; `length` >= 1. */
export function changePoints(length: number, likelihood: Likelihood, price: number): number[] {
  const best = new Float64Array(length + 1)
  const last = new Int32Array(length + 1)
  const open = new Int32Array(length + 1)
  const totals = new Float64Array(length + 1)
  let count = 1
  for (let to = 1; to <= length; to++) {
    best[to] = Number.NEGATIVE_INFINITY
    for (let k = 0; k < count; k++) {
      totals[k] = best[open[k]] + likelihood(open[k], to)
      if (totals[k] - price > best[to]) {
        best[to] = totals[k] - price
        last[to] = open[k]
      }
    }
    let kept = 0
    for (let k = 0; k < count; k++) if (totals[k] >= best[to]) open[kept++] = open[k]
    open[kept++] = to
    count = kept
  }
  const starts: number[] = []
  for (let to = length; to > 0; to = last[to]) starts.push(last[to])
  return starts.reverse()
}

/** x ln x of whole numbers from 0 to `most`. */
export function xLogX(most: number): Float64Array {
  const table = new Float64Array(most + 1)
  for (let x = 2; x <= most; x++) table[x] = x * Math.log(x)
  return table
}
