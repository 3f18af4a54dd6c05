/** Kernel families of the experts: which a scenario may name, and whether naming one says anything. */
import type { ModelSpec, Precision } from '../models/model.js'
import { moePathMatters, moePathsOf, PROFILES, type Profile } from '../timing/index.js'
import { type Problem, showPath } from '../yaml/issues.js'
import type { Path } from '../yaml/text.js'
import { profileConstants } from './constants.js'
import type { EnginePlan } from './plan.js'
import type { ScenarioInput } from './schema.js'

/** What prices the experts of a plan. */
export interface Stack {
  readonly profile: Profile
  readonly model: ModelSpec
  readonly precision: Precision
}

/** Whether the family of an engine is what runs anyway, or changes its price in a role that it may have. */
export function moePathInForce(engine: EnginePlan, { profile, model, precision }: Stack): boolean {
  const roles = engine.maySwitch ? (['prefill', 'decode'] as const) : [engine.role]
  const common = { profile, model, precision, parallelism: engine, moePath: engine.moePath, constants: profileConstants(profile) }
  return roles.some((role) => moePathMatters({ ...common, role }))
}

/** The places of a scenario that may name a family. */
function placesOf({ moe_path, engines }: ScenarioInput) {
  const ofKinds = engines.flatMap((entry, i) => [
    { path: ['engines', i] as Path, named: entry.moe_path },
    { path: ['engines', i, 'prefill'] as Path, named: entry.prefill?.moe_path },
    { path: ['engines', i, 'decode'] as Path, named: entry.decode?.moe_path },
  ])
  return [{ path: [] as Path, named: moe_path }, ...ofKinds].flatMap(({ path, named }) =>
    named === undefined ? [] : [{ at: [...path, 'moe_path'], named }],
  )
}

/**
 * Families that do not compute these experts, and families without effect on any engine. Where one engine heeds its family the others may
 * state theirs, as published recipes do; `plan` says which are priced as `auto`. No engines: their faults are told first.
 */
export function moePathProblems(input: ScenarioInput, engines: readonly EnginePlan[], stack: Stack): Problem[] {
  const { profile, model, precision } = stack
  const known = moePathsOf(precision, model)
  const places = placesOf(input)
  const unknown = places.filter(({ named }) => !known.includes(named))
  if (unknown.length > 0)
    return unknown.map(({ at, named }) => {
      if (known.length === 0)
        return { path: at, message: `${showPath(at)}: has no effect: ${model.name} has no experts`, hint: 'remove it' }
      const message = `${showPath(at)}: no ${named} kernels compute ${precision} experts of ${model.name}`
      return { path: at, message, hint: `allowed: ${known.join(', ')}` }
    })
  const isReplaced = ({ moe_path, prefill, decode }: ScenarioInput['engines'][number]): boolean =>
    moe_path !== undefined || (prefill?.moe_path !== undefined && decode?.moe_path !== undefined)
  if (input.moe_path !== undefined && input.engines.every(isReplaced))
    return [{ path: ['moe_path'], message: 'moe_path: has no effect: all engines name families of their own', hint: 'remove it' }]
  const naming = engines.filter(({ moePath }) => moePath !== 'auto')
  const heeds = (name: Profile): boolean => naming.some((engine) => moePathInForce(engine, { ...stack, profile: name }))
  if (naming.length === 0 || heeds(profile)) return []
  const others = PROFILES.filter(heeds)
  const hint =
    others.length > 0 ? `remove it, or set profile to one that tells families apart: ${others.join(', ')}` : 'remove it'
  return places
    .filter(({ named }) => named !== 'auto')
    .map(({ at, named }) => ({
      path: at,
      message: `${showPath(at)}: has no effect with profile ${profile}, which prices ${named} experts of these engines as it does auto`,
      hint,
    }))
}
