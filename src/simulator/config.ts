/** What the simulator needs to know of a plan: numbers only, structured-cloneable. Made by `clusterConfig(plan)` (scenario/). */
import type { SplitMachine } from '../levers/split/machine.js'
import type { StepTables } from '../timing/stepTimer.js'

export interface EngineConfig {
  readonly name: string
  /** Attention data-parallel ranks that step together. */
  readonly ranks: number
  /** GPUs of the engine (all ranks). */
  readonly gpus: number
  /** Limits of one rank, as in vLLM. */
  readonly maxNumSeqs: number
  readonly maxNumBatchedTokens: number
  readonly maxModelLen: number
  readonly blockSize: number
  /** KV blocks of one rank. blocks * blockSize >= maxModelLen, so one request always fits. */
  readonly numGpuBlocks: number
  readonly tables: StepTables
  readonly machine: SplitMachine
}

export interface ClusterConfig {
  /** Engines with their multiplicity already unfolded; equal engines may share the same `tables` object. */
  readonly engines: readonly EngineConfig[]
  /** Requests that may wait on all ranks together; null = no limit. Beyond it an arrival is rejected. */
  readonly maxQueue: number | null
  /** Patience: a request never scheduled within this time of its arrival leaves; null = for ever. Whole ns. */
  readonly timeoutNs: number | null
}

/** How requests are offered. */
export type LoadConfig =
  | { readonly kind: 'open' }
  /** `concurrency` requests in flight: the arrival column is ignored, the next request is sent when one ends. */
  | { readonly kind: 'closed'; readonly concurrency: number }

/** Requests that arrived, and steps that ended, within [fromNs, toNs) are measured. */
export interface MeasureWindow {
  readonly fromNs: number
  readonly toNs: number
}
