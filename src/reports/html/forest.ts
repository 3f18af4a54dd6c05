/** Paired gains with their intervals: one row a metric, one panel a pair of arms, one mark a reading. */
import { BUILT_IN, CHALLENGER, FAMILIES } from '../../experiments/families.js'
import type { ComparisonResult, ComparisonRow, Reading } from '../../experiments/result.js'
import type { ArmStyle } from '../colours.js'
import { change, directionOf, interval, metricText, NOTHING, readingText } from '../format.js'
import { escapeHtml, percentAxis, px, svg, telling, text, textWidth } from './markup.js'

const READINGS: readonly Reading[] = ['fixed_load', 'fixed_concurrency', 'capacity']
const LABELS = 128
const PLOT = 250
/** Least room for the numbers. */
const NUMBERS = 152
const ROW = 19

function mark(reading: Reading, x: number, y: number, colour: string): string {
  if (reading === 'fixed_load') return `<circle cx="${px(x)}" cy="${px(y)}" r="4.5" fill="${colour}"/>`
  if (reading === 'fixed_concurrency') return `<rect x="${px(x - 4)}" y="${px(y - 4)}" width="8" height="8" fill="${colour}"/>`
  return `<path d="M${px(x)} ${px(y - 5.5)}l5.5 5.5l-5.5 5.5l-5.5 -5.5z" fill="${colour}"/>`
}

/** Extent of all ratios and intervals as changes, with 1 in it and a margin. */
function extent(rows: readonly ComparisonRow[]): [number, number] {
  const values = rows.flatMap((row) => [row.ratio ?? 1, ...(row.ci95 ?? []), ...(row.mix_ci95 ?? [])]).filter(Number.isFinite)
  const low = Math.min(1, ...values)
  const high = Math.max(1, ...values)
  const margin = Math.max(0.01, (high - low) * 0.05)
  return [low - margin - 1, high + margin - 1]
}

function panel(
  arm: string,
  baseline: string,
  rows: readonly ComparisonRow[],
  [low, high]: readonly [number, number],
  colour: string,
): string {
  const x = (delta: number) => LABELS + ((delta - low) / (high - low)) * PLOT
  const metrics = [...new Set(rows.map((row) => row.metric))]
  const width = LABELS + PLOT + rows.reduce((room, row) => Math.max(room, 10 + textWidth(numbersOf(row), 11)), NUMBERS)
  const parts: string[] = []
  let y = 16
  for (const metric of metrics) {
    const own = READINGS.flatMap((reading) => rows.filter((row) => row.metric === metric && row.reading === reading))
    parts.push(
      text(0, y + 4, metricText(metric).title),
      text(0, y + 17, `${own[0].better} is better`, 'class="soft" font-size="10"'),
    )
    for (const row of own) {
      parts.push(rowMarks(row, x, y, colour, width))
      y += ROW
    }
    y += own.length === 1 ? 15 : 8
    parts.push(`<path class="grid" d="M0 ${px(y - 12)}H${px(width)}"/>`)
  }
  const bottom = y - 12
  const axis = percentAxis([low * 100, high * 100], (percent) => x(percent / 100), [2, bottom], 7)
  const body = `${axis}${parts.join('')}${text(LABELS + PLOT / 2, bottom + 30, 'change over baseline, %', 'class="soft" text-anchor="middle"')}`
  return `<figure class="wide"><h3>${escapeHtml(arm)} over ${escapeHtml(baseline)}</h3>${svg(width, bottom + 36, `Gains of ${arm} over ${baseline}`, body)}</figure>`
}

const numbersOf = ({ ratio, ci95 }: ComparisonRow): string => `${change(ratio)} ${interval(ci95)}`

