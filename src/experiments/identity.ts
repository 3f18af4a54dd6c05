/** The head of every result. */
import { gpuRatesOf } from '../scenario/gpuRates.js'
import type { Plan } from '../scenario/plan.js'
import { simulatedOf } from '../scenario/simulated.js'
import type { Evidence } from '../timing/slices.js'
import { traceHash } from '../traces/hash.js'
import type { Workload } from '../traces/workload.js'
import type { ResultIdentity } from './result.js'

/** `workload` as it was read, before any load is made of it. */
export const identityOf = (plan: Plan, workload: Workload, evidence: Evidence): ResultIdentity => ({
  version: plan.version,
  plan_hash: plan.planHash,
  trace_hash: traceHash(workload),
  seed: plan.experiment.seed,
  evidence,
  ...simulatedOf(plan),
  ...gpuRatesOf(plan),
})
