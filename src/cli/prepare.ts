/** What `run` and `compare` share: the cluster of a plan and how well its step times are known. */
import type { Evidence } from '../experiments/result.js'
import { timingRequest } from '../scenario/index.js'
import type { Plan } from '../scenario/plan.js'
import { evidenceOf } from '../timing/index.js'

const WEAKEST_FIRST: readonly Evidence[] = ['roofline', 'transferred']

/** A kind of evidence that carries less of a step than this is not what a result stands on. */
const SMALL_SHARE = 0.1

/**
 * The weakest evidence that carries a tenth or more of a full step of some engine of the plan. Between measured points a step is always
 * interpolated, so nothing better is ever claimed for a whole run. `explain` shows every operator's own.
 */
export function evidenceOfPlan(plan: Plan): Evidence {
  const shares = plan.engines.map((engine) => evidenceOf(timingRequest(plan, engine)))
  return WEAKEST_FIRST.find((level) => shares.some((share) => share[level] >= SMALL_SHARE)) ?? 'interpolated'
}
