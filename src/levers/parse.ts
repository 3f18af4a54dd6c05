/** Policy names with arguments, as written in a scenario: `fixed-count(8)`, `length-aware(b=0.5,o=2)`. */
import { UserError } from '../errors.js'

export interface PolicyCall {
  readonly name: string
  readonly positional: readonly PolicyArgument[]
  readonly named: Readonly<Record<string, PolicyArgument>>
}

/** A number, or a word such as `longest-first`. */
export type PolicyArgument = number | string

export function parseCall(where: string, text: string): PolicyCall {
  const match = /^\s*([a-z][a-z0-9-]*)\s*(?:\(([^()]*)\))?\s*$/.exec(text)
  if (match === null) {
    throw new UserError({
      where,
      message: `"${text}" is not a policy`,
      hint: 'write a name with arguments, such as fixed-count(8)',
    })
  }
  const positional: PolicyArgument[] = []
  const named: Record<string, PolicyArgument> = {}
  const body = (match[2] ?? '').trim()
  for (const part of body === '' ? [] : body.split(',')) {
    const argument = /^\s*(?:([a-z]+)\s*=\s*)?(\S+)\s*$/.exec(part)
    const isWord = argument !== null && /^[a-z][a-z-]*$/.test(argument[2])
    const value = argument === null ? Number.NaN : isWord ? argument[2] : Number(argument[2])
    if (argument === null || (typeof value === 'number' && !Number.isFinite(value))) {
      throw new UserError({
        where,
        message: `argument "${part.trim()}" of ${match[1]} is not a number`,
        hint: 'write a plain number',
      })
    }
    if (argument[1] === undefined) {
      positional.push(value)
      continue
    }
    if (Object.hasOwn(named, argument[1])) {
      throw new UserError({
        where,
        message: `argument ${argument[1]} of ${match[1]} is given twice`,
        hint: `remove one ${argument[1]}=`,
      })
    }
    named[argument[1]] = value
  }
  return { name: match[1], positional, named }
}
