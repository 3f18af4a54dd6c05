/** What a plan's names of a system and a model stood for when it was made. */
import { loadSystem } from '../hardware/load.js'
import type { SystemSpec } from '../hardware/system.js'
import { loadModel } from '../models/load.js'
import type { ModelSpec } from '../models/model.js'
import type { Plan } from './plan.js'

export interface Specs {
  readonly system: SystemSpec
  readonly model: ModelSpec
}

const known = new WeakMap<Plan['engines'], Specs>()

/** A plan's engines are its own, and copies of the plan with other traffic share them. */
export function keepSpecs({ engines }: Pick<Plan, 'engines'>, specs: Specs): void {
  known.set(engines, specs)
}

/** What was hashed with the plan, though a file of the user's has been edited since; of a plan that was put together by hand, the files as they are. */
export const specsOf = (plan: Pick<Plan, 'engines' | 'system' | 'model'>): Specs =>
  known.get(plan.engines) ?? { system: loadSystem(plan.system), model: loadModel(plan.model) }
