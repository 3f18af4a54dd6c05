/** Statistics of a trace as JSON: the keys that other tools read first, then all that is known besides. Units are in the names. */
import type {
  PrefixStatistics,
  SessionStatistics,
  TraceDistribution,
  TraceReport,
  TraceStatistics,
  Workload,
} from '../../traces/index.js'

type Json = Readonly<Record<string, unknown>>

export function traceJson(
  { provenance }: Workload,
  report: TraceReport,
  statistics: TraceStatistics,
  warnings: readonly string[],
): Json {
  const { count, isl, osl, arrivals, shapes, clusters, prefixes, sessions } = statistics
  return {
    name: provenance.name,
    format: report.format,
    n: count,
    duration_s: arrivals.durationS,
    isl: lengths(isl),
    osl: lengths(osl),
    gap_cv: arrivals.gapCv,
    idc: arrivals.idc,
    hit_rate: hitRates(prefixes, 'published'),
    ...(sessions === null ? {} : { sessions: sessionJson(sessions) }),
    warnings,
    rate_per_s: arrivals.ratePerS,
    timed_requests: arrivals.timed,
    tick_s: arrivals.tickS,
    peak_minute_over_mean: arrivals.peakMinute,
    minute_cv: arrivals.minuteCv,
    input_tokens: shapes.inputTokens,
    output_tokens: shapes.outputTokens,
    pearson: shapes.pearson,
    spearman: shapes.spearman,
    token_share: { top_1_pct: shapes.tokens.top1, top_10_pct: shapes.tokens.top10 },
    output_token_share: { top_1_pct: shapes.output.top1, top_10_pct: shapes.output.top10 },
    osl_given_isl: shapes.oslGivenIsl,
    shape_clusters: clusters.map(({ share, isl: input, osl: output }) => ({ share, isl: input, osl: output })),
    prefix_blocks:
      prefixes === null
        ? null
        : {
            block_tokens: prefixes.blockTokens,
            distinct: prefixes.distinctBlocks,
            used_once_share: prefixes.usedOnce,
            hottest_ten_share: prefixes.hottestTen,
            requests_mostly_hit_share: prefixes.mostlyHit,
            requests_without_hit_share: prefixes.noHit,
            uncached_tokens: distribution(prefixes.uncached),
            engine_hit_rate: hitRates(prefixes, 'engine'),
          },
    rows: {
      read: report.rowsRead,
      kept: report.rowsKept,
      skipped: report.rowsSkipped,
      skipped_by_reason: report.skippedByReason,
      first_skipped: report.firstSkipped,
      out_of_order: report.outOfOrder,
    },
  }
}

function sessionJson(sessions: SessionStatistics): Json {
  return {
    source: sessions.source,
    n: sessions.sessions,
    requests_in_sessions_share: sessions.inSessions,
    requests: distribution(sessions.requestsPerSession),
    first_context: distribution(sessions.firstContext),
    last_context: distribution(sessions.lastContext),
    largest_context: distribution(sessions.largestContext),
    output_tokens: distribution(sessions.outputPerSession),
    growth: distribution(sessions.growth),
    steps: sessions.steps,
    resets: sessions.resets,
    left_after_reset_share: sessions.leftAfterReset,
    wait_s: distribution(sessions.waitS),
    gap_s: distribution(sessions.gapS),
    forks: sessions.forks,
    joins: sessions.joins,
    sub_agents: sessions.subAgents,
    sub_agent_requests: sessions.subAgentRequests,
  }
}

const distribution = (sample: TraceDistribution | null): TraceDistribution | null => sample
const lengths = ({ mean, p50, p90, p99, max, std, p10 }: TraceDistribution): Json => ({ mean, p50, p90, p99, max, std, p10 })

/** LRU rates by the size of the cache in tokens. */
function hitRates(prefixes: PrefixStatistics | null, definition: 'published' | 'engine'): Json {
  if (prefixes === null) return { ideal: null, lru: {} }
  return {
    ideal: prefixes.ideal[definition],
    lru: Object.fromEntries(prefixes.lru.map((rates) => [String(rates.tokens), rates[definition]])),
  }
}
