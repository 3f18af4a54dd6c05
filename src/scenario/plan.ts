/** The Plan: a scenario with every default filled, checked and frozen. Printable, hashed; no path or thread count enters its hash. */
import type { ArmSpec } from '../levers/lever.js'
import type { EngineRole, Parallelism, Precision } from '../models/model.js'
import type { MoePath, Profile } from '../timing/calibration.js'
import type { UniformLengths } from '../traces/generate/uniform.js'
import type { LoadMethod, SessionReplay } from './loadKeys.js'
import type { ReadKeys } from './readKeys.js'

export interface EnginePlan extends Parallelism {
  readonly name: string
  readonly role: EngineRole
  /** Engines of this kind. */
  readonly count: number
  /** Shorthand printed back: TP4, DEP16, TEP8 … */
  readonly layout: string
  readonly maxNumSeqs: number
  readonly maxNumBatchedTokens: number
  readonly maxModelLen: number
  readonly blockSize: number
  readonly kvMemoryFraction: number
  /** Derived, or given. Per rank. */
  readonly numGpuBlocks: number
  readonly enablePrefixCaching: boolean
  /** Host memory for evicted blocks of prompts, GB (1e9 bytes) a GPU; null = none. */
  readonly hostGbPerGpu: number | null
  /** Multi-token prediction: tokens drafted a step, and the probability that a drafted one is accepted, given those before it; null = off. */
  readonly mtp: { readonly n: number; readonly acceptance: number } | null
  readonly kvReservation: 'grow' | 'full'
  /** Whether it may change between prefill and decode where an arm's pool policy wants it; absent = it may not. */
  readonly maySwitch?: true
  /** Kernel family of the routed experts; `auto` for a dense model. */
  readonly moePath: MoePath
  /** Derived, per GPU. */
  readonly weightBytes: number
  readonly kvBytesPerToken: number
  readonly activationBytes: number
  /** Largest number of sequences of maxModelLen tokens that fit a rank's KV at once. */
  readonly fullLengthSequences: number
}

export interface LoadPlan {
  readonly method: LoadMethod
  /** Fraction of the capacity of the `static` arm at the SLO (superpose). */
  readonly fraction: number | null
  readonly ratePerS: number | null
  readonly speedUp: number | null
  readonly concurrency: number | null
  /** `closed`: requests that follow another one are sent their wait after its answer, though the trace has times for them; in a closed loop they always are. */
  readonly sessions: SessionReplay
}

export interface WorkloadPlan {
  readonly path: string | null
  readonly preset: string | null
  /** Lengths of the preset `uniform`, null with anything else. */
  readonly uniform: UniformLengths | null
  readonly load: LoadPlan
  /** Engines that cache prefixes keep the blocks of answers too, where the trace's ids name them. */
  readonly cacheAnswers: boolean
  /** Spread coarse ticks of the trace uniformly over their length. */
  readonly spreadTicks: boolean
  /** Coarse ticks are bursts that are real, and stay. Where neither is said a trace with ticks is refused. */
  readonly keepTicks?: true
  /** Keys of `workload.read` as they were given; absent without any. */
  readonly read?: ReadKeys
}

export interface SloPlan {
  readonly ttftMs: number | null
  readonly tpotMs: number | null
  /** Largest time between two successive deliveries of tokens to a request. */
  readonly gapMs: number | null
  readonly e2eMs: number | null
  /** Share of the requests that must meet every limit where a load is to count as served; absent: `USUAL_ATTAINMENT`. */
  readonly attainment?: number
}

/** Ours; goodput is reported for 90 and 99 % of the requests (Zhong et al., DistServe, OSDI 2024). */
export const USUAL_ATTAINMENT = 0.95

export interface Plan {
  readonly version: string
  readonly system: string
  readonly racks: number
  /** Of one rack, which is one NVLink domain; from the system. */
  readonly rack: { readonly trays: number; readonly gpusPerTray: number }
  readonly model: string
  readonly precision: Precision
  readonly kvPrecision: 'fp8' | 'bf16'
  /** The serving stack whose fitted constants price a step; `generic` = the plain sum of operators. */
  readonly profile: Profile
  readonly engines: readonly EnginePlan[]
  /** With prefill engines: what the client's first token waits for. */
  readonly firstToken: 'prefill' | 'decode'
  readonly workload: WorkloadPlan
  readonly slo: { readonly interactive: SloPlan }
  readonly admission: { readonly maxQueue: number | null; readonly timeoutMs: number | null }
  /** The user's arms; the four built-in arms (static, tuned-static, tuned-size, shape-aware) are made by the comparison. */
  readonly arms: readonly ArmSpec[]
  readonly experiment: {
    readonly replicates: number
    /** Mean E2E before measuring begins; null: 10, and more where a few answers are far longer than the rest. */
    readonly warmup: number | null
    /** Mean E2E that a replicate measures; null: what the effort says. */
    readonly measure: number | null
    readonly seed: number
  }
  /** First 12 hex digits of sha256 over the canonical JSON without paths. */
  readonly planHash: string
  /** The same of the plan without its arms: a saved state may be taken up by any arm. */
  readonly stateHash: string
}
