/** Markdown pages of which a part is generated. */
const cell = (text: string): string => text.replaceAll('|', '\\|')

export const markdownTable = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n')

/** Comments between which the generated part stands. */
export interface Marks {
  readonly begin: string
  readonly end: string
}

/** `page` with the generated part put in the place of the last one, or at its end. */
export function withGenerated(page: string, generated: string, marks: Marks): string {
  const block = `${marks.begin}\n\n${generated}\n\n${marks.end}`
  const begin = page.indexOf(marks.begin)
  const end = page.indexOf(marks.end)
  if (begin >= 0 && end > begin) return page.slice(0, begin) + block + page.slice(end + marks.end.length)
  return `${page.trimEnd()}${page.trim() === '' ? '' : '\n\n'}${block}\n`
}
