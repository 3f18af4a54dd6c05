/** Rows of a measured table file: CSV, gzip or plain, with a header line. */
import { UserError } from '../../errors.js'
import { readText } from '../../textFile.js'

export interface RowFile {
  readonly columns: readonly string[]
  /** Fields of each row; `line` is 1-based, the header is line 1. */
  readonly rows: readonly { readonly line: number; readonly fields: readonly string[] }[]
}

export function readRowFile(path: string): RowFile {
  const lines = readText(path, 'give CSV files, plain or compressed with gzip').split('\n')
  const columns = lines[0].trim().split(',')
  const rows: { line: number; fields: string[] }[] = []
  for (let i = 1; i < lines.length; i++) {
    const text = lines[i].trim()
    if (text !== '') rows.push({ line: i + 1, fields: text.split(',') })
  }
  return { columns, rows }
}

/** Positions of the named columns. Throws UserError when one is missing. */
export function columnIndexes(path: string, columns: readonly string[], wanted: readonly string[]): number[] {
  return wanted.map((name) => {
    const at = columns.indexOf(name)
    if (at < 0)
      throw new UserError({
        where: path,
        message: `the column ${name} is missing`,
        hint: `columns found: ${columns.join(', ')}`,
      })
    return at
  })
}
