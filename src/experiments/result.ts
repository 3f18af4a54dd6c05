/** What `compare` and `ablate` return: the printed JSON plus what the reports draw. Plain data. */

import type { ArmSpec, LeverName } from '../levers/lever.js'
import type { GpuRates } from '../metrics/cost.js'
import type { AttentionOfSteps, Summary } from '../metrics/summary.js'
import type { Simulated } from '../scenario/simulated.js'
import type { Evidence } from '../timing/slices.js'
import type { Attribution } from './attribution/attribute.js'
import type { GapRow } from './oracles.js'
import type { Effort } from './sizing.js'
import type { Tried } from './tried.js'

export type AttentionByRole = Readonly<Record<'prefill' | 'decode', AttentionOfSteps>>

export type Reading = 'fixed_load' | 'fixed_concurrency' | 'capacity'

export interface ArmResult {
  readonly name: string
  readonly policies: Omit<ArmSpec, 'name'>
  /** Of policies that are files of the user's: lever -> hash of what was run. */
  readonly source_hash?: ArmSpec['sourceHash']
  /** How the policies were chosen; null when they are fixed. */
  readonly tuning: TuningRecord | null
  /** Arithmetic mean over replicates of each replicate's statistic, at fixed load (closed loop: at fixed concurrency). */
  readonly metrics: Record<string, Record<string, number | null>>
  /** Of the worst replicate, and how many of how many were backlogged or overloaded (absent in folders of earlier versions). */
  readonly saturation: {
    readonly label: string
    readonly reason: string
    readonly binding: string
    readonly behind?: number
    readonly replicates?: number
  }
  /** Capacity in arrivals/s (`load.arrivals`) at the SLO (mean over replicates), null when in some replicate no load meets the SLO, or every load tried does. */
  readonly capacity_rps: number | null
  /** Of all steps; `attention_by_role` for each role, null where no engine has the role `prefill`, absent in folders of earlier versions. */
  readonly attention_share: number | null
  readonly balance: number | null
  readonly attention_by_role?: AttentionByRole | null
  readonly mean_batch: number | null
  /** Offered load as a fraction of this arm's own capacity. */
  readonly own_load_fraction: number | null
}

export interface TuningRecord {
  readonly candidates: number
  /** The policies of each lever that were combined; absent in folders of earlier versions. */
  readonly tried?: Tried
  /** What `--arm` takes to have this arm again, under another name; absent where it has the policies of `static`, and in folders of earlier versions. */
  readonly again?: string
  readonly criterion: string
  /** Of the winner in the last round; a runner-up within a tie may have a higher one. Absent in folders of earlier versions. */
  readonly score?: number
  readonly runners_up: readonly { readonly policies: Omit<ArmSpec, 'name'>; readonly score: number }[]
}

export interface ComparisonRow {
  readonly reading: Reading
  readonly baseline: string
  readonly arm: string
  /** Dotted metric: tok_s_user.p50, ttft_ms.p95, output_tok_s_per_gpu, capacity_rps … */
  readonly metric: string
  readonly better: 'higher' | 'lower'
  /** arm / baseline, geometric mean over replicates; null with a reason. */
  readonly ratio: number | null
  readonly ci95: readonly [number, number] | null
  /** Bounds of the ratio on another mix of the same minutes of the trace (see `mixInterval`); null when not run or n is below 4. */
  readonly mix_ci95: readonly [number, number] | null
  readonly n: number
  readonly note: string | null
}

export interface SeriesPoint {
  readonly t_s: number
  readonly waiting: number
  readonly running: number
  readonly kv_use: number
}

/** What was run, what its GPUs cost (absent in folders of earlier versions), and how well its step times are known. */
export interface ResultIdentity extends Simulated, Partial<GpuRates> {
  readonly version: string
  readonly plan_hash: string
  readonly trace_hash: string
  readonly seed: number
  readonly evidence: Evidence
}

/** An arm that nobody can have, for the ladder. */
export interface OracleResult {
  readonly name: string
  /** Null: a bound that is computed, not simulated. */
  readonly policies: Omit<ArmSpec, 'name'> | null
  readonly says: string
}

export interface AblationResult extends ResultIdentity {
  /** Names of the arm that gains are counted from, and of the arm with every lever of `levers` changed. */
  readonly from: string
  readonly to: string
  /** Levers that the gain is shared out among, and those on which the two arms agree. */
  readonly levers: readonly LeverName[]
  readonly same: readonly LeverName[]
  /** All mixes; bit i of the index says whether lever i is changed. */
  readonly arms: readonly ({ readonly changed: readonly LeverName[] } & ArmResult)[]
  /** One for each reading and metric. */
  readonly attributions: readonly Attribution[]
  readonly oracles: readonly OracleResult[]
  readonly gaps: readonly GapRow[]
  readonly load: ComparisonResult['load']
  readonly notes: readonly string[]
}

export interface ComparisonResult extends ResultIdentity {
  readonly arms: readonly ArmResult[]
  readonly comparisons: readonly ComparisonRow[]
  /** The gain in tok_s_user.p50 of shape-aware over tuned-static at the comparison's own load, shared out among the levers. */
  readonly attribution: Attribution
  readonly oracles: readonly OracleResult[]
  /** How far each challenger has come towards each oracle, at fixed load and fixed concurrency, and in capacity towards the clairvoyant bound. */
  readonly gaps: readonly GapRow[]
  readonly load: {
    readonly method: string
    /** How long the runs were; absent in folders of earlier versions. */
    readonly effort?: Effort
    /** What rates, capacities and the concurrency count; absent in folders of earlier versions. */
    readonly arrivals?: 'requests' | 'sessions'
    readonly offered_rps: number
    readonly concurrency: number
    readonly static_capacity_rps: number | null
    readonly superposed_copies: number
    /** Index of dispersion per second of the recorded part and of the offered traffic. */
    readonly idc_before: number | null
    readonly idc_after: number | null
    readonly replicate_s: number
    readonly warmup_s: number
  }
  readonly notes: readonly string[]
  /** For pictures; not part of the printed JSON. */
  readonly pictures: {
    /** Per arm: time series of the first replicate; QUANTILE_POINTS quantiles of ttft, tpot and e2e; per-engine busy and kv share. */
    readonly arms: readonly {
      readonly name: string
      readonly series: readonly SeriesPoint[]
      readonly quantiles: Readonly<Record<'ttft_ms' | 'tpot_ms' | 'e2e_ms', readonly number[]>>
      readonly engine_busy: readonly number[]
      readonly engine_kv: readonly number[]
      readonly summary: Summary
    }[]
    /** Load sweep for tok/s/GPU against tok/s/user: per arm, points by concurrency. */
    readonly frontier: readonly {
      readonly name: string
      readonly points: readonly { readonly concurrency: number; readonly tok_s_user: number; readonly tok_s_gpu: number }[]
    }[]
    /** Gain of shape-aware over tuned-static on a grid of ISL x OSL bins (median ratio of tok/s/user), null where < 8 requests. */
    readonly grid: {
      readonly isl_edges: readonly number[]
      readonly osl_edges: readonly number[]
      readonly ratio: readonly (readonly (number | null)[])[]
    }
  }
}
