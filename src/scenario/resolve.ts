/** A valid scenario to a frozen Plan, or the problems that stand in the way. */
import { looksLikePath } from '../dataFile.js'
import { UserError } from '../errors.js'
import { loadSystem, SYSTEM_NAMES } from '../hardware/load.js'
import { countBeside } from '../hardware/placement.js'
import { loadModel, MODEL_NAMES } from '../models/load.js'
import type { Parallelism } from '../models/model.js'
import { suggest } from '../suggest.js'
import type { UniformLengths } from '../traces/generate/uniform.js'
import { type Problem, showPath } from '../yaml/issues.js'
import { armProblems, switchProblems } from './armProblems.js'
import { resolveArms } from './arms.js'
import { defaultAcceptance, profileConstants } from './constants.js'
import { cutOf, type EngineContext, resolveEngine } from './engine.js'
import { cutProblems, inputProblems, limitProblems } from './engineRules.js'
import { planHash } from './hash.js'
import { hostTierProblems } from './hostTier.js'
import { gpusOf } from './layout.js'
import { moePathProblems } from './moePath.js'
import type { EnginePlan, LoadPlan, Plan, SloPlan } from './plan.js'
import { type Entry, entriesOf, pairProblems, poolsProblems, roleProblems } from './pools.js'
import {
  admissionProblems,
  experimentProblems,
  frontendProblems,
  placementProblems,
  precisionProblems,
  prefixProblems,
  sloProblems,
  workloadProblems,
} from './rules.js'
import type { ScenarioInput } from './schema.js'
import { keepSpecs } from './specs.js'
import { VERSION } from './version.js'

export type Resolved =
  | { readonly plan: Plan; readonly problems: readonly [] }
  | { readonly plan: null; readonly problems: readonly Problem[] }

/** Limits of the interactive class when a scenario gives none. */
const DEFAULT_SLO: SloPlan = { ttftMs: 2000, tpotMs: 50, gapMs: null, e2eMs: null }
/** `warmup` and `measure` in mean end-to-end times of a request. */
const EXPERIMENT_DEFAULTS = { replicates: 8, warmup: null, measure: null, seed: 1 } as const
const DEFAULT_FRACTION = 0.7
/** The measured benchmark's protocol: lengths from 0.8 of the nominal ones, ten requests for each in flight. */
const UNIFORM_DEFAULTS = { spread: 0.8, requestsPerConcurrency: 10, requests: 5000 } as const

export function resolvePlan(input: ScenarioInput): Resolved {
  const problems: Problem[] = [
    ...workloadProblems(input.workload),
    ...experimentProblems(input),
    ...frontendProblems(input),
    ...admissionProblems(input),
    ...sloProblems(input.slo),
  ]
  const system = lookUp('system', input.system, SYSTEM_NAMES, loadSystem, problems)
  const model = lookUp('model', input.model, MODEL_NAMES, loadModel, problems)
  problems.push(...pairProblems(input.engines))
  const entries = problems.some(({ path }) => path[0] === 'engines') ? [] : entriesOf(input.engines)
  problems.push(...roleProblems(entries), ...poolsProblems(input, entries), ...prefixProblems(input, entries))
  if (!system || !model) return { plan: null, problems: [...problems, ...rulesOfInput(entries), ...armProblems(input.arms, [])] }
  problems.push(...precisionProblems(input, { model }))
  if (problems.some(({ path }) => path[0] === 'precision')) return { plan: null, problems }

  const precision = input.precision ?? model.precisions[0].precision
  const kvPrecision = input.kv_precision ?? 'fp8'
  const racks = input.racks ?? 1
  const profile = input.profile ?? 'generic'
  const context: EngineContext = {
    system,
    model,
    precision,
    kvPrecision,
    moePath: input.moe_path ?? 'auto',
    acceptance: defaultAcceptance(),
  }
  const engines = resolveEngines(entries, racks, context, problems)
  problems.push(...moePathProblems(input, engines, { profile, model, precision }))
  problems.push(...armProblems(input.arms, engines), ...switchProblems(input.arms, entries))
  if (problems.length > 0) return { plan: null, problems }

  const plan = {
    version: VERSION,
    system: input.system,
    racks,
    rack: {
      trays: system.nvlinkDomainGpus.value / system.gpusPerTray.value,
      gpusPerTray: system.gpusPerTray.value,
    },
    model: input.model,
    precision,
    kvPrecision,
    profile,
    engines,
    firstToken: input.first_token ?? ('prefill' as const),
    workload: {
      path: input.workload.path ?? null,
      preset: input.workload.preset ?? null,
      uniform: resolveUniform(input.workload),
      load: resolveLoad(input.workload.load),
      cacheAnswers: input.workload.cache_answers ?? false,
      spreadTicks: input.workload.spread_ticks ?? false,
      // a preset has no ticks to be kept
      ...(input.workload.spread_ticks === false && input.workload.path !== undefined ? { keepTicks: true as const } : {}),
      ...(input.workload.read === undefined ? {} : { read: input.workload.read }),
    },
    slo: { interactive: resolveSlo(input.slo) },
    admission: { maxQueue: input.admission?.max_queue ?? null, timeoutMs: input.admission?.timeout_ms ?? null },
    arms: resolveArms(input.arms, engines),
    experiment: { ...EXPERIMENT_DEFAULTS, ...input.experiment },
  }
  keepSpecs(plan, { system, model })
  const hash = (arms: Plan['arms']): string =>
    planHash({ ...plan, arms }, { system, model, constants: profileConstants(profile) })
  return { plan: deepFreeze({ ...plan, planHash: hash(plan.arms), stateHash: hash([]) }), problems: [] }
}

