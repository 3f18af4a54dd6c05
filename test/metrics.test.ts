import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LOG_HISTOGRAM_BINS, logBin, logBinValue, logHistogramQuantile } from '../src/collections/logHistogram.js'
import { quantilesOf } from '../src/collections/select.js'
import { changePercent } from '../src/experiments/change.js'
import { createArm, STATIC_ARM } from '../src/levers/catalogue.js'
import {
  COMPLETED,
  IN_TRANSFER,
  PHASES,
  type Phase,
  QUEUED,
  REJECTED,
  type Records,
  RUNNING,
  type StepStatistics,
  TIMED_OUT,
  UNSERVABLE,
} from '../src/metrics/records.js'
import { createSaturation } from '../src/metrics/saturation.js'
import { createSummariser, summarise } from '../src/metrics/summarise.js'
import { stepsText } from '../src/reports/format.js'
import { stream } from '../src/rng.js'
import { clusterConfig } from '../src/scenario/index.js'
import type { SloPlan } from '../src/scenario/plan.js'
import type { ClusterConfig, MeasureWindow } from '../src/simulator/config.js'
import { simulate } from '../src/simulator/index.js'
import { createRecords } from '../src/simulator/recordStore.js'
import { NS_PER_MS, NS_PER_S } from '../src/units.js'
import { emptyStatistics } from './reference/tally.js'
import { slowness } from './slowness.js'
import { tinyPlan, tinyWorkload } from './tinyCluster.js'

const SEED = Number(process.env.SHAPEWISE_SEED ?? 20_252)

describe('quantiles by selection', () => {
  /** NumPy's default: position p (n - 1), linear between neighbours of the sorted sample. */
  const bySorting = (values: readonly number[], p: number): number => {
    const sorted = [...values].sort((a, b) => a - b)
    const position = p * (sorted.length - 1)
    const low = Math.floor(position)
    const high = Math.min(low + 1, sorted.length - 1)
    return sorted[low] + (position - low) * (sorted[high] - sorted[low])
  }
  const sample = fc.oneof(
    fc.array(fc.double({ min: -1e9, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 300 }),
    fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 300 }),
  )

  test('are those of a sorted sample', () => {
    fc.assert(
      fc.property(
        sample,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 6 }),
        (values, drawn) => {
          const probabilities = [0, ...drawn.sort((a, b) => a - b), 1]
          const got = quantilesOf(Float64Array.from(values), values.length, probabilities)
          for (const [i, p] of probabilities.entries()) expect(got[i]).toBeCloseTo(bySorting(values, p), 6)
        },
      ),
      { numRuns: 500, seed: SEED },
    )
  })

  test('of a long sample too, drawn, sorted, reversed or full of ties', () => {
    const rng = stream(1, 'long')
    const drawn = Array.from({ length: 20_001 }, () => rng.normal())
    const sorted = [...drawn].sort((a, b) => a - b)
    const probabilities = [0, 0.001, 0.05, 0.5, 0.5, 0.9, 0.999, 1]
    for (const values of [drawn, sorted, [...sorted].reverse(), drawn.map((value) => Math.round(value))])
      expect(quantilesOf(Float64Array.from(values), values.length, probabilities)).toEqual(
        probabilities.map((p) => expect.closeTo(bySorting(values, p), 12)),
      )
  })

  test('known values: quartiles of 1 to 4 as NumPy prints them', () => {
    expect(quantilesOf(Float64Array.of(4, 1, 3, 2), 4, [0.25, 0.5, 0.75, 0.9])).toEqual([1.75, 2.5, 3.25, 3.7])
  })

  test('look at the first `count` values alone; an empty sample has none', () => {
    expect(quantilesOf(Float64Array.of(5, 1, 99), 2, [0.5, 1])).toEqual([3, 5])
    expect(quantilesOf(new Float64Array(3), 0, [0.5])).toEqual([Number.NaN])
  })
})

