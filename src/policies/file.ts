/** A user's policy file: read once in a process, so that every thread runs the same text; evaluated anew for each simulation, so that no module state outlives one. */
import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { getFormattedTokens, transform } from 'sucrase'
import { UserError } from '../errors.js'
import * as levers from '../levers/index.js'
import type { Chance } from '../levers/lever.js'
import { textFault } from '../textFile.js'
import { compileModule, LOAD_LIMIT_MS, type Module, runModule } from './sandbox.js'
import { aboutFile } from './sentence.js'
import { tryElsewhere } from './trial.js'

/** Larger than any policy; a trace given by mistake is not read whole. */
const MAX_BYTES = 2 ** 20
const ENDING = /\.(ts|mts|js|mjs)$/

export interface PolicyFile {
  readonly path: string
  readonly text: string
  /** First 12 hex digits of the sha256 of `text`. */
  readonly hash: string
}

/** What a policy may import from `shapewise`: constants and the pure functions a planner needs. Types vanish. */
const LIBRARY: Readonly<Record<string, unknown>> = {
  SPLIT_COUNT: levers.SPLIT_COUNT,
  SPLIT_SIZE: levers.SPLIT_SIZE,
  SPLIT_PER_REQUEST: levers.SPLIT_PER_REQUEST,
  SPLIT_PAYLOAD: levers.SPLIT_PAYLOAD,
  SPLIT_GRID: levers.SPLIT_GRID,
  SPLIT_LAUNCHES: levers.SPLIT_LAUNCHES,
  CHUNK_CANDIDATES: levers.CHUNK_CANDIDATES,
  createSplitModel: levers.createSplitModel,
  occupancyCount: levers.occupancyCount,
  floorNs: levers.floorNs,
  grahamNs: levers.grahamNs,
}

const files = new Map<string, PolicyFile>()
const modules = new Map<string, Module>()

/** Files read so far, for threads that are to run the same. */
export const policyFiles = (): PolicyFile[] => [...files.values()]

export function adoptPolicyFiles(given: readonly PolicyFile[]): void {
  for (const file of given) files.set(file.path, file)
}

/** Throws UserError, naming `where`. */
export function readPolicyFile(path: string, where: string): PolicyFile {
  const known = files.get(path)
  if (known) return known
  const fail = (message: string, hint: string): never => {
    throw new UserError({ where, message: aboutFile(path, where, `: ${message}`), hint })
  }
  if (!ENDING.test(path))
    fail('a policy of your own is a file that ends in .ts, .mts, .js or .mjs', '`shapewise levers` lists the shipped policies')
  const stat = statSync(path, { throwIfNoEntry: false })
  if (!stat?.isFile()) fail('no such file', '`shapewise policy new LEVER FILE` writes one to begin with')
  if ((stat?.size ?? 0) > MAX_BYTES) fail(`has ${stat?.size} bytes, more than a policy may (${MAX_BYTES})`, 'check the path')
  let bytes = Buffer.alloc(0)
  try {
    bytes = readFileSync(path)
  } catch (error) {
    fail(`cannot be read: ${(error as Error).message}`, 'check the permissions of the file')
  }
  const fault = textFault(bytes)
  if (fault !== null) fail(fault.message, fault.hint)
  const text = bytes.toString('utf8')
  const file = { path, text, hash: createHash('sha256').update(text).digest('hex').slice(0, 12) }
  files.set(path, file)
  return file
}

/** The default export of the file, evaluated in a fresh realm; a function is called with a `Chance`. The first time a file is seen, elsewhere before it is here. */
export function evaluate(file: PolicyFile, where: string): unknown {
  if (!modules.has(keyOf(file))) tryElsewhere(file, where)
  return evaluateHere(file, where)
}

const keyOf = ({ path, hash }: PolicyFile): string => `${path} ${hash}`

