/** What arms are compared by: each metric reads one number from the outcome of one replicate. */
import type { Outcome } from './job.js'

export interface Metric {
  readonly name: string
  readonly better: 'higher' | 'lower'
  readonly read: (outcome: Outcome) => number | null
}

export const METRICS: readonly Metric[] = [
  { name: 'tok_s_user.p50', better: 'higher', read: (o) => o.summary?.metrics.tok_s_user.p50 ?? null },
  { name: 'tok_s_user.p10', better: 'higher', read: (o) => o.summary?.metrics.tok_s_user.p10 ?? null },
  { name: 'tpot_ms.p50', better: 'lower', read: (o) => o.summary?.metrics.tpot_ms.p50 ?? null },
  { name: 'tpot_ms.p95', better: 'lower', read: (o) => o.summary?.metrics.tpot_ms.p95 ?? null },
  { name: 'tpot_ms.p99', better: 'lower', read: (o) => o.summary?.metrics.tpot_ms.p99 ?? null },
  { name: 'itl_ms.p95', better: 'lower', read: (o) => o.summary?.metrics.itl_ms.p95 ?? null },
  { name: 'itl_ms.p99', better: 'lower', read: (o) => o.summary?.metrics.itl_ms.p99 ?? null },
  { name: 'gap_ms.p95', better: 'lower', read: (o) => o.summary?.metrics.gap_ms.p95 ?? null },
  { name: 'ttft_ms.p50', better: 'lower', read: (o) => o.summary?.metrics.ttft_ms.p50 ?? null },
  { name: 'ttft_ms.p95', better: 'lower', read: (o) => o.summary?.metrics.ttft_ms.p95 ?? null },
  { name: 'ttft_ms.p99', better: 'lower', read: (o) => o.summary?.metrics.ttft_ms.p99 ?? null },
  { name: 'e2e_ms.p50', better: 'lower', read: (o) => o.summary?.metrics.e2e_ms.p50 ?? null },
  { name: 'e2e_ms.p95', better: 'lower', read: (o) => o.summary?.metrics.e2e_ms.p95 ?? null },
  { name: 'output_tok_s_per_gpu', better: 'higher', read: (o) => o.summary?.output_tok_s_per_gpu ?? null },
]
export const CAPACITY: Metric = { name: 'capacity_rps', better: 'higher', read: (o) => o.capacityPerS }