describe('the logarithmic histogram', () => {
  test('knows a value to 0.05 %', () => {
    fc.assert(
      fc.property(fc.double({ min: 1, max: 2 ** 62, noNaN: true }), (value) => {
        expect(Math.abs(logBinValue(logBin(value)) / value - 1)).toBeLessThan(0.0005)
      }),
      { numRuns: 2000, seed: SEED },
    )
  })

  test('gives quantiles to 0.1 % of the weighted sample', () => {
    const rng = stream(1, 'histogram')
    const values = Float64Array.from({ length: 5001 }, () => 1e6 * Math.exp(rng.normal()))
    const histogram = new Float64Array(LOG_HISTOGRAM_BINS)
    for (const value of values) histogram[logBin(value)] += 3
    const exact = quantilesOf(values, values.length, [0.1, 0.5, 0.95, 0.99])
    ;[0.1, 0.5, 0.95, 0.99].forEach((p, i) => {
      expect(Math.abs(logHistogramQuantile(histogram, p) / exact[i] - 1)).toBeLessThan(0.001)
    })
  })

  test('changes of a quantile of 0.05 % are not printed as a difference, however the edges of bins lie', () => {
    for (let at = 0; at < 500; at++) {
      const value = 1e7 * (1 + at / 500)
      const ratio = logBinValue(logBin(value * 1.0005)) / logBinValue(logBin(value))
      expect(changePercent(ratio)).toBeLessThanOrEqual(0.1)
    }
  })

  test('holds what is below one and beyond 2^63 in its end bins; empty, it has no quantile', () => {
    expect([logBin(0), logBin(0.5), logBin(2 ** 63), logBin(1e300)]).toEqual([
      0,
      0,
      LOG_HISTOGRAM_BINS - 1,
      LOG_HISTOGRAM_BINS - 1,
    ])
    expect(logHistogramQuantile(new Float64Array(LOG_HISTOGRAM_BINS), 0.5)).toBeNaN()
  })
})

/** One request, times in ms. Without an end it is still inside. */
interface Row {
  readonly arrival: number
  readonly first?: number
  readonly end?: number
  readonly osl?: number
  readonly fate?: number
  /** Largest gap between tokens. */
  readonly gap?: number
  readonly phases?: Partial<Record<Phase, number>>
}

function recordsOf(rows: readonly Row[]): Records {
  const records = createRecords(rows.length)
  records.count = rows.length
  rows.forEach((row, i) => {
    records.request[i] = i
    records.arrivalNs[i] = row.arrival * NS_PER_MS
    records.firstTokenNs[i] = (row.first ?? Number.NaN) * NS_PER_MS
    records.endNs[i] = (row.end ?? Number.NaN) * NS_PER_MS
    records.isl[i] = 100
    records.osl[i] = row.osl ?? 11
    records.fate[i] = row.fate ?? COMPLETED
    records.maxGapNs[i] = (row.gap ?? 0) * NS_PER_MS
    PHASES.forEach((phase, p) => {
      records.phaseNs[p][i] = (row.phases?.[phase] ?? 0) * NS_PER_MS
    })
  })
  return records
}

const NO_STEPS = emptyStatistics(1)
const CLUSTER = { engines: [{ gpus: 4 }, { gpus: 4 }] } as unknown as ClusterConfig
const NO_SLO: SloPlan = { ttftMs: null, tpotMs: null, gapMs: null, e2eMs: null }
const ms = (from: number, to: number): MeasureWindow => ({ fromNs: from * NS_PER_MS, toNs: to * NS_PER_MS })

function summaryOf(
  rows: readonly Row[],
  window: MeasureWindow,
  slo: Partial<SloPlan> = {},
  steps: Partial<StepStatistics> = {},
  endMs = 5000,
  cluster: Pick<ClusterConfig, 'engines'> = CLUSTER,
) {
  const result = {
    records: recordsOf(rows),
    statistics: { ...NO_STEPS, ...steps },
    notSent: 0,
    endNs: endMs * NS_PER_MS,
    events: 1,
    series: [],
  }
  return summarise(result, { ...CLUSTER, ...cluster }, { slo: { ...NO_SLO, ...slo }, window })
}

/** Six requests: four of the window [0, 1000) ms, one before it, one at its end. */
const ROWS: readonly Row[] = [
  { arrival: -50, first: 100, end: 300 },
  {
    arrival: 0,
    first: 100,
    end: 1100,
    osl: 11,
    gap: 150,
    phases: { queue: 20, prefill: 60, transfer: 5, decode_wait: 15, decode: 990, stall: 10 },
  },
  { arrival: 100, first: 300, end: 300, osl: 1, phases: { queue: 40, prefill: 160 } },
  { arrival: 200, end: 200, fate: REJECTED },
  { arrival: 500, first: 700, fate: RUNNING },
  { arrival: 1000, first: 1100, end: 9000 },
]
const WINDOW = ms(0, 1000)

