/** A trace in the terminal: what it is, how it arrives, how long requests are, what repeats. Missing figures are explained by the warnings. */
import type { SessionStatistics, TraceDistribution, TracePictures, TraceStatistics } from '../../traces/index.js'
import { axisLabels, blockChart } from '../blockChart.js'
import { columns } from '../columns.js'
import { number, percent } from '../format.js'
import { sessionSamples } from './sessions.js'

const INDENT = '  '
const CHART_LINES = 3

export interface TraceTable {
  readonly name: string
  readonly format: string
  readonly statistics: TraceStatistics
  readonly pictures: TracePictures
  /** Columns of the terminal. */
  readonly width: number
}

export function traceTable({ name, format, statistics, pictures, width }: TraceTable): string {
  const { arrivals, count, isl, osl, prefixes, sessions } = statistics
  const during = arrivals.durationS > 0 ? ` in ${number(arrivals.durationS)} s` : ''
  return [
    `${name}: ${requestsText(count)}${during} (${format})`,
    section('Arrivals', [...arrivalRows(statistics), ...rateChart(pictures, width)]),
    section('Lengths, tokens', [
      columns(
        [
          ['', ...QUANTILES],
          lengthRow('input', isl),
          lengthRow('output', osl),
          ...(prefixes ? [lengthRow('input not seen before', prefixes.uncached)] : []),
        ],
        [1, 2, 3, 4, 5, 6],
      ),
      ...lengthChart('input', pictures.isl, width),
      ...lengthChart('output', pictures.osl, width),
    ]),
    section('Shapes', shapeRows(statistics)),
    prefixes === null ? '' : section('Prefix reuse', prefixRows(prefixes)),
    sessions === null
      ? ''
      : section(sessions.source === 'recorded' ? 'Sessions' : 'Sessions, inferred from prefixes', sessionRows(sessions)),
  ]
    .filter((part) => part !== '')
    .join('\n\n')
}

export const requestsText = (count: number): string => `${number(count)} ${count === 1 ? 'request' : 'requests'}`

const section = (title: string, blocks: readonly string[]): string =>
  [title, ...blocks.flatMap((block) => block.split('\n')).map((line) => (INDENT + line).trimEnd())].join('\n')

const QUANTILES = ['p10', 'p50', 'p90', 'p99', 'max', 'mean'] as const
const lengthRow = (name: string, lengths: TraceDistribution): string[] => [name, ...QUANTILES.map((key) => number(lengths[key]))]

function arrivalRows({ arrivals }: TraceStatistics): string[] {
  const { ratePerS, gapCv, idc, peakMinute, minuteCv } = arrivals
  return [
    columns([
      ['rate', `${number(ratePerS)} requests/s; peak minute ${number(peakMinute)} × the mean, CV of minutes ${number(minuteCv)}`],
      ['gap CV', `${number(gapCv)}  (Poisson: 1)`],
      [
        'index of dispersion',
        `${number(idc[1])} over 1 s, ${number(idc[10])} over 10 s, ${number(idc[60])} over 60 s  (Poisson: 1)`,
      ],
    ]),
  ]
}

function rateChart({ rate }: TracePictures, width: number): string[] {
  if (rate === null) return []
  const room = width - INDENT.length
  // several bins share a column where there are more than the terminal is wide
  const perColumn = Math.ceil(rate.perS.length / room)
  const values = Array.from({ length: Math.ceil(rate.perS.length / perColumn) }, (_, i) => {
    const bins = rate.perS.slice(i * perColumn, (i + 1) * perColumn)
    return bins.reduce((sum, value) => sum + value, 0) / bins.length
  })
  const most = values.reduce((a, b) => Math.max(a, b))
  const caption = `requests/s over time, ${number(rate.binS * perColumn)} s a column, at most ${number(most)}`
  return ['', caption, ...blockChart(values, CHART_LINES)]
}

