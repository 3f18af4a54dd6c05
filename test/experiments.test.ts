import { describe, expect, test } from 'vitest'
import { armInput } from '../src/cli/options.js'
import { UserError } from '../src/errors.js'
import { type CompareOutput, compare } from '../src/experiments/compare.js'
import type { Outcome } from '../src/experiments/job.js'
import { comparisonJson, printedNumber } from '../src/experiments/json.js'
import { comparisonRows } from '../src/experiments/rows.js'
import { edgeNotes } from '../src/experiments/tried.js'
import { STATIC_ARM } from '../src/levers/catalogue.js'
import type { ArmSpec } from '../src/levers/lever.js'
import { clusterConfig } from '../src/scenario/index.js'
import type { Plan } from '../src/scenario/plan.js'
import type { Workload } from '../src/traces/workload.js'
import { tinyPlan, tinyWorkload } from './tinyCluster.js'

const BUILT_IN = ['static', 'tuned-static', 'tuned-size', 'shape-aware']

function compareTiny(plan: Plan, workload: Workload): Promise<CompareOutput> {
  return compare({ plan, config: clusterConfig(plan), workload, evidence: 'interpolated', threads: 1, effort: 'quick' })
}

describe('rows of a comparison', () => {
  const arms: ArmSpec[] = [...BUILT_IN, 'mine'].map((name) => ({ ...STATIC_ARM, name }))
  const capacities = (values: readonly (number | null)[]): Outcome[] =>
    values.map((capacityPerS) => ({
      summary: null,
      meanInside: 0,
      copies: 0,
      simulatedS: 0,
      capacityPerS,
      picture: null,
      meetsSlo: false,
    }))
  const readings = {
    fixedLoad: new Map<string, Outcome[]>(),
    mix: new Map<string, Outcome[]>(),
    fixedConcurrency: new Map<string, Outcome[]>(),
    capacity: new Map(
      arms.map(({ name }, i) => [
        name,
        capacities(i === 4 ? [null, null, null, null] : [1 + i, 2 + 2 * i, 3 + 3 * i, 4 + 4 * i]),
      ]),
    ),
  }
  const rows = comparisonRows(arms, readings, 1, false)
  const pairsOf = (reading: string) =>
    new Set(rows.filter((row) => row.reading === reading).map((row) => `${row.arm} / ${row.baseline}`))

  test('pair every challenger with each baseline, and the tuned baselines with static', () => {
    const pairs = [
      ...['tuned-static', 'tuned-size', 'static'].flatMap((baseline) => [`shape-aware / ${baseline}`, `mine / ${baseline}`]),
      'tuned-static / static',
      'tuned-size / static',
      'mine / shape-aware',
    ]
    for (const reading of ['fixed_load', 'fixed_concurrency', 'capacity'])
      expect([...pairsOf(reading)].sort()).toEqual([...pairs].sort())
  })

  test('pair arms of the user with shape-aware, and with those before them', () => {
    const more = [...arms, ...['oracle-mine', 'yours', 'theirs'].map((name) => ({ ...STATIC_ARM, name }))]
    const own = comparisonRows(more, readings, 1, false)
      .filter(({ reading, baseline }) => reading === 'capacity' && !BUILT_IN.slice(0, 3).includes(baseline))
      .map(({ arm, baseline }) => `${arm} / ${baseline}`)
    const overShaped = ['mine', 'yours', 'theirs'].map((name) => `${name} / shape-aware`)
    expect(own).toEqual([...overShaped, 'yours / mine', 'theirs / mine', 'theirs / yours'])
  })

  test('hold the paired ratio, its interval and the direction that is better', () => {
    const row = rows.find((entry) => entry.reading === 'capacity' && entry.arm === 'shape-aware' && entry.baseline === 'static')
    expect(row).toMatchObject({ metric: 'capacity_rps', better: 'higher', n: 4, note: null, mix_ci95: null })
    expect(row?.ratio).toBeCloseTo(4, 12)
    expect(row?.ci95?.map((end) => Number(end.toFixed(9)))).toEqual([4, 4])
    const times = rows.filter((entry) => /_ms\./.test(entry.metric))
    expect(times.length).toBeGreaterThan(0)
    for (const entry of rows) expect(entry.better, entry.metric).toBe(times.includes(entry) ? 'lower' : 'higher')
  })

  test('say why a ratio is missing', () => {
    const row = rows.find((entry) => entry.reading === 'capacity' && entry.arm === 'mine' && entry.baseline === 'static')
    expect(row).toMatchObject({ ratio: null, ci95: null, n: 0, note: 'one of the two meets the SLO at no load tried' })
  })

  test('in a closed loop are of fixed concurrency alone', () => {
    expect(new Set(comparisonRows(arms, readings, 1, true).map((row) => row.reading))).toEqual(new Set(['fixed_concurrency']))
  })
})