describe('a summary of hand-made records', () => {
  const { metrics, ...summary } = summaryOf(
    ROWS,
    WINDOW,
    {},
    {
      steps: 10,
      outputTokens: 800,
      // computed: half of the prompts came from a cache
      inputTokens: 100,
      stepPs: 1e12,
      gatingAttentionPs: 4e11,
      meanAttentionPs: 3e11,
      maxAttentionPs: 4e11,
      decodeSequences: 50,
      engineBusyPs: Float64Array.of(2e11, 8e11),
      engineKvUsePs: Float64Array.of(5e10, 8e10),
    },
  )

  test('counts the requests that arrived in the window, by fate', () => {
    expect(summary.requests).toMatchObject({ injected: 4, completed: 2, rejected: 1, running: 1, timed_out: 0, queued: 0 })
    const { injected, ...fates } = summary.requests
    expect(Object.values(fates).reduce((a, b) => a + b)).toBe(injected)
  })

  test('TTFT, E2E and phases are those of the completed', () => {
    expect(metrics.ttft_ms).toMatchObject({ mean: 150, p50: 150 })
    expect(metrics.e2e_ms).toMatchObject({ mean: 650, p50: 650 })
    expect(metrics.queue_ms.mean).toBe(30)
    expect(metrics.prefill_ms.mean).toBe(110)
    expect(metrics.transfer_ms).toMatchObject({ mean: 2.5, p99: 4.95 })
    expect(metrics.decode_wait_ms.mean).toBe(7.5)
    expect(metrics.decode_ms.mean).toBe(495)
    expect(metrics.stall_ms.mean).toBe(5)
    expect(metrics.gap_ms).toMatchObject({ mean: 150, p50: 150 })
  })

  test('few requests are their own latency curve; of many it has as many points as asked for', () => {
    const summariser = createSummariser(CLUSTER, { slo: NO_SLO, window: WINDOW })
    expect(summariser.curves(256).ttft_ms).toEqual([])
    summariser.add(recordsOf(ROWS))
    expect(summariser.curves(256)).toEqual({ ttft_ms: [100, 200], tpot_ms: [100], e2e_ms: [200, 1100] })
    expect(summariser.curves(2).ttft_ms).toHaveLength(2)
    summariser.add(recordsOf(ROWS))
    expect(summariser.curves(2).ttft_ms).toEqual([100, 200])
  })

  test('TPOT is decode time over gaps, and a single token has none', () => {
    expect(metrics.tpot_ms).toMatchObject({ mean: 100, p50: 100, p99: 100 })
    expect(metrics.tok_s_user).toMatchObject({ mean: 10, p50: 10, p10: 10, p5: 10 })
  })

  test('rates are per second of the window and per GPU of the plan', () => {
    expect(summary.window_s).toBe(1)
    expect(summary.output_tok_s).toBe(800)
    expect(summary.output_tok_s_per_gpu).toBe(100)
    expect(summary.total_tok_s).toBe(1000)
    expect(summary.request_s).toBe(2)
  })

  test('an answer that comes at once, with its first token, has no time between tokens', () => {
    const rows: Row[] = [
      { arrival: 0, first: 100, end: 200, osl: 11 },
      { arrival: 0, first: 150, end: 150, osl: 2 },
    ]
    const { metrics, undefined_because } = summaryOf(rows, WINDOW)
    expect(metrics.tok_s_user).toMatchObject({ mean: 100, p50: 100, p99: 100 })
    expect(metrics.tpot_ms).toMatchObject({ mean: 10, p50: 10, p99: 10 })
    expect(metrics.ttft_ms.mean).toBe(125)
    expect(undefined_because['metrics.tok_s_user']).toBeUndefined()
    expect(summaryOf(rows.slice(1), WINDOW).undefined_because['metrics.tok_s_user']).toMatch(/no request/)
  })

  test('the rate of requests counts what completes in the window, whenever it arrived', () => {
    const rows: Row[] = [
      { arrival: -900, first: -800, end: -1 },
      { arrival: -800, first: -700, end: 0 },
      { arrival: -700, first: -600, end: 999 },
      { arrival: 10, first: 20, end: 30 },
      { arrival: 20, end: 40, fate: TIMED_OUT },
      { arrival: 30, first: 40, end: 1000 },
      { arrival: 40, first: 50, fate: RUNNING },
    ]
    const found = summaryOf(rows, WINDOW)
    expect(found.requests).toMatchObject({ injected: 4, completed: 2 })
    expect(found.request_s).toBe(3)
    const whole = { fromNs: Number.NEGATIVE_INFINITY, toNs: Number.POSITIVE_INFINITY }
    expect(summaryOf(rows, whole, {}, {}, 1100).request_s).toBe(5 / 2)
  })

  test('shares are ratios of sums over steps', () => {
    expect(summary.attention_share).toBeCloseTo(0.4, 12)
    expect(summary.balance).toBeCloseTo(0.75, 12)
    expect(summary.kv_use).toBeCloseTo(0.25, 12)
    expect(summary.mean_batch).toBe(5)
    expect(summary.mean_step_ms).toBeCloseTo(100, 9)
  })
})

