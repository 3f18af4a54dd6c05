import { describe, expect, test } from 'vitest'
import { armResult, evidenceNotes } from '../src/experiments/armResult.js'
import { dispersionOf, offeredRate } from '../src/experiments/compare.js'
import type { Outcome } from '../src/experiments/job.js'
import { comparisonRows } from '../src/experiments/rows.js'
import { STATIC_ARM } from '../src/levers/catalogue.js'
import type { ArmSpec } from '../src/levers/lever.js'
import type { Summary } from '../src/metrics/summary.js'
import type { Workload } from '../src/traces/workload.js'
import { tinyPlan, tinyWorkload } from './tinyCluster.js'

const NAMES = ['static', 'tuned-static', 'shape-aware']
const ARMS: ArmSpec[] = NAMES.map((name) => ({ ...STATIC_ARM, name }))
/** What `measured` holds. */
const THREE = { perS: 3, requests: 1 }
const RATES = { usd_per_gpu_hour: 3.6, gpu_watts: 2000 }
const BARE: Outcome = {
  summary: null,
  meanInside: 0,
  copies: 0,
  simulatedS: 0,
  capacityPerS: null,
  picture: null,
  meetsSlo: false,
}

const capacities = (values: readonly (number | null)[]): Outcome[] => values.map((capacityPerS) => ({ ...BARE, capacityPerS }))

/** Outcomes in which every metric has the given value, replicate by replicate. */
const measured = (values: readonly (number | null)[], label: Summary['saturation']['label'] = 'stable'): Outcome[] =>
  values.map((value) => {
    const distribution = { mean: value, p50: value, p90: value, p95: value, p99: value }
    const times = ['ttft_ms', 'tpot_ms', 'itl_ms', 'gap_ms', 'e2e_ms']
    const metrics = {
      ...Object.fromEntries(times.map((name) => [name, distribution])),
      tok_s_user: { ...distribution, p10: value, p5: value },
    }
    const summary = {
      metrics,
      output_tok_s_per_gpu: value ?? 0,
      saturation: { label, reason: '', binding: 'none' },
      requests: { injected: 300 },
      window_s: 100,
    }
    return { ...BARE, summary: summary as unknown as Summary }
  })

const byName = (outcomes: (name: string) => Outcome[]): Map<string, Outcome[]> =>
  new Map(NAMES.map((name) => [name, outcomes(name)]))
const flat = byName(() => measured([1, 1, 1, 1, 1]))
const served = byName(() => capacities([1, 1, 1, 1, 1]))

test('an arm has the worst label of its replicates, and one that was not judged is not said to fall behind', () => {
  const label = (...labels: Summary['saturation']['label'][]) =>
    armResult(
      STATIC_ARM,
      null,
      labels.flatMap((each) => measured([1], each)),
      capacities([1]),
      THREE,
      RATES,
    ).saturation
  expect(label('stable', 'not judged')).toMatchObject({ label: 'stable', behind: 0, replicates: 2 })
  expect(label('not judged', 'overloaded', 'backlogged')).toMatchObject({ label: 'overloaded', behind: 2, replicates: 3 })
  const fixedLoad = byName(() => measured([1, 1], 'not judged'))
  const rows = comparisonRows(ARMS, { fixedLoad, mix: flat, fixedConcurrency: flat, capacity: served }, 1, false)
  expect(rows.filter(({ note }) => note?.includes('not stable'))).toEqual([])
})

