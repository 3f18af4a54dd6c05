/** Units of time by the words that users and columns have for them. */
import { UserError } from '../errors.js'
import { NS_PER_MS, NS_PER_S, NS_PER_US } from '../units.js'

const UNITS: Readonly<Record<string, number>> = { s: NS_PER_S, ms: NS_PER_MS, us: NS_PER_US, ns: 1 }

/** ns in a unit s, ms, us or ns. */
export function unitOf(word: string, path: string): number {
  if (Object.hasOwn(UNITS, word)) return UNITS[word]
  throw new UserError({ where: path, message: `time unit '${word}' is unknown`, hint: 'give s, ms, us or ns' })
}

/** Throws when a unit was `chosen` for times that are `kind`. */
export function refuseUnit(path: string, chosen: string | undefined, kind: string): void {
  if (chosen !== undefined)
    throw new UserError({ where: path, message: `the time unit has no effect: the times are ${kind}`, hint: 'leave it out' })
}
