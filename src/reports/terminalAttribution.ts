/** An attribution for the terminal: a waterfall of bars, the terms beside it, and what they say. */
import type { Attribution, Term } from '../experiments/attribution/attribute.js'
import type { ComparisonRow } from '../experiments/result.js'
import { fewerSentence, interactionSentences, overlapSentence, shareShown } from './attribution.js'
import { changeText, directionOf, percent, whereText } from './format.js'
import { type TableOptions, table, wrap } from './terminalTable.js'

export const WHERE_FROM = 'where the gain comes from (Shapley values; they multiply to the total):'

/** Columns of the bars of a waterfall. */
const BAR = 40
/** Least range of the bars, as a logarithm: half a percent. */
const LEAST_REACH = 0.005
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** Bars that begin where the one above ends, and the sentences below them. `headline`: the row whose gain is shared out. */
export function attributionText(
  attribution: Attribution,
  from: string,
  to: string,
  headline: ComparisonRow | null = null,
): string {
  const { total, levers, n, note } = attribution
  const head = wrap(`${to} over ${from}, ${whereText(attribution)}, n = ${n}`, '  ')
  if (total === null) return [head, wrap(note ?? 'undefined', '  ')].join('\n')
  let level = 0
  const steps = levers.map(({ lever, shapley }) => {
    const start = level
    level += shapley.log
    return { label: lever as string, term: shapley, start, end: level }
  })
  const bars = [...steps, { label: 'all', term: total, start: 0, end: total.log }]
  const ends = bars.flatMap(({ start, end }) => [start, end])
  // what is next to nothing fills no line
  const low = Math.min(0, ...ends)
  const high = Math.max(0, ...ends, low + LEAST_REACH)
  const place = (log: number): number => ((log - low) / (high - low)) * BAR
  const lines = bars.map(({ label, term, start, end }) => {
    const bar = drawn(place(Math.min(start, end)), place(Math.max(start, end)))
    return `  ${label.padEnd(6)} ${bar.padEnd(BAR + 1)} ${changeText(term)}`
  })
  const said = [fewerSentence(attribution, headline), overlapSentence(attribution), ...interactionSentences(attribution)].filter(
    (line) => line !== null,
  )
  return [head, ...lines, ...said.map((line) => wrap(line, '  '))].join('\n')
}

function drawn(from: number, to: number): string {
  const first = Math.floor(from)
  const width = to - first
  const whole = Math.floor(width)
  return `${' '.repeat(first)}${'█'.repeat(whole)}${EIGHTHS[Math.floor((width - whole) * 8)]}`
}

/** Every term of one attribution as a table. */
export function termsTable(attribution: Attribution, options: TableOptions): string {
  const { levers, total, better } = attribution
  const sheet = table(['', 'Shapley', 'share', 'changed alone', 'lost when put back'], [10, 25, 9, 25, 25], options)
  for (const entry of levers) {
    const share = percent(shareShown(attribution, entry))
    sheet.push([entry.lever, marked(entry.shapley, better), share, marked(entry.add_one, better), marked(entry.drop_one, better)])
  }
  if (total) sheet.push(['all', marked(total, better), '', '', ''])
  return sheet.toString()
}

/** Below every table of paired changes. */
export const MARKS_TELL = `[…] 95 % interval over replicates, paired  ▲ better  ▼ worse  = includes zero
all metrics: the report, --format json`

export const MARKS = { gain: '▲ ', loss: '▼ ', 'no difference': '= ', 'not decided': '' } as const
const marked = (term: Term, better: Attribution['better']): string => `${MARKS[directionOf(term, better)]}${changeText(term)}`
