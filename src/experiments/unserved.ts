/** Why a search for a capacity found none: what became of the limits at the lowest rate that it tried. */
import { COMPLETED } from '../metrics/records.js'
import { fallsBehind } from '../metrics/saturation.js'
import { createSloTest } from '../metrics/slo.js'
import { percentWords } from '../scenario/describe.js'
import { type SloPlan, USUAL_ATTAINMENT } from '../scenario/plan.js'
import type { Outcome, Picture } from './job.js'

/** Limits in the order of a request's life; `of`: what has to be faster for them. */
const LIMITS = [
  { limit: 'ttftMs', metric: 'ttft_ms', title: 'TTFT', of: ['prefill'] },
  { limit: 'tpotMs', metric: 'tpot_ms', title: 'TPOT', of: ['decode'] },
  { limit: 'gapMs', metric: 'gap_ms', title: 'the largest gap', of: ['decode'] },
  { limit: 'e2eMs', metric: 'e2e_ms', title: 'E2E', of: ['prefill', 'decode'] },
] as const

const NO_LIMITS: SloPlan = { ttftMs: null, tpotMs: null, gapMs: null, e2eMs: null }

/** A whole run at the lowest rate, with its records. */
interface LowestRun extends Pick<Outcome, 'summary' | 'picture'> {
  /** "0.12 requests/s" */
  readonly rate: string
}

export interface Shortfall {
  /** How each limit was met, in words. */
  readonly says: string
  /** What would help. */
  readonly hint: string
}

/** What the limits of `slo` became; null for a run without records. */
export function shortfall(slo: SloPlan, { summary, picture, rate }: LowestRun): Shortfall | null {
  if (summary === null || picture === null) return null
  const { attainment = USUAL_ATTAINMENT } = slo
  const limits = LIMITS.flatMap(({ limit, metric, ...rest }) => {
    const most = slo[limit]
    if (most === null) return []
    const share = shareMeeting({ ...NO_LIMITS, [limit]: most }, picture)
    return [{ ...rest, metric, most, share, p95: summary.metrics[metric].p95 }]
  })
  const met = limits.map(({ title, share, p95, most }, i) => {
    const percent = percentWords(Math.floor(1000 * share) / 1000)
    return `${percent}${i === 0 ? ' of the requests' : ''} met ${title} (p95 ${p95 === null ? 'undefined' : inMs(p95)} of ${inMs(most)} ms)`
  })
  const { label, reason } = summary.saturation
  const queue = fallsBehind(label) ? `; ${label}: ${reason}` : ''
  const missed = limits.filter(({ share }) => share < attainment)
  return {
    says: `at the lowest rate tried, ${rate}, ${met.join(', ')}; ${percentWords(attainment)} must meet ${limits.length === 1 ? 'it' : 'all'}${queue}`,
    hint:
      missed.length === 0
        ? 'loosen slo.interactive, give more or wider engines, or state rate_per_s'
        : `loosen slo.interactive.${missed.map(({ metric }) => metric).join(' and ')}, give engines that ${[...new Set(missed.flatMap(({ of }) => of))].join(' and ')} faster (a wider layout), or state rate_per_s`,
  }
}

/** Share of the requests of the window that completed within the limits. */
function shareMeeting(slo: SloPlan, { records, window: { fromNs, toNs } }: Picture): number {
  const meets = createSloTest(slo)
  let arrived = 0
  let met = 0
  for (let row = 0; row < records.count; row++) {
    if (!(records.arrivalNs[row] >= fromNs && records.arrivalNs[row] < toNs)) continue
    arrived++
    if (records.fate[row] === COMPLETED && meets(records, row)) met++
  }
  return arrived === 0 ? 0 : met / arrived
}

const inMs = (ms: number): string => (ms < 1000 ? Number(ms.toPrecision(3)) : Math.round(ms)).toLocaleString('en-US')
