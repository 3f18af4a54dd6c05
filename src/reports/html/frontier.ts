/** Throughput per GPU against speed per user, one curve an arm, concurrency written at its points. */
import type { ComparisonResult } from '../../experiments/result.js'
import type { ArmStyle } from '../colours.js'
import { number } from '../format.js'
import { px, svg, telling, text, textWidth, ticks } from './markup.js'

const WIDTH = 700
const HEIGHT = 400
/** Least room for the marks of the upright axis. */
const LEFT = 62
const RIGHT = 24
const TOP = 14
const BOTTOM = 46

/** Values with a margin: arms lie close together, and an axis from zero would draw them as one line. */
function reach(values: readonly number[]): [number, number] {
  const low = Math.min(...values)
  const high = Math.max(...values)
  const margin = (high - low || high) * 0.09
  return [Math.max(0, low - margin), high + margin]
}

/** All digits of a round value: where arms lie close together, three do not tell neighbours apart. */
const tickText = (value: number): string => value.toLocaleString('en-US', { maximumFractionDigits: 12 })

export function frontierPlot(frontier: ComparisonResult['pictures']['frontier'], styles: readonly ArmStyle[]): string {
  const all = frontier.flatMap((arm) => arm.points)
  if (all.length === 0) return '<p class="soft">The load sweep was not run.</p>'
  const [minX, maxX] = reach(all.map((point) => point.tok_s_user))
  const [minY, maxY] = reach(all.map((point) => point.tok_s_gpu))
  const upright = ticks(minY, maxY, 6)
  // beside the marks stands the name of the axis
  const left = Math.max(LEFT, ...upright.map((value) => 28 + textWidth(tickText(value))))
  const x = (value: number) => left + ((value - minX) / (maxX - minX)) * (WIDTH - left - RIGHT)
  const y = (value: number) => HEIGHT - BOTTOM - ((value - minY) / (maxY - minY)) * (HEIGHT - TOP - BOTTOM)
  const grid = [
    ...ticks(minX, maxX, 7).map(
      (value) =>
        `<path class="grid" d="M${px(x(value))} ${TOP}V${HEIGHT - BOTTOM}"/>${text(x(value), HEIGHT - BOTTOM + 16, tickText(value), 'class="soft" text-anchor="middle"')}`,
    ),
    ...upright.map(
      (value) =>
        `<path class="grid" d="M${px(left)} ${px(y(value))}H${WIDTH - RIGHT}"/>${text(left - 8, y(value) + 4, tickText(value), 'class="soft" text-anchor="end"')}`,
    ),
  ]
  const labelled = frontier.length - 1
  const curves = frontier.map((arm, index) => {
    const style = styles.find((entry) => entry.name === arm.name)
    const colour = style?.colour ?? '#7A7A7A'
    const points = [...arm.points].sort((a, b) => a.concurrency - b.concurrency)
    const path = points.map((point, i) => `${i === 0 ? 'M' : 'L'}${px(x(point.tok_s_user))} ${px(y(point.tok_s_gpu))}`).join('')
    const marks = points.map((point) => {
      const tip = `${arm.name}\nconcurrency ${number(point.concurrency)}\n${number(point.tok_s_user)} tok/s/user, ${number(point.tok_s_gpu)} tok/s/GPU`
      const label =
        index === labelled
          ? text(x(point.tok_s_user) + 8, y(point.tok_s_gpu) - 7, number(point.concurrency), 'class="soft" font-size="11"')
          : ''
      return `<circle class="mark" ${telling(tip)} cx="${px(x(point.tok_s_user))}" cy="${px(y(point.tok_s_gpu))}" r="5" fill="${colour}"/>${label}`
    })
    return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="2" stroke-dasharray="${style?.dash.join(' ') ?? ''}"/>${marks.join('')}`
  })
  const names = `${text((left + WIDTH - RIGHT) / 2, HEIGHT - 8, 'tokens/s/user (p50) — faster for one user →', 'class="soft" text-anchor="middle"')}<text class="soft" transform="translate(14 ${HEIGHT / 2}) rotate(-90)" text-anchor="middle">output tokens/s/GPU →</text>`
  return `<div class="wide">${svg(WIDTH, HEIGHT, 'Tokens per second per GPU against tokens per second per user', `${grid.join('')}${curves.join('')}${names}`)}</div>`
}