test('printed numbers have six significant digits; whole numbers stay whole; what is not finite is null', () => {
  expect([1 / 3, 123456.789, 1234567, 2.5e-9 / 3, Number.NaN, Number.POSITIVE_INFINITY].map(printedNumber)).toEqual([
    0.333333,
    123457,
    1234567,
    8.33333e-10,
    null,
    null,
  ])
})

describe('a small comparison at a fraction of capacity', () => {
  const plan = tinyPlan(['experiment.replicates=4', 'workload.load.fraction=0.7', 'arms={mine: {split: fixed-size(4096)}}'])
  const first = compareTiny(plan, tinyWorkload(600))

  test('says in its notes what its tables say', async () => {
    const { arms, notes } = (await first).result
    for (const { name, mean_batch: batch } of arms)
      expect(notes.find((note) => note.startsWith(`${name}: `))).toContain(`mean batch ${batch?.toFixed(1)} per engine`)
  })

  test('prints the documented keys, and rounds to six digits', async () => {
    const printed = JSON.parse(comparisonJson((await first).result))
    expect(Object.keys(printed)).toEqual([
      'version',
      'plan_hash',
      'trace_hash',
      'seed',
      'evidence',
      'system',
      'model',
      'precision',
      'engines',
      'gpus',
      'workload',
      'slo',
      'usd_per_gpu_hour',
      'gpu_watts',
      'arms',
      'comparisons',
      'attribution',
      'oracles',
      'gaps',
      'load',
      'notes',
    ])
    expect(Object.keys(printed.comparisons[0])).toEqual([
      'reading',
      'baseline',
      'arm',
      'metric',
      'better',
      'ratio',
      'ci95',
      'mix_ci95',
      'n',
      'note',
    ])
    expect(Object.keys(printed.arms[0])).toEqual([
      'name',
      'policies',
      'tuning',
      'metrics',
      'saturation',
      'capacity_rps',
      'attention_share',
      'balance',
      'attention_by_role',
      'mean_batch',
      'own_load_fraction',
    ])
    expect(Object.keys(printed.load)).toEqual([
      'method',
      'effort',
      'arrivals',
      'offered_rps',
      'concurrency',
      'static_capacity_rps',
      'superposed_copies',
      'idc_before',
      'idc_after',
      'replicate_s',
      'warmup_s',
    ])
    JSON.stringify(printed, (_, value) => {
      if (typeof value === 'number' && !Number.isInteger(value)) expect(Number(value.toPrecision(6))).toBe(value)
      return value
    })
  })

  test('holds all arms in three readings, at the rate that was asked for', async () => {
    const { result, records } = await first
    expect(result.arms.map((arm) => arm.name)).toEqual([...BUILT_IN, 'mine'])
    expect(records.map(({ arm }) => arm)).toEqual([...BUILT_IN, 'mine'])
    expect(result.load.offered_rps).toBeCloseTo(0.7 * (result.load.static_capacity_rps as number), 9)
    expect(result.arms.find(({ name }) => name === 'mine')?.policies.split).toBe('fixed-size(4096)')
    for (const reading of ['fixed_load', 'fixed_concurrency', 'capacity']) {
      const rows = result.comparisons.filter((row) => row.reading === reading)
      expect(rows.length, reading).toBeGreaterThan(0)
      for (const row of rows) if (row.ratio !== null) expect(row.ci95, `${row.reading} ${row.metric}`).not.toBeNull()
    }
  })

  test('all arms of a replicate see the same requests at the same times', async () => {
    const { records } = await first
    const arrivals = records.map(({ records: { count, request, arrivalNs, isl, osl } }) => {
      const rows = Array.from({ length: count }, (_, i) => [request[i], arrivalNs[i], isl[i], osl[i]])
      return JSON.stringify(rows.sort((a, b) => a[0] - b[0]))
    })
    expect(new Set(arrivals).size).toBe(1)
  })
})

