/** Small words and numbers of the page. */
import { quantileSorted } from 'simple-statistics'
import type { PairedRatio } from '../../experiments/statistics.js'

/** A ratio as a gain: 1.234 is +23.4 %. */
export function percent(ratio: number): string {
  const gain = (ratio - 1) * 100
  const text = Math.abs(gain) >= 100 ? Math.abs(gain).toFixed(0) : Math.abs(gain).toFixed(1)
  return `${gain < 0 && Number(text) !== 0 ? '-' : '+'}${text} %`
}

/** The least and the greatest of some gains; once where they print alike. */
export function spread(ratios: readonly number[]): string {
  const [least, most] = [percent(Math.min(...ratios)), percent(Math.max(...ratios))]
  return least === most ? least : `${least} to ${most}`
}

/** Gain with its interval; '' where there is none. */
export function interval({ ratio, ci95 }: PairedRatio): string {
  if (ratio === null) return ''
  return ci95 === null ? percent(ratio) : `${percent(ratio)} [${bounds(ci95)}]`
}

export const bounds = ([low, high]: readonly [number, number]): string =>
  `${percent(low).replace(' %', '')}, ${percent(high).replace(' %', '')}`

export const fact = (value: number | null | undefined, digits = 2): string =>
  value === null || value === undefined ? '' : Number(value.toPrecision(digits)).toString()

/** Quantile q of values in any order; half-way between the middle two where they are even in number. */
export const quantile = (values: readonly number[], q: number): number =>
  quantileSorted(
    [...values].sort((a, b) => a - b),
    q,
  )

export const pValue = (p: number): string => (p < 0.001 ? '< 0.001' : p.toFixed(3))
