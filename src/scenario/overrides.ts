/** `--set a.b=c`: flags over the file over the defaults. */
import { type Fault, UserError } from '../errors.js'
import type { LeverName } from '../levers/lever.js'
import { type CheckedForm, showPath, unknownKeyHint } from '../yaml/issues.js'
import { yaml } from '../yaml/library.js'
import { FORBIDDEN_KEYS, misreadIn, misreadOf, type Path, plainDataOf, saidOf } from '../yaml/text.js'
import { AMOUNTS_OF, LOAD_AMOUNTS, LOAD_METHODS, UNIFORM_KEYS } from './loadKeys.js'

export interface Overridden {
  readonly data: Record<string, unknown>
  /** Dotted path -> flag, for the values that came from the command line. */
  readonly flags: ReadonlyMap<string, string>
  readonly faults: readonly Fault[]
}

type Container = Record<string, unknown> | unknown[]

/** Keys that exclude one another: setting one on the command line drops the file's others. */
const CUTS = ['tp', 'pp', 'dp', 'cp', 'moe_tp', 'moe_ep']
const REPLACES: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ['workload.path', ['preset', ...UNIFORM_KEYS]],
  ['workload.preset', ['path']],
  ...LOAD_AMOUNTS.map((key) => [`workload.load.${key}`, LOAD_AMOUNTS.filter((other) => other !== key)] as const),
  ...['engines.*', 'engines.*.prefill', 'engines.*.decode'].flatMap(
    (engine) =>
      [
        [`${engine}.layout`, CUTS],
        [`${engine}.kv_memory_fraction`, ['num_gpu_blocks']],
        [`${engine}.num_gpu_blocks`, ['kv_memory_fraction']],
      ] as const,
  ),
])

/** An arm given on the command line. */
export interface ArmInput {
  readonly name: string
  /** Policy of each lever that is named. */
  readonly policies: Readonly<Partial<Record<LeverName, string>>>
  /** As it was written, for messages. */
  readonly flag: string
}

/** Applies the flags in order to a copy. A value is read as YAML, so `true`, `1e3` and `[a]` mean what they mean in a file; `null` removes a key, one that `form` knows where it is given. */
export function applyOverrides(
  data: Record<string, unknown>,
  sets: readonly string[],
  arms: readonly ArmInput[] = [],
  form?: CheckedForm,
): Overridden {
  const copy = structuredClone(data)
  const flags = new Map<string, string>()
  const faults: Fault[] = []
  for (const set of sets) {
    const fault = applyOne(copy, set, flags, form)
    if (fault) faults.push({ where: `--set ${set}`, ...fault })
  }
  for (const arm of arms) {
    const fault = addArm(copy, arm, flags)
    if (fault) faults.push(fault)
  }
  return { data: copy, flags, faults }
}

function addArm(data: Record<string, unknown>, { name, policies, flag }: ArmInput, flags: Map<string, string>): Fault | null {
  data.arms ??= {}
  // another type than a mapping is the schema's to refuse
  if (typeof data.arms !== 'object' || data.arms === null || Array.isArray(data.arms)) return null
  if (Object.hasOwn(data.arms, name))
    return { where: flag, message: `there is an arm ${name} already`, hint: 'choose another name' }
  Object.assign(data.arms, { [name]: { ...policies } })
  flags.set(`arms.${name}`, flag)
  return null
}

/** The flag that gave the value at `path`, or gave something that contains it. */
export function flagOf(flags: ReadonlyMap<string, string>, path: Path): string | undefined {
  for (let length = path.length; length > 0; length--) {
    const flag = flags.get(path.slice(0, length).join('.'))
    if (flag) return flag
  }
  return undefined
}

const keyOf = (set: string): string => set.slice(0, Math.max(0, set.indexOf('=')))

/** The flag of `--set` that gives the value of a key, by its name or in a section; undefined where none does. */
export function flagGiving(sets: readonly string[], key: string): string | undefined {
  const { data, flags } = applyOverrides({}, sets)
  const path = key.split('.')
  let at: unknown = data
  for (const step of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined
    at = (at as Record<string, unknown>)[step]
  }
  return flagOf(flags, path)
}

/** Throws UserError for a flag that gives what another one before it gives: that one would have no effect. */
export function refuseUndone(sets: readonly string[]): void {
  for (const [at, set] of sets.entries()) {
    const undone = flagGiving(sets.slice(0, at), keyOf(set))
    if (undone !== undefined)
      throw new UserError({ where: `--set ${set}`, message: `gives anew what ${undone} gives`, hint: 'keep one of them' })
  }
}