function lengthChart(name: string, { edges, counts }: TracePictures['isl'], width: number): string[] {
  const room = Math.min(counts.length, width - INDENT.length)
  const perColumn = Math.ceil(counts.length / room)
  const values = Array.from({ length: Math.ceil(counts.length / perColumn) }, (_, i) =>
    counts.slice(i * perColumn, (i + 1) * perColumn).reduce((sum, value) => sum + value, 0),
  )
  const columnOf = (tokens: number): number => edges.findIndex((edge) => edge > tokens) / perColumn - 0.5
  const first = Math.ceil(Math.log10(edges[0]))
  const decades = Array.from({ length: 8 }, (_, i) => 10 ** (first + i)).filter((tokens) => tokens < edges[edges.length - 1])
  const labels = decades.map((tokens) => ({ column: columnOf(tokens), text: number(tokens) }))
  return ['', `${name} tokens, logarithmic`, ...blockChart(values, CHART_LINES), axisLabels(room, labels)]
}

function shapeRows({ shapes, clusters }: TraceStatistics): string[] {
  const { tokens, output, oslGivenIsl } = shapes
  const rows = [
    [
      'correlation',
      `Pearson ${number(shapes.pearson)}, Spearman ${number(shapes.spearman)}; ${number(shapes.inputTokens / shapes.outputTokens)} input tokens for each of the output`,
    ],
    [
      'largest requests',
      `1 % hold ${percent(tokens.top1, 1)} of all tokens, 10 % hold ${percent(tokens.top10, 1)}; of the output ${percent(output.top1, 1)} and ${percent(output.top10, 1)}`,
    ],
    [
      'output by input',
      `median of each fifth from the shortest input on: ${oslGivenIsl.map((fifth) => number(fifth?.p50)).join(', ')}`,
    ],
    [
      'kinds',
      clusters
        .map(({ share, isl, osl }) => `${percent(share)} around ${number(Math.round(isl))} + ${number(Math.round(osl))}`)
        .join('; '),
    ],
  ]
  return [columns(rows)]
}

function prefixRows(prefixes: NonNullable<TraceStatistics['prefixes']>): string[] {
  const { ideal, lru } = prefixes
  // requests that wait have no order in time, and then no LRU cache has a hit rate
  const ofLru = (key: 'published' | 'engine'): string => {
    const known = lru.flatMap(({ tokens, [key]: rate }) => (rate === null ? [] : [`${millions(tokens)} ${percent(rate, 1)}`]))
    return known.length === 0 ? '' : `; LRU of ${known.join(', ')}`
  }
  return [
    columns([
      [
        'hit rate',
        `${percent(ideal.published, 1)} of the input tokens in an unlimited cache${ofLru('published')}${ofLru('published') && ' (tokens)'}`,
      ],
      ['whole blocks alone', `${percent(ideal.engine, 1)}${ofLru('engine')}: what one engine can hit`],
      [
        'requests',
        `${percent(prefixes.mostlyHit)} with more than half of their input seen before, ${percent(prefixes.noHit)} with nothing`,
      ],
      [
        'blocks',
        `${number(prefixes.distinctBlocks)} distinct of ${prefixes.blockTokens} tokens, ${percent(prefixes.usedOnce)} used once; the ten hottest have ${percent(prefixes.hottestTen, 1)} of the uses`,
      ],
    ]),
  ]
}

export const millions = (tokens: number): string => (tokens >= 1e6 ? `${number(tokens / 1e6)}M` : `${number(tokens / 1e3)}k`)

function sessionRows(sessions: SessionStatistics): string[] {
  const rows = sessionSamples(sessions).map(([name, sample]) => lengthRow(name, sample))
  const beside =
    sessions.subAgents > 0
      ? `; ${number(sessions.subAgents)} sub-agents come back, with ${number(sessions.subAgentRequests)} requests`
      : ''
  const resets = sessions.resets > 0 ? `, of which ${percent(sessions.leftAfterReset)} is left at the median` : ''
  return [
    `${number(sessions.sessions)} sessions; ${percent(sessions.inSessions)} of the requests are not alone in theirs${beside}`,
    columns([['', ...QUANTILES], ...rows], [1, 2, 3, 4, 5, 6]),
    `${number(sessions.steps)} steps; the context shrinks by 30 % or more in ${number(sessions.resets)}${resets}; ${number(sessions.forks)} forks, ${number(sessions.joins)} joins`,
  ]
}
