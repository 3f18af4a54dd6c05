/** The file of kernel times of one system, from a folder of measured tables. Same input, same bytes. */
import type { MeasuredSystem } from '../../hardware/system.js'
import { FAMILIES } from '../kernels/families.js'
import { encodeTable } from '../kernels/table.js'
import { TABLE_KNOTS } from '../knots.js'
import { fill } from './fill.js'
import { familyFiles, type Measured, measure } from './measured.js'
import { regrid } from './regrid.js'

const NOTICE = [
  'Kernel times on the knots of Shapewise, derived from the measured tables of NVIDIA AIConfigurator.',
  'Source: ai-dynamo/aiconfigurator, commit 095f58a51c4ca8e61b66ec108d86f223f8d559ce, aic-core/src/aiconfigurator_core/systems/data (TensorRT-LLM 1.3.0rc20; experts with load balancing 1.3.0rc10; all-to-all 1.2.0rc6; NCCL 2.29.2; SGLang 0.5.14 all-reduce, 0.5.12 DeepEP).',
  'Licence of the source: Apache-2.0, Copyright (c) 2025-2026 NVIDIA CORPORATION & AFFILIATES. These values are changed: see the method.',
  'Method: disturbed rows left out; missing sizes filled from the curves around them and on the other system, missing shapes from the other system; then interpolated onto other knots (docs/decisions/0004-kernel-tables.md).',
  'Made by: npm run build:timing.',
]

/** All families of a folder on their grids, holes filled; made once for both systems. */
export function openSystems(folder: string): readonly Measured[] {
  const files = familyFiles(folder)
  return FAMILIES.map((family) => fill(measure(family, files)))
}

export function makeTables(system: MeasuredSystem, families: readonly Measured[]): Uint8Array {
  const sheets = families.flatMap((measured) => {
    const values = measured.logUs.get(system)
    if (!values) return []
    const { family, sites } = measured
    const cells = values.length / sites.length
    const kept = sites.map((_, i) => i).filter((i) => !values.subarray(i * cells, (i + 1) * cells).every(Number.isNaN))
    const own = new Float64Array(kept.length * cells)
    for (const [i, site] of kept.entries()) own.set(values.subarray(site * cells, (site + 1) * cells), i * cells)
    return {
      name: family.name,
      columns: family.times.length > 1 ? [...family.site, 'time'] : family.site,
      axes: family.axes.map(({ knots }) => ({ name: knots, knots: TABLE_KNOTS[knots] })),
      sites: kept.map((site) => sites[site].join('/')),
      logUs: regrid(measured, own),
    }
  })
  return encodeTable(system, NOTICE, sheets)
}
