/** One bar for each arm: how the mean TTFT divides into phases. */
import type { ComparisonResult } from '../../experiments/result.js'
import { inkOn } from '../colours.js'
import { measured } from '../format.js'
import { FIRST_DECODE, FRONTEND, ttftParts } from '../ttft.js'
import { escapeHtml, nameRoom, nameText, px, svg, telling, text, textWidth } from './markup.js'
import { dotLegend } from './scatter.js'

type ArmPicture = ComparisonResult['pictures']['arms'][number]

const LONGEST_BAR = 420
const NAMES = 130
const ROW = 46
const BAR = 18

/** From waiting (pale) to the last step before the token (deep). */
const COLOURS: Readonly<Record<string, string>> = {
  [FRONTEND]: '#8A7A00',
  queue: '#E69F00',
  prefill: '#0072B2',
  'decode wait': '#D55E00',
  transfer: '#CC79A7',
  [FIRST_DECODE]: '#009E73',
  stall: '#7A7A7A',
}

export function ttftBars(arms: readonly ArmPicture[]): string {
  const rows = arms.map((arm) => ({ name: arm.name, parts: ttftParts(arm.summary) }))
  const total = ({ parts }: (typeof rows)[number]) => parts.reduce((sum, { ms }) => sum + ms, 0)
  const longest = Math.max(...rows.map(total))
  if (!(longest > 0)) return '<p class="lead">No request of the window has a first token.</p>'
  const scale = LONGEST_BAR / longest
  const left = nameRoom(
    rows.map(({ name }) => name),
    NAMES,
  )
  const totals = rows.map((row) => `${measured(total(row))} ms`)
  const lists = rows.map(({ parts }) => parts.map(({ name, ms }) => `${name} ${measured(ms)}`).join(' · '))
  const width = Math.max(
    ...totals.map((words, i) => left + total(rows[i]) * scale + 6 + textWidth(words)),
    ...lists.map((list) => left + textWidth(list, 11)),
  )
  const phases = [...new Set(rows.flatMap(({ parts }) => parts.map(({ name }) => name)))]
  const key = phases.map((name) => ({ name, colour: COLOURS[name] }))
  const bars = rows.map((row, i) => {
    let x = left
    const boxes = row.parts.map(({ name, ms }) => {
      const width = ms * scale
      const tip = escapeHtml(`${row.name}\n${name}: ${measured(ms)} ms on average`)
      // parts too narrow for their number carry none; it stands below, and pointing at them shows it
      const label =
        width > textWidth(measured(ms), 11) + 4
          ? text(
              x + width / 2,
              i * ROW + 13,
              measured(ms),
              `text-anchor="middle" font-size="11" fill="${inkOn(COLOURS[name])}" pointer-events="none"`,
            )
          : ''
      const box = `<rect x="${px(x)}" y="${i * ROW}" width="${px(width)}" height="${BAR}" fill="${COLOURS[name]}" data-tip="${tip}"/>${label}`
      x += width
      return box
    })
    const words = text(x + 6, i * ROW + 13, totals[i])
    const list = text(left, i * ROW + 32, lists[i], 'class="soft" font-size="11"')
    const tip = `${row.name}: ${totals[i]}\n${lists[i]}`
    return `<g ${telling(tip)}>${nameText(left - 8, i * ROW + 13, row.name)}${boxes.join('')}${words}${list}</g>`
  })
  return `${dotLegend(key)}<div class="wide">${svg(width, rows.length * ROW, 'Mean TTFT by phase', bars.join(''))}</div>`
}