describe('the share that meets the SLO', () => {
  const attainment = (slo: Partial<SloPlan>) => summaryOf(ROWS, WINDOW, slo).slo_attainment
  test('is over all injected: rejected and unfinished requests meet nothing', () => {
    expect(attainment({ ttftMs: 1e9 })).toBe(0.5)
    expect(attainment({ ttftMs: 150 })).toBe(0.25)
    expect(attainment({ ttftMs: 99 })).toBe(0)
  })
  test('a limit is met when it is reached exactly', () => {
    expect(attainment({ ttftMs: 200 })).toBe(0.5)
    expect(attainment({ e2eMs: 200 })).toBe(0.25)
    expect(attainment({ e2eMs: 199.9 })).toBe(0)
    expect(attainment({ tpotMs: 100 })).toBe(0.5)
    expect(attainment({ gapMs: 150 })).toBe(0.5)
    expect(attainment({ gapMs: 149.9 })).toBe(0.25)
  })
  test('a single token has no TPOT and meets every limit on it', () => expect(attainment({ tpotMs: 0.001 })).toBe(0.25))
  test('is undefined, with a reason, without limits or requests', () => {
    expect(summaryOf(ROWS, WINDOW).undefined_because.slo_attainment).toMatch(/no SLO/)
    expect(summaryOf(ROWS, ms(3000, 4000), { ttftMs: 1 })).toMatchObject({
      slo_attainment: null,
      undefined_because: { slo_attainment: 'no request arrived in the window' },
    })
  })
})

test('steps of prefill and of decode engines are told apart, and a batch is one of engines that decode', () => {
  const engine = CLUSTER.engines[0]
  const pools = {
    engines: [
      { ...engine, role: 'prefill' as const },
      { ...engine, role: 'decode' as const },
    ],
  }
  const attention = { gatingAttentionPs: 5e11, meanAttentionPs: 2.5e11, maxAttentionPs: 6e11 }
  const ofPrefill = { prefillGatingPs: 3e11, prefillMeanPs: 1e11, prefillMaxPs: 4e11 }
  const steps = {
    ...{ steps: 10, stepPs: 1e12, decodeSequences: 32, ...attention },
    ...{ prefillSteps: 2, prefillStepPs: 6e11, prefillInputTokens: 9000, ...ofPrefill },
  }
  const found = summaryOf([], WINDOW, {}, steps, undefined, pools)
  expect(found.steps_by_role).toEqual({
    prefill: { steps: 2, mean_step_ms: 300, mean_input_tokens: 4500, attention_share: 0.5, balance: 0.25 },
    decode: { steps: 8, mean_step_ms: 50, mean_batch: 4, attention_share: 0.5, balance: 0.75 },
  })
  expect(found.mean_batch).toBe(4)
  expect(stepsText(found)).toMatch(
    /^prefill mean .*, attention share 50 %, balance 25 %; decode mean .*, attention share 50 %, balance 75 %$/,
  )
  // as a folder of an earlier version has it
  expect(stepsText({ ...found, steps_by_role: undefined as never })).toMatch(
    /^mean .*, mean batch .*, attention share 50 %, balance 42 %$/,
  )
  expect(summaryOf([], WINDOW, {}, { ...steps, prefillSteps: 0 }).steps_by_role).toBeNull()
  const idle = summaryOf([], WINDOW, {}, {}, undefined, pools)
  expect(idle.steps_by_role?.prefill.mean_step_ms).toBeNull()
  expect(idle.undefined_because['steps_by_role.prefill.mean_step_ms']).toBeTruthy()
  expect(idle.undefined_because['steps_by_role.decode.balance']).toBeTruthy()
})

