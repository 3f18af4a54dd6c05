/** A valid scenario to a frozen Plan, or the problems that stand in the way. */
import { looksLikePath } from '../dataFile.js'
import { UserError } from '../errors.js'
import { loadSystem, SYSTEM_NAMES } from '../hardware/load.js'
import { enginesThatFit, gpusOfRacks } from '../hardware/placement.js'
import { loadModel, MODEL_NAMES } from '../models/load.js'
import { armProblems, resolveArms } from './arms.js'
import { cutOf, type EngineContext, resolveEngine } from './engine.js'
import { cutProblems, limitProblems, unbuiltProblems } from './engineRules.js'
import { planHash } from './hash.js'
import type { Problem } from './issues.js'
import { gpusOf } from './layout.js'
import type { EnginePlan, LoadPlan, Plan, SloPlan } from './plan.js'
import { experimentProblems, placementProblems, precisionProblems, sloProblems, workloadProblems } from './rules.js'
import type { ScenarioInput } from './schema.js'
import { suggest } from './suggest.js'
import { VERSION } from './version.js'

export type Resolved =
  | { readonly plan: Plan; readonly problems: readonly [] }
  | { readonly plan: null; readonly problems: readonly Problem[] }

/** Limits of the interactive class when a scenario gives none. */
const DEFAULT_SLO: SloPlan = { ttftMs: 2000, tpotMs: 50, e2eMs: null }
/** `warmup` in mean end-to-end times of a request. */
const EXPERIMENT_DEFAULTS = { replicates: 8, warmup: 10, seed: 1 } as const
const DEFAULT_FRACTION = 0.7

export function resolvePlan(input: ScenarioInput): Resolved {
  const problems: Problem[] = [...workloadProblems(input.workload), ...experimentProblems(input), ...sloProblems(input.slo)]
  const system = lookUp('system', input.system, SYSTEM_NAMES, loadSystem, problems)
  const model = lookUp('model', input.model, MODEL_NAMES, loadModel, problems)
  if (!system || !model) return { plan: null, problems: [...problems, ...unbuilt(input), ...armProblems(input.arms, [])] }
  problems.push(...precisionProblems(input, { model }))
  if (problems.some(({ path }) => path[0] === 'precision')) return { plan: null, problems }

  const precision = input.precision ?? model.precisions[0].precision
  const kvPrecision = input.kv_precision ?? 'fp8'
  const racks = input.racks ?? 1
  const context: EngineContext = { system, model, precision, kvPrecision }
  const engines = resolveEngines(input, racks, context, problems)
  problems.push(...armProblems(input.arms, engines))
  if (problems.length > 0) return { plan: null, problems }

  const plan = {
    version: VERSION,
    system: input.system,
    racks,
    model: input.model,
    precision,
    kvPrecision,
    engines,
    workload: {
      path: input.workload.path ?? null,
      preset: input.workload.preset ?? null,
      load: resolveLoad(input.workload.load),
      spreadTicks: input.workload.spread_ticks ?? false,
    },
    slo: { interactive: resolveSlo(input.slo) },
    admission: { maxQueue: input.admission?.max_queue ?? null, timeoutMs: input.admission?.timeout_ms ?? null },
    arms: resolveArms(input.arms, engines),
    experiment: { ...EXPERIMENT_DEFAULTS, ...input.experiment },
  }
  return { plan: deepFreeze({ ...plan, planHash: planHash(plan, system, model) }), problems: [] }
}

function lookUp<T>(
  key: string,
  text: string,
  names: readonly string[],
  load: (text: string) => T,
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
    return load(text)
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    for (const { where, message, hint } of error.faults)
      problems.push({ path: [key], message: `${key}: ${where}: ${message}`, hint })
    return null
  }
}

const unbuilt = (input: ScenarioInput): Problem[] => input.engines.flatMap((engine, i) => unbuiltProblems(['engines', i], engine))

/** Engines whose own rules hold; the racks are looked at only when all of them do, since a wrong size makes a wrong count. */
function resolveEngines(input: ScenarioInput, racks: number, context: EngineContext, problems: Problem[]): EnginePlan[] {
  const before = problems.length
  problems.push(...unbuilt(input))
  const cuts = input.engines.map((engine) => cutOf(engine, context.model))
  for (const [i, cut] of cuts.entries()) problems.push(...cutProblems(['engines', i], input.engines[i], cut, context.model))
  const open = input.engines.flatMap((engine, i) => (engine.count === undefined ? [i] : []))
  if (open.length > 1) {
    problems.push({
      path: ['engines', open[1]],
      message: `engines[${open[1]}].count: more than one kind of engine has no count`,
      hint: 'give the count of all kinds but one; that one takes the rest',
    })
  }
  if (problems.length > before) return []
  const used = input.engines.reduce(
    (sum, { count = 0 }, i) => sum + count * gpusOf(cuts[i] as Exclude<(typeof cuts)[number], string>),
    0,
  )
  const engines = input.engines.map((engine, i) => {
    const cut = cuts[i] as Exclude<(typeof cuts)[number], string>
    const count = engine.count ?? fittingCount(gpusOf(cut), racks, used, context)
    const resolved = resolveEngine(engine, cut, Math.max(1, count), context)
    problems.push(...limitProblems(['engines', i], engine, resolved, context))
    return resolved
  })
  problems.push(...placementProblems(engines, racks, context))
  return engines
}

/** As many engines as the GPUs that are left hold; with other kinds present that is an upper bound which placement checks. */
function fittingCount(gpus: number, racks: number, used: number, { system }: EngineContext): number {
  return Math.min(enginesThatFit(system, racks, gpus), Math.floor((gpusOfRacks(system, racks) - used) / gpus))
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
  }
}

function resolveSlo(slo: ScenarioInput['slo']): SloPlan {
  const limits = slo?.interactive
  if (!limits) return DEFAULT_SLO
  return {
    ttftMs: limits.ttft_ms ?? null,
    tpotMs: limits.tpot_ms ?? null,
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
