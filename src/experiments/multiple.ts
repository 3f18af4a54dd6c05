/** Tests on paired log ratios, and what becomes of p values when there are many of them. */
import { ranksOf } from '../collections/ranks.js'

/**
 * Two-sided p value of Wilcoxon's signed-rank test that the values lie symmetrically about 0 (F. Wilcoxon, Biometrics Bulletin 1, 1945). Zeros are left
 * out, ties share their mean rank; 1 when nothing is left. Counted out, so exact.
 */
export function signedRankP(values: readonly number[]): number {
  const kept = values.filter((value) => value !== 0)
  if (kept.length === 0) return 1
  // doubled ranks from 1, so that shared ones stay whole numbers
  const ranks = ranksOf(kept.map(Math.abs)).map((rank) => 2 * rank + 2)
  const total = ranks.reduce((sum, rank) => sum + rank, 0)
  const positive = kept.reduce((sum, value, i) => (value > 0 ? sum + ranks[i] : sum), 0)
  const extreme = Math.min(positive, total - positive)
  // share[s]: of all choices of signs those whose positive ranks add up to s
  const share = new Float64Array(total + 1)
  share[0] = 1
  for (const rank of ranks)
    for (let sum = total; sum >= 0; sum--) share[sum] = (share[sum] + (sum >= rank ? share[sum - rank] : 0)) / 2
  let below = 0
  for (let sum = 0; sum <= extreme; sum++) below += share[sum]
  return Math.min(1, 2 * below)
}

/**
 * p values made fit to be read together: Holm's step-down adjustment, which keeps the chance of one false alarm among all of them below the level (S. Holm,
 * Scandinavian Journal of Statistics 6, 1979). In the order given; never below what was given, never above 1.
 */
export function holm(ps: readonly number[]): number[] {
  const order = ps.map((_, i) => i).sort((a, b) => ps[a] - ps[b])
  const adjusted = new Array<number>(ps.length)
  let highest = 0
  order.forEach((at, place) => {
    highest = Math.max(highest, Math.min(1, (ps.length - place) * ps[at]))
    adjusted[at] = highest
  })
  return adjusted
}
