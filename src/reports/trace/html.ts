/** A trace as a page: its course, its lengths, what repeats, who continues whom. */
import type { TraceDistribution, TracePictures, TraceStatistics } from '../../traces/index.js'
import type { ArmStyle } from '../colours.js'
import { number, percent } from '../format.js'
import { type Chart, chartHosts } from '../html/charts.js'
import { logBars, logMap } from '../html/logBars.js'
import { escapeHtml, htmlTable, section } from '../html/markup.js'
import { page } from '../html/page.js'
import { sessionSamples } from './sessions.js'
import { millions, requestsText } from './table.js'

export interface TracePage {
  readonly name: string
  readonly format: string
  readonly statistics: TraceStatistics
  readonly pictures: TracePictures
  readonly warnings: readonly string[]
  /** Hash of the trace's content. */
  readonly hash: string
  readonly version: string
}

const COLOUR = '#0072B2'
const OUTPUT_COLOUR = '#009E73'

export function traceHtml(trace: TracePage): string {
  const { name, format, statistics, pictures, warnings } = trace
  const { isl, osl, count, arrivals, prefixes } = statistics
  const rate = rateChart(pictures)
  const curve = lruChart(pictures)
  const line: ArmStyle = { name: 'this trace', colour: COLOUR, dash: [] }
  const facts = [
    arrivals.ratePerS === null
      ? 'No rate: the requests have no times of their own, or one for all.'
      : `${number(arrivals.ratePerS)} requests/s${arrivals.timed < count ? ` (the ${number(arrivals.timed)} that have a time of their own)` : ''}${burstiness(statistics)}.`,
    `Input ${number(isl.p50)} tokens at the median, ${number(isl.p99)} at p99, ${number(isl.max)} at most; output ${number(osl.p50)}, ${number(osl.p99)}, ${number(osl.max)}.`,
    ...(prefixes === null
      ? []
      : [`${percent(prefixes.ideal.published, 1)} of the input tokens begin a prompt as an earlier one did.`]),
    ...sessionFact(statistics),
  ]
  const header = `<header><p class="kicker">Trace · ${escapeHtml(format)}</p><h1>${escapeHtml(`${name}: ${requestsText(count)}${arrivals.durationS > 0 ? ` in ${number(arrivals.durationS)} s` : ''}`)}</h1><ul>${facts.map((fact) => `<li>${escapeHtml(fact)}</li>`).join('')}</ul><p class="identity">trace ${escapeHtml(trace.hash)} · shapewise ${escapeHtml(trace.version)}</p></header>`
  return page({
    title: `Shapewise: ${name}`,
    header,
    sections: [
      rate === null
        ? ''
        : section(
            'rate',
            'Arrivals',
            `Requests per second, over the course of the trace${arrivals.timed < count ? '; those that wait for an answer first have no time, and are left out' : ''}. Drag to zoom, double-click to go back.`,
            chartHosts([rate]),
          ),
      section(
        'lengths',
        'Lengths',
        'Requests by their number of tokens, on logarithmic axes; heights are requests for each step of the axis, and the deeper a cell of the map the more requests (log).',
        lengthFigures(pictures),
      ),
      statistics.prefixes === null
        ? ''
        : section(
            'prefixes',
            'Prefix reuse',
            'Share of the input tokens that a cache of a size would serve, when it throws out the block used least recently; as an engine counts: whole blocks alone, and at least one token is computed.',
            `<div class="cards">${curve === null ? '' : chartHosts([curve])}${prefixTable(statistics)}</div>`,
          ),
      sessionSection(statistics, pictures),
      section(
        'shapes',
        'Kinds of requests',
        'Groups of like lengths, found by k-means on the logarithms of input and output; as many as the silhouette supports.',
        kindsTable(statistics),
      ),
      section('numbers', 'All numbers', 'Quantiles are linear between neighbours.', numbersTable(statistics)),
      warnings.length === 0
        ? ''
        : section(
            'notes',
            'What to know',
            'What was assumed in reading, and what the trace cannot tell.',
            `<ul>${warnings.map((note) => `<li>${escapeHtml(note)}</li>`).join('')}</ul>`,
          ),
    ],
    arms: [line],
    charts: [rate, curve].filter((chart) => chart !== null),
  })
}

/** Where the trace has such figures. */
function burstiness({ arrivals: { gapCv, idc } }: TraceStatistics): string {
  const cv = gapCv === null ? '' : `, gap CV ${number(gapCv)} (Poisson: 1)`
  return idc[60] === null ? cv : `${cv}, index of dispersion ${number(idc[60])} over a minute (Poisson: 1)`
}

function sessionFact({ sessions }: TraceStatistics): string[] {
  if (sessions === null) return []
  const how = sessions.source === 'inferred' ? ', inferred from prefixes' : ''
  return [`${number(sessions.sessions)} sessions${how}; ${percent(sessions.inSessions)} of the requests are not alone in theirs.`]
}

const precise = (value: number): number => Number(value.toPrecision(5))

function rateChart({ rate }: TracePictures): Chart | null {
  if (rate === null) return null
  return {
    id: 'rate-course',
    title: `Requests/s, in bins of ${number(rate.binS)} s`,
    xName: 'time',
    xUnit: 's',
    xLabel: 'time, s',
    yLabel: 'requests/s',
    log: false,
    share: false,
    full: false,
    whole: false,
    sync: null,
    data: [rate.perS.map((_, i) => precise((i + 0.5) * rate.binS)), rate.perS.map(precise)],
  }
}

