import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createExecutor, type Executor } from '../src/executors/index.js'
import { armFlag, inertNotes, untunedNotes } from '../src/experiments/armText.js'
import { differing } from '../src/experiments/attribution/arms.js'
import { FIRST_DRAW } from '../src/experiments/draw.js'
import type { Experiment } from '../src/experiments/experiment.js'
import { familyGrid, staticSetting } from '../src/experiments/families.js'
import { type CapacityJob, type Job, type JobContext, type Outcome, runJob } from '../src/experiments/job.js'
import { openTraffic } from '../src/experiments/jobTraffic.js'
import { findLoad, findOperatingPoint, type OperatingPoint } from '../src/experiments/operatingPoint.js'
import { EFFORTS, withMeasure } from '../src/experiments/sizing.js'
import { choicesText, edgeNotes, triedOf } from '../src/experiments/tried.js'
import { score, type TuningRound, tune, tuneFamily, tuningDraw } from '../src/experiments/tune.js'
import { createArm, POLICIES, STATIC_ARM, staticArm } from '../src/levers/catalogue.js'
import type { ArmSpec } from '../src/levers/lever.js'
import { LEVERS, policiesOf } from '../src/levers/lever.js'
import type { Summary } from '../src/metrics/summary.js'
import { untriedOf } from '../src/reports/untried.js'
import { clusterConfig, loadScenario, resolvedYaml } from '../src/scenario/index.js'
import type { ClusterConfig } from '../src/simulator/config.js'
import { companionsOf } from '../src/testing/rules.js'
import { NS_PER_S } from '../src/units.js'
import { contextOf, tinyContext, tinyPlan, tinyWorkload } from './tinyCluster.js'

/** How a load is looked for here. */
const QUICK = { effort: EFFORTS.quick, warmup: 2, path: null } as const

const FAMILIES = ['tuned-static', 'tuned-size', 'shape-aware'] as const

/** Only what the grid reads of a cluster. */
const cluster = (...engines: readonly { role?: string; ranks: number; maxNumBatchedTokens: number }[]) =>
  ({ engines }) as unknown as ClusterConfig

describe('the grid of a family', () => {
  test.each([1, 100, 511, 512, 700, 2048, 8192, 100_000])(
    'is not empty with a step of %i tokens, and every arm can be made',
    (tokens) => {
      for (const family of FAMILIES) {
        const grid = familyGrid(family, cluster({ ranks: 1, maxNumBatchedTokens: tokens }))
        expect(grid.length, family).toBeGreaterThan(0)
        expect(new Set(grid.map((arm) => JSON.stringify(arm))).size, 'no setting twice').toBe(grid.length)
        for (const arm of grid) {
          expect(() => createArm(arm)).not.toThrow()
          expect(Number(/^fixed-budget\((\d+)\)$/.exec(arm.chunk)?.[1] ?? 0)).toBeLessThanOrEqual(tokens)
        }
      }
    },
  )

  test.each([
    ['one engine of one rank', cluster({ ranks: 1, maxNumBatchedTokens: 8192 })],
    ['ranks', cluster({ ranks: 4, maxNumBatchedTokens: 2048 })],
    ['small steps', cluster({ ranks: 1, maxNumBatchedTokens: 700 }, { ranks: 1, maxNumBatchedTokens: 700 })],
    ['unequal steps', cluster({ ranks: 1, maxNumBatchedTokens: 512 }, { ranks: 2, maxNumBatchedTokens: 8192 })],
  ])('of tuned-static holds the static policies: %s', (_name, config) => {
    const settings = familyGrid('tuned-static', config).map((arm) => JSON.stringify(arm))
    expect(settings).toContain(JSON.stringify(staticSetting(config)))
  })

  test('has one choice where a lever is inert', () => {
    const alone = familyGrid('tuned-static', cluster({ ranks: 1, maxNumBatchedTokens: 8192 }))
    expect(new Set(alone.map((arm) => `${arm.rank}/${arm.pool}`)).size).toBe(1)
    const wide = familyGrid(
      'tuned-static',
      cluster({ ranks: 2, maxNumBatchedTokens: 8192 }, { ranks: 2, maxNumBatchedTokens: 8192 }),
    )
    expect(wide.length).toBe(9 * 7 * 2 * 2)
  })

  test('leaves the chunk lever alone where prefill has engines of its own, in built-in arms too', () => {
    const prefill = { role: 'prefill', ranks: 4, maxNumBatchedTokens: 8192 }
    const decode = { role: 'decode', ranks: 32, maxNumBatchedTokens: 64 }
    const pair = cluster(prefill, decode)
    for (const family of FAMILIES) for (const arm of familyGrid(family, pair)) expect(arm.chunk).toBe('fixed-budget(8192)')
    expect(staticArm(pair.engines).chunk).toBe('fixed-budget(8192)')
    expect(staticArm([{ role: 'aggregated', maxNumBatchedTokens: 8192 }])).toEqual(STATIC_ARM)
    const pools = (config: ClusterConfig) => new Set(familyGrid('tuned-static', config).map(({ pool }) => pool)).size
    expect([pools(pair), pools(cluster(prefill, prefill, decode))]).toEqual([1, 2])
  })
})

