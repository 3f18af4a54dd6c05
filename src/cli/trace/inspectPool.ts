/** The work of `trace inspect FOLDER`: a pool of ServeGen clients. */
import { columns } from '../../reports/columns.js'
import { type PoolSummary, poolSummary, readPool } from '../../traces/servegen/index.js'
import { printJson, printResult, remark } from '../output.js'

const MOST_CLIENTS = 12

export function inspectPool(folder: string, format: string): void {
  const summary = poolSummary(readPool(folder))
  if (format === 'json') {
    printJson(summary)
    return
  }
  remark('A pool tells how clients send, not what they sent: `trace synth --pool` draws requests from it.')
  printResult(`${summary.name}: ${summary.clients} clients (ServeGen pool)`)
  printResult(columns(overview(summary)))
  printResult(columns(lengths(summary), [1, 2, 3, 4, 5]))
  printResult(columns(clients(summary), [0, 1, 2, 3]))
}

const number = (value: number): string => String(Number(value.toPrecision(4)))
const percent = (share: number): string => `${(100 * share).toFixed(0)} %`

function overview(summary: PoolSummary): string[][] {
  const { gap_cv: cv, windows } = summary
  return [
    ['duration', `${number(summary.duration_s / 3600)} h in windows of ${summary.window_s} s`],
    ['mean rate', `${number(summary.mean_rate_per_s)} requests/s, busiest window ${number(summary.peak_to_mean)} times that`],
    ['biggest client', percent(summary.share_of_biggest)],
    ['five biggest', percent(summary.share_of_five_biggest)],
    ['gap CV', `p50 ${number(cv.p50)}, p90 ${number(cv.p90)}, by rate`],
    ['laws of gaps', `${windows.gamma} windows Gamma, ${windows.weibull} Weibull`],
    ['rate by hour', summary.hour_profile.map((factor) => factor.toFixed(2)).join(' ')],
    [''],
  ]
}

function lengths(summary: PoolSummary): string[][] {
  const rows = Object.entries(summary.lengths).map(([field, { p10, p50, p90, p99, max }]) => [
    field,
    ...[p10, p50, p90, p99, max].map(number),
  ])
  return [['lengths', 'p10', 'p50', 'p90', 'p99', 'max'], ...rows, ['']]
}

function clients(summary: PoolSummary): string[][] {
  const shown = summary.by_client.slice(0, MOST_CLIENTS)
  const rows = shown.map((row) => [String(row.client), number(row.rate_per_s), percent(row.share), number(row.gap_cv_p50)])
  const more = summary.by_client.length - shown.length
  return [['client', 'requests/s', 'share', 'gap CV p50'], ...rows, ...(more > 0 ? [[`and ${more} more`]] : [])]
}
