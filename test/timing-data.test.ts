/** Needs the measured kernel tables beside the project: fails without them when CI is set, is skipped otherwise. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { Gqa } from '../src/models/operators.js'
import { makeTables, openSystems, TIMING_SYSTEMS } from '../src/timing/build/make.js'
import { neededOperators } from '../src/timing/build/needed.js'
import { sliceKey } from '../src/timing/keys.js'
import { priceOperators } from '../src/timing/price.js'
import { loadTables } from '../src/timing/slices.js'

const folder = fileURLToPath(new URL('../../shared/data/kernels/', import.meta.url))
const present = existsSync(folder)
if (!present && process.env.CI) throw new Error('the measured kernel tables ../shared/data/kernels are missing')

const quantile = (errors: number[], share: number): number => errors.sort((a, b) => a - b)[Math.floor(errors.length * share)]

describe.skipIf(!present)('tables of kernel times', () => {
  const systems = openSystems(folder)

  it.each(TIMING_SYSTEMS)('%s is made again byte for byte', (system) => {
    const shipped = readFileSync(new URL(`../data/timing/${system}.bin`, import.meta.url))
    expect(Buffer.compare(shipped, Buffer.from(makeTables(system, systems)))).toBe(0)
  })

  it.each(TIMING_SYSTEMS)('%s reads back the measured rows', (system) => {
    const tables = loadTables(system)
    const measured = systems.get(system)!
    const errors: Record<string, number[]> = { gqa_decode: [], gqa_prefill: [], mla_prefill: [], moe: [], gemm: [] }
    for (const operator of neededOperators()) {
      const key = sliceKey(operator)
      if (!(operator.kind in errors) || !tables.has(key)) continue
      // The kernel itself, not the part of it that a step sees.
      const [priced] = priceOperators([{ ...operator, besideExperts: undefined }], tables)
      const note = (points: Map<number, number> | undefined, us: (x: number) => number) => {
        for (const [x, time] of points ?? []) errors[operator.kind].push(Math.abs(us(x) / time - 1))
      }
      const group = key.slice(operator.kind.length + 1)
      if (operator.kind === 'gemm' && operator.group !== 'prefill')
        note(measured.gemm().get(`${operator.type}/${operator.k}/${operator.n}`), (x) => priced.us(x, 0))
      else if (operator.kind === 'moe') note(measured.moe().get(group), (x) => priced.us(x, 0))
      else if (operator.kind === 'mla_prefill') note(measured.mlaPrefill().get(group), (x) => priced.us(x, 0))
      else if (operator.kind === 'gqa_prefill') note(measured.gqaPrefill().get(group), (x) => priced.us(x, 0))
      else if (operator.kind === 'gqa_decode' && (operator as Gqa).window === 0) {
        for (const n of [1, 8, 64]) note(measured.gqaDecode().get(`${group}/${n}`), (x) => priced.us(n, x))
      }
    }
    const table = Object.entries(errors).map(([kind, list]) => ({
      kind,
      rows: list.length,
      median: quantile(list, 0.5),
      p90: quantile(list, 0.9),
    }))
    console.info(system, table)
    for (const { kind, rows, median, p90 } of table) {
      expect(rows, kind).toBeGreaterThan(20)
      expect(median, kind).toBeLessThan(0.04)
      expect(p90, kind).toBeLessThan(0.15)
    }
  })
})
