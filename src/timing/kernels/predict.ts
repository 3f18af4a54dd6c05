/** The time of one measured row, from the shipped table alone. */
import { intervalOf } from '../../collections/interval.js'
import { type Family, siteName } from './families.js'
import { gemmBlock } from './gemm.js'
import type { KernelTable, Sheet } from './table.js'

/** Predicts the times (us, one per time column) of a row; the reason when the table does not cover it. */
export type Predict = (site: readonly string[], sizes: readonly number[]) => readonly number[] | string

/** Log-log interpolation along the known part of a line; its end slopes go on outside. NaN when nothing is known. */
function readLine(knots: Float64Array, values: Float64Array, at: number): number {
  const first = values.findIndex((value) => !Number.isNaN(value))
  if (first < 0) return Number.NaN
  const last = values.findLastIndex((value) => !Number.isNaN(value))
  if (first === last) return values[first]
  const i = intervalOf(knots, at, first, last)
  return values[i] + ((values[i + 1] - values[i]) * (at - knots[i])) / (knots[i + 1] - knots[i])
}

/** Reads a block at a size of each axis; the first axis of two is read where its rows cover the second size. */
function readBlock(sheet: Sheet, block: Float64Array, sizes: readonly number[]): number {
  const logs = sizes.map(Math.log)
  if (sheet.logKnots.length === 1) return Math.exp(readLine(sheet.logKnots[0], block, logs[0]))
  const [rows, columns] = sheet.logKnots
  const column = Math.min(columns.length - 2, intervalOf(columns, logs[1]))
  const across = new Float64Array(rows.length)
  for (let row = 0; row < rows.length; row++) {
    const line = block.subarray(row * columns.length, (row + 1) * columns.length)
    // Rows that end before this size would be extended by slopes: the others tell more.
    across[row] = Number.isNaN(line[column]) || Number.isNaN(line[column + 1]) ? Number.NaN : readLine(columns, line, logs[1])
  }
  return Math.exp(readLine(rows, across, logs[0]))
}

/** Rows of one family. Sites are decoded once. */
export function predictor(table: KernelTable, family: Family): Predict {
  const sheet = table.sheets.find(({ name }) => name === family.name)
  const blocks = new Map<string, Float64Array | null>()
  function blockOf(site: readonly string[], time: string): Float64Array | null {
    const name = siteName(family, site, time)
    let block = blocks.get(name)
    if (block === undefined) {
      block =
        (sheet as Sheet).block(name) ??
        (family.name === 'gemm_trtllm' ? gemmBlock(sheet as Sheet, site[0], Number(site[2]), Number(site[3])) : null)
      blocks.set(name, block)
    }
    return block
  }
  return (site, sizes) => {
    if (!sheet) return `the table of ${table.system} has no rows of ${family.name}`
    if (sizes.some((size) => !(size > 0))) return 'a size is not a positive number'
    const times: number[] = []
    for (const time of family.times) {
      const block = blockOf(site, time)
      if (!block) return `the table has no site ${site.join('/')}`
      const us = readBlock(sheet, block, sizes)
      if (!Number.isFinite(us)) return 'beyond the measured sizes'
      times.push(us)
    }
    return times
  }
}
