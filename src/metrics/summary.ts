/** What a run is boiled down to. Field names are the printed ones (snake_case): this object is the JSON. */
export interface Distribution {
  readonly mean: number | null
  readonly p50: number | null
  readonly p90: number | null
  readonly p95: number | null
  readonly p99: number | null
}

export interface Summary {
  readonly window_s: number
  readonly requests: Readonly<Record<string, number>>
  readonly metrics: {
    readonly ttft_ms: Distribution
    readonly tpot_ms: Distribution
    /** Pooled gaps: step durations divided by the tokens gained, weighted by tokens (histogram, relative error < 0.05 %). */
    readonly itl_ms: Distribution
    readonly e2e_ms: Distribution
    /** Time in the frontend included. */
    readonly queue_ms: Distribution
    readonly prefill_ms: Distribution
    /** KV on its way from a prefill to a decode engine, and the wait for a place there before; 0 where engines serve both phases. */
    readonly transfer_ms: Distribution
    readonly decode_wait_ms: Distribution
    readonly decode_ms: Distribution
    readonly stall_ms: Distribution
    /** Longest time between two successive deliveries of tokens to a request, stalls included; requests of two tokens or more. */
    readonly gap_ms: Distribution
    /** 1000 / TPOT per request; its p10 is the bad tail. */
    readonly tok_s_user: Distribution & { readonly p10: number | null; readonly p5: number | null }
  }
  /** What every request spends in the frontend before it can be scheduled, at any load: a constant of the profile, part of `queue_ms`. */
  readonly frontend_ms: number
  /** How exact the quantiles of `metrics` are: beyond 1,048,576 requests they come from histograms (itl_ms always does). */
  readonly quantiles: 'exact' | 'within 0.05 %'
  readonly output_tok_s: number
  readonly output_tok_s_per_gpu: number
  /** Output tokens of the window and the prompts of the requests that completed in it, cached tokens included, per second. */
  readonly total_tok_s: number
  /** Requests completed in the window, whenever they arrived, per second of it: a throughput, not the rate of arrival. */
  readonly request_s: number
  /** Share of injected requests of the window that met every limit of the SLO; null without an SLO. */
  readonly slo_attainment: number | null
  /** Of all steps, of prefill and decode engines alike; see `steps_by_role`. */
  readonly attention_share: number | null
  readonly balance: number | null
  /** Share of KV blocks in use on the fullest rank, in the mean while its engine steps; of the engine where that is most. */
  readonly kv_use: number | null
  /** Decoding sequences of a step of the engines that decode. */
  readonly mean_batch: number | null
  /** Of all steps; see `steps_by_role` for engines of both roles. */
  readonly mean_step_ms: number | null
  /** Null where no engine has the role `prefill`. */
  readonly steps_by_role: StepsByRole | null
  readonly preemptions: number
  /** Moves of decoding sequences to other ranks that began in the window, and their KV bytes through the port of one GPU. */
  readonly migrations: number
  readonly migrated_bytes: number
  /** Changes of engines between prefill and decode; null where none may. */
  readonly role_changes: number | null
  /** Null where no engine caches prefixes. */
  readonly prefix_cache: PrefixCacheSummary | null
  /** Null where requests have no sessions. */
  readonly sessions: SessionSummary | null
  readonly saturation: SaturationVerdict
  /** Reasons for nulls, by dotted key. */
  readonly undefined_because: Readonly<Record<string, string>>
}

/** Attention time of the gating rank over step time; mean over ranks of attention time over its maximum. Sums over steps, null without any. */
export interface AttentionOfSteps {
  readonly attention_share: number | null
  readonly balance: number | null
}

export interface StepsOfRole extends AttentionOfSteps {
  readonly steps: number
  readonly mean_step_ms: number | null
}

/** Steps of prefill and of decode engines, each in the role that it had at the step. */
export interface StepsByRole {
  readonly prefill: StepsOfRole & { readonly mean_input_tokens: number | null }
  readonly decode: StepsOfRole & { readonly mean_batch: number | null }
}

export interface PrefixCacheSummary {
  /** Input tokens that a cache held when their request was first admitted, of requests of the window that were admitted: all, and the share. */
  readonly cached_tokens: number
  readonly hit_rate: number | null
  /** Those of the cached tokens that came from the memory of hosts. */
  readonly loaded_tokens: number
  /** From the beginning of the run on. */
  readonly evicted_blocks: number
}

/** Sessions of which the first request was sent in the window. */
export interface SessionSummary {
  readonly begun: number
  /** All their requests were answered. The rest were still going on at the end, or gave up. */
  readonly completed: number
  readonly gave_up: number
  /** Requests that gave up before they were sent, in the whole run: one that they waited for got no answer. */
  readonly requests_not_sent: number
  /** From the first sending to the last token, completed sessions, s. */
  readonly duration_s: Distribution
  /** Share of the clients' time in completed sessions that tools and people took: waits / (waits + E2E), summed over requests. null where turns have times of their own. */
  readonly waiting_share: number | null
}

export interface SaturationVerdict {
  /** `not judged`: too few arrivals to tell. */
  readonly label: 'not judged' | 'stable' | 'backlogged' | 'overloaded'
  /** Signals behind the label, in words with numbers. */
  readonly reason: string
  /** What binds: time, KV memory, prefill, places (`max_num_seqs`; of the decode engines, where prefill has engines of its own) or nothing. */
  readonly binding: 'none' | 'time' | 'kv_memory' | 'prefill' | 'decode_slots'
}