test('output tokens cost what the GPUs cost; at capacity the same GPUs give as much more as the load may grow', () => {
  // 500 tokens/s/GPU at 3 requests/s, of 6 at most
  const costOf = (label: Summary['saturation']['label'], capacity: number | null = 6, offered: typeof THREE | null = THREE) => {
    const { metrics } = armResult(STATIC_ARM, null, measured([500], label), capacities([capacity]), offered, RATES)
    return [metrics.usd_per_mtok_output, metrics.joules_per_output_token]
  }
  const [usd, joules] = [(3.6 / 3600 / 500) * 1e6, 2000 / 500]
  expect([usd, joules]).toEqual([2, 4])
  expect(costOf('stable')).toEqual([
    { value: 2, at_capacity: 1 },
    { value: 4, at_capacity: 2 },
  ])
  // stable, but the limits of the SLO were missed
  expect(costOf('stable', 2)[0]).toEqual({ value: 2, at_capacity: 3 })
  // draws that hold 3 requests/s where 4 were asked for are worth 3; so are sessions of two requests at 1.5 sessions/s
  expect(costOf('stable', 6, { perS: 4, requests: 1 })[0]).toEqual({ value: 2, at_capacity: 1 })
  expect(costOf('stable', 3, { perS: 1.5, requests: 2 })[0]).toEqual({ value: 2, at_capacity: 1 })
  for (const undefinedAtCapacity of [
    costOf('overloaded'),
    costOf('backlogged'),
    costOf('stable', null),
    costOf('stable', 6, null),
  ])
    expect(undefinedAtCapacity[0]).toEqual({ value: 2, at_capacity: null })
  expect(armResult(STATIC_ARM, null, measured([0]), capacities([6]), THREE, RATES).metrics.usd_per_mtok_output.value).toBeNull()
})

describe('replicates in which a metric is undefined', () => {
  const one = (name: string) => (name === 'shape-aware' ? [2, null, 2, null, 2] : [1, 1, 1, 1, 1])
  const rows = comparisonRows(
    ARMS,
    {
      fixedLoad: byName((name) => measured(one(name), name === 'static' ? 'backlogged' : 'stable')),
      mix: flat,
      fixedConcurrency: flat,
      capacity: byName((name) => capacities(one(name))),
    },
    1,
    false,
  )
  const row = (reading: string, baseline: string, metric: string) =>
    rows.find((r) => r.reading === reading && r.baseline === baseline && r.arm === 'shape-aware' && r.metric === metric)

  test('are counted and named', () => {
    const left = 'in 2 of 5 replicates, which are left out'
    expect(row('fixed_load', 'tuned-static', 'ttft_ms.p50')).toMatchObject({
      n: 3,
      note: `shape-aware is undefined or zero ${left}`,
    })
    expect(row('fixed_load', 'static', 'ttft_ms.p50')?.note).toBe(
      `shape-aware is undefined or zero ${left}; not stable in some replicate: static`,
    )
    expect(row('capacity', 'static', 'capacity_rps')).toMatchObject({
      n: 3,
      note: `shape-aware meets the SLO at no load tried ${left}`,
    })
    expect(row('fixed_concurrency', 'static', 'ttft_ms.p50')).toMatchObject({ n: 5, note: null })
  })
})

test('tails are compared too', () => {
  const rows = comparisonRows(ARMS, { fixedLoad: flat, mix: flat, fixedConcurrency: flat, capacity: served }, 1, false)
  const compared = new Set(rows.map(({ metric }) => metric))
  for (const time of ['ttft_ms', 'tpot_ms', 'itl_ms']) expect(compared).toContain(`${time}.p99`)
  for (const time of ['ttft_ms', 'tpot_ms', 'itl_ms', 'gap_ms', 'e2e_ms']) expect(compared).toContain(`${time}.p95`)
})

test('what is wrong with the runs of other mixes is said beside their interval', () => {
  const broken = byName((name) => measured(name === 'static' ? [1, 1, 0, 0] : [2, 2, 2, 2]))
  const rows = comparisonRows(ARMS, { fixedLoad: flat, mix: broken, fixedConcurrency: flat, capacity: served }, 1, false)
  const notes = (reading: string) =>
    rows.filter((r) => r.reading === reading && r.arm === 'shape-aware' && r.baseline === 'static').map(({ note }) => note)
  expect(notes('fixed_load').join()).toMatch(/^other mixes: static is undefined or zero in 2 of 4 replicates, which are left out/)
  expect(notes('fixed_concurrency').every((note) => note === null)).toBe(true)
})

test('the interval over mixes is the spread of the mix replicates, around their own mean', () => {
  const mix = byName((name) => measured(name === 'shape-aware' ? [2, 4, 2, 4] : [1, 1, 1, 1]))
  const rows = comparisonRows(ARMS, { fixedLoad: flat, mix, fixedConcurrency: flat, capacity: served }, 1, false)
  const found = rows.find((r) => r.reading === 'fixed_load' && r.arm === 'shape-aware' && r.baseline === 'static')
  const [low, high] = found?.mix_ci95 ?? [0, 0]
  expect(Math.sqrt(low * high)).toBeCloseTo(Math.sqrt(8), 9)
  // deviation of the logs: log(2) / 2 times sqrt(4 / 3); t of three degrees of freedom 3.182; of one more value sqrt(1 + 1 / 4)
  expect(Math.log(high / low)).toBeCloseTo(3.182 * Math.log(2) * Math.sqrt(4 / 3) * Math.sqrt(5 / 4), 9)
  expect(found?.ci95).toEqual([1, 1])
  for (const other of rows) if (other.reading !== 'fixed_load') expect(other.mix_ci95).toBeNull()
})

