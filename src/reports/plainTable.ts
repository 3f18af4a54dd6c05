/** Columns of text two spaces apart, for tables wider than a terminal likes boxes. */
export function plainTable(rows: readonly (readonly string[])[], rightAligned: readonly number[]): string {
  const widths: number[] = []
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length)
    })
  }
  const right = new Set(rightAligned)
  return rows
    .map((row) =>
      row
        .map((cell, i) => (right.has(i) ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
