/** Text and flags to a Plan; every fault at once, each with its place. */
import { dirname, isAbsolute, join } from 'node:path'
import { looksLikePath } from '../dataFile.js'
import { type Fault, UserError } from '../errors.js'
import { isPolicyFile } from '../levers/own.js'
import { type CheckedForm, type Problem, problemsOf } from '../yaml/issues.js'
import { type Path, parseYaml } from '../yaml/text.js'
import { type ArmInput, applyOverrides, flagOf } from './overrides.js'
import type { Plan } from './plan.js'
import { type Resolved, resolvePlan } from './resolve.js'
import { keysAt, type ScenarioInput, scenarioSchema } from './schema.js'

const FORM: CheckedForm = { noun: 'scenario', example: 'scenarios/demo.yaml', keysAt }

export interface ScenarioSource {
  readonly text: string
  /** Name for messages. */
  readonly file: string
  /** Folder that paths inside the text are relative to; default: that of `file`. */
  readonly folder?: string
  /** `a.b=c`, in the order of the command line; their paths are relative to the working directory. */
  readonly sets?: readonly string[]
  /** Arms of the command line, beside those of the text; paths of policies are relative to the working directory. */
  readonly arms?: readonly ArmInput[]
}

/** Throws UserError with all faults. */
export function loadScenario({ text, file, folder = dirname(file), sets = [], arms = [] }: ScenarioSource): Plan {
  const parsed = parseYaml(text, file, FORM)
  const { data, flags, faults } = applyOverrides(parsed.data, sets, arms, FORM)
  if (parsed.faults.length > 0) throw new UserError([...parsed.faults, ...faults])
  rebasePaths(data, flags, folder)
  const { plan, problems } = check(data)
  const located: Fault[] = [...problems, ...ticksProblems(data, flags)].map(({ path, key, message, hint }) => ({
    where: place(path, key),
    message,
    hint,
  }))
  if (plan && faults.length === 0 && located.length === 0) return plan
  throw new UserError([...faults, ...located])

  function place(path: Path, key?: string): string {
    const flag = flagOf(flags, key === undefined ? path : [...path, key])
    return flag ?? parsed.where(path, key)
  }
}

/** Presets have no ticks. A file may say what becomes of them beside a preset, for the path that takes its place; a flag may not. */
function ticksProblems(data: Record<string, unknown>, flags: ReadonlyMap<string, string>): Problem[] {
  const path = ['workload', 'spread_ticks']
  const { preset, spread_ticks: spread } = (data.workload ?? {}) as Record<string, unknown>
  if (preset === undefined || spread === undefined || flagOf(flags, path) === undefined) return []
  return [
    {
      path,
      message: 'workload.spread_ticks: has no effect with a preset, whose times have no ticks',
      hint: 'remove it, or give workload.path',
    },
  ]
}

export interface DefaultsSource {
  readonly sets?: readonly string[]
  readonly workloadPath?: string
  readonly arms?: readonly ArmInput[]
}

/** What `run my.csv` means: Llama-3.1-70B, 18 engines of TP4 on one GB200 rack, the trace at its own pace. */
export function scenarioFromDefaults({ sets = [], workloadPath, arms = [] }: DefaultsSource): Plan {
  const workload = workloadPath === undefined ? { preset: 'chat' } : { path: workloadPath, load: { method: 'as_recorded' } }
  const defaults = { system: 'gb200', model: 'llama-3.1-70b', engines: [{ layout: 'TP4' }], workload }
  const { data, flags, faults } = applyOverrides(defaults, sets, arms, FORM)
  const { plan, problems: checked } = check(data)
  const problems = [...checked, ...ticksProblems(data, flags)]
  if (plan && faults.length === 0 && problems.length === 0) return plan
  throw new UserError([
    ...faults,
    ...problems.map(({ path, key, message, hint }) => ({
      where: flagOf(flags, key ? [...path, key] : path) ?? 'defaults',
      message,
      hint,
    })),
  ])
}

/** Sections whose rules read another section: a fault there would make these report what is only a consequence. */
const DEPENDENTS: ReadonlyMap<string, readonly string[]> = new Map([
  ['system', ['engines']],
  ['model', ['engines', 'precision']],
  ['precision', ['engines']],
  ['kv_precision', ['engines']],
  ['racks', ['engines']],
  ['engines', ['arms']],
])

/** A scenario is checked once: compiling a checker for its schema would take longer than the check. */
const PARSE_ONCE = { jitless: true } as const

/** The schema first; when it finds faults, the rules still look at the sections without any, so that all is said at once. */
function check(data: Record<string, unknown>): Resolved {
  const first = scenarioSchema.safeParse(data, PARSE_ONCE)
  if (first.success) return resolvePlan(first.data)
  const problems = problemsOf(first.error, data, FORM)
  const tainted = new Set(problems.map(({ path, key }) => String(path[0] ?? key)))
  for (const section of [...tainted]) for (const dependent of DEPENDENTS.get(section) ?? []) tainted.add(dependent)
  const rest = scenarioSchema.safeParse(
    {
      ...STAND_INS,
      ...Object.fromEntries(Object.entries(data).filter(([key]) => !tainted.has(key))),
    },
    PARSE_ONCE,
  )
  const further: readonly Problem[] = rest.success
    ? resolvePlan(rest.data).problems.filter(({ path }) => !tainted.has(String(path[0])))
    : []
  return { plan: null, problems: [...problems, ...further] }
}

/** Valid sections in the place of faulty ones; nothing is ever reported about them. */
const STAND_INS: ScenarioInput = {
  system: 'gb200',
  model: 'llama-3.1-70b',
  engines: [{ layout: 'TP4' }],
  workload: { preset: 'chat' },
}

/** Paths written in a file are relative to that file. */
function rebasePaths(data: Record<string, unknown>, flags: ReadonlyMap<string, string>, folder: string): void {
  const rebase = (holder: Record<string, unknown>, key: string, path: Path, always: boolean) => {
    const value = holder[key]
    if (
      typeof value !== 'string' ||
      value === '' ||
      flagOf(flags, path) ||
      isAbsolute(value) ||
      !(always || looksLikePath(value))
    )
      return
    const joined = join(folder, value)
    holder[key] = always || looksLikePath(joined) ? joined : `./${joined}`
  }
  rebase(data, 'system', ['system'], false)
  rebase(data, 'model', ['model'], false)
  const workload = data.workload
  if (workload !== null && typeof workload === 'object')
    rebase(workload as Record<string, unknown>, 'path', ['workload', 'path'], true)
  for (const [name, levers] of Object.entries((data.arms ?? {}) as Record<string, unknown>)) {
    if (levers === null || typeof levers !== 'object') continue
    for (const [lever, text] of Object.entries(levers))
      if (typeof text === 'string' && isPolicyFile(text))
        rebase(levers as Record<string, unknown>, lever, ['arms', name, lever], true)
  }
}
