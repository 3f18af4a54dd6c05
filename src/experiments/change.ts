/** Ratios as they are printed. Apart from statistics.ts, so that who prints a single run loads no statistics. */

/** A ratio arm / baseline as the change in percent that is printed: one decimal, from 100 % on none. 1.0434 -> 4.3 */
export function changePercent(ratio: number): number {
  const value = Number(((ratio - 1) * 100).toFixed(1))
  return Math.abs(value) >= 100 ? Math.round(value) : value
}

/** Whether an interval of ratios, as printed, includes zero: a bound that prints as 0.0 does. */
export const includesZero = ([low, high]: readonly [number, number]): boolean =>
  changePercent(low) <= 0 && changePercent(high) >= 0

/** A ratio, with the bounds of its 95 % interval where there is one. */
export interface Change {
  readonly ratio: number | null
  readonly ci95: readonly [number, number] | null
}

/** A gap of at most this, as printed, is none to take shares of. Percent. */
const LEAST_GAP = 0.1

/** Why the gap between an oracle and a baseline, given as their ratio, is none to take shares of; null where it is one. */
export function gapDoubt({ ratio, ci95 }: Change): string | null {
  if (ratio === null || Math.abs(changePercent(ratio)) <= LEAST_GAP) return 'too small a gap to take shares of'
  return ci95 !== null && includesZero(ci95) ? 'the replicates leave open that there is a gap' : null
}
