/** Text into HTML, and the few shapes that the drawings share. Every string that is not ours passes through `escapeHtml`. */
const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

export const escapeHtml = (text: string | number): string => String(text).replace(/[&<>"']/g, (sign) => ENTITIES[sign])

/** JSON that may stand inside a script element. */
export const embeddedJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[<>\u2028\u2029]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** Coordinates with one decimal: small files, and the same bytes everywhere. */
export const px = (value: number): string => String(Math.round(value * 10) / 10)

export function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${px(x)}" y="${px(y)}" ${attributes}>${escapeHtml(content)}</text>`
}

/** An SVG that scales down with its column but never up beyond its own size. */
export const svg = (width: number, height: number, label: string, body: string): string =>
  `<svg class="drawing" viewBox="0 0 ${px(width)} ${px(height)}" style="max-width:${px(width)}px" role="img" aria-label="${escapeHtml(label)}">${body}</svg>`

export function section(id: string, title: string, lead: string, body: string): string {
  return `<section id="${id}"><h2>${escapeHtml(title)}</h2><p class="lead">${escapeHtml(lead)}</p>${body}</section>`
}

export function htmlTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = (row: readonly string[], tag: string) => row.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')
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
