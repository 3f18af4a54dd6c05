/** YAML text to plain data that remembers where every value stands. */
import type { Document, Node, Pair, YAMLError } from 'yaml'
import type { Fault } from '../errors.js'
import { yaml } from './library.js'

export type Path = readonly (string | number)[]

/** What a text describes, for messages. */
export interface YamlKind {
  /** scenario | recipe */
  readonly noun: string
  /** A file to look at. */
  readonly example: string
}

export interface ParsedYaml {
  /** Plain data; an empty object when nothing could be read. */
  readonly data: Record<string, unknown>
  readonly faults: readonly Fault[]
  /** `file:line:column` of the value at `path`, or of the nearest ancestor that exists. With `key`, of that key itself. */
  where(path: Path, key?: string): string
}

/** Keys that would reach into the prototype of an object. */
export const FORBIDDEN_KEYS: readonly string[] = ['__proto__', 'constructor', 'prototype']

/** What is wrong at a place of a text, without the name of the text. */
export interface Misread {
  readonly offset: number
  readonly message: string
  readonly hint: string
}

/** Tags whose values are plain data. */
const PLAIN_TAG = /^(!|tag:yaml\.org,2002:(map|seq|str|int|float|bool|null))$/

/** What is valid YAML and has no place in plain data: the library would make it an empty mapping, or warn past our streams. */
export function misreadIn(doc: Document): Misread[] {
  const { isAlias, isScalar, visit } = yaml()
  const found: Misread[] = []
  visit(doc, {
    Pair: (_, { key }) => {
      const offset = (key as Node | null)?.range?.[0] ?? 0
      if (isAlias(key)) found.push({ offset, message: 'an alias in the place of a key', hint: 'write the key out' })
      else if (!isScalar(key))
        found.push({ offset, message: 'a list or a mapping in the place of a key', hint: 'a key is one word' })
      else if (FORBIDDEN_KEYS.includes(String(key.value)))
        found.push({ offset, message: `unknown key '${key.value}'`, hint: 'remove it' })
    },
    Node: (_, node) => {
      const offset = node.range?.[0] ?? 0
      const tag = isAlias(node) ? undefined : node.tag
      if (tag !== undefined && !PLAIN_TAG.test(tag)) {
        const shown = tag.replace('tag:yaml.org,2002:', '!!')
        found.push({ offset, message: `values with the tag ${shown} are not read`, hint: `write it without ${shown}` })
      } else if (isScalar(node) && node.value instanceof Date)
        found.push({ offset, message: 'a date is no value here', hint: 'quote it' })
    },
  })
  return found
}

/** What the YAML library says of the text; where it nests so deeply that the stack ends, it tells of the stack. */
export const saidOf = (message: string): string =>
  `not valid YAML: ${/call stack/.test(message) ? 'brackets or mappings are nested too deeply' : message}`

/** An error or a warning of the library; some are advice to programmers. */
export function misreadOf({ code, message, pos: [offset] }: YAMLError, hint: string): Misread {
  if (code === 'DUPLICATE_KEY') return { offset, message: 'this key is given twice', hint: 'keep one of the two' }
  if (code === 'MULTIPLE_DOCS')
    return { offset, message: 'a second document begins here, and one is read', hint: 'remove the line --- and what follows' }
  return { offset, message: saidOf(message), hint }
}

/** The data of a document, every alias a value of its own: what changes one place must not change those that name the same anchor. Throws an Error for too many aliases, and for one within its own anchor. */
export function plainDataOf(doc: Document): unknown {
  const above = new Set<unknown>()
  const copied = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value
    if (above.has(value)) throw new Error('an alias stands within its own anchor')
    above.add(value)
    const copy = Array.isArray(value)
      ? value.map(copied)
      : Object.fromEntries(Object.entries(value).map(([key, one]) => [key, copied(one)]))
    above.delete(value)
    return copy
  }
  return copied(doc.toJS({ maxAliasCount: 100 }))
}

/** Reads a mapping; never throws. */
export function parseYaml(text: string, file: string, { noun, example }: YamlKind): ParsedYaml {
  const { LineCounter, parseDocument } = yaml()
  const lines = new LineCounter()
  const doc = parseDocument(text, { lineCounter: lines, uniqueKeys: true, prettyErrors: false })
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset)
    return `${file}:${Math.max(1, line)}:${Math.max(1, col)}`
  }
  const problems = [...doc.errors, ...doc.warnings].map((one) => misreadOf(one, `see ${example} for the form of a ${noun}`))
  const faults: Fault[] = [...problems, ...misreadIn(doc)].map(({ offset, ...fault }) => ({ where: at(offset), ...fault }))
  const where = (path: Path, key?: string): string => at(offsetOf(doc.contents, path, key))
  if (faults.length > 0) return { data: {}, faults, where }
  try {
    const data = plainDataOf(doc)
    if (data !== null && typeof data === 'object' && !Array.isArray(data))
      return { data: data as Record<string, unknown>, faults, where }
    faults.push({
      where: at(0),
      message: data === null ? `the ${noun} is empty` : `a ${noun} is a mapping of keys to values`,
      hint: `start from ${example}`,
    })
  } catch (error) {
    faults.push({ where: at(0), message: saidOf((error as Error).message), hint: 'use fewer aliases' })
  }
  return { data: {}, faults, where }
}

function pairOf(node: unknown, key: string | number): Pair | undefined {
  const { isMap, isScalar } = yaml()
  return isMap(node) ? node.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(key)) : undefined
}

/** Offset of the value; of the deepest existing ancestor's key when the value is missing, which is where a reader would add it. */
function offsetOf(root: Node | null, path: Path, key?: string): number {
  const { isNode, isScalar } = yaml()
  let node: unknown = root
  let offset = root?.range?.[0] ?? 0
  for (const step of path) {
    const pair = pairOf(node, step)
    const next = pair
      ? pair.value
      : isNode(node) && 'get' in node
        ? (node as { get(k: unknown, keep: boolean): unknown }).get(step, true)
        : null
    if (!isNode(next)) return offset
    offset = (isScalar(next) || !pair ? next.range : (pair.key as Node).range)?.[0] ?? offset
    node = next
  }
  const named = key === undefined ? undefined : pairOf(node, key)
  return named ? ((named.key as Node).range?.[0] ?? offset) : offset
}
