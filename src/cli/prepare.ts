/** What `run` and `compare` share: the cluster of a plan and how well its step times are known. */
import type { Evidence } from '../experiments/result.js'
import { timingRequest } from '../scenario/index.js'
import type { Plan } from '../scenario/plan.js'
import { evidenceOf } from '../timing/index.js'

const WEAKEST_FIRST: readonly Evidence[] = ['roofline', 'transferred', 'interpolated', 'measured']

/** The weakest evidence behind any operator of any engine of the plan. The host overhead, assumed everywhere, is left out: `explain` names it. */
export function evidenceOfPlan(plan: Plan): Evidence {
  const found = new Set<Evidence>()
  for (const engine of plan.engines) {
    const byEvidence = evidenceOf(timingRequest(plan, engine))
    for (const level of WEAKEST_FIRST) if (byEvidence[level].some((name) => name !== 'host')) found.add(level)
  }
  return WEAKEST_FIRST.find((level) => found.has(level)) ?? 'roofline'
}