test('costs of sessions count the requests of a session on the half that judges', () => {
  const sessions = { ...tinyWorkload(6), session: Int32Array.of(0, 0, 0, 1, 1, 1) }
  const parts = { train: tinyWorkload(6), test: sessions }
  expect(offeredRate({ context: { parts } } as never, { closed: false, ratePerS: 2 })).toEqual({ perS: 2, requests: 3 })
  expect(offeredRate({ context: { parts } } as never, { closed: true, ratePerS: 0 })).toBeNull()
})

test('an arm has a capacity only when every replicate has one', () => {
  const capacityOf = (values: readonly (number | null)[]) =>
    armResult(ARMS[0], null, measured([1, 1]), capacities(values), THREE, RATES)
  expect(capacityOf([4, 8])).toMatchObject({ capacity_rps: 6, own_load_fraction: 0.5 })
  expect(capacityOf([4, null])).toMatchObject({ capacity_rps: null, own_load_fraction: null })
  expect(capacityOf([])).toMatchObject({ capacity_rps: null, own_load_fraction: null })
})

test('a capacity beyond every load tried is not taken for none', () => {
  const beyond: Outcome = { ...BARE, isUnbounded: true }
  const notesOf = (outcomes: Outcome[]) =>
    comparisonRows(
      ARMS,
      { fixedLoad: flat, mix: flat, fixedConcurrency: flat, capacity: new Map([...served, ['shape-aware', outcomes]]) },
      1,
      false,
    ).find(({ reading, arm, baseline }) => reading === 'capacity' && arm === 'shape-aware' && baseline === 'static')?.note
  const all = (outcome: Outcome) => Array.from({ length: 5 }, () => outcome)
  expect(notesOf(all(beyond))).toBe('one of the two meets the SLO at every load tried')
  expect(notesOf([beyond, ...capacities([1, 1, 1, 1])])).toContain(
    'shape-aware meets the SLO at every load tried in 1 of 5 replicates, which are left out',
  )
  expect(notesOf([beyond, ...capacities([null, 1, 1, 1])])).toContain('at no load tried or at every one in 2 of 5')
  expect(notesOf([beyond, ...capacities([null, null, null, null])])).toBe(
    'one of the two meets the SLO at no load tried or at every one',
  )
})

const loadedBy = (method: string) => ({ ...tinyPlan(['precision=bf16']), workload: { load: { method } } }) as never

const NOTED: Parameters<typeof evidenceNotes>[0] = {
  plan: loadedBy('superpose'),
  config: { engines: [] } as never,
  workload: { provenance: { name: 'x' } } as never,
  closed: false,
  arms: [armResult(STATIC_ARM, null, measured([20_000]), [], THREE, RATES)],
  hitRates: [null],
  hitRate: null,
  areSessions: false,
  copies: 4,
  dispersion: [4.234, 1.3],
  windowS: 100,
  ratePerS: 30,
  requestsPerArrival: 1,
  requests: { least: 500, most: 30_000 },
  measure: 30,
  tunedOnSecond: false,
}

test('an arm of prefill and decode engines is noted with the attention of each role, the mean over replicates that have it', () => {
  const stepsOf = (share: number | null, balance: number) => ({
    prefill: { attention_share: share, balance },
    decode: { attention_share: 0.12, balance: 0.9 },
  })
  const [one] = measured([20_000])
  const outcomes = [stepsOf(0.6, 0.3), stepsOf(null, 0.2)].map((steps) => ({
    ...one,
    summary: { ...one.summary, steps_by_role: steps } as unknown as typeof one.summary,
  }))
  const arm = armResult(STATIC_ARM, null, outcomes, [], THREE, RATES)
  expect(arm.attention_by_role).toEqual(stepsOf(0.6, 0.25))
  expect(evidenceNotes({ ...NOTED, arms: [arm] })[1]).toContain(
    'attention is 60.0 % of a prefill step at a balance of 25.0 % over ranks; attention is 12.0 % of a decode step at a balance of 90.0 %',
  )
  expect(NOTED.arms[0].attention_by_role).toBeNull()
})

