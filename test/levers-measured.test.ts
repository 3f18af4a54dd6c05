/** Measured launches: what is read, what is fitted to half of them, what is refused. Rows here are drawn from the exact form with noise. */
import { describe, expect, it } from 'vitest'
import { measuredJson, measuredTable } from '../src/reports/measuredLaunches.js'
import { stream } from '../src/rng.js'
import { machineOf } from '../src/validation/levers/kernelCells.js'
import { kernelNs, launchOf, splitPolicy } from '../src/validation/levers/launches.js'
import { scoreMeasured } from '../src/validation/levers/measured.js'
import { MEASURED_COLUMNS, readMeasuredRows } from '../src/validation/levers/measuredRows.js'
import { newFolder, put, shapewise } from './cliRunner.js'

/** The GPU that the rows are drawn from: none of these values is the shipped one. */
const TRUTH = { bandwidth: 4200, ctaBandwidth: 51, ctaOverheadNs: 5300, mergeFixedNs: 4100 }
const RULES = [
  ['occupancy-rule', 'arrival'],
  ['fixed-count(1)', 'arrival'],
  ['fixed-count(8)', 'arrival'],
  ['fixed-size(2048)', 'arrival'],
  ['fixed-size(8192)', 'longest-first'],
] as const
const FAMILIES: Readonly<Record<string, (uniform: () => number, i: number) => number>> = {
  equal: () => 6000,
  ragged: (uniform) => Math.ceil(300 * 200 ** uniform()),
  adversarial: (_, i) => (i === 0 ? 120_000 : 512),
}

function rowsCsv(
  noise: number,
  change: (row: Record<string, string | number>) => Record<string, string | number> = (row) => row,
): string {
  const rng = stream(7, 'measured')
  const shape = { slots: 132, attention: { kind: 'gqa', query_heads: 8, kv_heads: 2, head_dim: 128 }, kv: 'bf16' } as const
  const machine = { ...machineOf(shape), tileTokens: 64, ...TRUTH }
  const lines: string[] = [MEASURED_COLUMNS.join(',')]
  for (const [family, lengthOf] of Object.entries(FAMILIES)) {
    for (const sequences of [1, 3, 9, 40, 90]) {
      const lengths = Array.from({ length: sequences }, (_, i) => lengthOf(() => rng.uniform(), i))
      for (const [rule, order] of RULES) {
        const timeNs = kernelNs(launchOf(lengths), splitPolicy(rule), machine, { longestFirst: order === 'longest-first' })
        const row = change({
          ...{
            gpu: 'Test GPU',
            date: '2026-01-02',
            kernel: 'gqa',
            slots: 132,
            query_heads: 8,
            kv_heads: 2,
            head_dim: 128,
            rope_dim: 0,
          },
          ...{ kv: 'bf16', tile_tokens: 64, batch: `${family}-${sequences}`, family, lengths: lengths.join(';'), rule, order },
          ...{ time_us: (timeNs / 1e3) * Math.exp(noise * rng.normal()), max_error: 0.001 },
        })
        lines.push(MEASURED_COLUMNS.map((name) => row[name]).join(','))
      }
    }
  }
  return `${lines.join('\n')}\n`
}

const folder = newFolder()
const read = (csv: string) => readMeasuredRows(`${folder}/${put(folder, 'rows.csv', csv)}`)

