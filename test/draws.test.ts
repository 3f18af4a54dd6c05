/** What policies draw by chance: other numbers in every draw of traffic, the same for every arm of one. */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Draw, FIRST_DRAW } from '../src/experiments/draw.js'
import { arrivalShape, capacitySize, EFFORTS } from '../src/experiments/index.js'
import { type Job, runJob } from '../src/experiments/job.js'
import { openTraffic } from '../src/experiments/jobTraffic.js'
import { createArm, STATIC_ARM } from '../src/levers/catalogue.js'
import { chanceOf } from '../src/levers/chance.js'
import type { ArmSpec } from '../src/levers/lever.js'
import { loadScenario } from '../src/scenario/index.js'
import { simulate } from '../src/simulator/index.js'
import { checkPolicy, findFault } from '../src/testing/check.js'
import { presetWorkload } from '../src/traces/presets.js'
import { newFolder, put, shapewise } from './cliRunner.js'
import { contextOf, tinyContext, tinyWorkload } from './tinyCluster.js'

const SETS = ['engines.0.enable_prefix_caching=true']
const DRAWN = { ...STATIC_ARM, name: 'drawn', pool: 'kv-aware(w=1,temperature=1)' }
const openJob = (draw: Draw, arm = DRAWN) =>
  ({ kind: 'open', arm, draw, ratePerS: 4, warmupS: 5, measureS: 30, tailS: 5, e2eS: 1, keep: 'picture' }) as const
const closedJob = (draw: Draw): Job => ({
  ...{ kind: 'closed', arm: DRAWN, draw, concurrency: 8, warmupRequests: 20, requests: 60, tail: 2, keep: 'picture' },
})

describe('a job', () => {
  const context = tinyContext(SETS)
  const enginesOf = (job: Job, seed = context.seed) => [...(runJob({ ...context, seed }, job).picture?.records.engine ?? [])]

  test('LAW-14: draws by the seed of the experiment, the part of the trace and the replicate', () => {
    const replicate = { ...FIRST_DRAW, replicate: 3 }
    const job = openJob(replicate)
    const { workload } = openTraffic(context, job)
    const by = (run: string) => {
      const { records } = simulate(context.config, createArm(DRAWN, run), workload, { load: { kind: 'open' } })
      return [...records.engine.subarray(0, records.count)]
    }
    expect(enginesOf(job).slice(0, workload.count)).toEqual(by('1/test/draw/3'))
    for (const other of ['1/test/draw/0', '2/test/draw/3', '1/train/draw/3']) expect(by(other)).not.toEqual(by('1/test/draw/3'))
  })

  test('of a closed loop does so too, and the same in the run that finds the window and in the one that is measured', () => {
    // equal requests: nothing else differs between draws of traffic
    const equal = tinyContext(SETS, tinyWorkload(600, { isl: 200, osl: 20 }))
    const drawn = (seed: number, replicate: number) => {
      const { picture } = runJob({ ...equal, seed }, closedJob({ ...FIRST_DRAW, replicate }))
      return [...(picture?.records.engine ?? [])]
    }
    expect(drawn(1, 0)).toEqual(drawn(1, 0))
    for (const other of [drawn(1, 1), drawn(2, 0)]) expect(other).not.toEqual(drawn(1, 0))
  })

  test('has the outcome that it has alone, whatever was drawn before it', () => {
    const ask = (replicate: number, arm = STATIC_ARM) => openJob({ ...FIRST_DRAW, replicate }, arm)
    const jobs: Job[] = [
      ask(0),
      ask(0, { ...STATIC_ARM, pool: 'least-loaded' }),
      ask(1),
      { ...ask(1), warmupS: 4, measureS: 31 },
      { ...ask(1), ratePerS: 5 },
      { ...ask(1), tailS: 9 },
      ask(0),
      { ...ask(0), draw: { ...FIRST_DRAW, part: 'train' } },
      ask(0),
      { ...ask(0), draw: { ...FIRST_DRAW, mode: 'mix' } },
    ]
    for (const job of jobs) expect(runJob(context, job)).toEqual(runJob({ ...context }, job))
  })

  test('of sessions is offered those under way, the more the longer answers take', () => {
    const flat = tinyWorkload(600)
    const turn = (i: number) => i % 10
    const sessions = tinyContext([], {
      ...flat,
      arrivalNs: flat.arrivalNs.map((timeNs, i) => (turn(i) === 0 ? timeNs : Number.NaN)),
      session: Int32Array.from(flat.isl, (_, i) => Math.floor(i / 10)),
      parent: Int32Array.from(flat.isl, (_, i) => (turn(i) === 0 ? -1 : i - 1)),
      waitNs: new Float64Array(600).fill(1e9),
      joinCount: Int32Array.from(flat.isl, (_, i) => Math.min(1, turn(i))),
    })
    const begun = [1, 30].map((e2eS) => openTraffic(sessions, { ...openJob(FIRST_DRAW), e2eS }).begunBefore.length)
    expect(begun[1]).toBeGreaterThan(begun[0])
  })

  test('of another arm on the same draw is offered the same columns, which are drawn once', () => {
    const offered = (draw: Draw, arm = STATIC_ARM) => openTraffic(context, openJob(draw, arm)).workload
    const first = offered(FIRST_DRAW)
    expect(offered(FIRST_DRAW, DRAWN)).toBe(first)
    const other = offered({ ...FIRST_DRAW, replicate: 1 })
    expect(other.arrivalNs).not.toEqual(first.arrivalNs)
    for (const change of [{ seed: 2 }, { speedUp: 2 }])
      expect(openTraffic({ ...context, ...change }, openJob(FIRST_DRAW)).workload.arrivalNs).not.toEqual(first.arrivalNs)
    // one alone is kept
    expect(offered(FIRST_DRAW)).not.toBe(first)
    expect(offered(FIRST_DRAW)).toEqual(first)
  })
})

