/** What `run` and `compare` share: the cluster of a plan and how well its step times are known. */
import type { Evidence } from '../experiments/result.js'
import { timingRequest } from '../scenario/index.js'
import type { Plan } from '../scenario/plan.js'
import { evidenceOf, weakestEvidence } from '../timing/index.js'

/** The weakest evidence that carries a tenth or more of a full step of some engine of the plan; `explain` shows every operator's own. */
export const evidenceOfPlan = (plan: Plan): Evidence =>
  weakestEvidence(plan.engines.map((engine) => evidenceOf(timingRequest(plan, engine))))
