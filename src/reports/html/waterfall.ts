/** Where a gain comes from: a waterfall of Shapley values, the matrix of interactions, and all terms as a table. */
import type { Attribution, Term } from '../../experiments/attribution/attribute.js'
import type { ComparisonRow } from '../../experiments/result.js'
import { fewerSentence, interactionSentences, overlapSentence, shareShown } from '../attribution.js'
import { gainColour, inkOn } from '../colours.js'
import { change, changeText, directionOf, percent, whereText } from '../format.js'
import { bullets, escapeHtml, htmlTable, nameRoom, nameText, percentAxis, px, svg, telling, text, textWidth } from './markup.js'

/** Waterfall, matrix, what they say, and the table of all terms. `headline`: the row whose gain is shared out. */
export function attributionFigures(
  attribution: Attribution,
  from: string,
  to: string,
  headline: ComparisonRow | null = null,
): string {
  const said = [fewerSentence(attribution, headline), overlapSentence(attribution), ...interactionSentences(attribution)].filter(
    (line) => line !== null,
  )
  const list = said.length === 0 ? '' : bullets(said)
  const matrix = interactionMatrix(attribution)
  const fold = `<details><summary>All terms</summary>${termsTable(attribution)}</details>`
  return `${waterfall(attribution, from, to)}${list}${matrix === '' ? '' : `<h3>Interactions</h3>${matrix}`}${fold}`
}

const NAMES = 150
const BAR = 400
/** Least room beside the bars. */
const NUMBERS = 170
const ROW = 30

/** Bars from one level to the next: the baseline's zero, each lever's Shapley value, the total. Whiskers are 95 % intervals of each step. */
function waterfall(attribution: Attribution, from: string, to: string): string {
  const { total, levers, better } = attribution
  if (total === null) return `<p class="lead">${escapeHtml(attribution.note ?? 'Undefined.')}</p>`
  let level = 1
  const steps = levers.map(({ lever, shapley }) => {
    const start = level
    level *= shapley.ratio
    return { label: lever as string, term: shapley, start, end: level, whole: false }
  })
  const bars = [...steps, { label: to, term: total, start: 1, end: total.ratio, whole: true }]
  const reach = bars.flatMap(({ start, end, term }) => [start, end, ...(term.ci95 ?? []).map((bound) => start * bound)])
  const low = Math.min(1, ...reach)
  const high = Math.max(1, ...reach)
  const margin = Math.max(0.005, (high - low) * 0.04)
  const names = nameRoom([from, to], NAMES)
  const x = (ratio: number) => names + ((ratio - low + margin) / (high - low + 2 * margin)) * BAR
  const bottom = (bars.length + 1) * ROW
  const reached = [(low - margin - 1) * 100, (high + margin - 1) * 100] as const
  const axis = percentAxis(reached, (percent) => x(1 + percent / 100), [0, bottom])
  const first = `${nameText(names - 10, 19, from)}<path class="edge" d="M${px(x(1))} 6V24"/>${text(x(1) + 7, 19, 'baseline', 'class="soft"')}`
  let width = names + BAR + NUMBERS
  const drawn = bars.map(({ label, term, start, end, whole }, i) => {
    const y = (i + 1) * ROW
    const left = Math.min(x(start), x(end))
    const fill = colourOf(term, better)
    const long = Math.max(1, Math.abs(x(end) - x(start)))
    const whisker = term.ci95
      ? `<path d="M${px(x(start * term.ci95[0]))} ${y + 15}H${px(x(start * term.ci95[1]))}" stroke="var(--ink)" stroke-width="1.2"/>`
      : ''
    const link = whole ? '' : `<path class="axis" stroke-dasharray="2 3" d="M${px(x(end))} ${y + 24}V${y + ROW + 6}"/>`
    const right = Math.max(x(end), x(start), ...(term.ci95 ?? []).map((bound) => x(start * bound)))
    width = Math.max(width, right + 7 + textWidth(changeText(term), 11.5))
    const tip = `${whole ? `${to} over ${from}` : `${label}, averaged over all orders of the levers`}\n${changeText(term)}`
    return `<g ${telling(tip)}>${nameText(names - 10, y + 19, label, whole ? ' font-weight="600"' : '')}<rect class="mark" x="${px(left)}" y="${y + 6}" width="${px(long)}" height="18" rx="2" fill="${fill}" fill-opacity="${whole ? 1 : 0.75}"/>${whisker}${link}${text(right + 7, y + 19, changeText(term), 'font-size="11.5"')}</g>`
  })
  const name = text(
    names + BAR / 2,
    bottom + 32,
    `change of ${whereText(attribution)}, %, n = ${attribution.n}`,
    'class="soft" text-anchor="middle"',
  )
  return `<div class="wide">${svg(width, bottom + 38, `Waterfall from ${from} to ${to}`, `${axis}${first}${drawn.join('')}${name}`)}</div>`
}

