/** Request shapes drawn from published inverse CDFs: the input length first, the output length given the bin of the input length. */
import { readFileSync } from 'node:fs'
import type { Rng } from '../../rng.js'

/** One entry of data/workloads/length-tables.json. Percentiles ascend from 0 to 100. */
export interface LengthTable {
  readonly isl_percentiles: readonly number[]
  readonly isl: readonly number[]
  readonly isl_bin_edges: readonly number[]
  readonly osl_percentiles: readonly number[]
  /** One inverse CDF for each bin of the input length. */
  readonly osl_given_isl: readonly (readonly number[])[]
}

export type LengthTableName = 'chat' | 'code' | 'agent'

let tables: Record<LengthTableName, LengthTable> | null = null

export function lengthTable(name: LengthTableName): LengthTable {
  tables ??= JSON.parse(readFileSync(new URL('../../../data/workloads/length-tables.json', import.meta.url), 'utf8'))
  return (tables as Record<LengthTableName, LengthTable>)[name]
}

/** Linear interpolation of an inverse CDF at probability u in [0, 1). */
export function inverseCdf(percentiles: readonly number[], values: readonly number[], u: number): number {
  const at = u * 100
  let i = 0
  while (i + 2 < percentiles.length && percentiles[i + 1] <= at) i++
  const share = (at - percentiles[i]) / (percentiles[i + 1] - percentiles[i])
  return values[i] + share * (values[i + 1] - values[i])
}

/** A shape with isl + osl <= longest; longer ones are drawn anew, so the tail is cut and not piled up at the limit. */
export function drawShape(table: LengthTable, rng: Rng, longest: number): { isl: number; osl: number } {
  for (;;) {
    const isl = Math.max(1, Math.round(inverseCdf(table.isl_percentiles, table.isl, rng.uniform())))
    const edges = table.isl_bin_edges
    let bin = 0
    while (bin + 2 < edges.length && isl > edges[bin + 1]) bin++
    const osl = Math.max(1, Math.round(inverseCdf(table.osl_percentiles, table.osl_given_isl[bin], rng.uniform())))
    if (isl + osl <= longest) return { isl, osl }
  }
}
