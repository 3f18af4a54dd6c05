/** Printing results. Text is handed to stdout as one piece; the process ends by itself, so nothing is cut off. */
export function printResult(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
}

export function printJson(value: unknown): void {
  printResult(JSON.stringify(value, null, 2))
}

/** A remark for the person, on stderr. */
export function remark(text: string): void {
  process.stderr.write(`${text}\n`)
}
