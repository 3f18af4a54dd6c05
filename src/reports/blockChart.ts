/** Charts of block characters for the terminal: columns as high as their values, in eighths of a line. */
const EIGHTHS = ['', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']

/** Lines from top to bottom; a value above 0 is never drawn as nothing. */
export function blockChart(values: readonly number[], height: number): string[] {
  const highest = values.reduce((most, value) => Math.max(most, value), 0)
  const levels = values.map((value) =>
    value <= 0 || highest === 0 ? 0 : Math.max(1, Math.round((value / highest) * height * 8)),
  )
  return Array.from({ length: height }, (_, line) => {
    const below = (height - 1 - line) * 8
    return levels.map((level) => EIGHTHS[Math.min(8, Math.max(0, level - below))] || ' ').join('')
  })
}

/** A line with each label centred under its column, as far as there is room; the first of two that would touch stays. */
export function axisLabels(width: number, labels: readonly { readonly column: number; readonly text: string }[]): string {
  let line = ''
  for (const { column, text } of labels) {
    const start = Math.max(0, Math.min(width - text.length, Math.round(column - text.length / 2)))
    if (start < line.length + (line === '' ? 0 : 1)) continue
    line = line.padEnd(start) + text
  }
  return line
}
