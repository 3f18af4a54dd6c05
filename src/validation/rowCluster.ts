/** The cluster of a row under given constants, and what its step times are asked with. */
import { loadSystem } from '../hardware/load.js'
import { loadModel } from '../models/load.js'
import { kvBytesPerTokenPerGpu } from '../models/memory.js'
import { fabricOf } from '../scenario/fabric.js'
import { gpusOf } from '../scenario/layout.js'
import { type ClusterConfig, type EngineConfig, type FabricConfig, PLAIN_CLUSTER, PLAIN_ENGINE } from '../simulator/config.js'
import { buildStepTables, type Constants, splitMachine, type TimingRequest, tokensPer1024Steps } from '../timing/index.js'
import { NS_PER_MS } from '../units.js'
import { BLOCK_TOKENS, type RowEngine, type RowPlan } from './rowPlan.js'

/** Moves any KV within a nanosecond. */
const FREE_FABRIC: FabricConfig = { nvlinkBytesPerNs: 2 ** 50, nicBytesPerNs: 2 ** 50, latencyNs: 0 }

export function rowTiming(plan: RowPlan, engine: RowEngine, constants: Constants): TimingRequest {
  return {
    system: loadSystem(plan.system),
    model: loadModel(plan.model),
    precision: plan.precision,
    kvPrecision: plan.kvPrecision,
    parallelism: engine.parallelism,
    maxNumSeqs: engine.maxNumSeqs,
    maxNumBatchedTokens: engine.maxNumBatchedTokens,
    maxModelLen: engine.maxModelLen,
    role: engine.role,
    draftTokens: engine.draftTokens,
    profile: plan.profile,
    moePath: engine.moePath,
    constants,
    ...(plan.overlap === false ? { overlap: false } : {}),
  }
}

/** Router and handshake of the KV belong to disaggregated serving, ms. */
export const frontendMsOf = (plan: RowPlan, constants: Constants): number => (plan.mode === 'agg' ? 0 : constants.frontendMs)

export function rowCluster(plan: RowPlan, constants: Constants): ClusterConfig {
  const engines = plan.engines.flatMap((engine): EngineConfig[] => {
    const request = rowTiming(plan, engine, constants)
    const common = {
      ...PLAIN_ENGINE,
      role: engine.role,
      ranks: engine.parallelism.dp,
      gpus: gpusOf(engine.parallelism),
      maxNumSeqs: engine.maxNumSeqs,
      maxNumBatchedTokens: engine.maxNumBatchedTokens,
      maxModelLen: engine.maxModelLen,
      blockSize: BLOCK_TOKENS,
      numGpuBlocks: engine.numGpuBlocks,
      tables: buildStepTables(request),
      machine: splitMachine(request),
      draftTokens: engine.draftTokens,
      tokensPer1024Steps: tokensPer1024Steps(engine.draftTokens, constants.acceptance),
      kvReservation: 'full',
      kvBytesPerToken: kvBytesPerTokenPerGpu(request.model, engine.parallelism, plan.kvPrecision),
    } as const
    return Array.from({ length: engine.count }, (_, i) => ({ name: `${engine.role}-${i}`, ...common }))
  })
  return {
    ...PLAIN_CLUSTER,
    engines,
    // the handshake of a transfer is in the frontend constant
    fabric: plan.freeTransfers ? FREE_FABRIC : fabricOf(loadSystem(plan.system)),
    // the client sees the first token when decode delivers it
    firstToken: plan.mode === 'agg' ? 'prefill' : 'decode',
    frontendNs: Math.round(frontendMsOf(plan, constants) * NS_PER_MS),
  }
}
