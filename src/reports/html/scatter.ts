/** Simulated against measured on equal logarithmic axes: the diagonal, lines 20 % beside it, one mark a row. */
import { number } from '../format.js'
import { escapeHtml, px, svg, text } from './markup.js'

/** About the width of a card, so that lettering keeps its size and the whole plot is seen on a narrow screen. */
const WIDTH = 380
const LEFT = 76
const BOTTOM = 46
const EDGE = 24
/** Both axes have the same length, so that a factor is as far above the diagonal as beside it. */
const SPAN = WIDTH - LEFT - EDGE
const HEIGHT = EDGE + SPAN + BOTTOM
/** Distance of the side lines from the diagonal. */
const BAND = 1.2

export interface ScatterPoint {
  readonly measured: number
  readonly simulated: number
  readonly colour: string
  readonly tip: string
}

/** Fewer marks in each decade the more decades there are: lettering must not touch. */
const marksOf = (decades: number): readonly number[] =>
  decades > 3 ? [1] : decades > 1.7 ? [1, 3] : decades > 1 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 7]

/** Round values within [low, high]. */
function logTicks(low: number, high: number): number[] {
  const marks = marksOf(Math.log10(high / low))
  const all: number[] = []
  for (let e = Math.floor(Math.log10(low)); 10 ** e <= high; e++) {
    for (const m of marks) {
      const value = Number((m * 10 ** e).toPrecision(3))
      if (value >= low && value <= high) all.push(value)
    }
  }
  return all
}

/** What the colours of the marks mean. */
export const dotLegend = (kinds: readonly { readonly name: string; readonly colour: string }[]): string =>
  `<ul class="legend">${kinds
    .map(
      ({ name, colour }) =>
        `<li><svg viewBox="0 0 30 10" aria-hidden="true"><circle cx="22" cy="5" r="4" fill="${colour}"/></svg>${escapeHtml(name)}</li>`,
    )
    .join('')}</ul>`

/** `against` is what the simulated values are held against, in a word. */
export function scatterPlot(points: readonly ScatterPoint[], quantity: string, against = 'measured'): string {
  if (points.length === 0) return '<p class="soft">No row has this measurement.</p>'
  const values = points.flatMap((point) => [point.measured, point.simulated])
  const low = Math.min(...values) / 1.15
  const high = Math.max(...values) * 1.15
  const along = (value: number): number => (Math.log(value / low) / Math.log(high / low)) * SPAN
  const x = (value: number): number => LEFT + along(value)
  const y = (value: number): number => HEIGHT - BOTTOM - along(value)
  const grid = logTicks(low, high).map(
    (value) =>
      `<path class="grid" d="M${px(x(value))} ${EDGE}V${HEIGHT - BOTTOM}M${LEFT} ${px(y(value))}H${WIDTH - EDGE}"/>` +
      text(x(value), HEIGHT - BOTTOM + 16, number(value), 'class="soft" text-anchor="middle"') +
      text(LEFT - 8, y(value) + 4, number(value), 'class="soft" text-anchor="end"'),
  )
  const line = (ratio: number, dash: string): string => {
    const from = ratio < 1 ? low / ratio : low
    const to = ratio > 1 ? high / ratio : high
    return `<path class="axis" d="M${px(x(from))} ${px(y(from * ratio))}L${px(x(to))} ${px(y(to * ratio))}" fill="none" stroke-dasharray="${dash}"/>`
  }
  const marks = points.map(
    ({ measured, simulated, colour, tip }) =>
      `<circle class="mark" cx="${px(x(measured))}" cy="${px(y(simulated))}" r="3.5" fill="${colour}" fill-opacity="0.75" data-tip="${escapeHtml(tip)}"/>`,
  )
  const names =
    text((LEFT + WIDTH - EDGE) / 2, HEIGHT - 8, `${against} ${quantity}`, 'class="soft" text-anchor="middle"') +
    `<text class="soft" transform="translate(14 ${EDGE + SPAN / 2}) rotate(-90)" text-anchor="middle">${escapeHtml(`simulated ${quantity}`)}</text>`
  const body = [...grid, line(1, ''), line(BAND, '4 4'), line(1 / BAND, '4 4'), ...marks, names].join('')
  return svg(WIDTH, HEIGHT, `Simulated against ${against} ${quantity}`, body)
}