describe('the window', () => {
  test('ends with the run and begins with the first arrival when it has no bounds', () => {
    const whole = { fromNs: Number.NEGATIVE_INFINITY, toNs: Number.POSITIVE_INFINITY }
    expect(summaryOf(ROWS.slice(1), whole, {}, {}, 2500)).toMatchObject({ window_s: 2.5, requests: { injected: 5 } })
    expect(summaryOf(ROWS.slice(4), whole, {}, {}, 2500).window_s).toBe(2)
  })

  test('ends where a run is cut, also while nothing happens, and with the last event of one that is over', () => {
    const two = tinyWorkload(2, { isl: 100, osl: 2 })
    two.arrivalNs.set([0, 100 * NS_PER_S])
    const config = clusterConfig(tinyPlan())
    const windowS = (untilNs?: number) => {
      const result = simulate(config, createArm(STATIC_ARM), two, { load: { kind: 'open' }, untilNs })
      const window = { fromNs: 0, toNs: Number.POSITIVE_INFINITY }
      return summarise(result, config, { slo: tinyPlan().slo.interactive, window }).window_s
    }
    expect(windowS(50 * NS_PER_S)).toBe(50)
    const wholeS = windowS()
    expect(wholeS).toBeGreaterThan(100)
    expect(wholeS).toBeLessThan(101)
    expect(windowS(500 * NS_PER_S)).toBe(wholeS)
  })

  test('without anything in it has nulls, each with a reason, and rates of zero', () => {
    const empty = summaryOf([], WINDOW)
    const nulls = Object.entries(empty.metrics).filter(([, distribution]) => distribution.p50 === null)
    expect(nulls).toHaveLength(Object.keys(empty.metrics).length)
    for (const [name] of nulls) expect(empty.undefined_because[`metrics.${name}`]).toBeTruthy()
    for (const key of ['slo_attainment', 'attention_share', 'balance', 'kv_use', 'mean_batch', 'mean_step_ms'] as const) {
      expect(empty[key]).toBeNull()
      expect(empty.undefined_because[key]).toBeTruthy()
    }
    expect([empty.output_tok_s, empty.request_s]).toEqual([0, 0])
  })
})

test('pooled gaps are weighted by residents: mean and quantiles of the histogram, in ms', () => {
  const itl = new Float64Array(LOG_HISTOGRAM_BINS)
  itl[logBin(10 * NS_PER_MS)] = 90
  itl[logBin(100 * NS_PER_MS)] = 10
  const { itl_ms } = summaryOf([], WINDOW, {}, { itl }).metrics
  expect((itl_ms.p50 as number) / 10).toBeCloseTo(1, 2)
  expect((itl_ms.p95 as number) / 100).toBeCloseTo(1, 2)
  expect((itl_ms.mean as number) / 19).toBeCloseTo(1, 2)
})

test('a million requests are summarised in less than half a second of processor time (compiled code, own process)', () => {
  const script = fileURLToPath(new URL('./fixtures/summariseMillion.mjs', import.meta.url))
  const cpuMs = Number(execFileSync(process.execPath, [script], { encoding: 'utf8' }))
  console.info(`1 M records summarised in ${cpuMs.toFixed(0)} ms of processor time`)
  expect(cpuMs / slowness()).toBeLessThan(500)
})

/** The verdict on records that came all at once. */
function saturationVerdict(
  records: Records,
  statistics: StepStatistics,
  window: MeasureWindow,
  endNs: number,
  places = 4096,
  frontendNs = 0,
) {
  const engine = { ranks: 2, maxNumSeqs: places / 2 } as ClusterConfig['engines'][number]
  const saturation = createSaturation(window, { frontendNs, engines: [engine] })
  saturation.add(records)
  return saturation.verdict(statistics, endNs)
}