describe("a policy of one's own", () => {
  const folder = newFolder()
  const dice = (name: string, k: string) => {
    put(
      folder,
      name,
      `import type { Chance, PoolPolicy } from 'shapewise'
export default (chance: Chance): PoolPolicy => {
  const state = new Float64Array(1)
  return {
    info: { lever: 'pool', name: 'dice', shapeAware: false, hooks: ['route'], inputs: [], signalAge: 'now', complexity: 'O(1)', wins: 'w', loses: 'l', source: 's' },
    state,
    route: (view) => Math.floor(chance(${k}) * view.count),
  }
}
`,
    )
    return join(folder, name)
  }
  const path = dice('dice.ts', 'state[0]++')
  const context = tinyContext()
  const enginesOf = (arm: ArmSpec, replicate: number, seed = 1) => {
    const { picture } = runJob({ ...context, seed }, openJob({ ...FIRST_DRAW, replicate }, arm))
    return [...(picture?.records.engine ?? [])]
  }
  const drawn = (name: string, pool = path): ArmSpec => ({ ...STATIC_ARM, name, pool })

  test('is made with random numbers of the run: the same for every arm, others for each seed and replicate', () => {
    const engines = enginesOf(drawn('a'), 3)
    expect(enginesOf(drawn('b', dice('again.ts', 'state[0]++ /* here */')), 3)).toEqual(engines)
    const { workload } = openTraffic(context, openJob({ ...FIRST_DRAW, replicate: 3 }, drawn('a')))
    const by = (run: string) => {
      const { records } = simulate(context.config, createArm(drawn('a'), run), workload, { load: { kind: 'open' } })
      return [...records.engine.subarray(0, records.count)]
    }
    expect(engines.slice(0, workload.count)).toEqual(by('1/test/draw/3'))
    for (const other of ['1/test/draw/0', '2/test/draw/3', '1/train/draw/3']) expect(by(other)).not.toEqual(by('1/test/draw/3'))
  })

  test('keeps the laws when it counts them in its state; a place is a whole number', () => {
    expect(findFault(path, { lever: 'pool', runs: 30 })).toBeNull()
    expect(() =>
      checkPolicy((chance) => ({ ...createArm(drawn('a')).pool, route: () => chance(-1) }), { lever: 'pool', runs: 2 }),
    ).toThrow(/chance\(-1\): a whole number from 0 to 2\^32 - 1 is due/)
  })

  test('draws evenly', () => {
    const chance = chanceOf('1/test/draw/0', 'rank')
    const count = new Float64Array(16)
    for (let k = 0; k < 16_000; k++) count[Math.floor(16 * chance(k))]++
    // chi-squared of 15 degrees of freedom: 37.7 is exceeded once in a thousand
    expect(count.reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0)).toBeLessThan(37.7)
    expect(chance(7)).not.toBe(chanceOf('1/test/draw/0', 'pool')(7))
  })
})

