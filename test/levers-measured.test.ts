/**
 * Measured launches: what is read, what is fitted to some and judged on others, what is refused. Rows here are drawn from the exact form with noise; the
 * shipped ones were timed on a GPU.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { createSplitDecision, SPLIT_COUNT, SPLIT_PER_REQUEST } from '../src/levers/index.js'
import { measuredDocs } from '../src/reports/measuredDocs.js'
import { measuredJson, measuredTable } from '../src/reports/measuredLaunches.js'
import { stream } from '../src/rng.js'
import { machineOf } from '../src/validation/levers/kernelCells.js'
import { kernelNs, launchOf, splitPolicy } from '../src/validation/levers/launches.js'
import { scoreMeasured } from '../src/validation/levers/measured.js'
import { MEASURED_COLUMNS, readMeasuredRows } from '../src/validation/levers/measuredRows.js'
import { loadShippedLaunches, scoreShippedLaunches } from '../src/validation/levers/shippedLaunches.js'
import { newFolder, put, shapewise } from './cliRunner.js'

/** The GPU that the rows are drawn from: none of these values is the shipped one. */
const TRUTH = { bandwidth: 4200, ctaBandwidth: 51, ctaOverheadNs: 5300, mergeFixedNs: 4100, mergeBandwidth: 20, knee: 2.5 }
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
        const timeNs = kernelNs(launchOf(lengths), splitPolicy(rule), machine, order === 'longest-first')
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
    expect(heldOut.plans).toBe(3 * 2 * RULES.length)
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

  it('batches of the same lengths fall into one half, whatever their names and families', () => {
    // six lengths under two names each, the second in another order: two families, so half of their lengths are judged
    const lengthsOf = (i: number): number[] => [40_000 + i, 500, 900 + i]
    const lines = (batch: string, family: string, lengths: readonly number[]): string[] =>
      ['fixed-count(1)', 'fixed-count(8)'].map((rule, i) => planned(batch, family, rule, [], 20 + i, lengths))
    const twins = ['ragged', 'adversarial'].flatMap((family, f) =>
      [0, 1, 2, 3].flatMap((i) => [
        ...lines(`${family}-${i}`, family, lengthsOf(10 * f + i)),
        ...lines(`again-${f}-${i}`, i % 2 === 0 ? 'ragged' : 'adversarial', lengthsOf(10 * f + i).reverse()),
      ]),
    )
    const [{ choice, heldOut }] = scoreMeasured(read(file(...twins)))
    expect([choice.batches, heldOut.plans]).toEqual([8, 16])
    const sevenTwice = [0, 1, 2, 3, 4, 5, 6].flatMap((i) =>
      ['a', 'b'].flatMap((name) => lines(`${name}-${i}`, 'ragged', lengthsOf(i))),
    )
    expect(() => scoreMeasured(read(file(...sevenTwice)))).toThrow(/7 batches are too few/)
  }, 30_000)

  it('times that belong to other rows are seen: nothing is predicted', () => {
    const rng = stream(9, 'shuffled')
    const [{ heldOut }] = scoreMeasured(read(rowsCsv(0, (row) => ({ ...row, time_us: 20 * 30 ** rng.uniform() }))))
    expect(heldOut.median).toBeGreaterThan(0.3)
  }, 30_000)
})

/** A launch of `lengths` under a rule, with the pieces that a planner chose. */
const planned = (
  batch: string,
  family: string,
  rule: string,
  pieces: readonly number[],
  us: number,
  lengths: readonly number[],
) =>
  [
    ...['Test GPU', '2026-01-02', 'gqa', 132, 8, 2, 128, 0, 'bf16', 64, batch, family, lengths.join(';'), rule, 'longest-first'],
    ...[us, 0.001, pieces.join(';')],
  ].join(',')
const HEAD = [...MEASURED_COLUMNS, 'pieces'].join(',')
const file = (...lines: readonly string[]): string => `${[HEAD, ...lines].join('\n')}\n`

