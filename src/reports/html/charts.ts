/** Data of the charts that uPlot draws: latency distributions and the course of the run, one line per arm on a common grid. */
import type { ComparisonResult, SeriesPoint } from '../../experiments/result.js'
import { metricText } from '../format.js'
import { escapeHtml } from './markup.js'

type ArmPicture = ComparisonResult['pictures']['arms'][number]

export interface Chart {
  readonly id: string
  readonly title: string
  readonly xName: string
  readonly xUnit: string
  readonly xLabel: string
  readonly yLabel: string
  /** Logarithmic x axis. */
  readonly log: boolean
  /** The y axis is a share, printed in percent; `full`: always up to 100 %. */
  readonly share: boolean
  readonly full: boolean
  /** The y axis counts things: its marks are whole numbers. */
  readonly whole: boolean
  /** Charts of one key move their cursors together. */
  readonly sync: string | null
  /** [x, y of arm 0, y of arm 1 …] */
  readonly data: readonly (readonly (number | null)[])[]
}

const GRID_POINTS = 240
const round = (value: number): number => Number(value.toPrecision(5))

/** Share of the sorted sample that is <= value. */
function shareBelow(sorted: readonly number[], value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle] <= value) low = middle + 1
    else high = middle
  }
  return low / sorted.length
}

function distribution(arms: readonly ArmPicture[], key: 'ttft_ms' | 'tpot_ms' | 'e2e_ms'): Chart | null {
  const samples = arms.map((arm) => arm.quantiles[key].filter((value) => value > 0))
  const all = samples.flat()
  if (all.length === 0) return null
  const low = all.reduce((a, b) => Math.min(a, b))
  const high = Math.max(
    all.reduce((a, b) => Math.max(a, b)),
    low * 1.01,
  )
  const x = Array.from({ length: GRID_POINTS - 1 }, (_, i) => low * (high / low) ** (i / (GRID_POINTS - 1)))
  // exactly: at the highest value all requests are at or below it
  x.push(high)
  const { title, unit } = metricText(key)
  const lines = samples.map((sorted) => x.map((value) => (sorted.length === 0 ? null : round(shareBelow(sorted, value)))))
  return {
    id: `cdf-${key}`,
    title: `${title}: share of requests at or below`,
    xName: title,
    xUnit: unit,
    xLabel: `${title}, ${unit} (log)`,
    yLabel: 'share of requests',
    log: true,
    share: true,
    full: true,
    whole: false,
    sync: null,
    data: [x.map(round), ...lines],
  }
}

/** CDFs of TTFT, TPOT and E2E; those without a sample are left out. */
export const latencyCharts = (arms: readonly ArmPicture[]): Chart[] =>
  (['ttft_ms', 'tpot_ms', 'e2e_ms'] as const).map((key) => distribution(arms, key)).filter((chart) => chart !== null)

/** Value of the last point at or before each time; null before the first. */
function held(series: readonly SeriesPoint[], times: readonly number[], read: (point: SeriesPoint) => number): (number | null)[] {
  let at = -1
  return times.map((time) => {
    while (at + 1 < series.length && series[at + 1].t_s <= time) at++
    return at < 0 ? null : round(read(series[at]))
  })
}

const LONGEST_SERIES = 600

/** Said in the place of empty charts. */
export const NO_LATENCY = 'No request of the window has been answered.'
export const NO_COURSE = 'The run was over before its queues had been looked at twice.'

export function timeCharts(arms: readonly ArmPicture[]): Chart[] {
  const every = [...new Set(arms.flatMap((arm) => arm.series.map((point) => point.t_s)))].sort((a, b) => a - b)
  if (every.length < 2) return []
  const stride = Math.ceil(every.length / LONGEST_SERIES)
  const times = every.filter((_, i) => i % stride === 0)
  const chart = (id: string, title: string, yLabel: string, share: boolean, read: (point: SeriesPoint) => number): Chart => ({
    id,
    title,
    xName: 'time',
    xUnit: 's',
    xLabel: 'time, s',
    yLabel,
    log: false,
    share,
    full: false,
    whole: !share,
    sync: 'time',
    data: [times.map(round), ...arms.map((arm) => held(arm.series, times, read))],
  })
  return [
    chart('time-waiting', 'Waiting requests', 'requests', false, (point) => point.waiting),
    chart('time-running', 'Running requests', 'requests', false, (point) => point.running),
    chart('time-kv', 'KV use of the fullest rank at the time', 'share of blocks', true, (point) => point.kv_use),
  ]
}

/** `nothing`: what is said where there is no chart. */
export const chartHosts = (charts: readonly Chart[], nothing = ''): string =>
  charts.length === 0
    ? `<p class="lead">${escapeHtml(nothing)}</p>`
    : `<div class="cards">${charts.map((chart) => `<figure><h3>${escapeHtml(chart.title)}</h3><div class="chart" role="group" aria-label="${escapeHtml(chart.title)}" id="${chart.id}"></div></figure>`).join('')}</div>`
