/** What the simulator needs to know of a plan: numbers only, structured-cloneable. Made by `clusterConfig(plan)` (scenario/). */
import type { SplitMachine } from '../levers/split/machine.js'
import type { EngineRole } from '../models/model.js'
import type { SpanPrices } from '../timing/span.js'
import type { StepTables } from '../timing/stepTimer.js'

export interface EngineConfig {
  readonly name: string
  readonly role: EngineRole
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
  /** Draft tokens that a decode step verifies for each sequence (multi-token prediction); 0 = none. */
  readonly draftTokens: number
  /** Tokens that a sequence gains in 1024 decode steps: 1024 without speculation, at most 1024 x (draftTokens + 1). */
  readonly tokensPer1024Steps: number
  /**
   * What a request must find free to be admitted: `grow` = the blocks of what is scheduled now (later growth may preempt), `full` = the
   * blocks of its whole input and requested output, so that nobody is ever preempted.
   */
  readonly kvReservation: 'grow' | 'full'
  /** Keep computed blocks of prompts for later requests that begin alike, as long as nobody else needs the memory. */
  readonly prefixCaching: boolean
  /** The blocks of answers are kept too, under the ids that the workload gives them (traces/answers.ts). */
  readonly cacheAnswers: boolean
  /**
   * Second tier of the prefix cache, in the memory of the hosts: blocks of one rank, 0 = none; ranks that share a host (consecutive ones of
   * the engine); time to load a token's KV to its rank when it has the host for itself, ps.
   */
  readonly hostBlocks: number
  readonly ranksPerHost: number
  readonly loadPsPerToken: number
  /** KV bytes of one token on one GPU of the engine: what a transfer moves through each port. */
  readonly kvBytesPerToken: number
  /** Prices of contexts that are spread over ranks. */
  readonly span: SpanPrices
  /**
   * What the engine is in its other role, prefill or decode, where it may change between them; null elsewhere. Its GPUs, ranks, limits and KV
   * memory are the same.
   */
  readonly switched: EngineConfig | null
  /** NVLink domain the engine stands in; engines of different domains reach each other over NICs. */
  readonly domain: number
}

/** Parts of an engine that serves both phases without speculation. */
export const PLAIN_ENGINE = {
  role: 'aggregated',
  draftTokens: 0,
  tokensPer1024Steps: 1024,
  kvReservation: 'grow',
  prefixCaching: false,
  cacheAnswers: false,
  hostBlocks: 0,
  ranksPerHost: 1,
  loadPsPerToken: 0,
  kvBytesPerToken: 0,
  span: { layersPs: 0, linkPs: 0, tokenPs: 0 },
  switched: null,
  domain: 0,
} as const satisfies Partial<EngineConfig>

/** Rates of one GPU's port, one direction. Transfers that share a port share its rate evenly. */
export interface FabricConfig {
  readonly nvlinkBytesPerNs: number
  readonly nicBytesPerNs: number
  /** Fixed time of a transfer before its first byte, whole ns. */
  readonly latencyNs: number
}

/** No transfer ever runs on it: for clusters of aggregated engines whose ranks exchange nothing. */
export const NO_FABRIC: FabricConfig = { nvlinkBytesPerNs: 1, nicBytesPerNs: 1, latencyNs: 0 }

export interface ClusterConfig {
  /** Engines with their multiplicity already unfolded; equal engines may share the same `tables` object. */
  readonly engines: readonly EngineConfig[]
  /** Requests that may wait on all ranks together; null = no limit. Beyond it an arrival is rejected. */
  readonly maxQueue: number | null
  /** Patience: a request never scheduled within this time of its arrival leaves; null = for ever. Whole ns. */
  readonly timeoutNs: number | null
  readonly fabric: FabricConfig
  /** With prefill engines: the first token reaches the client after the transfer (`prefill`) or with the first decode step (`decode`). */
  readonly firstToken: 'prefill' | 'decode'
  /** Whole ns between the client's sending and the request's entry into the queue (frontend, router); part of TTFT and of phase queue. */
  readonly frontendNs: number
}

/** Parts of a cluster of such engines that takes whatever comes, at once. */
export const PLAIN_CLUSTER = {
  maxQueue: null,
  timeoutNs: null,
  fabric: NO_FABRIC,
  firstToken: 'prefill',
  frontendNs: 0,
} as const satisfies Partial<ClusterConfig>

/** The longest requests that every engine takes, in each of its roles: whole ones, and prompts that are prefilled alone (Infinity without any). Tokens. */
export function longestTaken(engines: readonly EngineConfig[]): { readonly whole: number; readonly prompt: number } {
  const forms = engines.flatMap((engine) => (engine.switched === null ? [engine] : [engine, engine.switched]))
  const shortest = (chosen: readonly EngineConfig[]) => Math.min(...chosen.map((engine) => engine.maxModelLen))
  return {
    whole: shortest(forms.filter(({ role }) => role !== 'prefill')),
    prompt: shortest(forms.filter(({ role }) => role === 'prefill')),
  }
}

/** How requests are offered. */
export type LoadConfig =
  | { readonly kind: 'open' }
  /** `concurrency` requests (1 or more; of sessions: sessions) in flight: the arrival column is ignored, the next request is sent when one ends. */
  | { readonly kind: 'closed'; readonly concurrency: number }

/** Requests that arrived, and steps that ended, within [fromNs, toNs) are measured. */
export interface MeasureWindow {
  readonly fromNs: number
  readonly toNs: number
}
