/** The tables of the published statistics of the public traces (STATISTICS.md beside them), read cell by cell. */
import { expect } from 'vitest'

export type PrintedRow = Readonly<Record<string, string>>

const cellsOf = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())

/** Rows of the first table after `heading`, by their first cell without what stands in brackets at its end; cells by the names of their columns. */
export function printedTable(statistics: string, heading: string): ReadonlyMap<string, PrintedRow> {
  const start = statistics.indexOf(heading)
  if (start < 0) throw new Error(`no heading '${heading}' in the published statistics`)
  const lines = statistics.slice(start).split('\n')
  const first = lines.findIndex((line) => line.startsWith('|'))
  const table = lines.slice(
    first,
    lines.findIndex((line, i) => i > first && !line.startsWith('|')),
  )
  const names = columnNames(cellsOf(table[0]))
  return new Map(
    table.slice(2).map((line) => {
      const cells = cellsOf(line)
      return [cells[0].replace(/ \(.*$/, ''), Object.fromEntries(names.map((name, i) => [name, cells[i]]))]
    }),
  )
}

/** `ISL mean, std, p50 … OSL mean, std, p50 …`: figures of output tokens repeat the names of those of input tokens, so they get their prefix. */
function columnNames(header: readonly string[]): string[] {
  let prefix = ''
  return header.map((title) => {
    const kind = /^(ISL|OSL) (mean|p50)$/.exec(title)?.[1]
    if (kind !== undefined) prefix = `${kind} `
    return kind === undefined ? `${prefix}${title}` : title
  })
}

/** Half a unit of the last printed digit: `1.07` is 1.065 to 1.075, `1237` is 1236.5 to 1237.5, `97 %` is 0.965 to 0.975. */
export function expectAsPrinted(value: number | null, printed: string, what: string): void {
  const number = printed.replace(' %', '')
  const decimals = number.includes('.') ? number.length - number.indexOf('.') - 1 : 0
  const slack = 0.5 * 10 ** -decimals * (1 + 1e-9)
  const shown = (value ?? Number.NaN) * (printed.endsWith('%') ? 100 : 1)
  expect(Math.abs(shown - Number(number)), `${what}: ${shown}, printed ${printed}`).toBeLessThanOrEqual(slack)
}

/** Within `share` of what is printed, or as printed where the last digit is coarser than that; `-` means that there is no figure. */
export function expectWithin(value: number | null, printed: string, share: number, what: string): void {
  if (printed === '-') {
    expect(value, what).toBeNull()
    return
  }
  const expected = Number.parseFloat(printed)
  const shown = (value ?? Number.NaN) * (printed.endsWith('%') ? 100 : 1)
  if (Math.abs(shown / expected - 1) > share) expectAsPrinted(value, printed, what)
}
