/** The printed JSON of a comparison: stable key order, numbers to six significant digits, no pictures. */
import type { ComparisonResult } from './result.js'

export function comparisonJson(result: ComparisonResult): string {
  const { pictures: _pictures, ...printed } = result
  return `${JSON.stringify(printed, (_, value) => (typeof value === 'number' ? sixDigits(value) : value), 2)}\n`
}

export const sixDigits = (value: number): number | null =>
  Number.isFinite(value) ? (Number.isInteger(value) ? value : Number(value.toPrecision(6))) : null
