/** The printed JSON of a result: stable key order, numbers to six significant digits, no pictures. */
import { sixDigits } from '../units.js'
import type { AblationResult, ComparisonResult } from './result.js'

/** What `compare --format json` prints (docs/EXPERIMENTS.md). */
export function comparisonJson(result: ComparisonResult): string {
  const { pictures: _pictures, ...printed } = result
  return printedJson(printed)
}

export const ablationJson = (result: AblationResult): string => printedJson(result)

const printedJson = (value: unknown): string =>
  `${JSON.stringify(value, (_, held) => (typeof held === 'number' ? printedNumber(held) : held), 2)}\n`

/** A number in JSON; null where it is none. */
export const printedNumber = (value: number): number | null =>
  Number.isFinite(value) ? (Number.isInteger(value) ? value : sixDigits(value)) : null