describe('saturation of hand-made systems', () => {
  /** 2000 requests, one every 5 ms, each inside for 50 ms; `change` alters some of them. */
  const system = (change: (row: Row, i: number) => Row) =>
    recordsOf(
      Array.from({ length: 2000 }, (_, i) => {
        const arrival = i * 5
        return change({ arrival, first: arrival + 10, end: arrival + 50, phases: { queue: 1, prefill: 9, decode: 40 } }, i)
      }),
    )
  const verdict = (records: Records, steps: Partial<StepStatistics> = {}) =>
    saturationVerdict(records, { ...NO_STEPS, stepPs: 1e12, ...steps }, ms(0, 10_000), 10_000 * NS_PER_MS)
  const stays = (row: Row): Row => ({ arrival: row.arrival, fate: RUNNING, phases: row.phases })

  test('stable: as many leave as arrive, nothing binds', () => {
    expect(verdict(system((row) => row))).toMatchObject({ label: 'stable', binding: 'none' })
  })
  test('time in the frontend is no wait: nothing binds a stack whose requests are queued for no longer', () => {
    const slow = system((row) => ({
      ...row,
      first: row.arrival + 220,
      end: row.arrival + 260,
      phases: { queue: 200, prefill: 20, decode: 40 },
    }))
    const of = (frontendMs: number) =>
      saturationVerdict(slow, { ...NO_STEPS, stepPs: 1e12 }, ms(0, 10_000), 10_000 * NS_PER_MS, 4096, frontendMs * NS_PER_MS)
    expect(of(200)).toMatchObject({ label: 'stable', binding: 'none' })
    expect(of(0).binding).not.toBe('none')
  })
  test('backlogged: one in fourteen stays, which is a growth of some 7 % of the arrivals', () => {
    const found = verdict(system((row, i) => (i % 14 === 0 ? stays(row) : row)))
    expect(found).toMatchObject({ label: 'backlogged', binding: 'time' })
    expect(found.reason).toMatch(/grew by 7\.\d % of about 1,\d\d0 arrivals over (9\.9|10\.0) s; 0 turned away/)
  })
  test('separates the thousands of seconds', () => {
    const late = system((row) => row)
    for (const times of [late.arrivalNs, late.endNs]) for (let i = 0; i < times.length; i++) times[i] *= 1000
    const spread = saturationVerdict(late, { ...NO_STEPS, stepPs: 1e15 }, ms(0, 1e7), 1e13)
    expect(spread.reason).toMatch(/ over (9,9\d\d\.\d|10,000\.0) s;/)
  })
  test('overloaded: every second one stays', () => {
    expect(verdict(system((row, i) => (i % 2 === 0 ? stays(row) : row)))).toMatchObject({ label: 'overloaded', binding: 'time' })
  })
  test('a wait for a place to decode is a wait, and KV on its way at the end is not lost', () => {
    const waits = system((row, i) => ({
      ...row,
      phases: { prefill: 5, decode_wait: 15, decode: 30 },
      ...(i > 1990 ? { fate: IN_TRANSFER } : {}),
    }))
    expect(verdict(waits)).toMatchObject({ label: 'stable', binding: 'decode_slots' })
    expect(verdict(waits).reason).toMatch(/; 0 turned away/)
  })
  test('overloaded: one in ten is turned away or loses patience', () => {
    const lost = system((row, i) =>
      i % 10 === 0 ? { arrival: row.arrival, end: row.arrival + 1, fate: i % 20 ? REJECTED : TIMED_OUT } : row,
    )
    expect(verdict(lost)).toMatchObject({ label: 'overloaded' })
    expect(verdict(lost).reason).toContain('200 turned away')
  })
  test('stable: one in ten is longer than the engines take, which no load changes', () => {
    const short = system((row, i) => (i % 10 === 0 ? { arrival: row.arrival, end: row.arrival, fate: UNSERVABLE } : row))
    expect(verdict(short)).toMatchObject({ label: 'stable', binding: 'none' })
    expect(verdict(short).reason).toContain('0 turned away; 200 longer than the engines take, at any load')
    const none = system((row) => ({ arrival: row.arrival, end: row.arrival, fate: UNSERVABLE }))
    expect(verdict(none).binding).toBe('none')
  })
  test('the same requests in any order give the same verdict', () => {
    const rows = Array.from(
      { length: 2000 },
      (_, i): Row => (i % 7 === 0 ? { arrival: i * 5, fate: RUNNING } : { arrival: i * 5, first: i * 5 + 1, end: i * 5 + 50 }),
    )
    expect(verdict(recordsOf([...rows].reverse()))).toEqual(verdict(recordsOf(rows)))
  })
  test('fewer than twenty arrivals tell no trend', () => {
    const few = recordsOf(Array.from({ length: 19 }, (_, i) => ({ arrival: i * 50, fate: RUNNING, phases: { decode: 10 } })))
    expect(verdict(few)).toMatchObject({ label: 'not judged', reason: expect.stringMatching(/too few arrivals/) })
  })

  test('what binds: KV memory when it is full or requests are preempted, places when batches are full, prefill when it takes longer than decoding, else time', () => {
    const growing = system((row, i) => (i % 2 === 0 ? stays(row) : row))
    expect(verdict(growing, { engineBusyPs: Float64Array.of(1e12), engineKvUsePs: Float64Array.of(0.95e12) }).binding).toBe(
      'kv_memory',
    )
    expect(verdict(growing, { preemptions: 50 }).binding).toBe('kv_memory')
    const prefilling = system((row, i) => ({
      ...(i % 2 === 0 ? stays(row) : row),
      phases: { queue: 1, prefill: 41, decode: 40 },
    }))
    expect(verdict(prefilling).binding).toBe('prefill')
    const handedOver = system((row) => ({ ...row, phases: { queue: 20, prefill: 5, transfer: 1, decode_wait: 4, decode: 20 } }))
    expect(verdict(handedOver).binding).toBe('prefill')
    const full = { engineBusyPs: Float64Array.of(1e12, 1e12), engineKvUsePs: Float64Array.of(1e10, 0.95e12) }
    expect(verdict(handedOver, full).binding).toBe('kv_memory')
    // some 500 of those that stay are inside in the mean of the last two thirds: batches are full, or not
    expect(saturationVerdict(growing, NO_STEPS, ms(0, 10_000), 10_000 * NS_PER_MS, 600).binding).toBe('decode_slots')
    expect(saturationVerdict(growing, NO_STEPS, ms(0, 10_000), 10_000 * NS_PER_MS, 900).binding).toBe('time')
    expect(saturationVerdict(growing, { ...NO_STEPS, preemptions: 50 }, ms(0, 10_000), 10_000 * NS_PER_MS, 600).binding).toBe(
      'kv_memory',
    )
    // stable, but with a queue that is not short
    const queueing = system((row) => ({ ...row, phases: { queue: 10, prefill: 5, decode: 35 } }))
    expect(verdict(queueing)).toMatchObject({ label: 'stable', binding: 'time' })
  })
})

