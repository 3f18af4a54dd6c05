/** Measured NVL72 rows: all of tiers A and B are read and mapped; a subset is simulated and stays within bars. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { constantsOf, loadCalibration } from '../src/timing/index.js'
import { createRowPool } from '../src/validation/pool.js'
import { counts, groupScores } from '../src/validation/scores.js'
import { SETTINGS_FILE } from '../src/validation/settings.js'
import { readRows, scoreRows } from '../src/validation/validate.js'

const silicon = fileURLToPath(new URL('../../shared/data/silicon/', import.meta.url))
const present = existsSync(silicon)
if (!present && process.env.CI) throw new Error('the measured rows are missing: ../shared/data/silicon')
if (!present) console.warn('measured rows are missing, their tests are skipped: ../shared/data/silicon')

describe.skipIf(!present)('measured NVL72 rows', () => {
  const set = present
    ? readRows(`${silicon}nvl72_serving.csv`, `${silicon}${SETTINGS_FILE}`)
    : { rows: [], refused: [], configured: new Set() }

  it('of tiers A and B are refused at most in 3 %', () => {
    const refused = set.refused.filter(({ row }) => row.tier !== 'C')
    const all = set.rows.filter(({ row }) => row.tier !== 'C').length + refused.length
    expect(all).toBeGreaterThan(300)
    expect(refused.length).toBeLessThanOrEqual(0.03 * all)
  })

  it('use all GPUs of the row, and the recipe wins over the labels', () => {
    for (const { row, plan } of set.rows.filter(({ row: { mode } }) => mode === 'disagg')) {
      const gpus = (shape: typeof row.prefill) => (shape.workers ?? 0) * (shape.gpus ?? 0)
      expect(plan.gpus).toBe(gpus(row.prefill) + gpus(row.decode))
    }
    const lowLatency = set.rows.filter(
      ({ row, plan }) => row.backend === 'sglang' && row.measuredDate < '2026' && plan.engines[1].parallelism.tp === 4,
    )
    expect(lowLatency.length).toBeGreaterThanOrEqual(11)
    for (const { plan } of lowLatency) expect(plan.engines[1].parallelism).toMatchObject({ dp: 1, moeTp: 4, moeEp: 1 })
  })

  it('every seventh small one is simulated within bars', async () => {
    const small = set.rows.filter(({ row, plan }) => row.tier !== 'C' && row.tpotMs !== null && plan.concurrency <= 512)
    const subset = small.filter((_, i) => i % 7 === 0)
    expect(subset.length).toBeGreaterThan(25)
    const scored = await scoreRows({
      set: { rows: subset, refused: [], configured: new Set() },
      constantsOf: () => constantsOf(loadCalibration()),
      pool: createRowPool({ threads: 1 }),
      seed: 1,
    })
    expect(scored.refused).toEqual([])
    expect(scored.rows.every(counts)).toBe(true)
    const groups = groupScores(scored.rows)
    const all = groups.find(({ group }) => group === 'all')
    const unsaturated = groups.find(({ group, value }) => group === 'load' && value === 'unsaturated')
    expect(all?.tpot?.mean_pct).toBeLessThan(10)
    expect(unsaturated?.ttft?.median_pct).toBeLessThan(25)
    expect(unsaturated?.tok_s_per_gpu?.mean_pct).toBeLessThan(14)
  })
})