test('control: with equal requests in a closed loop shape-aware is within 2 % of tuned-static', async () => {
  const plan = tinyPlan(['experiment.replicates=4', 'workload.load={method: closed_loop, concurrency: 64}'])
  const { result } = await compareTiny(plan, tinyWorkload(400, { isl: 1024, osl: 16 }))
  for (const metric of ['tok_s_user.p50', 'output_tok_s_per_gpu']) {
    const row = result.comparisons.find((r) => r.arm === 'shape-aware' && r.baseline === 'tuned-static' && r.metric === metric)
    console.info(`control: ${metric} ${row?.ratio} [${row?.ci95}]`)
    expect(row?.reading).toBe('fixed_concurrency')
    expect(Math.abs((row?.ratio as number) - 1), metric).toBeLessThan(0.02)
  }
})

describe('a small comparison in a closed loop', () => {
  const plan = tinyPlan([
    'experiment.replicates=2',
    'engines.0.count=1',
    'workload.load={method: closed_loop, concurrency: 48}',
    'arms={mine: {split: length-aware}}',
  ])
  const first = compareTiny(plan, tinyWorkload(300))

  test('gives the same bytes again', async () => {
    const again = await compareTiny(plan, tinyWorkload(300))
    expect(comparisonJson(again.result)).toBe(comparisonJson((await first).result))
    expect(again.result.pictures).toEqual((await first).result.pictures)
  })

  test('names winners on the edge of what was tried', async () => {
    const { arms, notes } = (await first).result
    const tuned = arms.flatMap(({ name, policies, tuning }) =>
      tuning?.tried ? [{ arm: { name, ...policies }, tried: tuning.tried }] : [],
    )
    expect(tuned.map(({ arm }) => arm.name)).toEqual(BUILT_IN.slice(1))
    const edges = tuned.flatMap(({ arm, tried }) => edgeNotes(arm, tried, clusterConfig(plan)))
    expect(edges.length).toBeGreaterThan(0)
    for (const edge of edges) expect(notes).toContain(edge)
  })

  test('gives tuned arms as --arm takes them, and the tuned levers that an own arm lacks', async () => {
    const { arms, notes } = (await first).result
    const [, tuned] = arms
    const [, name, policies] = /^--arm "([a-z-]+)=(.*)"$/.exec(tuned.tuning?.again ?? '') ?? []
    expect(name).toBe('my-tuned-static')
    const given = armInput(`${name}=${policies}`)
    expect({ ...STATIC_ARM, ...given.policies, name: 'tuned-static' }).toEqual({ name: 'tuned-static', ...tuned.policies })
    expect(notes).toContain(
      'mine has policies of static where tuned-static has tuned ones: chunk fixed-budget(2048) instead of fixed-budget(128). Part of its gain or loss over tuned arms comes from that; with the tuned ones it is --arm "mine-tuned=split:length-aware,chunk:fixed-budget(128)".',
    )
  })
})

describe('what a comparison refuses', () => {
  test('a policy that does not exist, before anything is simulated', async () => {
    const plan = tinyPlan()
    const arms = [{ ...STATIC_ARM, name: 'mine', rank: 'least-cots' }]
    const failing = compareTiny({ ...plan, arms }, tinyWorkload(100))
    await expect(failing).rejects.toBeInstanceOf(UserError)
    await expect(failing).rejects.toThrow(/arms\.mine\.rank/)
  })
  test('a trace whose requests all come at one time', async () => {
    const together = { ...tinyWorkload(100), arrivalNs: new Float64Array(100).fill(5e9) }
    await expect(compareTiny(tinyPlan(), together)).rejects.toThrow(/its 100 requests have no times, or one and the same/)
  })
  test('a trace too short to be split', async () => {
    await expect(compareTiny(tinyPlan(), tinyWorkload(39))).rejects.toThrow(/each half needs 20 or more/)
  })
})
