/** Units of time by the words that users and columns have for them. */
import { UserError } from '../errors.js'
import { NS_PER_MS, NS_PER_S, NS_PER_US } from '../units.js'

const UNITS: Readonly<Record<string, number>> = { s: NS_PER_S, ms: NS_PER_MS, us: NS_PER_US, ns: 1 }

/** ns in a unit s, ms, us or ns. */
export function unitOf(word: string, path: string): number {
  if (Object.hasOwn(UNITS, word)) return UNITS[word]
  throw new UserError({ where: path, message: `time unit '${word}' is unknown`, hint: 'give s, ms, us or ns' })
}

/** Times that are in no unit. */
export type UnitlessTimes = 'dates' | 'times of day'

/** What a reader found out about the times of a file. */
export interface TimeFindings {
  readonly notes: readonly string[]
  /** What the times are, where nothing in the file is in the unit of the times. */
  readonly unitless?: UnitlessTimes
}