function lruChart({ lruCurve }: TracePictures): Chart | null {
  if (lruCurve === null || lruCurve.length < 2) return null
  return {
    id: 'lru-curve',
    title: 'Hit rate by size of the cache',
    xName: 'cache',
    xUnit: 'tokens',
    xLabel: 'cache, tokens (log)',
    yLabel: 'share of input tokens',
    log: true,
    share: true,
    full: false,
    whole: false,
    sync: null,
    data: [lruCurve.map(({ tokens }) => tokens), lruCurve.map(({ hitRate }) => precise(hitRate))],
  }
}

function lengthFigures({ isl, osl, heat }: TracePictures): string {
  const map = logMap({ xEdges: heat.islEdges, yEdges: heat.oslEdges, counts: heat.counts }, 'input tokens', 'output tokens')
  const figures = [
    ['Input', logBars(isl, 'input tokens', COLOUR)],
    ['Output', logBars(osl, 'output tokens', OUTPUT_COLOUR)],
    ['Output by input', map],
  ]
  return `<div class="cards">${figures.map(([title, drawing]) => `<figure><h3>${title}</h3>${drawing}</figure>`).join('')}</div>`
}

function prefixTable({ prefixes }: TraceStatistics): string {
  if (prefixes === null) return ''
  const rows = [
    ['unlimited', percent(prefixes.ideal.published, 1), percent(prefixes.ideal.engine, 1)],
    ...prefixes.lru
      .filter(({ published }) => published !== null)
      .map(({ tokens, published, engine }) => [millions(tokens), percent(published, 1), percent(engine, 1)]),
  ]
  return `<figure><h3>Hit rate</h3>${htmlTable(['cache, tokens', 'as published', 'as an engine counts'], rows)}</figure>`
}

function sessionSection({ sessions }: TraceStatistics, { sessionLengths }: TracePictures): string {
  if (sessions === null || sessionLengths === null) return ''
  const rows = sessionSamples(sessions).map(([name, sample]) => distributionRow(name, sample))
  const lead = `${number(sessions.steps)} steps from one request to the next, ${number(sessions.resets)} of them with a context shorter by 30 % or more; ${number(sessions.subAgents)} sub-agents that come back to it.`
  const bars = `<figure><h3>Requests per session</h3>${logBars(sessionLengths, 'requests', COLOUR, 'sessions')}</figure>`
  const title = sessions.source === 'recorded' ? 'Sessions' : 'Sessions, inferred from prefixes'
  return section(
    'sessions',
    title,
    lead,
    `<div class="cards">${bars}<figure>${htmlTable(DISTRIBUTION_HEAD, rows)}</figure></div>`,
  )
}

function kindsTable({ clusters }: TraceStatistics): string {
  return htmlTable(
    ['share of requests', 'input tokens', 'output tokens'],
    clusters.map(({ share, isl, osl }) => [percent(share, 1), number(Math.round(isl)), number(Math.round(osl))]),
  )
}

const DISTRIBUTION_HEAD = ['', 'p10', 'p50', 'p90', 'p99', 'max', 'mean']
const distributionRow = (name: string, { p10, p50, p90, p99, max, mean }: TraceDistribution): string[] => [
  name,
  ...[p10, p50, p90, p99, max, mean].map((value) => number(value)),
]

function numbersTable({ isl, osl, arrivals, shapes, prefixes }: TraceStatistics): string {
  const lengths = htmlTable(DISTRIBUTION_HEAD, [
    distributionRow('input tokens', isl),
    distributionRow('output tokens', osl),
    ...(prefixes === null ? [] : [distributionRow('input tokens not seen before', prefixes.uncached)]),
  ])
  const rows = [
    ['requests with a time of their own', number(arrivals.timed)],
    ['rate, requests/s', number(arrivals.ratePerS)],
    ['gap CV', number(arrivals.gapCv)],
    ...([1, 10, 60] as const).map((binS) => [`index of dispersion over ${binS} s`, number(arrivals.idc[binS])]),
    ['peak minute over mean', number(arrivals.peakMinute)],
    ['CV of minutes', number(arrivals.minuteCv)],
    ['input tokens in all', number(shapes.inputTokens)],
    ['output tokens in all', number(shapes.outputTokens)],
    ['Pearson of input and output', number(shapes.pearson)],
    ['Spearman of input and output', number(shapes.spearman)],
    ['tokens in the largest 1 % and 10 % of requests', `${percent(shapes.tokens.top1, 1)}, ${percent(shapes.tokens.top10, 1)}`],
    ['output tokens in the largest 1 % and 10 %', `${percent(shapes.output.top1, 1)}, ${percent(shapes.output.top10, 1)}`],
    ['output p50 by fifth of the input', shapes.oslGivenIsl.map((fifth) => number(fifth?.p50)).join(', ')],
    ['output p90 by fifth of the input', shapes.oslGivenIsl.map((fifth) => number(fifth?.p90)).join(', ')],
  ]
  return `${lengths}<h3 style="margin-top:16px">Arrivals and shapes</h3>${htmlTable(['', ''], rows)}`
}
