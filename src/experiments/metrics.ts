/** What arms are compared by: each metric reads one number from the outcome of one replicate. */
import type { Summary } from '../metrics/summary.js'
import type { Outcome } from './job.js'

export interface Metric {
  readonly name: string
  readonly better: 'higher' | 'lower'
  readonly read: (outcome: Outcome) => number | null
}

type Distributions = Summary['metrics']

/** A statistic of one of the distributions of a run; null of a capacity job. */
export const readOf =
  <M extends keyof Distributions>(metric: M, statistic: keyof Distributions[M]) =>
  ({ summary }: Outcome): number | null =>
    summary === null ? null : (summary.metrics[metric][statistic] as number | null)

const statistic = <M extends keyof Distributions>(
  metric: M,
  name: keyof Distributions[M] & string,
  better: Metric['better'] = 'lower',
): Metric => ({ name: `${metric}.${name}`, better, read: readOf(metric, name) })

export const METRICS: readonly Metric[] = [
  statistic('tok_s_user', 'p50', 'higher'),
  statistic('tok_s_user', 'p10', 'higher'),
  statistic('tpot_ms', 'p50'),
  statistic('tpot_ms', 'p95'),
  statistic('tpot_ms', 'p99'),
  statistic('itl_ms', 'p95'),
  statistic('itl_ms', 'p99'),
  statistic('gap_ms', 'p95'),
  statistic('ttft_ms', 'p50'),
  statistic('ttft_ms', 'p95'),
  statistic('ttft_ms', 'p99'),
  statistic('e2e_ms', 'p50'),
  statistic('e2e_ms', 'p95'),
  { name: 'output_tok_s_per_gpu', better: 'higher', read: ({ summary }) => summary?.output_tok_s_per_gpu ?? null },
]
export const CAPACITY: Metric = { name: 'capacity_rps', better: 'higher', read: (o) => o.capacityPerS }