function lookUp<T>(
  key: string,
  text: string,
  names: readonly string[],
  load: (text: string, anew: boolean) => T,
  problems: Problem[],
): T | null {
  if (!looksLikePath(text) && !names.includes(text)) {
    problems.push({
      path: [key],
      message: `${key}: unknown ${key} '${text}'`,
      hint: `${suggest(text, names)}, or the path of a .json file`,
    })
    return null
  }
  try {
    // a plan is of the files as they are now, and stays so
    return load(text, true)
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    for (const { where, message, hint } of error.faults)
      problems.push({ path: [key], message: `${key}: ${where}: ${message}`, hint })
    return null
  }
}

const rulesOfInput = (entries: readonly Entry[]): Problem[] => entries.flatMap(({ path, input }) => inputProblems(path, input))

/** Engines whose own rules hold; the racks are looked at only when all of them do, since a wrong size makes a wrong count. */
function resolveEngines(entries: readonly Entry[], racks: number, context: EngineContext, problems: Problem[]): EnginePlan[] {
  problems.push(...rulesOfInput(entries))
  const cuts = entries.map(({ input }) => cutOf(input, context.model))
  for (const [i, { path, input }] of entries.entries()) problems.push(...cutProblems(path, input, cuts[i], context.model))
  const open = entries.filter(({ input }) => input.count === undefined)
  if (open.length > 1) {
    const { path } = open[1]
    problems.push({
      path,
      message: `${showPath(path)}.count: more than one kind of engine has no count`,
      hint: 'give the count of all kinds but one; that one takes the rest',
    })
  }
  if (problems.some(({ path }) => path[0] === 'engines')) return []
  const groups = entries.map(({ input: { count = 0 } }, i) => ({ name: '', count, gpus: gpusOf(cuts[i] as Parallelism) }))
  const engines = entries.map(({ path, input }, i) => {
    const cut = cuts[i] as Parallelism
    // where there is no room for one the placement says so
    const count = input.count ?? Math.max(1, countBeside(groups, i, racks, context.system))
    const resolved = resolveEngine(input, cut, count, context)
    problems.push(...limitProblems(path, input, resolved, context), ...hostTierProblems(path, resolved, context.system))
    return resolved
  })
  problems.push(
    ...placementProblems(
      engines,
      entries.map(({ path }) => path),
      racks,
      context,
    ),
  )
  return engines
}

function resolveLoad(load: ScenarioInput['workload']['load']): LoadPlan {
  const method = load?.method ?? 'superpose'
  const amountGiven = load?.fraction !== undefined || load?.rate_per_s !== undefined
  const fraction = method === 'superpose' && !amountGiven ? DEFAULT_FRACTION : (load?.fraction ?? null)
  return {
    method,
    fraction,
    ratePerS: load?.rate_per_s ?? null,
    speedUp: load?.speed_up ?? null,
    concurrency: load?.concurrency ?? null,
    sessions: load?.sessions ?? 'recorded',
  }
}

function resolveUniform({ preset, isl, osl, spread, requests, load }: ScenarioInput['workload']): UniformLengths | null {
  if (preset !== 'uniform' || isl === undefined || osl === undefined) return null
  const { requestsPerConcurrency } = UNIFORM_DEFAULTS
  const usual = load?.concurrency === undefined ? UNIFORM_DEFAULTS.requests : requestsPerConcurrency * load.concurrency
  return { isl, osl, spread: spread ?? UNIFORM_DEFAULTS.spread, requests: requests ?? usual }
}

function resolveSlo(slo: ScenarioInput['slo']): SloPlan {
  const { attainment, ...limits } = slo?.interactive ?? {}
  const share = attainment === undefined ? {} : { attainment }
  if (Object.keys(limits).length === 0) return { ...DEFAULT_SLO, ...share }
  return {
    ...share,
    ttftMs: limits.ttft_ms ?? null,
    tpotMs: limits.tpot_ms ?? null,
    gapMs: limits.gap_ms ?? null,
    e2eMs: limits.e2e_ms ?? null,
  }
}

function deepFreeze<T>(value: T): T {
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const held of Object.values(value)) deepFreeze(held)
  }
  return value
}
