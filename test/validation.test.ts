/** Measured rows: reading, mapping to a plan, statistics of errors. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseCsv } from '../src/validation/csvTable.js'
import { modelOf, precisionOf } from '../src/validation/names.js'
import { profileOf } from '../src/validation/profile.js'
import { benchmarkTraffic, closedLoopRate } from '../src/validation/protocol.js'
import { planRow, type RowPlan } from '../src/validation/rowPlan.js'
import { servingRows } from '../src/validation/servingRow.js'
import { settingsById } from '../src/validation/settings.js'
import { shapeOf } from '../src/validation/shape.js'
import { errorStatistics, spearman } from '../src/validation/statistics.js'
import { mapRows } from '../src/validation/validate.js'
import { ROW_COLUMNS, rowCsv, SETTINGS_COLUMNS, settingsCsv } from './validationRows.js'

const rowOf = (fields: Record<string, string> = {}) => servingRows(parseCsv(rowCsv([fields]), 'rows.csv'))[0]
const settingsOf = (fields: Record<string, string>) =>
  settingsById(parseCsv(settingsCsv([{ id: 'r1', ...fields }]), 'settings.csv')).get('r1')
const planOf = (fields: Record<string, string> = {}, settings?: Record<string, string>): RowPlan => {
  const plan = planRow(rowOf(fields), settings && settingsOf(settings))
  if ('refused' in plan) throw new Error(plan.refused)
  return plan
}

describe('CSV tables', () => {
  it('reads quotes, embedded commas and line ends, CRLF, and a byte order mark', () => {
    const table = parseCsv('\uFEFFa,b\r\n"x, ""y""","two\nlines"\r\n\r\n3,4', 't.csv')
    expect(table.columns).toEqual(['a', 'b'])
    expect(table.records.map(({ line, field }) => [line, field('a'), field('b')])).toEqual([
      [2, 'x, "y"', 'two\nlines'],
      [5, '3', '4'],
    ])
    expect(table.records[0].field('none')).toBe('')
  })

  it('gives back any table that was quoted', () => {
    const text = fc.stringMatching(/^[a-z",\n ]{0,8}$/)
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 5 }), (rows) => {
        const quoted = rows.map((row) => row.map((field) => `"${field.replaceAll('"', '""')}"`).join(','))
        const { records } = parseCsv(['a,b', ...quoted].join('\r\n'), 't.csv')
        expect(records.map(({ field }) => [field('a'), field('b')])).toEqual(rows.map((row) => row.map((field) => field.trim())))
      }),
    )
  })

  it('names file, line and column of what it cannot read', () => {
    expect(() => parseCsv('', 't.csv')).toThrow(/t\.csv {2}the file is empty/)
    expect(() => parseCsv('a,a\n', 't.csv')).toThrow(/t\.csv:1 {2}column a stands twice/)
    expect(() => parseCsv('a,b\n1\n', 't.csv')).toThrow(/t\.csv:2 {2}the row has 1 fields, the header 2/)
    expect(() => parseCsv('a\n"x\n', 't.csv')).toThrow(/t\.csv:2 {2}a quoted field has no closing quote/)
    const without = ROW_COLUMNS.filter((column) => column !== 'isl')
    expect(() => servingRows(parseCsv(without.join(','), 'rows.csv'))).toThrow(/rows\.csv:1 {2}column isl is missing/)
    const twice = settingsCsv([{ id: 'r1' }, { id: 'r1' }])
    expect(() => settingsById(parseCsv(twice, 's.csv'))).toThrow(/s\.csv:3 {2}the settings of r1 stand twice/)
    expect(SETTINGS_COLUMNS).toContain('mtp_n')
  })
})

describe('rows that cannot be read', () => {
  const mapped = (rows: Record<string, string>[]) => mapRows(servingRows(parseCsv(rowCsv(rows), 'rows.csv')), new Map())

  it('a cell that is no number refuses its row and no other', () => {
    const bad: Record<string, string>[] = [
      { isl: 'many' },
      { concurrency: '1.5' },
      { tpot_ms: '-3' },
      { osl: 'Infinity', agg_gpus: 'x' },
      { isl: '0x10' },
      { concurrency: '1e3' },
      { tpot_ms: '0b1' },
      { measured_date: '2026-13-45' },
      { measured_date: '2026-02-30' },
      { measured_date: '2026-00' },
      { agg_tp: '8' },
    ]
    const { rows, refused } = mapped([{ id: 'good' }, ...bad.map((row, i) => ({ ...row, id: `bad${i}` }))])
    expect(rows.map(({ row }) => row.id)).toEqual(['good'])
    expect(refused.map((row) => row.refused)).toEqual([
      "isl is 'many', expected a number of at least 0",
      "concurrency is '1.5', expected a whole number",
      "tpot_ms is '-3', expected a number of at least 0",
      "osl is 'Infinity', expected a number of at least 0; agg_gpus is 'x', expected a number of at least 0",
      "isl is '0x10', expected a number of at least 0",
      "concurrency is '1e3', expected a whole number",
      "tpot_ms is '0b1', expected a number of at least 0",
      "measured_date '2026-13-45' is not a date such as 2026-02-08",
      "measured_date '2026-02-30' is not a date such as 2026-02-08",
      "measured_date '2026-00' is not a date such as 2026-02-08",
      'attention_tp of the aggregated engine is 8, more than 4 GPUs',
    ])
  })

  it('whole numbers of a table of floats, small numbers and leap days are read', () => {
    const { rows } = mapped([{ isl: '1024.0', tpot_ms: '1.5e1', measured_date: '2028-02-29' }])
    expect(rows[0].row).toMatchObject({ isl: 1024, tpotMs: 15, measuredDate: '2028-02-29' })
  })

  it('a header without rows is refused', () => {
    expect(() => servingRows(parseCsv(ROW_COLUMNS.join(','), 'rows.csv'))).toThrow(
      /^rows\.csv {2}the file has a header and no rows\n {2}hint: give at least one measured row$/,
    )
  })

  it('what tools write for no value is blank', () => {
    for (const text of ['NaN', 'nan', 'NA', 'n/a', 'null', 'None', '-', '0']) {
      const { rows } = mapped([{ tpot_ms: text, ttft_ms: '5' }])
      expect([rows[0].row.tpotMs, rows[0].row.ttftMs]).toEqual([null, 5])
    }
  })

  it('an id stands once; a row without one is named by its line', () => {
    const { rows, refused } = mapped([{ id: 'a' }, { id: '' }, { id: 'a', concurrency: '32' }])
    expect(rows.map(({ row }) => row.id)).toEqual(['a', 'line 3'])
    expect(refused.map((row) => row.refused)).toEqual(['its id stands in line 2 already'])
  })

  it.each([
    [{ concurrency: '1000000000' }, /concurrency is 1000000000, more than 262144/],
    [{ isl: '100000000000' }, /isl is 100000000000, more than/],
    [{ osl: '100000000000' }, /osl is 100000000000, more than/],
    [{ spec_nextn: '99' }, /the number of draft tokens is 99, more than 16/],
  ])('slips of the pen are refused: %o', (fields, reason) => {
    expect(
      mapped([fields])
        .refused.map((row) => row.refused)
        .join(),
    ).toMatch(reason)
  })
})

describe('the true cut of an engine', () => {
  const request = {
    backend: 'sglang',
    role: 'decode' as const,
    gpus: 4,
    columns: { tp: 1, dp: 4, ep: 4 },
    recipe: null,
    experts: true,
    wholeExperts: false,
  }
  const cut = { pp: 1, cp: 1 }

  it('is the recipe against the columns, the columns against the rule', () => {
    const recipe = shapeOf({ ...request, recipe: { tp: 4, dp: 1, ep: 1 } })
    expect(recipe).toEqual({ basis: 'recipe', parallelism: { ...cut, tp: 4, dp: 1, moeTp: 4, moeEp: 1 } })
    expect(shapeOf(request)?.basis).toBe('columns')
    const rule = shapeOf({ ...request, columns: { tp: null, dp: null, ep: null } })
    expect(rule).toEqual({ basis: 'rule', parallelism: { ...cut, tp: 4, dp: 1, moeTp: 4, moeEp: 1 } })
  })

  it('spreads experts over an engine with attention DP though the label says 1', () => {
    const wide = { ...request, gpus: 48, columns: { tp: 1, dp: 48, ep: 1 } }
    expect(shapeOf(wide)?.parallelism).toEqual({ ...cut, tp: 1, dp: 48, moeTp: 1, moeEp: 48 })
    expect(shapeOf({ ...wide, backend: 'trtllm' })?.parallelism).toEqual({ ...cut, tp: 1, dp: 48, moeTp: 48, moeEp: 1 })
  })

  it('is by rule TP up to 8 GPUs and DEP beyond; experts that exist whole alone are not cut', () => {
    const unknown = { ...request, columns: { tp: null, dp: null, ep: null } }
    expect(shapeOf({ ...unknown, gpus: 8 })?.parallelism).toEqual({ ...cut, tp: 8, dp: 1, moeTp: 8, moeEp: 1 })
    expect(shapeOf({ ...unknown, gpus: 16 })?.parallelism).toEqual({ ...cut, tp: 1, dp: 16, moeTp: 1, moeEp: 16 })
    expect(shapeOf({ ...unknown, gpus: 8, wholeExperts: true })?.parallelism).toEqual({
      ...cut,
      tp: 8,
      dp: 1,
      moeTp: 1,
      moeEp: 8,
    })
  })

  it('always uses all GPUs of the engine', () => {
    const degree = fc.option(fc.integer({ min: 1, max: 64 }), { nil: null })
    fc.assert(
      fc.property(
        fc.constantFrom('trtllm', 'sglang', 'vllm'),
        fc.integer({ min: 1, max: 72 }),
        degree,
        degree,
        degree,
        (backend, gpus, tp, dp, ep) => {
          const shape = shapeOf({ ...request, backend, gpus, columns: { tp, dp, ep } })
          const { parallelism } = shape as NonNullable<typeof shape>
          expect(parallelism.tp * parallelism.dp).toBe(gpus)
          expect(parallelism.moeTp * parallelism.moeEp).toBe(gpus)
        },
      ),
    )
  })
})

describe('a row as a plan', () => {
  it('takes model, system, format and lengths from the row', () => {
    const plan = planOf()
    expect(plan).toMatchObject({
      system: 'gb200',
      model: 'deepseek-r1',
      precision: 'nvfp4',
      isl: 1024,
      osl: 1024,
      gpus: 4,
      mode: 'agg',
    })
    expect(plan.engines).toHaveLength(1)
    expect(plan.engines[0]).toMatchObject({ role: 'aggregated', layout: 'TEP4', maxNumSeqs: 16, draftTokens: 0 })
  })

  it.each([
    ['DeepSeek-R1-NVFP4', 'deepseek-r1'],
    ['DeepSeek-R1-0528-NVFP4-v2', 'deepseek-r1'],
    ['DeepSeek-V3-0324', 'deepseek-r1'],
    ['DeepSeek-V3.1-NVFP4', 'deepseek-r1'],
    ['Kimi-K2.5', 'kimi-k2.5'],
    ['GLM-5', 'glm-5'],
    ['Llama-3.x-70B', 'llama-3.1-70b'],
    ['Qwen3-235B-A22B-Instruct-2507-FP8', 'qwen3-235b'],
  ])('%s is %s, whatever the training, the date and the format', (model, name) => {
    expect(modelOf(model)).toEqual({ name })
  })

  it('a row that names no format has that of a model with one', () => {
    expect(precisionOf('gpt-oss-120b', '')).toEqual({ precision: 'mxfp4' })
    expect(precisionOf('gpt-oss-120b', 'fp4')).toEqual({ precision: 'mxfp4' })
    expect(precisionOf('kimi-k2.5', 'fp4')).toEqual({ precision: 'nvfp4' })
    expect(precisionOf('deepseek-r1', '')).toEqual({ reason: 'deepseek-r1 has no unnamed weights, only nvfp4, fp8' })
  })

  it('reads an aggregated label of n^2 GPUs at EP n as n GPUs', () => {
    const plan = planOf({ agg_gpus: '64', agg_tp: '1', agg_attention_dp: '64', agg_moe_ep: '8' })
    expect(plan.engines[0].layout).toBe('DEP8')
    expect(plan.gpus).toBe(8)
  })

  it('names the release of disaggregated serving by backend and date', () => {
    const request = {
      backend: 'trtllm',
      measuredDate: '2025-12-31',
      precision: 'fp8',
      isl: 8192,
      aggregate: false,
      decodeDp: 24,
    } as const
    expect(profileOf(request)).toBe('trtllm-2025')
    expect(profileOf({ ...request, aggregate: true })).toBe('trtllm-2026')
    expect(profileOf({ ...request, measuredDate: '2026-01-01' })).toBe('trtllm-2026')
    expect(profileOf({ ...request, measuredDate: '' })).toBe('trtllm-2026')
    expect(profileOf({ ...request, backend: 'sglang' })).toBe('sglang-2025-dep24')
    expect(profileOf({ ...request, backend: 'sglang', isl: 1024 })).toBe('sglang-2025')
    expect(profileOf({ ...request, backend: 'sglang', precision: 'nvfp4' })).toBe('sglang-2025')
    expect(profileOf({ ...request, backend: 'vllm' })).toBe('vllm-2026')
    expect(profileOf({ ...request, backend: 'other' })).toBeNull()
  })

  it.each([
    [{ model: 'MiniMax-M2.5' }, /no model file for MiniMax-M2\.5/],
    [{ system: 'h100_sxm' }, /no kernel times of the system h100_sxm/],
    [{ precision: 'bf16' }, /deepseek-r1 has no bf16 weights/],
    [{ concurrency: '' }, /no concurrency/],
    [{ isl: '' }, /no input and output lengths/],
    [{ backend: 'other' }, /backend other has no profile/],
    [{ agg_pp: '2' }, /pipeline parallelism 2/],
    [{ agg_gpus: '' }, /number of aggregated engines or of their GPUs is unknown/],
    [{ agg_gpus: '144', agg_tp: '144', agg_moe_ep: '' }, /larger than an NVLink domain of 72/],
    [
      { mode: 'disagg', prefill_workers: '1', prefill_gpus_per_worker: '4', decode_workers: '1', decode_gpus_per_worker: '128' },
      /an engine of 128 GPUs is larger than an NVLink domain of 72/,
    ],
    [
      { precision: 'fp8', agg_gpus: '1', agg_tp: '1', agg_moe_ep: '1' },
      /6\d\d GiB of weights do not fit the 185 GiB of a GPU \(aggregated engine of 1\)/,
    ],
    [{ model: 'DeepSeek-V3.2-Exp' }, /no model file for DeepSeek-V3\.2-Exp/],
    [{ model: 'deepseek-r1-distill-llama-70b' }, /no model file for deepseek-r1-distill-llama-70b/],
    [{ model: 'deepseek-v3-lite' }, /no model file for deepseek-v3-lite/],
    [{ model: 'glm-5.1' }, /no model file for glm-5\.1/],
    [{ model: 'Kimi-K2.5', precision: 'int4' }, /^kimi-k2\.5 has no int4 weights, only nvfp4$/],
    [{ model: 'gpt-oss-120b', precision: 'bf16' }, /^gpt-oss-120b has no bf16 weights, only mxfp4$/],
  ])('refuses %o with the reason', (fields, reason) => {
    const mapped = planRow(rowOf(fields), undefined)
    expect('refused' in mapped && mapped.refused).toMatch(reason)
  })
})

describe('settings', () => {
  const fields = {
    mode: 'disagg',
    prefill_workers: '1',
    prefill_gpus_per_worker: '4',
    decode_workers: '1',
    decode_gpus_per_worker: '4',
  }
  it('that allow no sequence refuse their row', () => {
    const none = planRow(rowOf(fields), settingsOf({ decode_max_batch_per_rank: '0' }))
    expect('refused' in none && none.refused).toBe('its settings allow no sequence on a decode engine')
    expect(planOf(fields, { decode_max_batch_per_rank: '1' }).slots).toBe(1)
  })

  it('say how many sequences decode at once, however few are in flight; without a limit nobody knows', () => {
    const ofTwo = { ...fields, decode_workers: '2', decode_attention_tp: '4', decode_attention_dp: '1', decode_moe_ep: '4' }
    const plan = planOf(ofTwo, { decode_max_batch_per_rank: '128' })
    expect(plan).toMatchObject({ concurrency: 16, slots: 2 * 128 })
    // what is simulated is cut to the requests in flight all the same
    expect(plan.engines[1].maxNumSeqs).toBe(16)
    const ranks = { decode_attention_tp: '1', decode_attention_dp: '4' }
    expect(planOf({ ...ofTwo, ...ranks }, { decode_max_batch_per_rank: '128' }).slots).toBe(2 * 4 * 128)
    expect(planOf(ofTwo, { decode_max_batch_per_rank: '' }).slots).toBeNull()
    expect([planOf(ofTwo).slots, planOf().slots]).toEqual([null, null])
  })
})

describe('the benchmark', () => {
  it('draws whole lengths on [0.8, 1] of the nominal ones, the same for the same seed', () => {
    const traffic = benchmarkTraffic(1024, 8192, 4000, 7)
    const mean = (values: Int32Array) => values.reduce((sum, value) => sum + value, 0) / values.length
    expect(Math.min(...traffic.isl)).toBeGreaterThanOrEqual(Math.ceil(0.8 * 1024))
    expect(Math.max(...traffic.isl)).toBeLessThanOrEqual(1024)
    expect(Math.max(...traffic.osl)).toBeGreaterThan(0.99 * 8192)
    expect(mean(traffic.osl) / 8192).toBeCloseTo(0.9, 2)
    expect(benchmarkTraffic(1024, 8192, 4000, 7).osl).toEqual(traffic.osl)
    expect(benchmarkTraffic(1024, 8192, 4000, 8).osl).not.toEqual(traffic.osl)
  })

  it('turns mean latencies into throughput by Little', () => {
    // 100 in flight, 901 tokens each, 1 s + 900 x 10 ms = 10 s: 9010 tokens/s
    const plan = { concurrency: 100, osl: 901 / 0.9, gpus: 2 }
    expect(closedLoopRate(plan, 1000, 10)).toBeCloseTo(4505, 6)
  })
})

describe('statistics of errors', () => {
  it('weights rows, and configurations by the mean of their rows', () => {
    const score = errorStatistics([0.1, -0.3, 0.5], ['a', 'a', 'b'])
    expect(score).toMatchObject({ rows: 3, configurations: 2, mean_ci95_pct: null })
    expect(score?.mean_pct).toBeCloseTo(30, 9)
    expect(score?.median_pct).toBeCloseTo(30, 9)
    expect(score?.mean_by_configuration_pct).toBeCloseTo(35, 9)
    expect(score?.bias_pct).toBeCloseTo(10, 9)
    expect(errorStatistics([], [])).toBeNull()
  })

  it('gives an interval around the mean that widens when rows of a configuration agree', () => {
    const errors = Array.from({ length: 40 }, (_, i) => ((i % 8) + 1) / 100)
    const apart = errorStatistics(
      errors,
      errors.map((_, i) => String(i)),
    )
    const together = errorStatistics(
      errors,
      errors.map((_, i) => String(i % 8)),
    )
    const width = (score: typeof apart) => (score?.mean_ci95_pct?.[1] ?? 0) - (score?.mean_ci95_pct?.[0] ?? 0)
    expect(apart?.mean_ci95_pct?.[0]).toBeLessThan(4.5)
    expect(apart?.mean_ci95_pct?.[1]).toBeGreaterThan(4.5)
    expect(width(together)).toBeGreaterThan(1.5 * width(apart))
    // the standard error of the mean of eight values of deviation 2.29, 1.96 times to either side
    expect(width(together)).toBeGreaterThan(0.93 * 2 * 1.96 * (2.29 / Math.sqrt(8)))
  })

  it('ranks with ties by their mean rank', () => {
    expect(spearman([1, 2, 3, 4], [10, 20, 30, 40])).toBeCloseTo(1, 9)
    expect(spearman([1, 2, 3, 4], [4, 3, 2, 1])).toBeCloseTo(-1, 9)
    expect(spearman([1, 2, 2, 4], [1, 2, 3, 4])).toBeCloseTo(0.9487, 4)
    expect(spearman([1, 2, 3], [1, 2, 3])).toBeNull()
    expect(spearman([1, 1, 1, 1], [1, 2, 3, 4])).toBeNull()
  })
})