describe('pieces that a planner chose', () => {
  const lengths = [3000, 200, 9000]

  it('are launched as they were, whatever the policy would decide', () => {
    const [row] = read(file(planned('a', 'chat', 'length-aware', [3, 1, 9], 20, lengths)))
    const decision = createSplitDecision(3)
    row.policy.plan(row.launch.batch, row.machine, decision)
    expect(decision.kind).toBe(SPLIT_PER_REQUEST)
    // ascending lengths: 200, 3000, 9000
    expect([...decision.pieces.slice(0, 3)]).toEqual([1, 3, 9])
    expect(row).toMatchObject({ rule: 'length-aware', longestFirst: true })
    const [blank] = read(file(planned('a', 'chat', 'fixed-count(4)', [], 20, lengths)))
    blank.policy.plan(blank.launch.batch, blank.machine, decision)
    expect(decision).toMatchObject({ kind: SPLIT_COUNT, value: 4 })
    expect(blank.rule).toBe('fixed-count(4), longest first')
  })

  it.each([[[1, 1]], [[1, 1, 0]], [[1, 1, 1.5]]])('%j for three lengths is refused', (pieces) => {
    expect(() => read(file(planned('a', 'chat', 'length-aware', pieces, 20, lengths)))).toThrow(
      /rows\.csv:2 {2}pieces are not one whole number/,
    )
  })
})

describe('gains over what was tuned on other launches', () => {
  const ones = [1, 1]
  const batch = (name: string, family: string, times: Readonly<Record<string, number>>, lengths = [4000, 800]): string[] =>
    Object.entries(times).map(([rule, us]) => planned(name, family, rule, ones, us, lengths))
  const others = ['t3', 't4', 't5'].flatMap((name, i) => batch(name, 'rag', { 'fixed-count(2)': 30 + i }, [9000 + i, 10]))
  const train = [
    ...others,
    ...batch(
      't1',
      'chat',
      { 'fixed-count(2)': 10, 'fixed-count(8)': 20, 'occupancy-rule': 30, 'fixed-size(512)': 9 },
      [4100, 800],
    ),
    // without all counts: does not take part
    ...batch('t2', 'chat', { 'fixed-count(8)': 1, 'fixed-size(512)': 9 }, [4200, 800]),
    // judged too: teaches nothing
    ...batch('t6', 'chat', { 'fixed-count(2)': 90, 'fixed-count(8)': 1, 'occupancy-rule': 30, 'fixed-size(512)': 9 }),
  ]
  const test = [
    ...batch('j1', 'chat', {
      'fixed-count(2)': 12,
      'fixed-count(8)': 6,
      'occupancy-rule': 30,
      'fixed-size(512)': 8,
      'length-aware': 10,
    }),
    ...batch('j2', 'chat', {
      'fixed-count(2)': 12,
      'fixed-count(8)': 6,
      'occupancy-rule': 30,
      'fixed-size(512)': 16,
      'length-aware': 15,
    }),
    ...batch('j3', 'code', { 'fixed-count(2)': 12, 'length-aware': 10 }),
    ...batch('j4', 'equal', { 'occupancy-rule': 12, 'length-aware': 10 }),
  ]
  const rowsOf = (lines: readonly string[]) => read(file(...lines))

  it('takes the count of the training part, not the one that hindsight would', () => {
    const [{ gains, heldOut }] = scoreMeasured(rowsOf(test), rowsOf(train))
    expect(heldOut.plans).toBe(14)
    expect(gains?.notCompared).toEqual(['code'])
    expect(gains?.families.map(({ family }) => family)).toEqual(['chat', 'equal'])
    // none was trained there
    expect(gains?.families[1]).toMatchObject({ tunedCount: 'occupancy-rule', tunedSize: null })
    expect(gains?.families[0]).toMatchObject({
      family: 'chat',
      batches: 2,
      tunedCount: 'fixed-count(2)',
      tunedSize: 'fixed-size(512)',
    })
    const lengthAware = gains?.families[0].gains.find(({ policy }) => policy === 'length-aware')
    expect(lengthAware?.measured).toBeCloseTo((12 / 10 + 12 / 15) / 2, 12)
    expect(lengthAware?.worst).toBeCloseTo(12 / 15, 12)
    // all cut the batch alike, so the model sees no gain at all, and is wrong about each that has a sign
    expect(lengthAware?.model).toBeCloseTo(1, 12)
    expect(gains).toMatchObject({ signs: 2, rightSigns: 0 })
  })

  it('launches of another kernel teach nothing', () => {
    expect(() => scoreMeasured(rowsOf(test), rowsOf(train.map((line) => line.replace('bf16', 'fp8'))))).toThrow(
      /there are launches of it to train on, but none to judge/,
    )
    expect(() => scoreMeasured(rowsOf(test), rowsOf(others))).toThrow(/3 batches to train on are too few/)
  })
})

