/** Options that mean the same in every command, and how their values are read. Every value arrives as text. */
import { availableParallelism } from 'node:os'
import type { Argv, Options } from 'yargs'
import { UserError } from '../errors.js'
import { LEVERS, type LeverName } from '../levers/lever.js'
import { type ArmInput, flagGiving, refuseUndone } from '../scenario/overrides.js'

export const formatOption = {
  type: 'string',
  choices: ['table', 'json'],
  default: 'table',
  describe: 'Output format on stdout',
  requiresArg: true,
} as const satisfies Options
export const setOption = {
  type: 'string',
  array: true,
  requiresArg: true,
  describe: 'Override a key of the scenario, as in experiment.replicates=4 (repeatable; keys: docs/SCENARIO.md)',
} as const satisfies Options
export const seedOption = {
  type: 'string',
  requiresArg: true,
  describe: 'Seed of traffic and of every random number',
} as const satisfies Options
export const quietOption = { type: 'boolean', default: false, describe: 'No progress on stderr' } as const satisfies Options
const outOption = {
  type: 'string',
  requiresArg: true,
  describe: 'Folder of the results (default: runs/<UTC>-<hash>; with --format json none)',
} as const satisfies Options
export const overwriteOption = {
  type: 'boolean',
  default: false,
  describe: 'Replace the folder named by --out',
} as const satisfies Options

export const armOption = {
  type: 'string',
  default: 'static',
  requiresArg: true,
  describe:
    'static, shape-aware, an arm of the scenario, or one of your own: NAME=LEVER:POLICY[,LEVER:POLICY...]; levers not named are those of static',
} as const satisfies Options

/** `NAME=LEVER:POLICY[,LEVER:POLICY...]`; commas within parentheses belong to a policy. */
export function armInput(text: string): ArmInput {
  const flag = `--arm ${text}`
  const fail = (message: string): never => {
    throw new UserError({ where: flag, message, hint: 'for example --arm mine=rank:./my-policy.ts,split:k-waves(2)' })
  }
  const equals = text.indexOf('=')
  const name = text.slice(0, Math.max(0, equals)).trim()
  if (equals < 1 || name === '') fail('is not of the form NAME=LEVER:POLICY')
  const policies: Partial<Record<LeverName, string>> = {}
  for (const part of text.slice(equals + 1).split(/,(?![^()]*\))/)) {
    const [, lever, policy] = /^\s*([a-z]+)\s*:\s*(\S.*?)\s*$/.exec(part) ?? fail(`'${part}' is not of the form LEVER:POLICY`)
    if (!(LEVERS as readonly string[]).includes(lever)) fail(`there is no lever '${lever}'; levers are ${LEVERS.join(', ')}`)
    if (policies[lever as LeverName] !== undefined) fail(`names a policy for ${lever} twice`)
    policies[lever as LeverName] = policy
  }
  return { name, policies, flag }
}

/** What `--arm` names: an arm that exists, or one that it brings along. */
export function parseArm(text: string): { readonly name: string; readonly arms: readonly ArmInput[] } {
  if (!/^[^()]*=/.test(text)) return { name: text, arms: [] }
  const arm = armInput(text)
  return { name: arm.name, arms: [arm] }
}

/** Options of the commands that simulate: overrides, the form of the result and where it goes. */
export const withResultOptions = (yargs: Argv): Argv =>
  yargs
    .option('set', setOption)
    .option('seed', seedOption)
    .option('format', formatOption)
    .option('out', outOption)
    .option('overwrite', overwriteOption)
    .option('quiet', quietOption)

export interface OutputArgs {
  readonly format: string
  readonly out?: string
  readonly overwrite: boolean
}

/** Options and lists of names of which there may be several. */
const REPEATABLE = new Set(['set', 'train', '_', 'files', 'into'])
/** Of `compare` and `ablate`, where it is a list. */
const REPEATABLE_ARMS = new Set(['compare', 'ablate'])

