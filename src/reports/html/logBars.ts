/** Counts on a logarithmic axis as bars, and on two of them as a map. */
import { shareColour } from '../colours.js'
import { number, percent } from '../format.js'
import { escapeHtml, px, svg, text, textWidth } from './markup.js'

export interface LogBars {
  readonly edges: readonly number[]
  readonly counts: readonly number[]
}

/** About the width of a card, so that lettering keeps its size. */
const WIDTH = 350
const HEIGHT = 190
/** Room for the axis of a map; bars have none. */
const MAP_LEFT = 56
const LEFT = 8
const BOTTOM = 38
const EDGE = 10

/** 950, 8.2k, 1.5M. */
const short = (value: number): string =>
  value >= 1e6 ? `${number(value / 1e6)}M` : value >= 1e4 ? `${number(value / 1e3)}k` : number(value)

/** Powers of ten within the edges; 1, 3, 10, 30 or 1, 2, 5 where they are few. */
function logTicks(low: number, high: number): number[] {
  const decades = Math.log10(high / low)
  const marks = decades > 3 ? [1] : decades > 1.5 ? [1, 3] : [1, 2, 5]
  const all: number[] = []
  for (let e = Math.floor(Math.log10(low)); 10 ** e <= high; e++)
    for (const mark of marks) if (mark * 10 ** e >= low && mark * 10 ** e <= high) all.push(mark * 10 ** e)
  return all
}

/** The number under its place on the axis, moved inwards where it would stick out of the drawing. */
function tickLabel(x: number, y: number, value: number): string {
  const room = textWidth(short(value)) / 2
  return text(Math.max(room, Math.min(WIDTH - room, x)), y, short(value), 'class="soft" text-anchor="middle"')
}

/** `name` is the quantity with its unit, as the axis says it; `counted` are the things whose number is drawn. */
export function logBars({ edges, counts }: LogBars, name: string, colour: string, counted = 'requests'): string {
  const low = edges[0]
  const high = edges[edges.length - 1]
  const total = counts.reduce((sum, count) => sum + count, 0)
  // a bin narrower than its neighbours (few whole numbers lie in it) would look emptier than it is: heights are counts per width
  const spread = counts.map((count, i) => count / Math.log(edges[i + 1] / edges[i]))
  const most = spread.reduce((a, b) => Math.max(a, b))
  const x = (value: number): number => LEFT + (Math.log(value / low) / Math.log(high / low)) * (WIDTH - LEFT - EDGE)
  const floor = HEIGHT - BOTTOM
  const bars = counts.map((count, i) => {
    const height = (spread[i] / most) * (floor - EDGE)
    const tip = `${number(edges[i])} to ${number(edges[i + 1] - 1)} ${name}\n${number(count)} ${counted}, ${percent(count / total, 1)}`
    const width = Math.max(0.6, x(edges[i + 1]) - x(edges[i]) - 0.6)
    return count === 0
      ? ''
      : `<rect class="mark" x="${px(x(edges[i]))}" y="${px(floor - height)}" width="${px(width)}" height="${px(Math.max(0.8, height))}" fill="${colour}" data-tip="${escapeHtml(tip)}"/>`
  })
  const axis = logTicks(low, high).map(
    (value) => `<path class="grid" d="M${px(x(value))} ${EDGE}V${floor}"/>${tickLabel(x(value), floor + 15, value)}`,
  )
  const base = `<path class="axis" d="M${LEFT} ${floor}H${WIDTH - EDGE}"/>`
  const label = text((LEFT + WIDTH - EDGE) / 2, HEIGHT - 4, `${name} (log)`, 'class="soft" text-anchor="middle"')
  return svg(WIDTH, HEIGHT, `Distribution of ${name}`, `${axis.join('')}${base}${bars.join('')}${label}`)
}

export interface LogMap {
  readonly xEdges: readonly number[]
  readonly yEdges: readonly number[]
  /** counts[i][j]: bin i of x, bin j of y. */
  readonly counts: readonly (readonly number[])[]
}

const MAP_HEIGHT = 300

/** Deeper where more requests are, on a logarithmic scale, so that rare kinds are seen too. */
export function logMap({ xEdges, yEdges, counts }: LogMap, xName: string, yName: string): string {
  const most = counts.flat().reduce((a, b) => Math.max(a, b))
  const floor = MAP_HEIGHT - BOTTOM
  const along = (edges: readonly number[], value: number): number =>
    Math.log(value / edges[0]) / Math.log(edges[edges.length - 1] / edges[0])
  const x = (value: number): number => MAP_LEFT + along(xEdges, value) * (WIDTH - MAP_LEFT - EDGE)
  const y = (value: number): number => floor - along(yEdges, value) * (floor - EDGE)
  const cells = counts.flatMap((column, i) =>
    column.map((count, j) => {
      if (count === 0) return ''
      const tip = `${number(xEdges[i])} to ${number(xEdges[i + 1] - 1)} ${xName}\n${number(yEdges[j])} to ${number(yEdges[j + 1] - 1)} ${yName}\n${number(count)} requests`
      const share = most === 1 ? 1 : 0.08 + 0.92 * (Math.log(count) / Math.log(most))
      return `<rect class="mark" x="${px(x(xEdges[i]))}" y="${px(y(yEdges[j + 1]))}" width="${px(x(xEdges[i + 1]) - x(xEdges[i]))}" height="${px(y(yEdges[j]) - y(yEdges[j + 1]))}" fill="${shareColour(share)}" data-tip="${escapeHtml(tip)}"/>`
    }),
  )
  const xAxis = logTicks(xEdges[0], xEdges[xEdges.length - 1]).map(
    (value) => `<path class="grid" d="M${px(x(value))} ${EDGE}V${floor}"/>${tickLabel(x(value), floor + 15, value)}`,
  )
  const yAxis = logTicks(yEdges[0], yEdges[yEdges.length - 1]).map(
    (value) =>
      `<path class="grid" d="M${MAP_LEFT} ${px(y(value))}H${WIDTH - EDGE}"/>${text(MAP_LEFT - 6, y(value) + 4, short(value), 'class="soft" text-anchor="end"')}`,
  )
  const names =
    text((MAP_LEFT + WIDTH) / 2, MAP_HEIGHT - 4, `${xName} (log)`, 'class="soft" text-anchor="middle"') +
    `<text class="soft" transform="translate(11 ${px(floor / 2)}) rotate(-90)" text-anchor="middle">${escapeHtml(`${yName} (log)`)}</text>`
  return svg(WIDTH, MAP_HEIGHT, `${yName} by ${xName}`, `${xAxis.join('')}${yAxis.join('')}${cells.join('')}${names}`)
}
