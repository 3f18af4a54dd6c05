/** Simulated means of rows at given constants, each (row, constants that touch it) computed once. */
import type { Constants } from '../../timing/index.js'
import { scaleOf } from '../../timing/profiles.js'
import type { RowPool } from '../pool.js'
import type { RowResult, RunSettings } from '../protocol.js'
import { frontendMsOf, rowTiming } from '../rowCluster.js'
import type { RowPlan } from '../rowPlan.js'
import { CONSTANT_NAMES, type ConstantName } from './parameters.js'

/** What the constants do to the row: equal texts give equal simulations. */
function effectOf(plan: RowPlan, constants: Constants): string {
  const scales = plan.engines.map((engine) => scaleOf(rowTiming(plan, engine, constants)))
  return JSON.stringify([scales, plan.draftTokens > 0 ? constants.acceptance : 0, frontendMsOf(plan, constants)])
}

/** Constants that change the row when they move from `constants`. */
export function touching(plan: RowPlan, constants: Constants): ConstantName[] {
  const now = effectOf(plan, constants)
  return CONSTANT_NAMES.filter((name) => effectOf(plan, { ...constants, [name]: constants[name] * 1.01 + 1e-3 }) !== now)
}

export interface Evaluation {
  readonly plan: RowPlan
  readonly constants: Constants
}

export interface Evaluator {
  /** In the order asked; null for a row that cannot be simulated. */
  means(wanted: readonly Evaluation[], onDone?: (done: number, total: number) => void): Promise<(RowResult | null)[]>
}

export function createEvaluator(pool: RowPool, settings: RunSettings): Evaluator {
  const known = new Map<string, RowResult | null>()
  return {
    async means(wanted, onDone) {
      const keys = wanted.map(({ plan, constants }) => `${plan.id} ${effectOf(plan, constants)}`)
      const missing = new Map<string, Evaluation>()
      keys.forEach((key, i) => {
        if (!known.has(key)) missing.set(key, wanted[i])
      })
      let done = 0
      const answers = await pool.run(
        [...missing.values()].map(({ plan, constants }) => ({ plan, constants, settings })),
        () => onDone?.(++done, missing.size),
      )
      ;[...missing.keys()].forEach((key, i) => {
        const answer = answers[i]
        known.set(key, 'refused' in answer ? null : answer)
      })
      return keys.map((key) => known.get(key) ?? null)
    },
  }
}