describe('saturation of queues', () => {
  const WHOLE: MeasureWindow = { fromNs: Number.NEGATIVE_INFINITY, toNs: Number.POSITIVE_INFINITY }
  const verdict = (rows: readonly Row[], window: MeasureWindow = WHOLE) =>
    saturationVerdict(recordsOf(rows), NO_STEPS, window, Math.max(...rows.map(({ end }) => end ?? 0)) * NS_PER_MS)

  /** One server, Poisson arrivals at load `rho`, service of `serviceMs(i)` (mean 10 ms), first come first served, served to the last. */
  function queue(rho: number, seed: number, count = 20_000, serviceMs = (_: number) => 10): Row[] {
    const rng = stream(seed, 'queue')
    let arrival = 0
    let free = 0
    return Array.from({ length: count }, (_, i) => {
      arrival += (rng.exponential() * 10) / rho
      const first = Math.max(free, arrival)
      free = first + serviceMs(i)
      return { arrival, first, end: free, phases: { queue: first - arrival, prefill: 0, decode: free - first } }
    })
  }

  test.each([
    [0.7, /^stable$/],
    [0.9, /^stable$/],
    [1.1, /^(backlogged|overloaded)$/],
    [1.3, /^overloaded$/],
    [7, /^overloaded$/],
  ])('one server at load %f of what it serves', (rho, label) => {
    for (const seed of [1, 2, 3, 4, 5]) expect(verdict(queue(rho, seed)).label).toMatch(label)
  })

  test('the same within a window that opens and closes while requests arrive', () => {
    for (const [rho, label] of [
      [0.7, /^stable$/],
      [0.9, /^stable$/],
      [1.1, /^(backlogged|overloaded)$/],
      [1.3, /^overloaded$/],
    ] as const)
      expect(verdict(queue(rho, 6), ms(20_000, 140_000)).label, `${rho}`).toMatch(label)
  })

  test('a drain is not a recovery: 20,000 requests offered in 10 s and served over 68 s are an overload', () => {
    const rows = Array.from({ length: 20_000 }, (_, i): Row => {
      const arrival = i * 0.5
      return { arrival, first: i * 3.4 + 100, end: i * 3.4 + 500, phases: { queue: i * 2.9, prefill: 100, decode: 400 } }
    })
    const { label, reason } = verdict(rows)
    expect(label).toBe('overloaded')
    expect(reason).toMatch(/grew by 8\d\.\d % .*; serving went on for 5\d\.\d s after the last arrival/)
  })

  test('many servers that begin empty fill up for one E2E, which is no trend', () => {
    // 50 requests/s, each inside for 10 s: the number inside rises to 500 in the first sixth of a minute
    const rows = Array.from({ length: 3000 }, (_, i): Row => ({ arrival: i * 20, first: i * 20 + 10, end: i * 20 + 10_000 }))
    expect(verdict(rows).label).toBe('stable')
  })

  test('a backlog that the growth does not show is seen in the drain', () => {
    // 100 requests: too few for a growth of 30 % to be more than chance
    const rows = Array.from({ length: 100 }, (_, i): Row => {
      const end = i < 70 ? i * 10 + 20 : 720 + (i - 70) * 20
      return { arrival: i * 10, first: end - 5, end }
    })
    expect(verdict(rows)).toMatchObject({ label: 'backlogged', reason: expect.stringContaining('after the last arrival') })
  })

  test('one answer of great length is no backlog', () => {
    const rows = Array.from({ length: 500 }, (_, i): Row => ({ arrival: i * 10, first: i * 10 + 5, end: i * 10 + 50 }))
    expect(verdict([...rows, { arrival: 4000, first: 4010, end: 20_000 }]).label).toBe('stable')
  })

  test('requests that all arrive at once are judged by their waits: one server takes them one after the other, many take them together', () => {
    const inTurn = Array.from({ length: 2000 }, (_, i): Row => {
      const first = i * 10
      return { arrival: 0, first, end: first + 10, phases: { queue: first, prefill: 0, decode: 10 } }
    })
    expect(verdict(inTurn)).toMatchObject({
      label: 'backlogged',
      reason: expect.stringMatching(
        /^all 2,000 requests arrived at once: the last left after 20\.0 s, and the mean wait was 10\.0 s;/,
      ),
    })
    // a closed loop of nearly all of them sends the rest one by one
    const nearly = inTurn.map((row, i) => (i < 1990 ? row : { ...row, arrival: (i - 1989) * 10 }))
    expect(verdict(nearly)).toMatchObject({ label: 'backlogged', reason: expect.stringMatching(/^nearly all 2,000/) })
    // within the time of one request, a two-thousandth of the run
    expect(verdict(inTurn.map((row, i) => ({ ...row, arrival: i * 0.005 }))).reason).toContain('arrived at once')
    const unfinished = inTurn.map((row, i): Row => (i < 1500 ? row : { arrival: 0, fate: QUEUED, phases: { queue: 15_000 } }))
    expect(verdict(unfinished).reason).toContain('500 were still inside after 15.0 s')
    const together = inTurn.map((row, i): Row => ({ ...row, first: 5, end: 1000 + i, phases: { queue: 5, decode: 995 + i } }))
    expect(verdict(together)).toMatchObject({ label: 'stable', binding: 'none' })
    expect(verdict(inTurn.map((row, i) => (i % 10 === 0 ? { ...row, fate: REJECTED } : row))).label).toBe('overloaded')
  })

  test('nor are a few long answers in a hundred, which are what is left at the end at any load', () => {
    // one in twenty takes 40 times as long, and nobody ever waits
    const rows = Array.from({ length: 4000 }, (_, i): Row => {
      const arrival = i * 5
      return { arrival, first: arrival + 1, end: arrival + (i % 20 === 7 ? 8000 : 200) }
    })
    expect(verdict(rows).label).toBe('stable')
    expect(verdict(rows, ms(5000, 17_000)).label).toBe('stable')
  })

  test('a growth that overloads, of too few requests to be told from chance, is said to be that', () => {
    // one of eight stays: 12.5 %, where three deviations of 200 arrivals are 21 %
    const rows = Array.from(
      { length: 200 },
      (_, i): Row =>
        i % 8 === 0 ? { arrival: i * 10, fate: RUNNING } : { arrival: i * 10, first: i * 10 + 5, end: i * 10 + 50 },
    )
    const few = verdict(rows, ms(0, 2000))
    expect(few).toMatchObject({
      label: 'stable',
      reason: expect.stringMatching(/grew by 1\d\.\d % .* s, which may be chance; 0/),
    })
    const calm = rows.map(({ arrival }): Row => ({ arrival, first: arrival + 5, end: arrival + 50 }))
    expect(verdict(calm, ms(0, 2000)).reason).not.toContain('chance')
  })

  test('a number inside that falls is said to shrink', () => {
    const rows = Array.from({ length: 100 }, (_, i): Row => ({ arrival: i * 10, first: i * 10 + 1, end: i * 10 + 200 - 2 * i }))
    expect(verdict(rows, ms(200, 1000)).reason).toMatch(/^requests inside shrank by \d+\.\d %/)
  })
})
