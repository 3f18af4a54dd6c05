/** Text into HTML, and the few shapes that the drawings share. Every string that is not ours passes through `escapeHtml`. */
import { NOTHING, unbroken } from '../format.js'

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

export const escapeHtml = (text: string | number): string => String(text).replace(/[&<>"']/g, (sign) => ENTITIES[sign])

/** Sentences one below the other. */
export const bullets = (lines: readonly string[], kind = ''): string =>
  `<ul${kind === '' ? '' : ` class="${kind}"`}>${lines.map((line) => `<li>${escapeHtml(unbroken(line))}</li>`).join('')}</ul>`

/** JSON that may stand inside a script element. */
export const embeddedJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[<>\u2028\u2029]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** Coordinates with one decimal: small files, and the same bytes everywhere. */
export const px = (value: number): string => String(Math.round(value * 10) / 10)

export function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${px(x)}" y="${px(y)}" ${attributes}>${escapeHtml(content)}</text>`
}

/** Widths of letters as a share of their size, in the widest of the common fonts: nothing is measured here. */
const LETTER = 0.66
const FULL_WIDTH_LETTER = 1.1
const isFullWidth = (letter: string): boolean => (letter.codePointAt(0) as number) >= 0x2e80

/** Room that a text takes in a drawing, in px; rather too much than too little. */
export const textWidth = (content: string, size = 12): number =>
  size * [...content].reduce((sum, letter) => sum + (isFullWidth(letter) ? FULL_WIDTH_LETTER : LETTER), 0)

/** Room for names at the side of a drawing, in px: at least `least`, and no more than leaves room for the drawing. */
export const nameRoom = (names: readonly string[], least: number): number =>
  Math.min(
    260,
    names.reduce((room, name) => Math.max(room, textWidth(name) + 20), least),
  )

/** A name that ends at x, of which no more is shown than fits between 0 and x; pointing at it shows the rest. */
export function nameText(x: number, y: number, name: string, attributes = ''): string {
  const style = `text-anchor="end"${attributes}`
  if (textWidth(name) <= x) return text(x, y, name, style)
  const letters = [...name]
  while (letters.length > 0 && textWidth(`${letters.join('')}…`) > x) letters.pop()
  return text(x, y, `${letters.join('')}…`, `${style} data-tip="${escapeHtml(name)}"`)
}

/** Attributes of what tells its numbers to who points at it, comes to it by keyboard, or listens. */
export const telling = (tip: string): string =>
  `tabindex="0" role="img" aria-label="${escapeHtml(tip.replaceAll('\n', ', '))}" data-tip="${escapeHtml(tip)}"`

/** An SVG that scales down with its column but never up beyond its own size. Parts that tell something themselves are not hidden behind its label. */
export const svg = (width: number, height: number, label: string, body: string): string =>
  `<svg class="drawing" viewBox="0 0 ${px(width)} ${px(height)}" style="max-width:${px(width)}px;--own:${px(width)}px" role="${body.includes(' role="img"') ? 'group' : 'img'}" aria-label="${escapeHtml(label)}">${body}</svg>`

export function section(id: string, title: string, lead: string, body: string): string {
  return `<section id="${id}"><h2>${escapeHtml(title)}</h2><p class="lead">${escapeHtml(lead)}</p>${body}</section>`
}

/** 1,234 · +2.5 % · 3.06x · 5.8 / 4.0 · 2.22–3.37 */
const NUMERIC = /^[+−]?\d[\d,.]*(?: ?(?:%|x|M|us|tiles))?(?: ?[/–] ?\d[\d,.]*)?$/

/** Columns of numbers alone stand flush right under their heads, so that digits of one rank are below each other. */
export function htmlTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const isNumeric = head.map((_, i) => {
    const told = rows.map((row) => row[i] ?? '').filter((cell) => cell !== '' && cell !== NOTHING)
    return told.length > 0 && told.every((cell) => NUMERIC.test(cell))
  })
  const cells = (row: readonly string[], tag: string) =>
    row.map((cell, i) => `<${tag}${isNumeric[i] ? ' class="n"' : ''}>${escapeHtml(cell)}</${tag}>`).join('')
  return `<div class="scroll"><table><thead><tr>${cells(head, 'th')}</tr></thead><tbody>${rows.map((row) => `<tr>${cells(row, 'td')}</tr>`).join('')}</tbody></table></div>`
}

/** Round steps of 1, 2, 5 that cut [low, high] into about `count` parts; both ends lie inside the range. */
export function ticks(low: number, high: number, count: number): number[] {
  const raw = (high - low) / count
  if (!(raw > 0)) return [low]
  const power = 10 ** Math.floor(Math.log10(raw))
  const step = [1, 2, 5, 10].map((unit) => unit * power).find((unit) => unit >= raw) ?? 10 * power
  const first = Math.ceil(low / step - 1e-9)
  const last = Math.floor(high / step + 1e-9)
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => Number(((first + i) * step).toPrecision(12)))
}

export interface Mark {
  readonly value: number
  readonly label: string
}

/** Marks of an axis of changes from `low` to `high` percent that is `width` px long: at most `count`, and no more than their lettering leaves room for. */
export function percentMarks(low: number, high: number, width: number, count = 6): Mark[] {
  const marks = ticks(low, high, count).map((value) => ({
    value,
    label: `${value > 0 ? '+' : ''}${String(value).replace('-', '−')}`,
  }))
  const [first, second] = marks
  const widest = Math.max(...marks.map(({ label }) => textWidth(label)))
  const fits = second === undefined || ((second.value - first.value) / (high - low)) * width >= widest
  return fits || count === 1 ? marks : percentMarks(low, high, width, count - 1)
}

/**
 * An axis of changes from `low` to `high` percent: an upright line from `top` to `bottom` at each of at most `count` marks, that of no change stronger, with
 * its lettering below. `x`: px of a change in percent.
 */
export function percentAxis(
  [low, high]: readonly [number, number],
  x: (percent: number) => number,
  [top, bottom]: readonly [number, number],
  count?: number,
): string {
  return percentMarks(low, high, x(high) - x(low), count)
    .map(({ value, label }) => {
      const at = x(value)
      const line = `<path class="${value === 0 ? 'axis' : 'grid'}" d="M${px(at)} ${px(top)}V${px(bottom)}"/>`
      return line + text(at, bottom + 15, label, 'class="soft" text-anchor="middle"')
    })
    .join('')
}
