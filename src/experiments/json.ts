/** The printed JSON of a result: stable key order, numbers to six significant digits, no pictures. */
import type { AblationResult, ComparisonResult } from './result.js'

export function comparisonJson(result: ComparisonResult): string {
  const { pictures: _pictures, ...printed } = result
  return printedJson(printed)
}

export const ablationJson = (result: AblationResult): string => printedJson(result)

const printedJson = (value: unknown): string =>
  `${JSON.stringify(value, (_, held) => (typeof held === 'number' ? sixDigits(held) : held), 2)}\n`

export const sixDigits = (value: number): number | null =>
  Number.isFinite(value) ? (Number.isInteger(value) ? value : Number(value.toPrecision(6))) : null
