/** The fit of the global constants: the solver, the folds, and whether known constants are found again. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { constantsOf, drawsOf, loadCalibration, NEUTRAL } from '../src/timing/index.js'
import { parseCsv } from '../src/validation/csvTable.js'
import { calibrationOf, fitRows, runFit } from '../src/validation/fit/calibrate.js'
import { createEvaluator, touching } from '../src/validation/fit/evaluate.js'
import type { FitRow } from '../src/validation/fit/fit.js'
import { foldsOf } from '../src/validation/fit/folds.js'
import { constantsAt, coordinatesOf, type Parameter, parametersOf } from '../src/validation/fit/parameters.js'
import { type Residual, solvePositive, solveRobust } from '../src/validation/fit/solve.js'
import { createRowPool } from '../src/validation/pool.js'
import { servingRows } from '../src/validation/servingRow.js'
import { type MappedRow, mapRows } from '../src/validation/validate.js'
import { rowCsv } from './validationRows.js'

const calibration = loadCalibration()
const parameters = parametersOf(calibration)
const mapped = (rows: readonly Record<string, string>[]): readonly MappedRow[] =>
  mapRows(servingRows(parseCsv(rowCsv(rows), 'rows.csv')), new Map()).rows

it('a fit sees rows of tiers A and B with a measured TPOT', () => {
  const rows: Record<string, string>[] = [
    { id: 'a', tpot_ms: '9' },
    { id: 'b', tier: 'B', tpot_ms: '9' },
    { id: 'c', tier: 'C', tpot_ms: '9' },
    { id: 'blank', ttft_ms: '90' },
  ]
  const set = mapRows(servingRows(parseCsv(rowCsv(rows), 'rows.csv')), new Map())
  expect(fitRows(set).map(({ plan }) => plan.id)).toEqual(['a', 'b'])
})

describe('the solver', () => {
  it('solves positive definite systems', () => {
    const entry = fc.double({ min: -3, max: 3, noNaN: true })
    fc.assert(
      fc.property(
        fc.array(entry, { minLength: 16, maxLength: 16 }),
        fc.array(entry, { minLength: 4, maxLength: 4 }),
        (root, x) => {
          const a = Float64Array.from({ length: 16 }, (_, at) => {
            const [i, j] = [Math.floor(at / 4), at % 4]
            let sum = i === j ? 1 : 0
            for (let k = 0; k < 4; k++) sum += root[i * 4 + k] * root[j * 4 + k]
            return sum
          })
          const b = Float64Array.from({ length: 4 }, (_, i) => x.reduce((sum, value, j) => sum + a[i * 4 + j] * value, 0))
          solvePositive(a, b).forEach((value, i) => {
            expect(value).toBeCloseTo(x[i], 6)
          })
        },
      ),
    )
  })

  const two: Parameter[] = ['era2025', 'frontendMs'].map((name, i) => ({
    name: name as 'era2025',
    unit: 'x',
    neutral: 0,
    low: -1,
    high: i === 0 ? 1 : 0.2,
    step: 0.1,
    spread: 10,
  }))
  const residual = (error: number, slope: number[], configuration = 0): Residual => ({
    error,
    slope: Float64Array.from(slope),
    weight: 1,
    configuration,
  })

  it('finds the constants of a linear model although a third of the measurements are far too large', () => {
    const truth = [0.3, 0.1]
    const residuals = Array.from({ length: 30 }, (_, i) => {
      const slope = [1 + (i % 3), (i % 5) - 2]
      const wild = i % 3 === 0 ? -2 : 0
      return residual(wild - slope[0] * truth[0] - slope[1] * truth[1], slope)
    })
    const found = solveRobust(residuals, two, [0, 0])
    expect(found[0]).toBeCloseTo(truth[0], 1)
    expect(found[1]).toBeCloseTo(truth[1], 1)
  })

  it('counts what is simulated too high more than what is too low, as the reported error does', () => {
    const residuals = [residual(0.5, [1, 0]), residual(-0.5, [1, 0])]
    expect(solveRobust(residuals, two, [0, 0])[0]).toBeLessThan(-0.3)
  })

  it('stays within the bounds, and at neutral where no row speaks', () => {
    const residuals = [residual(-5, [0, 1]), residual(-5, [0, 2])]
    expect(solveRobust(residuals, two, [0.7, 0.1])).toEqual([expect.closeTo(0, 9), 0.2])
  })
})

describe('constants as coordinates', () => {
  it('go there and back', () => {
    const constants = constantsOf(calibration)
    const back = constantsAt(parameters, coordinatesOf(parameters, constants))
    for (const { name } of parameters) expect(back[name]).toBeCloseTo(constants[name], 9)
  })

  it('are at most sixteen', () => {
    expect(parameters.length).toBeLessThanOrEqual(16)
  })

  it('touch the rows of their stack only', () => {
    const [trtllm, sglang] = mapped([{}, { id: 'r2', backend: 'sglang' }])
    expect(touching(trtllm.plan, NEUTRAL)).not.toContain('hostPythonMs')
    expect(touching(sglang.plan, NEUTRAL)).toContain('hostPythonMs')
    expect(touching(trtllm.plan, NEUTRAL)).not.toContain('acceptance')
  })
})

describe('folds', () => {
  const rows = mapped(
    ['gb200', 'gb300'].flatMap((system) =>
      ['4', '8'].flatMap((gpus) =>
        ['4', '8'].map((concurrency, i) => ({
          id: `${system}-${gpus}-${i}`,
          system,
          agg_gpus: gpus,
          agg_tp: gpus,
          agg_moe_ep: gpus,
          concurrency,
        })),
      ),
    ),
  ).filter(({ row }) => row.aggregated.gpus !== null)

  it('leave every row out once, and never part the rows of a true shape', () => {
    for (const [rule, count] of [
      ['config_key', 3],
      ['pair', 5],
    ] as const) {
      const folds = foldsOf(rows, rule, count, 1)
      const times = new Map<string, number>()
      for (const { heldOut } of folds) {
        for (const id of heldOut) times.set(id, (times.get(id) ?? 0) + 1)
        for (const { plan } of rows.filter(({ plan: { id } }) => heldOut.has(id)))
          for (const other of rows) if (other.plan.shapeKey === plan.shapeKey) expect(heldOut.has(other.plan.id)).toBe(true)
      }
      expect([...times.values()]).toEqual(rows.map(() => 1))
    }
    expect(foldsOf(rows, 'pair', 5, 1).map(({ name }) => name)).toEqual(['deepseek-r1 on gb200', 'deepseek-r1 on gb300'])
  })
})

describe('calibrate', () => {
  it('finds a constant that made the rows', async () => {
    const pool = createRowPool({ threads: 1 })
    const evaluator = createEvaluator(pool, { seed: 1, requestsPerPlace: 2 })
    const rows = mapped(
      ['2', '4', '8', '16'].map((concurrency) => ({
        id: `c${concurrency}`,
        backend: 'sglang',
        concurrency,
        // spread experts would bring another host time that such rows cannot tell apart
        agg_moe_ep: '1',
      })),
    )
    const truth = { ...constantsOf(calibration), hostPythonMs: 3 }
    const means = await evaluator.means(rows.map(({ plan }) => ({ plan, constants: truth })))
    const measured: FitRow[] = rows.map(({ row, plan }, i) => ({ plan, row: { ...row, tpotMs: means[i]?.tpotMs ?? null } }))
    const run = await runFit(measured, calibration, { pool, seed: 1, requestsPerPlace: 2 }, () => {})
    expect(run.fit.constants.hostPythonMs).toBeCloseTo(3, 1)
    const file = calibrationOf(run, calibration, 'test')
    expect(file.constants.hostPythonMs.source).toBe('4 rows of 1 configurations')
    expect(file.constants.prefillSglangFp8Slow.value).toBe(1)
    expect(drawsOf(file)).toHaveLength(40)
  })
})