test('the search for a capacity begins elsewhere in every replicate, and at the same rate whatever an arm is called', () => {
  const context = tinyContext()
  const capacityOf = (name: string, replicate: number) => {
    const { keep, ratePerS, ...size } = openJob({ ...FIRST_DRAW, replicate }, { ...STATIC_ARM, name })
    return runJob(context, { ...size, kind: 'capacity', guessPerS: ratePerS, fewest: 0 }).capacityPerS
  }
  expect(capacityOf('static', 0)).toBeGreaterThan(0)
  expect(capacityOf('mine', 0)).toBe(capacityOf('static', 0))
  expect(capacityOf('static', 1)).not.toBe(capacityOf('static', 0))
})

test('run: --seed draws anew what a policy draws, and changes nothing where none does', () => {
  const folder = newFolder()
  const rows = Array.from({ length: 60 }, (_, i) => `${i / 200},${100 + 40 * (i % 7)},${10 + (i % 11)}`)
  const trace = put(folder, 't.csv', ['arrival_s,input_tokens,output_tokens', ...rows, ''].join('\n'))
  const scenario = [
    'system: gb200',
    'model: deepseek-r1',
    'engines: [{ layout: DEP8, count: 1, max_num_seqs: 16, max_model_len: 4096 }]',
    `workload: { path: ${trace}, load: { method: as_recorded } }`,
  ]
  put(folder, 's.yaml', `${scenario.join('\n')}\n`)
  const summaryOf = (...more: string[]) => {
    const { stdout, stderr } = shapewise(folder, 'run', 's.yaml', '--format', 'json', '--quiet', ...more)
    expect(stderr).toBe('')
    return JSON.parse(stdout).summary
  }
  const drawn = ['--arm', 'drawn=rank:random', '--seed']
  expect(summaryOf(...drawn, '7')).toEqual(summaryOf(...drawn, '7'))
  expect(summaryOf(...drawn, '8')).not.toEqual(summaryOf(...drawn, '7'))
  expect(summaryOf('--seed', '8')).toEqual(summaryOf('--seed', '7'))
})

test('a capacity is what lasts: on one engine in the mean within 5 % of what is found over four times as many requests', async () => {
  const plan = loadScenario({
    text: 'system: gb200\nmodel: llama-3.1-70b\nengines: [{ layout: TP4, count: 1, max_num_seqs: 128 }]\nworkload: { preset: chat }\nslo: { interactive: { ttft_ms: 2000, tpot_ms: 50 } }\n',
    file: 'lasting.yaml',
  })
  const part = await presetWorkload('chat')
  const context = contextOf(plan, part)
  const size = capacitySize(4.5, 12.8, EFFORTS.normal, arrivalShape(part))
  const meanOver = (factor: number): number => {
    const found = Array.from(
      { length: 8 },
      (_, replicate) =>
        runJob(context, {
          ...{ kind: 'capacity', arm: STATIC_ARM, draw: { ...FIRST_DRAW, replicate }, ...size },
          measureS: factor * size.measureS,
          fewest: factor * size.fewest,
        }).capacityPerS as number,
    )
    return found.reduce((sum, perS) => sum + perS, 0) / found.length
  }
  const lasting = meanOver(4)
  expect(Math.abs(meanOver(1) / lasting - 1)).toBeLessThan(0.05)
  // a tenth of the requests is not enough, or this shows nothing
  expect(meanOver(0.1) / lasting).toBeGreaterThan(1.08)
})
