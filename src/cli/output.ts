/** Printing results. Text is handed to stdout as one piece; the process ends by itself, so nothing is cut off. */
export function printResult(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
}

/** Fewest columns that a drawing or a table can use. */
const FEWEST_COLUMNS = 20

/** Columns of the terminal, at most `widest`; so many without a terminal, and with one that does not know its width and says 0. */
export const terminalColumns = (widest: number): number =>
  Math.min(widest, Math.max(FEWEST_COLUMNS, process.stdout.columns || widest))

export function printJson(value: unknown): void {
  printResult(JSON.stringify(value, null, 2))
}

/** A remark for the person, on stderr. */
export function remark(text: string): void {
  process.stderr.write(`${text}\n`)
}
