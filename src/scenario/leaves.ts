/** Leaves of a schema. */
import * as z from 'zod'

/** Every leaf says what it expects; the issue becomes `path: expected …, got …`. */
export const expecting = (what: string) => ({ error: () => `expected ${what}` })

export const integer = (min: number, max: number, unit: string) => {
  const says = expecting(`a whole number of ${unit} from ${min} to ${max}`)
  return z.int(says).min(min, says).max(max, says)
}
export const positive = (max: number, unit: string) => {
  const says = expecting(`a number > 0 and <= ${max} (${unit})`)
  return z.number(says).gt(0, says).max(max, says)
}
export const choice = <const T extends readonly [string, ...string[]]>(values: T) =>
  z.enum(values, expecting(`one of ${values.join(', ')}`))
/** No path of a file has control characters, nor has any name that a user chose. */
export const text = (what: string) => {
  const says = expecting(`${what}, without control characters`)
  return z
    .string(expecting(what))
    .min(1, expecting(what))
    .max(1024, expecting(what))
    .regex(/^\P{Cc}*$/u, says)
}
export const name = (what: string) =>
  z
    .string(expecting(what))
    .regex(/^[A-Za-z][A-Za-z0-9._-]{0,63}$/, expecting(`${what}: a letter, then letters, digits, '.', '_' or '-'`))
export const flag = z.boolean(expecting('true or false'))
