/** Losses in plain words: a sentence for each reading, in which the percentiles of a metric stand together. */
import { grouped } from '../collections/grouped.js'
import type { Reading } from '../experiments/result.js'
import { metricText, readingWhere } from './format.js'

export interface Loss {
  readonly reading: Reading
  readonly metric: string
  readonly ratio: number
  /** The change and its interval. */
  readonly text: string
}

const READINGS: readonly Reading[] = ['fixed_load', 'fixed_concurrency', 'capacity']

/**
 * "`what` at the same offered load: token gap p95 +2.5 %, p99 +61 %; TTFT p50 +9.9 %." The worst metric first; beyond `most` of them the others
 * are counted.
 */
export function lossSentences(what: string, losses: readonly Loss[], most = Number.POSITIVE_INFINITY): string[] {
  return READINGS.flatMap((reading) => {
    const own = losses.filter((loss) => loss.reading === reading)
    if (own.length === 0) return []
    const metrics = [...grouped(own, ({ metric }) => metric.split('.')[0]).values()].sort((a, b) => worst(b) - worst(a))
    const others = metrics.length > most ? `; and ${metrics.length - most} more, see the tables` : ''
    return [`${what} ${readingWhere(reading)}: ${metrics.slice(0, most).map(metricWords).join('; ')}${others}.`]
  })
}

/** Stands beside losses: a 95 % interval that lies on the wrong side of zero alone is one of 40, where nothing differs. */
export const amongText = (rows: number): string => `of ${rows} rows; where nothing differs, chance alone names one in 40`

const worst = (losses: readonly Loss[]): number => Math.max(...losses.map(({ ratio }) => Math.abs(Math.log(ratio))))

const metricWords = (losses: readonly Loss[]): string =>
  losses.map(({ metric, text }, i) => `${i === 0 ? metricText(metric).title : metric.split('.')[1]} ${text}`).join(', ')