describe('rows drawn from the exact form', () => {
  it('without noise give back its constants and times, and the best rule', () => {
    const [{ constants, heldOut, choice, byFamily }] = scoreMeasured(read(rowsCsv(0)))
    for (const [name, value] of Object.entries(TRUTH)) {
      expect(Math.abs((constants[name as keyof typeof TRUTH] ?? 0) / value - 1), name).toBeLessThan(0.03)
    }
    expect(heldOut.p90).toBeLessThan(0.01)
    expect(heldOut.launches).toBe(3 * 2 * RULES.length)
    expect(choice).toMatchObject({ batches: 6 })
    expect(choice.worstRegret).toBeLessThan(1.01)
    expect(byFamily.map(({ family }) => family)).toEqual(['equal', 'ragged', 'adversarial'])
  }, 30_000)

  it('with 4 % noise are predicted about that well, and the choice is near the best', () => {
    const groups = scoreMeasured(read(rowsCsv(0.04)))
    const [{ constants, heldOut, choice }] = groups
    expect(Math.abs((constants.ctaBandwidth ?? 0) / TRUTH.ctaBandwidth - 1)).toBeLessThan(0.15)
    expect(heldOut.median).toBeLessThan(0.05)
    expect(choice.regret).toBeLessThan(1.05)
    expect(choice.gain).toBeGreaterThan(1.2)
    const table = measuredTable(groups)
    expect(table).toContain('Test GPU gqa 8/2x128 bf16')
    expect(table).toContain('held out, adversarial')
    expect(measuredJson(groups).groups[0].held_out.median_pct).toBeCloseTo(100 * heldOut.median, 2)
  }, 30_000)

  it('times that belong to other rows are seen: nothing is predicted', () => {
    const rng = stream(9, 'shuffled')
    const [{ heldOut }] = scoreMeasured(read(rowsCsv(0, (row) => ({ ...row, time_us: 20 * 30 ** rng.uniform() }))))
    expect(heldOut.median).toBeGreaterThan(0.3)
  }, 30_000)
})

describe('what cannot be scored', () => {
  const withRow = (change: Readonly<Record<string, string | number>>): string => rowsCsv(0, (row) => ({ ...row, ...change }))

  it.each([
    [{ rule: 'magic(3)' }, /rows\.csv:2, rule {2}.*magic/],
    [{ kernel: 'mqa' }, /rows\.csv:2 {2}kernel is 'mqa'/],
    [{ kv: 'int4' }, /kv is 'int4'/],
    [{ order: 'random' }, /order is 'random'/],
    [{ time_us: 0 }, /time_us is '0'/],
    [{ slots: '' }, /slots is blank/],
    [{ lengths: '12;0' }, /lengths are not/],
    [{ lengths: 'many' }, /lengths are not/],
    [{ max_error: 0.2 }, /max_error is 0\.2, above 0\.05/],
    [{ max_error: '' }, /max_error is blank/],
  ])('%j', (change, message) => {
    expect(() => read(withRow(change))).toThrow(message)
  })

  it('files without a column, without rows, or of too few batches', () => {
    expect(() => read(rowsCsv(0).replace('time_us', 'time_ms'))).toThrow(/column time_us is missing/)
    expect(() => read(`${MEASURED_COLUMNS.join(',')}\n`)).toThrow(/there are no rows/)
    const few = rowsCsv(0).split('\n').slice(0, 16).join('\n')
    expect(() => scoreMeasured(read(few))).toThrow(/3 batches are too few/)
  })
})

describe('validate levers', () => {
  it('prints cells, bars and misses', { timeout: 60_000 }, () => {
    const { status, stdout } = shapewise(folder, 'validate', 'levers')
    expect(status).toBe(0)
    expect(stdout).toMatch(/right signs \d+ of 27 judged cells: \d+ % \(bar 90 %: met\)/)
    expect(stdout).toMatch(/median error of 26 sizes: [\d.]+ % \(bar 20 %: met\)/)
  })

  it('takes measured rows, and refuses options without effect', { timeout: 60_000 }, () => {
    put(folder, 'rows.csv', rowsCsv(0.03))
    const { status, stdout } = shapewise(folder, 'validate', 'levers', '--measured', 'rows.csv', '--format', 'json')
    expect(status).toBe(0)
    expect(JSON.parse(stdout).groups).toHaveLength(1)
    const refused = shapewise(folder, 'validate', 'levers', '--measured', 'rows.csv', '--docs', 'page.md')
    expect(refused.status).toBe(2)
    expect(refused.stderr).toContain('has no effect with --measured')
    expect(shapewise(folder, 'validate', 'levers', '--measured', 'nowhere.csv').status).toBe(2)
    expect(shapewise(folder, 'validate', 'levers', '--report', 'nowhere/page.html').status).toBe(2)
  })
})