/** The same in this process, whatever it costs: for the trial itself, and for what has passed it. Throws UserError, naming `where`. */
export function evaluateHere(file: PolicyFile, where: string): unknown {
  const fail = (what: string, error: unknown, hint: string): never => {
    throw new UserError({ where, message: aboutFile(file.path, where, ` ${what}: ${describeThrown(error, file.path)}`), hint })
  }
  const key = keyOf(file)
  let module = modules.get(key)
  if (module === undefined) {
    // outside of the try: that it cannot be found is no fault of the file
    const { transform, getFormattedTokens } = stripper()
    let late: string | null = null
    try {
      const code = commonJs(file, transform)
      late = asyncIn(getFormattedTokens(file.text, { transforms: kindOf(file) }))
      if (late === null) module = compileModule(code, file.path)
    } catch (error) {
      return fail('cannot be read', error, 'mend the line; `shapewise policy new LEVER FILE` writes a policy that runs')
    }
    // what a promise does later belongs to no decision, and a rejection would end the process from within nowhere
    if (module === undefined)
      throw new UserError({
        where,
        message: aboutFile(file.path, where, `:${late}, and a policy decides at once`),
        hint: 'remove async and await: a decision is a plain function of what the view shows',
      })
    modules.set(key, module)
  }
  let run: ReturnType<typeof runModule>
  try {
    run = runModule(module, LIBRARY)
  } catch (error) {
    return fail('fails while it is loaded', error, 'mend it, or compare it with what `shapewise policy new LEVER FILE` writes')
  }
  const { exports, inside } = run
  const { default: make } = exports
  return typeof make === 'function' ? (chance: Chance): unknown => make(inside(chance)) : make
}

/** The stripper is loaded when it is first needed. Lines keep their numbers. */
const stripper = () => createRequire(import.meta.url)('sucrase') as Stripper
interface Stripper {
  readonly transform: typeof transform
  readonly getFormattedTokens: typeof getFormattedTokens
}

/** By its ending, what is to be stripped of a file. */
const kindOf = ({ path }: PolicyFile): ('typescript' | 'imports')[] =>
  /\.m?ts$/.test(path) ? ['typescript', 'imports'] : ['imports']

/** What follows `async` where it begins a function: of any name, arrow or method. */
const FUNCTION_KINDS = ['name', 'string', 'num', 'function', '(', '<', '*', '[', '#']

/**
 * The line of the first async function, await or import() and what it is, as `3 is async`; null without any. `tokens`: one a line, with its place, kind,
 * text and two numbers, and whether it is of a type.
 */
function asyncIn(tokens: string): string | null {
  const rows = tokens.split('\n').map((row) => /^(\d+):\S+\s+(\S+)\s+(\S+)(?:\s+\d+\s+\d+\s+(isType))?/.exec(row)?.slice(1) ?? [])
  for (const [i, [line, kind, text, isType]] of rows.entries()) {
    const [nextLine, next] = rows[i + 1] ?? []
    if (isType) continue
    const isWord = text === 'async' && kind !== 'string' && rows[i - 1]?.[1] !== '.'
    if (text === 'await' && kind === 'name' && rows[i - 1]?.[1] !== '.' && next !== ':') return `${line} awaits`
    if (isWord && nextLine === line && FUNCTION_KINDS.includes(next)) return `${line} is async`
    if (kind === 'import' && next === '(') return `${line} imports while it runs`
  }
  return null
}

/** Types stripped, imports and exports as in CommonJS. */
const commonJs = (file: PolicyFile, strip: typeof transform): string =>
  strip(file.text, { transforms: kindOf(file), production: true }).code

/** A module in TypeScript as a module in JavaScript. */
export const withoutTypes = (text: string): string =>
  stripper().transform(text, { transforms: ['typescript'], production: true, disableESTransforms: true }).code

const NO_TEXT = 'threw an object that has no text'

/** Name, message and place within the file. What is thrown comes from another realm, where Error is another class. */
export function describeThrown(thrown: unknown, path: string): string {
  if (thrown === null || typeof thrown !== 'object') return `threw ${String(thrown)}`
  try {
    return describeError(thrown, path)
  } catch {
    return NO_TEXT
  }
}

function describeError(thrown: object, path: string): string {
  const { name = 'Error', message = '', stack = '', code } = thrown as Partial<NodeJS.ErrnoException>
  if (code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return `it was ended after ${LOAD_LIMIT_MS / 1e3} s; look for an endless loop`
  const at = String(stack).split(path)[1]
  const place = at === undefined ? '' : (/^:\d+(:\d+)?/.exec(at)?.[0] ?? '')
  const told = [name === 'Error' ? '' : name, message].filter((part) => part !== '').join(': ')
  return `${told === '' ? NO_TEXT : told}${place === '' ? '' : ` (${path}${place})`}`
}
