/** One bar for each arm: how the mean TTFT divides into phases. */
import type { ComparisonResult } from '../../experiments/result.js'
import { mix } from '../colours.js'
import { number } from '../format.js'
import { FIRST_DECODE, FRONTEND, ttftParts } from '../ttft.js'
import { escapeHtml, px, svg, text } from './markup.js'

type ArmPicture = ComparisonResult['pictures']['arms'][number]

const WIDTH = 640
const LEFT = 130
const ROW = 46
const BAR = 18
/** Narrower parts carry no number; pointing at them shows it. */
const NARROWEST_LABEL = 44

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
  const scale = (WIDTH - LEFT - 90) / longest
  const bars = rows.map((row, i) => {
    let x = LEFT
    const boxes = row.parts.map(({ name, ms }) => {
      const width = ms * scale
      const tip = escapeHtml(`${row.name}\n${name}: ${number(ms)} ms on average`)
      const label =
        width > NARROWEST_LABEL
          ? text(
              x + width / 2,
              i * ROW + 13,
              number(ms),
              'text-anchor="middle" font-size="11" fill="#ffffff" pointer-events="none"',
            )
          : ''
      const box = `<rect x="${px(x)}" y="${i * ROW}" width="${px(width)}" height="${BAR}" fill="${mix(COLOURS[name], '#000000', 0.15)}" data-tip="${tip}"/>${label}`
      x += width
      return box
    })
    const words = text(x + 6, i * ROW + 13, `${number(total(row))} ms`, 'font-size="12"')
    const list = text(
      LEFT,
      i * ROW + 32,
      row.parts.map(({ name, ms }) => `${name} ${number(ms)}`).join(' · '),
      'class="soft" font-size="11"',
    )
    return `${text(LEFT - 8, i * ROW + 13, row.name, 'text-anchor="end" font-size="12"')}${boxes.join('')}${words}${list}`
  })
  return `<div class="wide">${svg(WIDTH, rows.length * ROW, 'Mean TTFT by phase', bars.join(''))}</div>`
}
