/** Why a statistic of a trace is missing, or means less than it seems: a sentence for each. */
import type { Workload } from '../workload.js'
import type { TraceStatistics } from './index.js'

/** 36,895 */
const grouped = (count: number): string => count.toLocaleString('en-US')

export function statisticsWarnings(workload: Workload, { arrivals, prefixes, count }: TraceStatistics): string[] {
  const said: string[] = []
  const waiting = count - arrivals.timed
  if (arrivals.tickS !== null)
    said.push(
      `Arrivals come in ticks of ${arrivals.tickS.toFixed(3)} s: no gap CV, and no index of dispersion over shorter times.`,
    )
  if (waiting > 0)
    said.push(
      `${[waiting, count].map(grouped).join(' of ')} requests are sent by those they wait for; rate and burstiness are those of the other ${grouped(arrivals.timed)}.`,
    )
  if (arrivals.timed > 1 && arrivals.durationS === 0) said.push('All arrivals are at one time: the trace has no rate.')
  const short = ([1, 10, 60] as const).filter((binS) => arrivals.durationS > 0 && arrivals.durationS < 3 * binS)
  if (short.length > 0)
    said.push(
      `The trace is too short for an index of dispersion over ${short.join(', ').replace(/, (?=\d+$)/, ' and ')} s: it takes three times as long.`,
    )
  if (workload.runFirst === null) said.push('There are no prefix blocks: reuse of prefixes is not known.')
  else if (prefixes !== null && prefixes.unchained > 0)
    said.push(
      `${prefixes.unchained} prefix blocks were seen before, after one that was not: ids do not name whole prefixes, so there is no LRU hit rate.`,
    )
  else if (prefixes !== null && waiting > 0)
    said.push(
      'Requests that wait have no order in time, so there is no LRU hit rate; the ideal one holds in every order that keeps sessions.',
    )
  return said
}
