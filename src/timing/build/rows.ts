/** Measured rows of one table file: gzip CSV with a header line; one group of rows per combination of the key columns. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { UserError } from '../../errors.js'

export type Row = Readonly<Record<string, string>>

/** Rows of `<system>_<table>_*.csv.gz` in `folder`; `keep` sees the raw line's fields by column name. */
export function readRows(folder: string, system: string, table: string, keep: (row: Row) => boolean): Row[] {
  let files: string[]
  try {
    files = readdirSync(folder).filter((name) => name.startsWith(`${system}_${table}`) && name.endsWith('.csv.gz'))
  } catch {
    throw new UserError({
      where: '--kernels',
      message: `the folder ${folder} cannot be read.`,
      hint: 'Give the folder of the measured kernel tables.',
    })
  }
  if (files.length !== 1) {
    throw new UserError({
      where: '--kernels',
      message: `${folder} has ${files.length} files ${system}_${table}*.csv.gz, not one.`,
    })
  }
  const lines = gunzipSync(readFileSync(join(folder, files[0])))
    .toString('utf8')
    .split('\n')
  const columns = lines[0].trim().split(',')
  const rows: Row[] = []
  for (let i = 1; i < lines.length; i++) {
    if (lines[i] === '') continue
    const fields = lines[i].split(',')
    const row: Record<string, string> = {}
    for (let c = 0; c < columns.length; c++) row[columns[c]] = fields[c]
    if (keep(row)) rows.push(row)
  }
  return rows
}

/** Nested points: group -> x -> us. */
export function groupPoints(rows: readonly Row[], group: (row: Row) => string, x: string): Map<string, Map<number, number>> {
  const groups = new Map<string, Map<number, number>>()
  for (const row of rows) {
    const key = group(row)
    let points = groups.get(key)
    if (!points) {
      points = new Map()
      groups.set(key, points)
    }
    points.set(Number(row[x]), Number(row.latency_us))
  }
  return groups
}