/** A single-valued option given twice would drop one of its values silently. */
export function refuseRepeats(values: Readonly<Record<string, unknown>>): true {
  for (const [name, value] of Object.entries(values)) {
    const isList = REPEATABLE.has(name) || (name === 'arm' && REPEATABLE_ARMS.has(String((values._ as unknown[])?.[0])))
    if (Array.isArray(value) && !isList) {
      throw new UserError({ where: `--${name}`, message: `given ${value.length} times`, hint: 'give it once' })
    }
  }
  return true
}

/** `--overwrite` acts on `--out` alone. */
export function checkOutput({ out, overwrite }: OutputArgs): void {
  if (out !== undefined && out.trim() === '') {
    throw new UserError({ where: '--out', message: 'expected the path of a folder, got an empty text', hint: 'name a folder' })
  }
  if (overwrite && out === undefined) {
    throw new UserError({
      where: '--overwrite',
      message: 'has no effect without --out: default folders are always new',
      hint: 'add --out DIR or leave it out',
    })
  }
}

/** A whole number in [min, max]. */
export function wholeNumber(flag: string, text: string, min: number, max: number): number {
  const value = /^[+-]?\d+$/.test(text.trim()) ? Number(text) : Number.NaN
  if (!(value >= min && value <= max)) {
    throw new UserError({
      where: flag,
      message: `expected a whole number from ${min} to ${max}, got '${text}'`,
      hint: `for example ${flag} ${min}`,
    })
  }
  return value
}

/** A number above 0 and up to `max`. */
export function positiveNumber(flag: string, text: string, max: number): number {
  const value = /^[+]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : Number.NaN
  if (!(value > 0 && value <= max)) {
    throw new UserError({
      where: flag,
      message: `expected a number above 0 and up to ${max}, got '${text}'`,
      hint: `for example ${flag} ${Math.min(1, max)}`,
    })
  }
  return value
}

/** Threads a command may use. Results do not depend on it. */
const MAX_THREADS = 256

export const coresOption = {
  type: 'string',
  requiresArg: true,
  describe: 'Worker threads; results do not depend on it (default: one per core)',
} as const satisfies Options
export const coresOf = (text: string | undefined): number =>
  text === undefined ? availableParallelism() : wholeNumber('--threads', text, 1, MAX_THREADS)

const DEFAULT_ROW_THREADS = 2
/** Threads of the commands that simulate measured rows. */
export const threadsOption = {
  type: 'string',
  requiresArg: true,
  default: String(DEFAULT_ROW_THREADS),
  describe: `Worker threads, 1 to ${MAX_THREADS}`,
} as const satisfies Options

export interface RowRunArgs {
  readonly rows?: string
  readonly threads?: string
  readonly seed?: string
}

/** What every command that simulates measured rows is told. */
export function rowRunOf(command: string, args: RowRunArgs): { rows: string; threads: number; seed: number } {
  if (args.rows === undefined) {
    throw new UserError({
      where: '--rows',
      message: 'no measured rows were given',
      hint: `name a CSV file: shapewise ${command} --rows nvl72_serving.csv`,
    })
  }
  return {
    rows: args.rows,
    threads: args.threads === undefined ? DEFAULT_ROW_THREADS : wholeNumber('--threads', args.threads, 1, MAX_THREADS),
    seed: args.seed === undefined ? 1 : wholeNumber('--seed', args.seed, 0, Number.MAX_SAFE_INTEGER),
  }
}

/** `--set`, each key once, with `--seed` folded in, since a seed is a key of the scenario like any other. */
export function overrides(sets: readonly string[] | undefined, seed: string | undefined): string[] {
  const all = [...(sets ?? [])]
  refuseUndone(all)
  if (seed === undefined) return all
  const other = flagGiving(all, 'experiment.seed')
  if (other !== undefined) {
    throw new UserError({
      where: '--seed',
      message: `the seed is given twice, by --seed and by ${other}`,
      hint: 'keep one of them',
    })
  }
  all.push(`experiment.seed=${wholeNumber('--seed', seed, 0, Number.MAX_SAFE_INTEGER)}`)
  return all
}