function rowMarks(row: ComparisonRow, x: (delta: number) => number, y: number, colour: string, width: number): string {
  const where = `${readingText[row.reading]}\n${metricText(row.metric).title}`
  if (row.ratio === null)
    return text(LABELS + PLOT + 10, y + 4, NOTHING, `class="soft" ${telling(`${where}\n${row.note ?? 'undefined'}`)}`)
  const direction = directionOf(row, row.better)
  const tip = `${where}: ${change(row.ratio)} ${interval(row.ci95)}\n${row.mix_ci95 ? `over mixes of traffic ${interval(row.mix_ci95)}\n` : ''}${direction}, n = ${row.n}${row.note ? `\n${row.note}` : ''}`
  const line = (ci: readonly [number, number] | null, style: string) =>
    ci ? `<path d="M${px(x(ci[0] - 1))} ${px(y)}H${px(x(ci[1] - 1))}" stroke="${colour}" ${style}/>` : ''
  const numbers = text(
    LABELS + PLOT + 10,
    y + 4,
    numbersOf(row),
    `class="${direction === 'gain' || direction === 'loss' ? '' : 'soft'}" font-size="11"`,
  )
  const target = `<rect x="${LABELS}" y="${px(y - ROW / 2)}" width="${px(width - LABELS)}" height="${ROW}" fill="transparent"/>`
  return `<g class="mark" ${telling(tip)}>${target}${line(row.mix_ci95, 'stroke-width="1" stroke-dasharray="2 3"')}${line(row.ci95, 'stroke-width="3" stroke-opacity=".55"')}${mark(row.reading, x(row.ratio - 1), y, colour)}${numbers}</g>`
}

/** Entries of the key; each stays on one line, so that no mark is parted from its words. */
const KEY = [
  '● same offered load',
  '■ same concurrency',
  '◆ capacity at equal SLO',
  'thick line: 95 % interval over replicates',
  'dotted: 95 % over mixes of traffic',
].map((entry) => entry.replaceAll(' ', '&nbsp;'))
const key = `<p class="identity">${KEY.join(' &nbsp; ')}<br>Panels over tuned baselines share one axis; those over other arms have another.</p>`

/**
 * Pairs over tuned baselines come first and open, then the user's arms among each other, the others after them in a fold. Each kind has an axis of its
 * own: on that of gains over an untuned arm those over tuned ones would all lie on zero.
 */
export function forestPlots(result: ComparisonResult, styles: readonly ArmStyle[]): string {
  const pairs = [
    ...new Map(result.comparisons.map((row) => [`${row.arm}\n${row.baseline}`, [row.arm, row.baseline] as const])).values(),
  ]
  const rowsOf = ([arm, baseline]: readonly [string, string]) =>
    result.comparisons.filter((row) => row.arm === arm && row.baseline === baseline)
  const colourOf = (arm: string) => styles.find(({ name }) => name === arm)?.colour ?? '#7A7A7A'
  const panels = (some: typeof pairs): string[] => {
    const range = extent(some.flatMap(rowsOf))
    return some.map((pair) => panel(...pair, rowsOf(pair), range, colourOf(pair[0])))
  }
  const among = pairs.filter(([, baseline]) => !BUILT_IN.includes(baseline))
  const tuned = pairs.filter(([, baseline]) => baseline !== 'static' && BUILT_IN.includes(baseline))
  const isBaseline = (arm: string) => arm !== CHALLENGER && (FAMILIES as readonly string[]).includes(arm)
  const untuned = pairs.filter(([arm, baseline]) => baseline === 'static' && (!isBaseline(arm) || tuned.length === 0))
  const rest = pairs.filter((pair) => ![...tuned, ...untuned, ...among].includes(pair))
  const group = (drawn: readonly string[]) => `<div class="cards forest">${drawn.join('')}</div>`
  const fold = rest.length > 0 ? `<details><summary>What tuning alone gives</summary>${group(panels(rest))}</details>` : ''
  const own =
    among.length > 0 ? `<details open><summary>Your arms among each other</summary>${group(panels(among))}</details>` : ''
  return `${key}${group([...panels(tuned), ...panels(untuned)])}${own}${fold}`
}
