/** A plan in the numbers the simulator needs: counts unfolded, step tables built once per kind of engine. */
import { loadSystem } from '../hardware/load.js'
import { loadModel } from '../models/load.js'
import { type ClusterConfig, type EngineConfig, NO_FABRIC, PLAIN_ENGINE } from '../simulator/config.js'
import { buildStepTables, PLAIN_TIMING, splitMachine } from '../timing/index.js'
import { msToNs } from '../units.js'
import { engineGpus } from './engine.js'
import type { EnginePlan, Plan } from './plan.js'

/** What the timing model is asked for one engine of a plan. */
export function timingRequest(plan: Plan, engine: EnginePlan) {
  const { tp, pp, dp, cp, moeTp, moeEp, maxNumSeqs, maxNumBatchedTokens, maxModelLen } = engine
  return {
    ...PLAIN_TIMING,
    system: loadSystem(plan.system),
    model: loadModel(plan.model),
    precision: plan.precision,
    kvPrecision: plan.kvPrecision,
    parallelism: { tp, pp, dp, cp, moeTp, moeEp },
    maxNumSeqs,
    maxNumBatchedTokens,
    maxModelLen,
  }
}

/** Engines of one kind share their tables; an engine of a kind with several is named `name-0`, `name-1` … */
export function clusterConfig(plan: Plan): ClusterConfig {
  const engines = plan.engines.flatMap((engine): EngineConfig[] => {
    const request = timingRequest(plan, engine)
    const common = {
      ...PLAIN_ENGINE,
      ranks: engine.dp,
      gpus: engineGpus(engine),
      maxNumSeqs: engine.maxNumSeqs,
      maxNumBatchedTokens: engine.maxNumBatchedTokens,
      maxModelLen: engine.maxModelLen,
      blockSize: engine.blockSize,
      numGpuBlocks: engine.numGpuBlocks,
      tables: buildStepTables(request),
      machine: splitMachine(request),
    }
    return Array.from({ length: engine.count }, (_, i) => ({
      name: engine.count === 1 ? engine.name : `${engine.name}-${i}`,
      ...common,
    }))
  })
  const { maxQueue, timeoutMs } = plan.admission
  return {
    engines,
    maxQueue,
    timeoutNs: timeoutMs === null ? null : msToNs(timeoutMs),
    fabric: NO_FABRIC,
    firstToken: 'prefill',
    frontendNs: 0,
  }
}
