/** A plan in the numbers the simulator needs: counts unfolded, step tables built once per kind of engine. */
import type { ClusterConfig, EngineConfig } from '../simulator/config.js'
import {
  buildStepTables,
  type Evidence,
  evidenceOf,
  spanPrices,
  splitMachine,
  type TimingRequest,
  tokensPer1024Steps as tokenClock,
  weakestEvidence,
} from '../timing/index.js'
import { msToNs } from '../units.js'
import { profileConstants } from './constants.js'
import { placementOf } from './describe.js'
import { engineGpus, instanceNames } from './engine.js'
import { fabricOf } from './fabric.js'
import { hostTierOf } from './hostTier.js'
import type { EnginePlan, Plan } from './plan.js'
import { specsOf } from './specs.js'

/** What the timing model is asked for one engine of a plan. */
export function timingRequest(plan: Plan, engine: EnginePlan): TimingRequest {
  const { tp, pp, dp, cp, moeTp, moeEp, maxNumSeqs, maxNumBatchedTokens, maxModelLen } = engine
  return {
    ...specsOf(plan),
    precision: plan.precision,
    kvPrecision: plan.kvPrecision,
    parallelism: { tp, pp, dp, cp, moeTp, moeEp },
    maxNumSeqs,
    maxNumBatchedTokens,
    maxModelLen,
    role: engine.role,
    draftTokens: engine.mtp?.n ?? 0,
    profile: plan.profile,
    moePath: engine.moePath,
    constants: profileConstants(plan.profile),
  }
}

/** Tokens that a sequence gains in 1024 steps; without speculation one a step. */
export const tokensPer1024Steps = ({ mtp }: Pick<EnginePlan, 'mtp'>): number =>
  mtp === null ? tokenClock(0, 0) : tokenClock(mtp.n, mtp.acceptance)

/** Engines of one kind share their tables. */
export function clusterConfig(plan: Plan): ClusterConfig {
  const placed = placementOf(plan)
  const engines = plan.engines.flatMap((engine, group): EngineConfig[] => {
    const request = timingRequest(plan, engine)
    const priced = (role: EngineConfig['role']) => {
      const timing = timingRequest(plan, { ...engine, role })
      return { role, tables: buildStepTables(timing), machine: splitMachine(timing) }
    }
    const common = {
      ...priced(engine.role),
      ranks: engine.dp,
      gpus: engineGpus(engine),
      maxNumSeqs: engine.maxNumSeqs,
      maxNumBatchedTokens: engine.maxNumBatchedTokens,
      maxModelLen: engine.maxModelLen,
      blockSize: engine.blockSize,
      numGpuBlocks: engine.numGpuBlocks,
      draftTokens: request.draftTokens,
      tokensPer1024Steps: tokensPer1024Steps(engine),
      kvReservation: engine.kvReservation,
      prefixCaching: engine.enablePrefixCaching,
      cacheAnswers: engine.enablePrefixCaching && plan.workload.cacheAnswers,
      ...hostTierOf(engine, specsOf(plan).system),
      kvBytesPerToken: engine.kvBytesPerToken,
      span: spanPrices(request),
      switched: null,
    }
    const other = engine.maySwitch ? priced(engine.role === 'decode' ? 'prefill' : 'decode') : null
    // an engine stands in one rack, and a rack is one NVLink domain
    const racks = placed.filter((place) => place.group === group).map(({ rack }) => rack)
    const names = instanceNames(engine)
    return racks.map((domain, i) => {
      const placed = { name: names[i], ...common, domain }
      return { ...placed, switched: other && { ...placed, ...other } }
    })
  })
  const { maxQueue, timeoutMs } = plan.admission
  return {
    engines,
    maxQueue,
    timeoutNs: timeoutMs === null ? null : msToNs(timeoutMs),
    fabric: fabricOf(specsOf(plan).system),
    firstToken: plan.firstToken,
    frontendNs: msToNs(profileConstants(plan.profile).frontendMs),
  }
}

/** The weakest evidence that carries a tenth or more of a full step of some engine of the plan; `explain` shows every operator's own. */
export const evidenceOfPlan = (plan: Plan): Evidence =>
  weakestEvidence(plan.engines.map((engine) => evidenceOf(timingRequest(plan, engine))))
