/** Schema issues as faults a person can act on: path, what was expected, what was found. */
import type { ZodError } from 'zod'
import { suggest } from '../suggest.js'
import type { Path, YamlKind } from './text.js'

/** A fault before its position is known. */
export interface Problem {
  readonly path: Path
  /** Names a key of the mapping at `path` when the key itself is at fault. */
  readonly key?: string
  readonly message: string
  readonly hint?: string
}

/** `engines[0].tp`: the way a reader would write it. */
export function showPath(path: Path): string {
  return path.reduce<string>(
    (text, step) => (typeof step === 'number' ? `${text}[${step}]` : text ? `${text}.${step}` : String(step)),
    '',
  )
}

/** A value, short enough for one line. */
function show(value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a mapping'
  const text = typeof value === 'string' ? `'${value}'` : String(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

/** The form that the data was checked against. */
export interface CheckedForm extends YamlKind {
  /** Keys allowed in the mapping at a path. */
  readonly keysAt: (path: Path) => readonly string[]
  /** What to do about an unknown key where `keysAt` lists none. */
  readonly otherwise?: string
}

export function problemsOf(error: ZodError, data: unknown, form: CheckedForm): Problem[] {
  const problems: Problem[] = []
  const seen = new Set<string>()
  for (const issue of error.issues) {
    const path = issue.path as Path
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        problems.push({ path, key, message: `${showPath([...path, key])}: unknown key`, hint: unknownKeyHint(key, path, form) })
      }
      continue
    }
    const at = showPath(path)
    if (seen.has(at)) continue
    seen.add(at)
    const value = valueAt(data, path)
    const message = issue.code === 'invalid_key' ? expectedKey(issue) : issue.message
    problems.push({
      path,
      message: `${at || form.noun}: ${message}, got ${issue.code === 'invalid_key' ? show(path.at(-1)) : show(value)}`,
      hint: hintFor(value, message, form.example),
    })
  }
  return problems
}

/** What to do about a key that the mapping at `path` does not have. */
export function unknownKeyHint(key: string, path: Path, form: CheckedForm): string {
  if (key === '<<') return 'merge keys are not read: write the keys out, or let an alias be the whole value'
  const known = form.keysAt(path)
  // {split:length-aware} is one key without a value
  const glued = /^\w+:\S/.test(key) ? 'write a space after the colon; ' : ''
  return glued + (known.length > 0 ? suggest(key, known) : (form.otherwise ?? 'remove it'))
}

function expectedKey(issue: { readonly issues?: readonly { readonly message: string }[] }): string {
  return issue.issues?.[0]?.message ?? 'expected a name'
}

function valueAt(data: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, step) => (value as Record<string | number, unknown> | undefined)?.[step], data)
}

/** A remedy for the commonest slips: a unit glued to a number, a number in words, a choice misspelt. */
function hintFor(value: unknown, message: string, example: string): string | undefined {
  if (value === undefined) return `add this key; see ${example}`
  if (value === null) return 'give a value, or remove the key to take the default'
  const choices = /^expected one of (.*)$/.exec(message)
  if (choices) return suggest(String(value), choices[1].split(', '))
  if (typeof value === 'string' && /number/.test(message)) {
    if (/^[\d.,_]+\s*[a-zA-Z%/]+$/.test(value)) return 'write the number alone: the unit is part of the key'
    if (/^\d{1,3}([_,' ]\d{3})+$/.test(value)) return 'write the digits alone, without separators'
    if (/^\d+,\d+$/.test(value)) return 'write a point before the decimals'
    return 'write a plain number, without quotes'
  }
  if (/^expected a mapping/.test(message)) return 'give each of its keys a value; with --set, one KEY.NAME=VALUE for each'
  return 'change it to a value in this range'
}
