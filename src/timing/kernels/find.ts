/** Sites of a sheet by column values, and times between the measured values of one column. */
import type { Evidence } from '../slices.js'
import { bracket } from './gemm.js'
import type { Sheet } from './table.js'

/** Times on the knots of a sheet and where they come from. */
export interface Found {
  /** Natural log of us, NaN beyond the measured sizes. */
  readonly block: Float64Array
  readonly evidence: Evidence
  readonly note: string
  /** Value of the column that the times belong to: the one asked for, or the nearest measured one. */
  readonly at: number
}

export type ColumnValues = Readonly<Record<string, string | number>>

/** Sites whose columns have the given values. */
export function sitesWhere(sheet: Sheet, values: ColumnValues): (readonly string[])[] {
  const wanted = Object.entries(values).map(([column, value]) => [sheet.columns.indexOf(column), String(value)] as const)
  return sheet.sites.filter((site) => wanted.every(([at, value]) => site[at] === value))
}

const blockOf = (sheet: Sheet, site: readonly string[]): Float64Array => sheet.block(site.join('/')) as Float64Array

/**
 * The site with `column` = `value`, or the log interpolation between its neighbours; outside the measured values the nearest
 * site.
 */
export function alongColumn(sheet: Sheet, values: ColumnValues, column: string, value: number): Found | null {
  const at = sheet.columns.indexOf(column)
  const sites = sitesWhere(sheet, values).sort((a, b) => Number(a[at]) - Number(b[at]))
  if (sites.length === 0) return null
  const measured = sites.map((site) => Number(site[at]))
  const { low, high, share } = bracket(measured, value)
  const block = blockOf(sheet, sites[low])
  if (measured[low] === value) return { block, evidence: 'measured', note: '', at: value }
  if (low === high) return { block, evidence: 'transferred', note: `from ${column} ${measured[low]}`, at: measured[low] }
  const above = blockOf(sheet, sites[high])
  return {
    block: block.map((us, i) => us + (above[i] - us) * share),
    evidence: 'interpolated',
    note: `between ${column} ${measured[low]} and ${measured[high]}`,
    at: value,
  }
}
