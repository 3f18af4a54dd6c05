/** Values to a readable inverse CDF: the fewest knots between which straight lines stay close to the sample's own. */
import type { TableSpec } from '../generate/laws.js'
import { quantile } from '../statistics/distribution.js'

/** Percentages looked at: every 0.25, and finer in the tails as far as the sample reaches. */
const STEP = 0.25
const TAILS = [0.01, 0.02, 0.05, 0.1]
/** A knot is left out when the line passes it within this share of its value, and within `nearest`. */
const CLOSE = 0.004

/** `nearest`: how close is always close enough, in the unit of the values; they are rounded to whole multiples of `unit`, or to 4 digits. */
export function tableOf(values: ArrayLike<number>, { nearest = 0, unit = 0 } = {}): TableSpec {
  const sorted = Float64Array.from(values).sort()
  const p = percentages(sorted.length)
  const x = p.map((at) => rounded(quantile(sorted, at / 100), unit))
  const kept = thinned(p, x, nearest)
  return { p: kept.map((i) => p[i]), x: kept.map((i) => x[i]) }
}

function percentages(count: number): number[] {
  const list: number[] = []
  for (let at = 0; at <= 100; at += STEP) list.push(at)
  for (const tail of TAILS) if ((tail / 100) * count >= 1) list.push(tail, Number((100 - tail).toFixed(2)))
  return list.sort((a, b) => a - b)
}

const rounded = (value: number, unit: number): number =>
  unit > 0 ? Math.round(value / unit) * unit : Number(value.toPrecision(4))

/** Indexes kept, by splitting where the straight line is furthest off (U. Ramer, 1972). */
function thinned(p: readonly number[], x: readonly number[], nearest: number): number[] {
  const kept = [0, p.length - 1]
  const open: [number, number][] = [[0, p.length - 1]]
  for (let range = open.pop(); range !== undefined; range = open.pop()) {
    const [from, to] = range
    let worst = -1
    let excess = 0
    for (let i = from + 1; i < to; i++) {
      const line = x[from] + ((x[to] - x[from]) * (p[i] - p[from])) / (p[to] - p[from])
      // an atom at 0 is kept: requests at one time are together, those a moment apart are not
      const close = x[i] === 0 ? 0 : Math.max(nearest, CLOSE * Math.abs(x[i]))
      const beyond = Math.abs(line - x[i]) - close
      if (beyond > excess) {
        excess = beyond
        worst = i
      }
    }
    if (worst < 0) continue
    kept.push(worst)
    open.push([from, worst], [worst, to])
  }
  return kept.sort((a, b) => a - b)
}