test('bursts of copies are said to be smaller beside the rate, whatever the indices of dispersion, and sessions to begin at random', () => {
  const noteOf = (change: Partial<typeof NOTED>) =>
    evidenceNotes({ ...NOTED, ...change }).find((note) => note.startsWith('The load is'))
  for (const offered of [1.3, 5])
    expect(noteOf({ copies: 36, dispersion: [4.234, offered] })).toContain(
      `36 superposed copies of the trace, made of resampled minutes: beside the mean rate their bursts are 6.0 times smaller than those of one, which the index of dispersion does not show (4.23 recorded, ${offered} offered)`,
    )
  // a thinned copy has smaller bursts, and adds as much of its variance
  for (const [copies, smaller] of [
    [1.1, '1.1'],
    [1.5, '1.3'],
    [2.5, '1.7'],
  ] as const)
    expect(noteOf({ copies })).toContain(
      `${copies} superposed copies of the trace, made of resampled minutes: beside the mean rate their bursts are ${smaller} times smaller`,
    )
  expect(noteOf({ copies: 0.3 })).toContain('The load is the trace thinned to 30.0 % of its requests, made of')
  // of one copy nothing is smoothed
  expect(noteOf({ copies: 1, dispersion: [4.234, 3] })).toContain(
    'made of resampled minutes (index of dispersion 4.23 recorded, 3 offered)',
  )
  expect(noteOf({ dispersion: [1.27, null] })).toContain('1.27 recorded, undefined offered')
  for (const method of ['superpose', 'as_recorded'])
    expect(noteOf({ areSessions: true, plan: loadedBy(method) })).toContain(
      'whole sessions drawn from the trace; they begin at random',
    )
})

test('which half arms were tuned on is said, and of an oracle that it saw the other one', () => {
  const noteOf = (tunedOnSecond: boolean) =>
    evidenceNotes({ ...NOTED, tunedOnSecond }).find((note) => note.startsWith('Arms were tuned'))
  expect(noteOf(false)).toBe('Arms were tuned on the first half of x alone; they are judged on the second.')
  expect(noteOf(true)).toContain('alone (oracle-static on the second); they are judged')
})

test('a replicate of sessions is capped by its requests, not by its sessions', () => {
  const noteOf = (requestsPerArrival: number) =>
    evidenceNotes({ ...NOTED, requestsPerArrival }).find((note) => note.startsWith('A replicate lasts'))
  expect(noteOf(10)).toContain('runs are capped at 30000 requests')
  expect(noteOf(1)).toContain('requests lived longer than in the pilot run')
})

test('a replicate that is a little shorter than meant is no matter, since the pilot ran on other draws', () => {
  const isNoted = (measure: number) =>
    evidenceNotes({ ...NOTED, measure }).some((note) => note.startsWith('A replicate lasts 5.0 mean E2E, less than the intended'))
  expect([5, 6, 7, 40].map(isNoted)).toEqual([false, false, true, true])
})

test('the index of dispersion of sessions is of their beginnings, without turns that wait and sessions that began before', () => {
  const S = 1e9
  const bare = {
    arrivalNs: Float64Array.from([0, 1, 1.5, 2, 3, 4.5].map((s) => s * S)),
    count: 6,
    session: null,
    parent: null,
    joins: null,
  }
  const alone = dispersionOf(bare as unknown as Workload)
  expect(alone).toBeGreaterThan(0)
  // each of them followed by a turn that waits
  const chained = {
    arrivalNs: Float64Array.from([...bare.arrivalNs, ...bare.arrivalNs.map(() => Number.NaN)]),
    count: 12,
    session: Int32Array.from({ length: 12 }, (_, i) => i % 6),
    parent: Int32Array.from({ length: 12 }, (_, i) => (i < 6 ? -1 : i - 6)),
    joins: null,
  } as unknown as Workload
  expect(dispersionOf(chained)).toBe(alone)
  expect(dispersionOf(chained, Int32Array.of(2, 8))).not.toBe(alone)
})