describe('an arm as --arm takes it', () => {
  const wide = cluster(
    { role: 'aggregated', ranks: 4, maxNumBatchedTokens: 8192 },
    { role: 'aggregated', ranks: 4, maxNumBatchedTokens: 8192 },
  )
  const tuned: ArmSpec = {
    ...STATIC_ARM,
    name: 'tuned-static',
    split: 'k-waves(1)',
    chunk: 'fixed-budget(512)',
    rank: 'least-requests',
  }
  const mine: ArmSpec = { ...STATIC_ARM, name: 'mine', split: './my.ts', rank: 'least-cost(5000,migrate=0.2)' }

  test('names what differs from static and has an effect', () => {
    expect(armFlag('a', tuned, wide)).toBe('--arm "a=split:k-waves(1),chunk:fixed-budget(512),rank:least-requests"')
    expect(armFlag('a', mine, wide)).toBe('--arm "a=split:./my.ts,rank:least-cost(5000,migrate=0.2)"')
    const pair = cluster(
      { role: 'prefill', ranks: 4, maxNumBatchedTokens: 8192 },
      { role: 'decode', ranks: 1, maxNumBatchedTokens: 64 },
    )
    expect(armFlag('a', { ...tuned, chunk: 'fixed-budget(8192)', pool: 'least-loaded' }, pair)).toBe(
      '--arm "a=split:k-waves(1),rank:least-requests"',
    )
    expect(armFlag('a', STATIC_ARM, wide)).toBeNull()
  })

  test('is said of an own arm with the tuned policies where it has those of static', () => {
    expect(untunedNotes([mine], tuned, wide)).toEqual([
      'mine has policies of static where tuned-static has tuned ones: chunk fixed-budget(2048) instead of fixed-budget(512). Part of its gain or loss over tuned arms comes from that; with the tuned ones it is --arm "mine-tuned=split:./my.ts,chunk:fixed-budget(512),rank:least-cost(5000,migrate=0.2)".',
    ])
    expect(untunedNotes([mine], { ...tuned, chunk: STATIC_ARM.chunk }, wide)).toEqual([])
  })

  test('is said of an own arm where a policy of it decides nothing', () => {
    const one = cluster({ role: 'aggregated', ranks: 1, maxNumBatchedTokens: 8192 })
    expect(inertNotes([tuned, { ...mine, pool: 'least-loaded' }], one)).toEqual([
      'mine: rank least-cost(5000,migrate=0.2) has no effect here, since every engine has one rank.',
      'mine: pool least-loaded has no effect here, since there is one engine of each role.',
    ])
    expect(inertNotes([mine], wide)).toEqual([])
    expect(inertNotes([{ ...mine, rank: STATIC_ARM.rank }], one)).toEqual([])
  })
})

describe('a winner on the edge of what was tried', () => {
  const notesOf = (family: (typeof FAMILIES)[number], changes: Partial<ArmSpec>, maxNumBatchedTokens = 8192) => {
    const config = cluster({ ranks: 1, maxNumBatchedTokens })
    const grid = familyGrid(family, config)
    return edgeNotes({ ...grid[0], split: 'length-aware', chunk: 'fixed-budget(1024)', ...changes }, triedOf(grid), config)
  }
  test.each([
    [
      'tuned-static',
      { chunk: 'fixed-budget(128)' },
      'fixed-budget(128), the smallest of the budgets tried (128 to 8192): a smaller',
    ],
    ['tuned-static', { split: 'fixed-count(32)' }, 'fixed-count(32), the largest of the counts tried (1 to 32): a larger'],
    ['tuned-size', { split: 'fixed-size(512)' }, 'fixed-size(512), the smallest of the sizes tried (512 to 16384): a smaller'],
    ['tuned-size', { split: 'fixed-size(16384)' }, 'fixed-size(16384), the largest of the sizes tried (512 to 16384): a larger'],
    ['shape-aware', { chunk: 'equal-time(10)' }, 'equal-time(10), the smallest of the times tried (10 to 80): a smaller'],
    ['shape-aware', { chunk: 'equal-time(80)' }, 'equal-time(80), the largest of the times tried (10 to 80): a larger'],
  ] as const)('of %s is named: %o', (family, changes, words) => {
    expect(notesOf(family, changes)).toEqual([`${family} took ${words} one may be better still.`])
  })
  test('is one of a budget only where a step would hold more', () => {
    const largest = { chunk: 'fixed-budget(8192)' }
    expect(notesOf('tuned-static', largest)).toEqual([])
    expect(notesOf('tuned-static', largest, 16_384)).toEqual([
      'tuned-static took fixed-budget(8192), the largest of the budgets tried (128 to 8192): a larger one may be better still.',
    ])
    expect(notesOf('tuned-static', { chunk: 'fixed-budget(4096)' }, 6000)[0]).toContain('(128 to 4096)')
    // unequal engines: the static arm's own budget is beyond what the smallest step holds
    const unequal = cluster({ ranks: 1, maxNumBatchedTokens: 512 }, { ranks: 1, maxNumBatchedTokens: 8192 })
    const grid = familyGrid('tuned-static', unequal)
    expect(edgeNotes({ ...grid[0], chunk: 'fixed-budget(2048)' }, triedOf(grid), unequal)).toEqual([])
  })
  test('is none of one piece, of words, and of a number that was not tuned', () => {
    for (const split of ['fixed-count(1)', 'fixed-count(16)', 'occupancy-rule'])
      expect(notesOf('tuned-static', { split })).toEqual([])
    const pair = cluster(
      { role: 'prefill', ranks: 4, maxNumBatchedTokens: 8192 },
      { role: 'decode', ranks: 4, maxNumBatchedTokens: 64 },
    )
    const grid = familyGrid('tuned-static', pair)
    expect(edgeNotes({ ...grid[0], split: 'occupancy-rule' }, triedOf(grid), pair)).toEqual([])
  })
  test('may be one of two levers', () => {
    expect(notesOf('tuned-static', { split: 'fixed-count(32)', chunk: 'fixed-budget(128)' })).toEqual([
      'tuned-static took fixed-count(32), the largest of the counts tried (1 to 32), and fixed-budget(128), the smallest of the budgets tried (128 to 8192): a larger one of the first or a smaller one of the second may be better still.',
    ])
  })
})

