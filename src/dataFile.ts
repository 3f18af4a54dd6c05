/** Reading a JSON data file with a schema: shipped ones by name, a user's own by path. A leaf: knows no architecture and no rack. */
import { readFileSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ZodType } from 'zod'
import type { $ZodIssue } from 'zod/v4/core'
import { UserError } from './errors.js'
import { refuseEndless, textOf } from './textFile.js'

export interface DataFileRequest<T> {
  /** Word for messages: system | model. */
  readonly kind: string
  readonly nameOrPath: string
  readonly names: readonly string[]
  readonly folder: URL
  readonly schema: ZodType<T>
  /** Reads a file of the user's own again, though it is known. Default: false. */
  readonly anew?: boolean
}

/** Larger than any description of a rack or a model; keeps a wrong path (a trace, a disk image) from being read whole. */
const MAX_BYTES = 4 * 2 ** 20

/** A file is checked once: compiling a checker for its schema would take longer than the check. */
const PARSE_ONCE = { jitless: true } as const

/** By kind and path. What was checked and hashed is what is used later, though the file of a user has been edited since. */
const cache = new Map<string, unknown>()

/** True for what is meant as a path and not as a shipped name. */
export const looksLikePath = (text: string): boolean => text.includes('/') || text.includes('\\') || text.endsWith('.json')

export function readDataFile<T>(request: DataFileRequest<T>): T {
  const { kind, nameOrPath, names, folder, anew = false } = request
  const own = looksLikePath(nameOrPath)
  if (!own && !names.includes(nameOrPath)) {
    throw new UserError({
      where: kind,
      message: `unknown ${kind} '${nameOrPath}'`,
      hint: `use one of ${names.join(', ')}, or the path of a .json file of your own`,
    })
  }
  const path = own ? nameOrPath : fileURLToPath(new URL(`${nameOrPath}.json`, folder))
  const key = `${kind}:${resolve(path)}`
  const known = own && anew ? undefined : cache.get(key)
  if (known !== undefined) return known as T
  const value = parse(request, path)
  cache.set(key, value)
  return value
}

/** The remedy of a rule of ours, which it carries in its parameters. */
const hintOf = (issue: $ZodIssue): string | undefined =>
  issue.code === 'custom' ? (issue.params?.hint as string | undefined) : undefined

function parse<T>({ kind, schema, folder }: DataFileRequest<T>, path: string): T {
  const shipped = `data/${basename(fileURLToPath(folder))}`
  const hint = `give a readable ${kind} file in JSON; the shipped ones in ${shipped} are examples`
  let json: unknown
  try {
    if (refuseEndless(path).size > MAX_BYTES) throw new Error(`larger than ${MAX_BYTES} bytes`)
    json = JSON.parse(textOf(readFileSync(path), path))
  } catch (error) {
    if (error instanceof UserError) throw error
    throw new UserError({ where: path, message: `cannot read the ${kind} file: ${(error as Error).message}`, hint })
  }
  const checked = schema.safeParse(json, PARSE_ONCE)
  if (checked.success) return checked.data
  throw new UserError(
    checked.error.issues.map((issue) => ({
      where: path,
      message: `${issue.path.length ? `${issue.path.join('.')}: ` : ''}${issue.message}`,
      hint: hintOf(issue) ?? `compare with a shipped file in ${shipped}`,
    })),
  )
}
