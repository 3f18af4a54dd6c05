/** What a run has besides distributions, in words: the same in the terminal and on the page. */
import { type GpuRates, tokenCost } from '../metrics/cost.js'
import type { SessionSummary, Summary } from '../metrics/summary.js'
import { measured, number, percent } from './format.js'

/** "injected 1,200, completed 1,180, rejected 20" */
export const fatesText = ({ requests }: Pick<Summary, 'requests'>): string =>
  Object.entries(requests)
    .filter(([, count]) => count > 0)
    .map(([fate, count]) => `${fate.replace('_', ' ')} ${number(count)}`)
    .join(', ')

/** What a run's output tokens cost; null where `tokenCost` is. */
export function costText(
  { output_tok_s_per_gpu: perGpu }: Pick<Summary, 'output_tok_s_per_gpu'>,
  rates: Partial<GpuRates>,
): string | null {
  const cost = tokenCost(perGpu, rates)
  return cost === null
    ? null
    : `${measured(cost.usd_per_mtok_output)} USD a million output tokens, ${measured(cost.joules_per_output_token)} J each, at this load (${number(rates.usd_per_gpu_hour)} USD an hour and ${number(rates.gpu_watts)} W a GPU, whatever it does)`
}

/** Null where no engine keeps prefixes. */
export const prefixCacheText = ({ prefix_cache: cache }: Pick<Summary, 'prefix_cache'>): string | null =>
  cache === null
    ? null
    : `${percent(cache.hit_rate, 1)} of the input tokens (${number(cache.loaded_tokens)} of ${number(cache.cached_tokens)} from hosts), ${number(cache.evicted_blocks)} blocks evicted`

/** Null where requests wait for none. */
export function sessionsText(sessions: SessionSummary | null): string | null {
  if (sessions === null) return null
  const { begun, completed, gave_up: gaveUp, requests_not_sent: notSent, duration_s: duration, waiting_share: share } = sessions
  const lost = gaveUp === 0 ? '' : `, ${number(gaveUp)} gave up (${number(notSent)} requests not sent)`
  const lasting =
    completed === 0
      ? ''
      : `, lasting ${measured(duration.p50)} s (p50), ${measured(duration.p90)} s (p90), ${measured(duration.mean)} s (mean)`
  const waited = share === null ? '' : `; ${percent(share)} of that time tools and people`
  return `${number(begun)} begun, ${number(completed)} completed${lost}${lasting}${waited}`
}