test('docs/EXPERIMENTS.md says what is tuned and what is not', () => {
  const page = readFileSync(new URL('../docs/EXPERIMENTS.md', import.meta.url), 'utf8').replaceAll(/\s+/g, ' ')
  const wide = cluster({ ranks: 4, maxNumBatchedTokens: 8192 }, { ranks: 4, maxNumBatchedTokens: 8192 })
  const grids = FAMILIES.map((family) => triedOf(familyGrid(family, wide)))
  FAMILIES.forEach((family, i) => {
    const { split, chunk, rank, span, pool } = grids[i]
    expect(page).toContain(`| ${[family, ...[split, chunk, rank, pool].map(choicesText)].join(' | ')} |`)
    expect(span).toEqual(['one'])
  })
  const untried = LEVERS.map((lever) => `${lever} ${untriedOf(lever, grids).join(', ')}`).join('; ')
  expect(untried).toContain('chunk slack, aligned')
  expect(page).toContain(`No tuned arm tries the other shipped policies: ${untried}.`)
  const oracles = POLICIES.filter(({ oracle }) => oracle).map(({ name }) => name.replace(/\(.*/, ''))
  for (const name of oracles) expect(untried).not.toContain(name)
})

test('no replicate that can be judged has the random numbers of the draw that is tuned on', () => {
  const most = 1000
  expect(() => tinyPlan([`experiment.replicates=${most + 1}`])).toThrow('replicates')
  expect(tuningDraw('train').replicate).toBeGreaterThanOrEqual(most)
})

describe('levers that an arm does not name', () => {
  test.each([
    ['a small step', [512]],
    ['a wide step', [8192]],
    ['unequal steps', [512, 8192]],
    ['unequal small steps', [700, 512]],
  ])('are those of the static arm: %s', (_name, steps) => {
    const engines = steps.map((tokens) => `{name: step-${tokens}, layout: TP4, count: 1, max_num_batched_tokens: ${tokens}}`)
    const plan = tinyPlan([`engines=[${engines}]`, 'arms={mine: {split: fixed-count(4)}}'])
    const config = clusterConfig(plan)
    const fixed = staticArm(config.engines)
    expect(fixed.chunk).toBe(`fixed-budget(${Math.min(2048, Math.max(...steps))})`)
    expect(differing(fixed, plan.arms[0], config)).toEqual(['split'])
    expect(differing(fixed, staticSetting(config), config)).toEqual([])
    expect(companionsOf(config, { split: 'fixed-count(4)' })).toEqual({ ...plan.arms[0], name: 'static' })
    expect(loadScenario({ text: resolvedYaml(plan), file: 'again.yaml' }).planHash).toBe(plan.planHash)
  })
})

/** An executor whose outcomes are made up from (arm, round). */
function fakeExecutor(
  speedOf: (arm: ArmSpec, round: number) => number,
  e2eMsOf: (arm: ArmSpec) => number = () => 1000,
): Executor & { readonly entered: ArmSpec[][] } {
  const entered: ArmSpec[][] = []
  return {
    entered,
    run: async (jobs) => {
      const round = entered.push(jobs.map(({ arm }) => arm)) - 1
      return jobs.map(({ arm }) => {
        const summary = {
          metrics: { tok_s_user: { p50: speedOf(arm, round) }, e2e_ms: { mean: e2eMsOf(arm) } },
          slo_attainment: 1,
          saturation: { label: 'stable' },
        } as unknown as Summary
        return { summary, meetsSlo: speedOf(arm, round) > 0 } as Outcome
      })
    },
    close: async () => {},
  }
}

describe('tuning', () => {
  const config = cluster({ ranks: 1, maxNumBatchedTokens: 8192 })
  const grid = familyGrid('tuned-static', config)
  const incumbent = staticSetting(config)
  const rounds: TuningRound[] = [
    { keep: 1000, warmup: 1, measure: 1 },
    { keep: 5, warmup: 1, measure: 2 },
    { keep: 2, warmup: 1, measure: 3 },
  ]
  const isStatic = (arm: ArmSpec) => JSON.stringify(policiesOf(arm)) === JSON.stringify(policiesOf(incumbent))
  const jobOf = (arm: ArmSpec): Job => ({ arm }) as unknown as Job

  test('keeps the static policies in every round, so it cannot end worse than them', async () => {
    const executor = fakeExecutor((arm, round) => (isStatic(arm) ? (round === 2 ? 100 : 1) : 50))
    const { arm } = await tune({ executor, grid, rounds, incumbent, jobOf })
    expect(executor.entered.map((arms) => arms.length)).toEqual([grid.length, 5, 2])
    for (const arms of executor.entered) expect(arms.filter(isStatic)).toHaveLength(1)
    expect(isStatic(arm)).toBe(true)
  })

  test('gives the incumbent no more than its place', async () => {
    const executor = fakeExecutor((arm) => (isStatic(arm) ? 1 : arm.split === 'fixed-count(4)' ? 60 : 50))
    const { arm, record } = await tune({ executor, grid, rounds, incumbent, jobOf })
    expect(arm.split).toBe('fixed-count(4)')
    expect(record.candidates).toBe(grid.length)
  })

  describe('of finalists that are equally fast', () => {
    const four = grid.slice(0, 4)
    /** Places in the grid of the winner and of those behind it. */
    const orderOf = async (
      speeds: readonly number[],
      e2eMs: readonly number[],
      tieShare?: number,
      tried = rounds.slice(0, 1),
    ) => {
      const place = ({ chunk }: Pick<ArmSpec, 'chunk'>) => four.findIndex((arm) => arm.chunk === chunk)
      const executor = fakeExecutor(
        (arm) => speeds[place(arm)],
        (arm) => e2eMs[place(arm)],
      )
      const { arm, record } = await tune({ executor, grid: four, rounds: tried, jobOf, tieShare })
      expect(record.score === speeds[place(arm)] || speeds[place(arm)] === 0).toBe(true)
      return [arm, ...record.runners_up.map(({ policies }) => policies as ArmSpec)].map(place)
    }
    test('takes the one whose requests are inside for the shortest time; those that are slower keep their order', async () => {
      expect(await orderOf([100, 99.5, 99.1, 98.9], [900, 800, 700, 1], 0.01)).toEqual([2, 1, 0, 3])
      expect(await orderOf([98.9, 99.1, 99.5, 100], [1, 700, 800, 900], 0.01)).toEqual([1, 2, 3, 0])
      expect(await orderOf([100, 98, 97, 96], [900, 1, 1, 1], 0.01)).toEqual([0, 1, 2, 3])
    })
    test('takes the first of the grid where they are inside for equally long', async () => {
      expect(await orderOf([99.5, 100, 100, 99.5], [500, 500, 500, 500], 0.01)).toEqual([1, 2, 0, 3])
    })
    test('takes the faster one, however little, where none are said to be equal', async () => {
      expect(await orderOf([100, 99.99, 99.1, 100.01], [900, 800, 700, 950])).toEqual([3, 0, 1, 2])
    })
    test('never takes one that misses the SLO for a short time inside', async () => {
      expect(await orderOf([0, 0, 0, 0], [900, 800, 700, 600], 0.01)).toEqual([0, 1, 2, 3])
      expect(await orderOf([50, 0, 0, 0], [900, 1, 1, 1], 0.01)).toEqual([0, 1, 2, 3])
    })
    test('goes by the speed alone until the last round, so that it is once that one of them may be slower', async () => {
      const two = [rounds[0], { ...rounds[1], keep: 2 }]
      expect(await orderOf([100, 99.5, 99.1, 99.2], [900, 800, 1, 1], 0.01, two)).toEqual([1, 0])
    })
  })

  test('of a comparison takes finalists within half a percent for equally fast, and says so; the oracle is the fastest there is', async () => {
    const isOther = ({ split, chunk }: ArmSpec) => split === 'fixed-count(4)' && chunk === 'fixed-budget(512)'
    const executor = fakeExecutor(
      (arm) => (isOther(arm) ? 99.6 : arm.split === 'fixed-count(2)' && arm.chunk === 'fixed-budget(512)' ? 100 : 90),
      (arm) => (isOther(arm) ? 1 : 1000),
    )
    const experiment = {
      config,
      executor,
      effort: { tuning: rounds.slice(0, 2) },
      stage: () => {},
      done: () => {},
    } as unknown as Experiment
    const point = { tuning: (arm: ArmSpec) => jobOf(arm) } as unknown as OperatingPoint
    const { arm, record } = await tuneFamily(experiment, point, 'tuned-static')
    expect([isOther(arm), record.score, record.runners_up[0].score]).toEqual([true, 99.6, 100])
    expect(record.criterion).toBe(
      'median tokens/s/user at the load of the comparison on the training part; of finalists within 0.5 % of the fastest, the one with the shortest mean E2E; settings that overload or miss the SLO rank last',
    )
    const oracle = await tuneFamily(experiment, point, 'oracle-static')
    expect(oracle.record.score).toBe(100)
    expect(oracle.record.criterion).toBe(
      'median tokens/s/user at the load of the comparison on the test part; settings that overload or miss the SLO rank last',
    )
  })

  test('settings that overload or miss the SLO rank below all others, by attainment', () => {
    const outcome = (p50: number, attainment: number, label: string) =>
      ({
        summary: { metrics: { tok_s_user: { p50 } }, slo_attainment: attainment, saturation: { label } },
        meetsSlo: label === 'stable' && attainment >= 0.95,
      }) as unknown as Outcome
    const slow = score(outcome(1, 0.96, 'stable'))
    const missed = score(outcome(900, 0.9, 'stable'))
    const missedMore = score(outcome(950, 0.5, 'stable'))
    const overloaded = score(outcome(999, 1, 'overloaded'))
    expect(slow).toBe(1)
    expect(slow).toBeGreaterThan(missed)
    expect(missed).toBeGreaterThan(missedMore)
    expect(missedMore).toBeGreaterThan(overloaded)
  })

  test('simulated: tuned-static is at least as good as static on the run that it was judged on', async () => {
    const context = tinyContext()
    const executor = createExecutor({ context, threads: 1 })
    const simulated = (arm: ArmSpec, { measure }: TuningRound): Job => ({
      kind: 'closed',
      arm,
      draw: { part: 'train', mode: 'draw', replicate: 2 },
      concurrency: 24,
      warmupRequests: 24,
      requests: 24 * measure,
      tail: 2,
      keep: 'summary',
    })
    const small: TuningRound[] = [
      { keep: 1000, warmup: 1, measure: 2 },
      { keep: 4, warmup: 1, measure: 8 },
    ]
    const tuned = await tune({
      executor,
      grid: familyGrid('tuned-static', context.config),
      rounds: small,
      incumbent: staticSetting(context.config),
      jobOf: simulated,
    })
    const baseline = runJob(context, simulated(STATIC_ARM, small[1]))
    expect(score(tuned.outcome)).toBeGreaterThanOrEqual(score(baseline))
  })
})

describe('the window of a closed loop', () => {
  const closed = (concurrency: number, warmupRequests: number, requests: number): Job => ({
    kind: 'closed',
    arm: STATIC_ARM,
    draw: { part: 'test', mode: 'draw', replicate: 0 },
    ...{ concurrency, warmupRequests, requests, tail: 2 },
    keep: 'summary',
  })

  test('is whole where turns that get no answer end their sessions', () => {
    // turns of 9,000 tokens more each time: the fourth does not fit the model length, and six of ten are never sent
    const turns = 10
    const flat = tinyWorkload(60 * turns, { isl: 1, osl: 50 })
    const isFirst = (i: number) => i % turns === 0
    const sessions = {
      ...flat,
      arrivalNs: flat.arrivalNs.map((_, i) => (isFirst(i) ? i * 1e9 : Number.NaN)),
      isl: flat.isl.map((_, i) => 9000 * ((i % turns) + 1)),
      session: Int32Array.from(flat.isl, (_, i) => Math.floor(i / turns)),
      parent: Int32Array.from(flat.isl, (_, i) => (isFirst(i) ? -1 : i - 1)),
      waitNs: new Float64Array(flat.count).fill(1e9),
    }
    const context = tinyContext([], sessions)
    const engines = context.config.engines.map((engine) => ({ ...engine, maxModelLen: 32_768 }))
    const { summary } = runJob({ ...context, config: { ...context.config, engines } }, closed(4, 40, 400))
    expect(summary?.requests.injected).toBe(400)
    expect(summary?.requests.unservable).toBeGreaterThan(50)
    expect(summary?.window_s).toBeGreaterThan(0)
    expect(summary?.metrics.e2e_ms.p50).not.toBeNull()
  })

  test('begins when the first place is free again, however short the warm-up', () => {
    const { summary } = runJob(tinyContext(), closed(900, 100, 400))
    expect(summary?.window_s).toBeGreaterThan(0)
    expect(summary?.requests.injected).toBeGreaterThan(300)
  })
})

describe.each(['{method: as_recorded}', '{method: speed_up, speed_up: 3}'])('load %s', (load) => {
  test('gives every part the arrivals of its own record: one copy, neither thinned nor doubled', async () => {
    // the second half is twice as dense
    const flat = tinyWorkload(3600, { isl: 50, osl: 5 })
    const workload = { ...flat, arrivalNs: flat.arrivalNs.map((_, i) => (i < 1200 ? i : 1200 + (i - 1200) / 2) * NS_PER_S) }
    const sets = [`workload.load=${load}`]
    const { load: plan } = tinyPlan(sets).workload
    const context = { ...tinyContext(sets, workload), speedUp: plan.speedUp }
    const executor = createExecutor({ context, threads: 1 })
    const found = await findLoad({
      ...context,
      context,
      executor,
      effort: EFFORTS.quick,
      load: plan,
      warmup: 2,
      wantsCapacity: false,
      path: null,
    })
    await executor.close()
    const factor = plan.speedUp ?? 1
    expect(found.ratePerS).toBeCloseTo(2 * factor, 1)
    for (const [part, perS] of [
      ['train', 1],
      ['test', 2],
    ] as const) {
      const job = found.open(STATIC_ARM, { part, mode: 'draw', replicate: 0 }, 2, 8)
      const { workload: offered, copies } = openTraffic(context, job)
      expect(copies).toBe(1)
      const durationS = job.warmupS + job.measureS + job.tailS
      expect(Math.abs(offered.count / durationS / (perS * factor) - 1)).toBeLessThan(0.02)
    }
  })
})

/** An executor, and the jobs that it was asked for. */
function listening(context: JobContext): { readonly executor: Executor; readonly asked: readonly Job[] } {
  const inline = createExecutor({ context, threads: 1 })
  const asked: Job[] = []
  const run: Executor['run'] = (jobs, done) => {
    asked.push(...jobs)
    return inline.run(jobs, done)
  }
  return { executor: { ...inline, run }, asked }
}

test.each([
  { load: 'fraction: 0.5', engines: 1, draws: 4 },
  { load: 'fraction: 0.5', engines: 2, draws: 2 },
  { load: 'fraction: 0.5', engines: 5, draws: 1 },
  { load: 'rate_per_s: 20', engines: 1, draws: 1 },
])(
  'the capacity of static is the mean over $draws draws with $load and $engines engines',
  async ({ load: amount, engines, draws }) => {
    const sets = [`engines.0.count=${engines}`, `workload.load={method: superpose, ${amount}}`, 'slo.interactive={ttft_ms: 100}']
    const context = tinyContext(sets, tinyWorkload(3600, { isl: 200, osl: 20 }))
    const { executor, asked } = listening(context)
    const { load } = tinyPlan(sets).workload
    const found = await findLoad({ ...QUICK, context, config: context.config, executor, load, wantsCapacity: true })
    await executor.close()
    const searched = asked.filter(({ kind }) => kind === 'capacity')
    expect(searched.map(({ draw }) => draw)).toEqual(
      Array.from({ length: draws }, (_, replicate) => ({ part: 'train', mode: 'draw', replicate })),
    )
    const capacities = searched.map((job) => runJob(context, job).capacityPerS as number)
    expect(new Set(capacities).size).toBe(draws)
    expect(found.staticCapacity).toBeCloseTo(capacities.reduce((sum, perS) => sum + perS, 0) / draws, 9)
    expect(found.ratePerS).toBe(load.fraction === null ? 20 : 0.5 * (found.staticCapacity as number))
  },
)

test.each([
  { lacking: 1, isUnbounded: undefined, says: 'at no load on 1 of 4 draws of the traffic, so' },
  { lacking: 2, isUnbounded: true as const, says: 'at every load tried on 2 of 4 draws of the traffic, so' },
  { lacking: 4, isUnbounded: undefined, says: 'at no load, so' },
])('a fraction is refused where $lacking of 4 searches find no capacity, and says so', async ({ lacking, isUnbounded, says }) => {
  const sets = ['engines.0.count=1', 'workload.load={method: superpose, fraction: 0.5}']
  const context = tinyContext(sets, tinyWorkload(3600, { isl: 200, osl: 20 }))
  const inline = createExecutor({ context, threads: 1 })
  const executor: typeof inline = {
    ...inline,
    run: async (jobs, done) => {
      const [{ kind }] = jobs
      if (kind !== 'capacity') return inline.run(jobs, done)
      const none: Outcome = { ...(await inline.run(jobs.slice(0, 1)))[0], capacityPerS: null, isUnbounded }
      return jobs.map((_, draw) => (draw < lacking ? none : { ...none, capacityPerS: 30, isUnbounded: undefined }))
    },
  }
  const { load } = tinyPlan(sets).workload
  const found = findLoad({ ...QUICK, context, config: context.config, executor, load, wantsCapacity: false })
  await expect(found).rejects.toThrow(says)
  await executor.close()
})

test('a load at which requests live so long that no machine would hold a run of it is refused before a capacity is sought', async () => {
  const sets = ['engines.0.count=1', 'workload.load={method: superpose, rate_per_s: 200}']
  const context = tinyContext(sets, tinyWorkload(3600, { isl: 200, osl: 20 }))
  const inline = createExecutor({ context, threads: 1 })
  const kinds: string[] = []
  const executor: typeof inline = {
    ...inline,
    run: async (jobs, done) => {
      kinds.push(...jobs.map(({ kind }) => kind))
      const outcomes = await inline.run(jobs, done)
      const summary = outcomes[0].summary as Summary
      const e2e_ms = { ...summary.metrics.e2e_ms, mean: 1e8 }
      return jobs[0].kind === 'open'
        ? [{ ...outcomes[0], summary: { ...summary, metrics: { ...summary.metrics, e2e_ms } } }]
        : outcomes
    },
  }
  const { load } = tinyPlan(sets).workload
  const found = findLoad({ ...QUICK, context, config: context.config, executor, load, wantsCapacity: true })
  await expect(found).rejects.toThrow(/one run would have about 240,000,000 requests, more than/)
  expect(kinds).toEqual(['closed', 'open'])
  await executor.close()
})

test.each([null, 80])(
  'the pilot, whose requests in flight all arms get, is as long as a replicate (measure: %s)',
  async (measure) => {
    const sets = ['workload.load={method: superpose, rate_per_s: 20}']
    const context = tinyContext(sets, tinyWorkload(3600, { isl: 200, osl: 20 }))
    const { executor, asked } = listening(context)
    const effort = withMeasure({ ...EFFORTS.quick, requests: { least: 1, most: 1e6 } }, measure)
    const { load } = tinyPlan(sets).workload
    const search = { ...context, context, executor, effort, load, warmup: 2, wantsCapacity: true, path: null }
    const found = await findLoad(search)
    await executor.close()
    const [probe, pilot, capacity] = asked
    if (pilot.kind !== 'open' || capacity.kind !== 'capacity') throw new Error('a pilot, then a search')
    const e2eS = (runJob(context, probe).summary?.metrics.e2e_ms.mean ?? 0) / 1e3
    expect(pilot.measureS / e2eS).toBeCloseTo(measure ?? EFFORTS.quick.measure, 6)
    expect(found.concurrency).toBe(Math.max(1, Math.round(runJob(context, pilot).meanInside)))
    // windows of tuning and of searches grow alike, and so may the requests that they hold
    const factor = (measure ?? EFFORTS.quick.measure) / EFFORTS.quick.measure
    expect(effort.tuning.map((round, i) => round.measure / EFFORTS.quick.tuning[i].measure)).toEqual([factor, factor])
    expect(effort.capacity.measure / EFFORTS.quick.capacity.measure).toBe(factor)
    expect(effort.capacity.requests.most / EFFORTS.quick.capacity.requests.most).toBe(factor)
  },
)

test('a shorter window leaves the bounds on requests', () => {
  const { requests, capacity } = withMeasure(EFFORTS.normal, 10)
  expect([requests, capacity.requests]).toEqual([EFFORTS.normal.requests, EFFORTS.normal.capacity.requests])
})

test('a longer window holds a whole number of requests at most', () => {
  // 30,000 x 31 / 30 is not one in double precision
  expect(withMeasure(EFFORTS.quick, 31).requests.most).toBe(31_000)
  expect(withMeasure(EFFORTS.normal, 40.00001).capacity.requests.most).toBe(150_000)
})

test('the more requests must meet the SLO, the smaller the capacity; tuning asks for as many', async () => {
  const found = async (attainment: number) => {
    const sets = ['workload.load={method: superpose, fraction: 0.5}', `slo.interactive={ttft_ms: 100, attainment: ${attainment}}`]
    const context = tinyContext(sets, tinyWorkload(3600, { isl: 200, osl: 20 }))
    const executor = createExecutor({ context, threads: 1 })
    const { load } = tinyPlan(sets).workload
    const { staticCapacity, open } = await findLoad({
      ...QUICK,
      context,
      config: context.config,
      executor,
      load,
      wantsCapacity: true,
    })
    await executor.close()
    // at a load between the two capacities
    return {
      capacity: staticCapacity as number,
      at: (perS: number) =>
        score(
          runJob(context, { ...open(STATIC_ARM, { part: 'test', mode: 'draw', replicate: 0 }, 2, 8), ratePerS: perS } as Job),
        ),
    }
  }
  const [lax, strict] = [await found(0.5), await found(0.999)]
  expect(strict.capacity).toBeLessThan(lax.capacity)
  const between = Math.sqrt(strict.capacity * lax.capacity)
  expect(lax.at(between)).toBeGreaterThan(0)
  expect(strict.at(between)).toBeLessThan(-900)
})

test('a short queue or short patience, which the loop that goes before the search would overrun, leaves a capacity to be found', async () => {
  const capacityOf = async (admission: string): Promise<number> => {
    const sets = ['workload.load={method: superpose, fraction: 0.5}', `admission=${admission}`]
    const context = tinyContext(sets, tinyWorkload(3600, { isl: 200, osl: 20 }))
    const executor = createExecutor({ context, threads: 1 })
    const { load } = tinyPlan(sets).workload
    const found = await findLoad({ ...QUICK, context, config: context.config, executor, load, wantsCapacity: true })
    await executor.close()
    return found.staticCapacity as number
  }
  const free = await capacityOf('{}')
  for (const admission of ['{max_queue: 2}', '{timeout_ms: 60}']) {
    const limited = await capacityOf(admission)
    expect(limited / free).toBeGreaterThan(0.2)
    expect(limited / free).toBeLessThan(1.05)
  }
})

test.each([
  ['{method: superpose, rate_per_s: 40}', 200],
  ['{method: closed_loop, concurrency: 2}', 16],
])('a short queue turns nobody away where more are in flight than the plan says: load %s', async (load, inFlight) => {
  const plan = tinyPlan([`workload.load=${load}`, 'admission={max_queue: 2}', 'engines.0.max_num_seqs=1'])
  const workload = tinyWorkload(1200, { isl: 200, osl: 20 })
  const context = contextOf(plan, workload)
  const executor = createExecutor({ context, threads: 1 })
  const idle = { stage: () => {}, done: () => {} }
  const point = await findOperatingPoint({
    ...idle,
    plan,
    config: context.config,
    workload,
    context,
    executor,
    effort: EFFORTS.quick,
  })
  await executor.close()
  const { summary } = runJob(context, point.closedLoop(STATIC_ARM, FIRST_DRAW, 2, 3, 'summary', inFlight))
  expect(summary?.requests).toMatchObject({ injected: summary?.requests.completed, rejected: 0 })
  expect(summary?.requests.injected).toBeGreaterThan(100)
})

test.each([
  { path: null, leaveOut: '' },
  { path: 'mine.csv', leaveOut: ', leave such requests out with workload.read.context_limit' },
])(
  'where one request in ten is longer than the engines take a fraction of a capacity is refused before anything is run (path: $path)',
  async ({ path, leaveOut }) => {
    const flat = tinyWorkload(3600, { isl: 50, osl: 5 })
    const workload = { ...flat, isl: flat.isl.map((isl, i) => (i % 10 === 0 ? 3_000_000 : isl)) }
    const sets = ['workload.load={method: superpose, fraction: 0.5}']
    const context = tinyContext(sets, workload)
    const { executor, asked } = listening(context)
    const { load } = tinyPlan(sets).workload
    const found = findLoad({ ...context, context, executor, effort: EFFORTS.quick, load, warmup: 2, wantsCapacity: true, path })
    await expect(found).rejects.toThrow(/10 % of the requests are longer than the engines take \(\d+ tokens\)/)
    // a preset is not read, so nothing can be left out of it
    await expect(found).rejects.toThrow(`hint: raise max_model_len${leaveOut}, or state rate_per_s`)
    expect(asked).toEqual([])
    await executor.close()
  },
)

const MS = String.raw`\d+(\.\d+)?`
test.each([
  {
    slo: '{ttft_ms: 1, tpot_ms: 1000}',
    says: `0 % of the requests met TTFT \\(p95 ${MS} of 1 ms\\), 100 % met TPOT \\(p95 ${MS} of 1,000 ms\\); 95 % must meet all\n`,
    hint: 'loosen slo.interactive.ttft_ms, give engines that prefill faster',
  },
  {
    slo: '{gap_ms: 0.1, attainment: 0.5}',
    says: `0 % of the requests met the largest gap \\(p95 ${MS} of 0.1 ms\\); 50 % must meet it\n`,
    hint: 'loosen slo.interactive.gap_ms, give engines that decode faster',
  },
  {
    slo: '{ttft_ms: 1, tpot_ms: 0.1}',
    says: `0 % met TPOT \\(p95 ${MS} of 0.1 ms\\); 95 % must meet all\n`,
    hint: 'loosen slo.interactive.ttft_ms and tpot_ms, give engines that prefill and decode faster',
  },
])(
  'a fraction of no capacity: the refusal tells which limit of $slo was missed at the lowest rate',
  async ({ slo, says, hint }) => {
    const sets = ['engines.0.count=1', 'workload.load={method: superpose, fraction: 0.5}', `slo.interactive=${slo}`]
    const context = tinyContext(sets, tinyWorkload(3600, { isl: 200, osl: 20 }))
    const { executor, asked } = listening(context)
    const { load } = tinyPlan(sets).workload
    const search = { ...context, context, executor, effort: EFFORTS.quick, load, warmup: 2, wantsCapacity: false, path: null }
    const found = findLoad(search)
    await expect(found).rejects.toThrow(new RegExp(`at the lowest rate tried, [\\d.e-]+ requests/s, .*${says}`))
    await expect(found).rejects.toThrow(hint)
    // the run that tells is a whole one of the search's own
    const last = asked[asked.length - 1]
    const searched = asked.find(({ kind }) => kind === 'capacity') as CapacityJob
    expect(last).toMatchObject({ kind: 'open', draw: searched.draw, ratePerS: runJob(context, searched).lowestPerS })
    await executor.close()
  },
)