function applyOne(
  data: Record<string, unknown>,
  set: string,
  flags: Map<string, string>,
  form: CheckedForm | undefined,
): Omit<Fault, 'where'> | null {
  const equals = set.indexOf('=')
  const key = keyOf(set)
  const steps = key.split('.')
  if (equals < 1 || steps.some((step) => step === '' || FORBIDDEN_KEYS.includes(step))) {
    return {
      message: `'${set}' is not of the form key.key=value`,
      hint: 'for example --set experiment.seed=7 or --set engines.0.count=2',
    }
  }
  const text = set.slice(equals + 1)
  // YAML would read it as null
  if (/^\s*(#|$)/.test(text))
    return {
      message: 'no value',
      hint: 'is a shell variable not set? write null to take the key out, and quote what begins with #',
    }
  const read = readValue(text)
  if ('fault' in read) return read.fault
  const { value } = read
  let at: Container = data
  for (const [depth, step] of steps.entries()) {
    const last = depth === steps.length - 1
    if (Array.isArray(at)) {
      const list = steps.slice(0, depth).join('.')
      if (!/^\d+$/.test(step) || Number(step) >= at.length) {
        const allowed = at.length === 1 ? 'only index 0 exists' : `indexes 0 to ${at.length - 1} exist`
        return { message: `${list} has ${at.length} entries, '${step}' is not one of them`, hint: allowed }
      }
    }
    const holder = at as Record<string, unknown>
    if (value === null && form !== undefined && !Object.hasOwn(holder, step)) {
      // nothing of it would be left for the schema to refuse
      const fault = strayKey(steps.slice(0, depth + 1), form)
      if (fault !== null) return fault
    }
    if (last) {
      if (value === null && !Array.isArray(at)) delete holder[step]
      else holder[step] = value
      // a key that is taken out says nothing that others would contradict
      if (value !== null) dropReplaced(holder, steps, flags)
    } else {
      if (!Object.hasOwn(holder, step) || holder[step] === undefined || holder[step] === null) {
        holder[step] = {}
        flags.set(steps.slice(0, depth + 1).join('.'), `--set ${set}`)
      }
      if (typeof holder[step] !== 'object') {
        return {
          message: `${steps.slice(0, depth + 1).join('.')} is a single value, it has no key '${steps[depth + 1]}'`,
          hint: 'set the key itself',
        }
      }
      at = holder[step] as Container
    }
  }
  flags.set(key, `--set ${set}`)
  return null
}

/** What is wrong with taking out a key that is not there: nothing where it is known. */
function strayKey(steps: readonly string[], form: CheckedForm): Omit<Fault, 'where'> | null {
  const path = steps.slice(0, -1).map((step) => (/^\d+$/.test(step) ? Number(step) : step))
  const key = steps[path.length]
  if (form.keysAt(path).includes(key)) return null
  return { message: `${showPath([...path, key])}: unknown key`, hint: unknownKeyHint(key, path, form) }
}

/** Whole numbers, and words with a digit or a hyphen, are themselves in YAML; all else (`true`, `1e3`, `[a]`) is read by the library. */
const PLAIN_NUMBER = /^(0|[1-9]\d{0,14})$/
const PLAIN_WORD = /^[A-Za-z](?=[\w.]*[\d-])[\w.-]*$/

function readValue(text: string): { readonly value: unknown } | { readonly fault: Omit<Fault, 'where'> } {
  if (PLAIN_NUMBER.test(text)) return { value: Number(text) }
  if (PLAIN_WORD.test(text)) return { value: text }
  const doc = yaml().parseDocument(text, { prettyErrors: false })
  const problems = [...doc.errors, ...doc.warnings].map((one) => misreadOf(one, 'quote it'))
  const [misread] = [...problems, ...misreadIn(doc)]
  if (misread !== undefined) return { fault: { message: misread.message, hint: misread.hint } }
  try {
    return { value: plainDataOf(doc) }
  } catch (error) {
    // an alias without an anchor, or too many of them
    return { fault: { message: saidOf((error as Error).message), hint: 'quote it' } }
  }
}

function dropReplaced(holder: Record<string, unknown>, steps: readonly string[], flags: ReadonlyMap<string, string>): void {
  const parent = steps.slice(0, -1)
  const pattern = steps.map((step) => (/^\d+$/.test(step) ? '*' : step)).join('.')
  for (const other of replacedBy(pattern, holder[steps[steps.length - 1]]))
    if (flagOf(flags, [...parent, other]) === undefined) delete holder[other]
}

function replacedBy(pattern: string, value: unknown): readonly string[] {
  if (pattern === 'workload.load.method') {
    const method = LOAD_METHODS.find((known) => known === value)
    return method === undefined ? [] : LOAD_AMOUNTS.filter((key) => !AMOUNTS_OF[method].includes(key))
  }
  const uniform = pattern === 'workload.preset' && value !== 'uniform' ? UNIFORM_KEYS : []
  return [...(REPLACES.get(pattern) ?? []), ...uniform]
}
