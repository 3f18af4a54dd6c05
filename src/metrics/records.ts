/** One row per request that left the system (or was still inside at the end), in columns. */
export const FATES = ['completed', 'rejected', 'timed_out', 'unservable', 'failed', 'queued', 'in_transfer', 'running'] as const
export type Fate = (typeof FATES)[number]
export const COMPLETED = 0
export const REJECTED = 1
export const TIMED_OUT = 2
export const UNSERVABLE = 3
export const FAILED = 4
export const QUEUED = 5
export const IN_TRANSFER = 6
export const RUNNING = 7

export const PHASES = ['queue', 'prefill', 'transfer', 'decode_wait', 'decode', 'stall'] as const
export type Phase = (typeof PHASES)[number]

/** Columns of length >= count. Order: the order in which requests left the system; those still inside come last, by index. */
export interface Records {
  count: number
  /** Index of the request in the workload. */
  request: Int32Array
  arrivalNs: Float64Array
  /** NaN when no token was emitted. */
  firstTokenNs: Float64Array
  /** Last token, or the moment the request left; NaN for those still inside. */
  endNs: Float64Array
  isl: Int32Array
  osl: Int32Array
  fate: Uint8Array
  /** Where it was served last: with prefill and decode engines the place where it decodes, from the routing there on. */
  engine: Int16Array
  rank: Int16Array
  preemptions: Int32Array
  /** How often it was moved to another rank of its engine while it decoded. */
  migrations: Int32Array
  /** Input tokens that a prefix cache held when the request was first admitted: computed for an earlier request, not for this one. */
  cachedTokens: Int32Array
  /** Those of them that were loaded from the second tier, in the memory of the host. */
  loadedTokens: Int32Array
  /** Longest time between two successive deliveries of tokens; 0 when all came at once, NaN for requests that did not complete. */
  maxGapNs: Float64Array
  /** Six columns in the order of PHASES, ns; for completed requests they add up to endNs - arrivalNs exactly. */
  phaseNs: readonly [Float64Array, Float64Array, Float64Array, Float64Array, Float64Array, Float64Array]
}

/** Sums over the steps that ended in the measure window, per engine and in all. */
export interface StepStatistics {
  steps: number
  /** Output tokens emitted in the window. */
  outputTokens: number
  /** Input tokens prefilled in the window (recomputed ones included). */
  inputTokens: number
  /** Sum over steps of: step time; attention time of the gating rank; mean and max over ranks of attention time. ps. */
  stepPs: number
  gatingAttentionPs: number
  meanAttentionPs: number
  maxAttentionPs: number
  /** Sum over steps of decoding sequences (all ranks), and of step time x used share of the fullest rank. */
  decodeSequences: number
  kvUsePs: number
  /** Of the steps, their time and input tokens and the three attention times, those of engines in the role `prefill`, where nothing decodes. */
  prefillSteps: number
  prefillStepPs: number
  prefillInputTokens: number
  prefillGatingPs: number
  prefillMeanPs: number
  prefillMaxPs: number
  /** Preemptions made when a step began in the window. */
  preemptions: number
  /** Moves of decoding sequences to other ranks that began with a step of the window, and the KV bytes of each through a port. */
  migrations: number
  migratedBytes: number
  /** Engines that took their other role in the window. */
  roleChanges: number
  /** Blocks evicted from prefix caches since the beginning, not in the window alone. */
  evictedBlocks: number
  /** Histogram of step durations, divided by the tokens a sequence gains, weighted by tokens: pooled inter-token latency. See collections/logHistogram.ts. */
  itl: Float64Array
  /** Per engine: busy ps, output tokens, kv-use ps. */
  engineBusyPs: Float64Array
  engineTokens: Float64Array
  engineKvUsePs: Float64Array
}