describe('the launches that ship', () => {
  it('of a kernel bound by its CTAs: predicted within a few percent, every sign right', () => {
    const scored = scoreShippedLaunches({ names: ['mla128-bf16'] })
    const [{ heldOut, choice, gains, constants }] = scored.groups
    expect(heldOut.plans).toBe(2100)
    expect(heldOut.median).toBeLessThan(0.02)
    expect(heldOut.p90).toBeLessThan(0.05)
    expect(choice.regret).toBeLessThan(1.005)
    expect(gains?.signs).toBeGreaterThanOrEqual(45)
    expect(gains?.rightSigns).toBe(gains?.signs)
    for (const { family, gains: some } of gains?.families ?? []) {
      const { measured = 0 } = some.find(({ policy }) => policy === 'length-aware') ?? {}
      // on equal lengths it plans what the occupancy rule plans
      if (family === 'equal') expect(measured).toBe(1)
      else expect(measured, family).toBeGreaterThan(1.02)
    }
    // not the same constant: one CTA for each request would merge at the rate at which it reads
    expect((constants.mergeBandwidth ?? 0) / (constants.ctaBandwidth ?? 1)).toBeGreaterThan(10)
    // the page says what is computed here
    const page = readFileSync(new URL('../docs/VALIDATION.md', import.meta.url), 'utf8')
    const rows = measuredDocs(scored)
      .split('\n')
      .filter((line) => line.startsWith('| ') && !line.startsWith('| ---'))
    expect(rows.length).toBeGreaterThan(12)
    expect(rows.filter((line) => !page.includes(line))).toEqual([])
  })

  it('are all there and can be read', () => {
    const { kernels } = loadShippedLaunches()
    const files = kernels.flatMap(({ train, judge }) => [...train, judge])
    const folder = new URL('../data/levers/measured/', import.meta.url)
    expect(new Set(files)).toEqual(new Set(readdirSync(folder).filter((name) => name !== 'launches.json')))
    for (const { residents, judge } of kernels) {
      const [{ machine }] = readMeasuredRows(fileURLToPath(new URL(judge, folder)))
      expect(machine.slots, judge).toBe(132 * residents)
    }
  })
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
  it('prints cells, bars and misses', () => {
    const { status, stdout } = shapewise(folder, 'validate', 'levers')
    expect(status).toBe(0)
    expect(stdout).toMatch(/right signs \d+ of 27 judged cells: \d+ % \(bar 90 %: met\)/)
    expect(stdout).toMatch(/median error of 26 sizes: [\d.]+ % \(bar 20 %: met\)/)
  })

  it('takes measured rows, and refuses options without effect', () => {
    put(folder, 'rows.csv', rowsCsv(0.03))
    const { status, stdout } = shapewise(folder, 'validate', 'levers', '--measured', 'rows.csv', '--format', 'json')
    expect(status).toBe(0)
    expect(JSON.parse(stdout).groups).toHaveLength(1)
    const refused = shapewise(folder, 'validate', 'levers', '--measured', 'rows.csv', '--docs', 'page.md')
    expect(refused.status).toBe(2)
    expect(refused.stderr).toContain('has no effect with --measured')
    const alone = shapewise(folder, 'validate', 'levers', '--train', 'rows.csv')
    expect(alone.status).toBe(2)
    expect(alone.stderr).toContain('--train  has no effect without --measured')
    const itself = shapewise(folder, 'validate', 'levers', '--measured', 'rows.csv', '--train', 'rows.csv')
    expect(itself.status).toBe(2)
    expect(itself.stderr).toContain('0 batches to train on are too few, without those that are judged too')
    const longer = (text: string): string => text.replace(/\d+/g, (length) => String(Number(length) + 70))
    const others = rowsCsv(0, (row) => ({ ...row, lengths: longer(String(row.lengths)) }))
    for (const name of ['others.csv', 'more.csv']) put(folder, name, others)
    const train = ['--train', 'others.csv', '--train', 'more.csv']
    const trained = shapewise(folder, 'validate', 'levers', '--measured', 'rows.csv', ...train)
    expect(trained.stderr).toBe('')
    expect(trained.stdout).toContain('speed-up over the count tuned on the training launches')
    expect(shapewise(folder, 'validate', 'levers', '--measured', 'nowhere.csv').status).toBe(2)
    expect(shapewise(folder, 'validate', 'levers', '--report', 'nowhere/page.html').status).toBe(2)
  })
})