function colourOf(term: Term, better: Attribution['better']): string {
  const direction = directionOf(term, better)
  if (direction === 'gain') return 'var(--gain)'
  if (direction === 'loss') return 'var(--loss)'
  return 'var(--same)'
}

/** Least width. */
const CELL_W = 132
const CELL_H = 44
const SIDE = 70

/** Shapley values on the diagonal, interactions of pairs beside it: blue helps, orange hurts. */
function interactionMatrix({ levers, interactions, better }: Attribution): string {
  if (levers.length < 2) return ''
  const termOf = (i: number, j: number): Term => {
    if (i === j) return levers[i].shapley
    const pair = [levers[i].lever, levers[j].lever]
    const found = interactions.find(({ levers: both }) => both.every((lever) => pair.includes(lever)))
    return (found as { term: Term }).term
  }
  const all = levers.flatMap((_, i) => levers.map((_other, j) => Math.abs(termOf(i, j).log)))
  const reach = Math.max(0.02, ...all)
  const boundsOf = (term: Term): string => (term.ci95 ? changeText(term).replace(`${change(term.ratio)} `, '') : '')
  const cellWidth = Math.max(
    CELL_W,
    ...levers.flatMap((_, i) => levers.map((_other, j) => textWidth(boundsOf(termOf(i, j)), 10.5) + 8)),
  )
  const cells = levers.flatMap((row, i) =>
    levers.map((column, j) => {
      const term = termOf(i, j)
      const colour = gainColour(((better === 'higher' ? 1 : -1) * term.log) / reach)
      const [x, y] = [SIDE + j * cellWidth, 22 + i * CELL_H]
      const tip = i === j ? `${row.lever}: its Shapley value` : `${row.lever} and ${column.lever}: beyond what each adds`
      const ink = `fill="${inkOn(colour)}" text-anchor="middle"`
      return `<g ${telling(`${tip}\n${changeText(term)}`)}><rect class="mark" x="${px(x)}" y="${y}" width="${px(cellWidth - 2)}" height="${CELL_H - 2}" rx="3" fill="${colour}"/>${text(x + cellWidth / 2, y + 19, change(term.ratio), `${ink}${i === j ? ' font-weight="600"' : ''}`)}${text(x + cellWidth / 2, y + 34, boundsOf(term), `${ink} font-size="10.5"`)}</g>`
    }),
  )
  const heads = levers.map(
    ({ lever }, i) =>
      text(SIDE + (i + 0.5) * cellWidth, 15, lever, 'class="soft" text-anchor="middle"') +
      text(SIDE - 8, 22 + i * CELL_H + 26, lever, 'class="soft" text-anchor="end"'),
  )
  return `<div class="wide">${svg(SIDE + levers.length * cellWidth, 22 + levers.length * CELL_H, 'Interactions of levers', cells.join('') + heads.join(''))}</div>`
}

function termsTable(attribution: Attribution): string {
  const { levers, total, overlap } = attribution
  const rows = levers.map((entry) => [
    entry.lever,
    changeText(entry.shapley),
    percent(shareShown(attribution, entry)),
    changeText(entry.add_one),
    changeText(entry.drop_one),
  ])
  if (total) rows.push(['all', changeText(total), '', '', ''])
  if (overlap) rows.push(['alone ÷ together', '', '', changeText(overlap), ''])
  return htmlTable(['lever', 'Shapley value', 'share of the total', 'changed alone', 'lost when put back'], rows)
}
