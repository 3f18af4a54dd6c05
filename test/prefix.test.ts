/** Prefix caches on engines small enough to be followed by hand: 100 ns a step, blocks of 16 tokens. */
import { describe, expect, test } from 'vitest'
import { loadSystem } from '../src/hardware/load.js'
import type { LoadView, RequestView, RoutePhase } from '../src/levers/lever.js'
import { kvAwarePool, kvAwareRank } from '../src/levers/rank/kvAware.js'
import { hostTierOf } from '../src/scenario/hostTier.js'
import { scenarioFromDefaults } from '../src/scenario/index.js'
import { type ClusterConfig, type EngineConfig, PLAIN_CLUSTER } from '../src/simulator/config.js'
import { HostTier } from '../src/simulator/hostTier.js'
import { createSimulation, type SimulationResult, simulate } from '../src/simulator/index.js'
import { PrefixRuns } from '../src/simulator/prefixRuns.js'
import { plainArm, rankPolicy } from '../src/testing/policies.js'
import { blockIdsOf, createBlockBuilder } from '../src/traces/blocks.js'
import { withAnswerBlocks } from '../src/traces/index.js'
import type { Workload } from '../src/traces/workload.js'
import { engineOf, evenSteps, traffic } from './byHand.js'

const STEP_NS = 100

function engine(changes: Partial<EngineConfig> = {}): EngineConfig {
  const limits = { maxNumSeqs: 8, maxNumBatchedTokens: 64, maxModelLen: 512, numGpuBlocks: 32 }
  return engineOf(evenSteps(STEP_NS), { ...limits, prefixCaching: true, kvBytesPerToken: 10, ...changes })
}

const cluster = (...engines: EngineConfig[]): ClusterConfig => ({ ...PLAIN_CLUSTER, engines })

/** Requests as [arrival, isl, osl, ids of their prefix blocks]. */
function requests(blockTokens: number, ...rows: readonly (readonly [number, number, number, readonly number[]])[]): Workload {
  const blocks = createBlockBuilder()
  for (const [, , , ids] of rows) {
    blocks.next()
    for (const id of ids) blocks.push(id)
  }
  const shapes = traffic(
    rows.map(([atNs]) => atNs),
    rows.map(([, isl]) => isl),
    rows.map(([, , osl]) => osl),
  )
  return { ...shapes, ...blocks.columns(), blockTokens }
}

const run = (config: ClusterConfig, workload: Workload) => simulate(config, plainArm(64), workload, { load: { kind: 'open' } })
const ids = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i)

function column({ records }: SimulationResult, key: 'cachedTokens' | 'loadedTokens' | 'endNs' | 'firstTokenNs'): number[] {
  return Array.from({ length: records.count }, (_, request) => records[key][records.request.indexOf(request)])
}

describe('hits', () => {
  test('shorten a prefill by whole blocks, and leave one token to compute', () => {
    const work = requests(
      16,
      [0, 128, 1, ids(0, 8)],
      [1000, 128, 1, ids(0, 8)],
      [2000, 130, 1, ids(0, 8)],
      [3000, 96, 1, ids(0, 4)],
    )
    const result = run(cluster(engine()), work)
    expect(column(result, 'cachedTokens')).toEqual([0, 112, 128, 64])
    // 128 tokens are two steps, the rest one
    expect(column(result, 'endNs')).toEqual([200, 1100, 2100, 3100])
    expect(result.statistics.inputTokens).toBe(128 + 16 + 2 + 32)
  })

  test('are found only once computed: two requests that come together compute twice, and keep one copy', () => {
    // the first one keeps the engine busy while the two come
    const twice = requests(16, [0, 1, 1, []], [50, 32, 40, ids(0, 2)], [50, 32, 40, ids(0, 2)], [1000, 33, 1, ids(0, 2)])
    expect(column(run(cluster(engine()), twice), 'cachedTokens')).toEqual([0, 0, 0, 32])
    const simulation = createSimulation(cluster(engine()), plainArm(64), { load: { kind: 'open' } })
    simulation.feed(twice)
    simulation.feed(null)
    simulation.advance(250, 100)
    // of each: two blocks of the prompt, shared, and one of the answer
    expect(simulation.sample().kvUse).toBe(4 / 32)
  })

  test('are of blocks of the engine, larger or smaller than those of the trace', () => {
    const fine = requests(32, [0, 128, 1, ids(0, 4)], [1000, 128, 1, [0, 1, 4, 5]], [2000, 100, 1, ids(0, 4)])
    expect(column(run(cluster(engine()), fine), 'cachedTokens')).toEqual([0, 64, 96])
    const coarse = requests(4, [0, 64, 1, ids(0, 16)], [1000, 64, 1, [...ids(0, 11), ...ids(16, 21)]], [2000, 60, 1, ids(0, 15)])
    expect(column(run(cluster(engine()), coarse), 'cachedTokens')).toEqual([0, 32, 48])
  })

  test('of a decode rank are not moved again', () => {
    const twoPhases = cluster(engine({ role: 'prefill', prefixCaching: false }), engine({ role: 'decode', name: 'decode' }))
    const work = requests(16, [0, 64, 2, ids(0, 4)], [5000, 64, 2, ids(0, 4)])
    const { records } = run(twoPhases, work)
    // 10 bytes a token at 1 byte a ns
    expect([...records.phaseNs[2].slice(0, 2)]).toEqual([640, 160])
    expect(column(run(twoPhases, work), 'cachedTokens')).toEqual([0, 0])
  })
})

describe('memory', () => {
  const long = (arrivalNs: number, first: number) => [arrivalNs, 240, 1, ids(first, first + 15)] as const

  test('evicts what was used least recently, the end of a prompt before its beginning', () => {
    // 30 of 32 blocks are cached when the third comes: it takes 13 of the first
    const work = requests(16, long(0, 0), long(1000, 15), long(2000, 30), [3000, 240, 1, ids(0, 15)])
    const result = run(cluster(engine()), work)
    expect(column(result, 'cachedTokens')).toEqual([0, 0, 0, 32])
    expect(result.statistics.evictedBlocks).toBe(13 + 13)
  })

  test('of the host takes in what is evicted, and gives it back at a price', () => {
    const work = requests(16, long(0, 0), long(1000, 15), long(2000, 30), [3000, 240, 1, ids(0, 15)], [4000, 240, 1, ids(0, 15)])
    const hosted = run(cluster(engine({ hostBlocks: 64, loadPsPerToken: 1000 })), work)
    // two blocks are still there, twelve are loaded at a ns a token, one is computed
    expect(column(hosted, 'cachedTokens')).toEqual([0, 0, 0, 224, 224])
    expect(column(hosted, 'loadedTokens')).toEqual([0, 0, 0, 192, 0])
    expect(column(hosted, 'endNs').slice(3)).toEqual([3000 + STEP_NS + 192, 4000 + STEP_NS])
    // room for four: the first of the thirteen and three after it stay
    const small = run(cluster(engine({ hostBlocks: 4, loadPsPerToken: 1000 })), work)
    expect(column(small, 'loadedTokens')[3]).toBe(64)
  })

  test('of a host is shared by the ranks beside it', () => {
    const arm = { ...plainArm(64), rank: rankPolicy('rotate') }
    // each rank in turn; short prompts keep both busy until the two long ones of a wave are there, which then begin in one step
    const short = (atNs: number) => [atNs, 1, 1, []] as const
    const wave = (atNs: number, first: number) => [short(atNs), short(atNs), long(atNs + 1, first), long(atNs + 1, first + 15)]
    const work = requests(16, ...wave(0, 0), ...wave(1000, 30), ...wave(2000, 60), ...wave(3000, 0))
    const lastEndNs = (ranksPerHost: number) => {
      const ranks = engine({ ranks: 2, hostBlocks: 64, loadPsPerToken: 1000, ranksPerHost })
      const result = simulate(cluster(ranks), arm, work, { load: { kind: 'open' } })
      expect(column(result, 'loadedTokens').slice(14)).toEqual([208, 208])
      return Math.max(...column(result, 'endNs'))
    }
    expect(lastEndNs(2) - lastEndNs(1)).toBe(208)
  })

  test('of requests being served is never taken for others', () => {
    const work = requests(16, [0, 240, 200, ids(0, 15)], [1000, 200, 1, ids(20, 32)], [30_000, 240, 1, ids(0, 15)])
    const result = run(cluster(engine()), work)
    expect(result.statistics.preemptions).toBe(0)
    expect(column(result, 'cachedTokens')[2]).toBe(224)
  })

  test('is cached in a snapshot', () => {
    const work = requests(16, [0, 128, 1, ids(0, 8)], [1000, 128, 1, ids(0, 8)])
    const start = () => createSimulation(cluster(engine()), plainArm(64), { load: { kind: 'open' } })
    const first = start()
    first.feed(work)
    first.advance(500, 100)
    const second = start()
    second.restore(first.snapshot())
    second.feed(work)
    second.feed(null)
    second.advance(Number.POSITIVE_INFINITY, 100)
    const records = second.drain()
    expect([...records.cachedTokens.slice(0, records.count)]).toEqual([0, 112])
  })
})

describe('answers', () => {
  const session = {
    ...requests(16, [0, 40, 30, [0, 1, 2]], [10_000, 100, 1, [0, 1, 3, 4, 5, 6, 7]], [20_000, 40, 1, [0, 1, 8]]),
    session: Int32Array.of(0, 0, 0),
  }

  test('are found where the next prompt of the session names their blocks', () => {
    const answered = withAnswerBlocks(session) as Workload
    // 70 tokens: blocks of the prompt, then those that the next prompt has there
    expect([...blockIdsOf(answered, 0)]).toEqual([0, 1, 3, 4, 5])
    expect([...blockIdsOf(answered, 1)]).toEqual([0, 1, 3, 4, 5, 6, 7])
    const with_ = run(cluster(engine({ cacheAnswers: true })), answered)
    const without = run(cluster(engine()), session)
    expect(column(without, 'cachedTokens')).toEqual([0, 32, 32])
    // 69 tokens are written: four blocks
    expect(column(with_, 'cachedTokens')).toEqual([0, 64, 32])
  })

  test('have no ids where nobody goes on', () => {
    expect(withAnswerBlocks({ ...session, session: null })).toBeNull()
    expect(withAnswerBlocks({ ...session, session: Int32Array.of(0, 1, 2) })).toBeNull()
    expect(withAnswerBlocks({ ...session, runOffset: null })).toBeNull()
  })
})

describe('routing by caches', () => {
  const two = (atNs: number, tokens = 64) =>
    requests(16, [0, tokens, 1, ids(0, tokens / 16)], [atNs, tokens, 1, ids(0, tokens / 16)])
  const arm = (age: number) => ({
    ...plainArm(64),
    rank: kvAwareRank({ w: 1, age, temperature: 0 }, ''),
    pool: kvAwarePool({ w: 1, age, temperature: 0 }, ''),
  })
  const places = (workload: Workload, age: number, ...engines: EngineConfig[]) => {
    const { records } = simulate(cluster(...engines), arm(age), workload, { load: { kind: 'open' } })
    return [...records.engine.slice(0, records.count)].map((e, i) => [e, records.rank[i]])
  }
  const ranks = engine({ ranks: 2 })

  test('goes where the prompt is cached, and elsewhere with another prompt', () => {
    expect(places(two(1000), 0, engine(), engine())).toEqual([
      [0, 0],
      [0, 0],
    ])
    const busy = requests(16, [0, 64, 300, ids(0, 4)], [1000, 64, 1, ids(4, 8)], [2000, 64, 1, ids(4, 8)])
    expect(places(busy, 0, engine(), engine()).sort()).toEqual([
      [0, 0],
      [1, 0],
      [1, 0],
    ])
    expect(places(busy, 0, ranks).sort()).toEqual([
      [0, 0],
      [0, 1],
      [0, 1],
    ])
  })

  test('by an index that is updated every ms: a block is unknown until then', () => {
    /** What the pool policy is told of the first engine when the second request comes. */
    const known = (atNs: number, age: number, tokens = 64) => {
      const seen: number[] = []
      const base = arm(age)
      const route = (view: LoadView, request: RequestView, phase: RoutePhase) => {
        seen.push(view.matchedTokens(0))
        return base.pool.route(view, request, phase)
      }
      const watched = { ...base, pool: { ...base.pool, route } }
      simulate(cluster(engine(), engine()), watched, two(atNs, tokens), { load: { kind: 'open' } })
      return seen
    }
    // cached at 100 ns
    expect(known(100, 0)).toEqual([0, 48])
    expect(known(999_999, 1)).toEqual([0, 0])
    expect(known(1_000_000, 1)).toEqual([0, 48])
    // 128 tokens in two steps, the first of which ends before an update at 150 ns
    expect(known(250, 0.00015, 128)).toEqual([0, 64])
    expect(known(300, 0.00015, 128)).toEqual([0, 112])
  })
})

describe('refused', () => {
  test('are blocks that do not fit each other', () => {
    const work = requests(24, [0, 128, 1, ids(0, 5)])
    expect(() => run(cluster(engine()), work)).toThrow(/24 tokens are neither a multiple of 16 tokens nor a divisor/)
  })

  test('are ids that do not name whole prefixes', () => {
    const work = requests(16, [0, 48, 1, [0, 1, 2]], [0, 48, 1, [3, 1, 2]])
    expect(() => run(cluster(engine()), work)).toThrow(/block 1 follows block 3 here and block 0/)
  })

  test('are ids that name another prefix than in columns fed before', () => {
    const simulation = createSimulation(cluster(engine()), plainArm(64), { load: { kind: 'open' } })
    simulation.feed(requests(16, [0, 48, 1, [0, 1, 2]]))
    expect(() => simulation.feed(requests(16, [9, 48, 1, [3, 1, 2]]))).toThrow(
      /request 1 .*block 1 follows block 3 here and block 0/,
    )
  })

  test('are second tiers that nobody would use', () => {
    const work = requests(16, [0, 48, 1, [0, 1, 2]])
    const pair = [engine({ role: 'prefill' }), engine({ role: 'decode', hostBlocks: 4 })]
    expect(() => run(cluster(...pair), work)).toThrow(/second tier of 4 blocks has no use on a decode engine/)
    expect(() => run(cluster(engine({ prefixCaching: false, hostBlocks: 4 })), work)).toThrow(/no use without a prefix cache/)
  })
})

describe('the second tier', () => {
  test('keeps blocks apart that have neighbouring ids and other prefixes', () => {
    const prompts = requests(16, [0, 64, 1, [5, 6, 7]], [0, 48, 1, [8, 9]])
    const runs = new PrefixRuns()
    const [one, other] = [runs.hold(prompts, 0), runs.hold(prompts, 1)]
    const host = new HostTier(runs, Int32Array.of(100))
    host.put(0, 8, 0, 2, 1)
    host.put(0, 5, 0, 3, 1)
    host.take(0, one, 1, 1, 0, 3)
    host.put(0, 5, 0, 3, 1)
    expect(host.match(0, one, 1, 1, 0, 3)).toBe(3)
    expect(host.match(0, other, 1, 1, 0, 2)).toBe(2)
  })

  test.each([
    // model, layout, GPUs that load a token through the Grace of two GPUs, ranks of a Grace
    ['deepseek-r1', 'DEP16', 1, 2],
    ['llama-3.1-70b', 'TP2', 2, 1],
    ['llama-3.1-70b', 'TP4', 2, 1],
  ])(
    '%s in layout %s: a token is %i times its bytes on a GPU over 384 GB/s, the LPDDR of a Grace',
    (model, layout, copies, ranksPerHost) => {
      const sets = [
        'engines.0.enable_prefix_caching=true',
        'engines.0.kv_offload.host_gb_per_gpu=100',
        `model=${model}`,
        `engines.0.layout=${layout}`,
      ]
      const plan = scenarioFromDefaults({ sets, workloadPath: 'any.csv' })
      const tier = hostTierOf(plan.engines[0], loadSystem('gb200'))
      const { kvBytesPerToken, blockSize } = plan.engines[0]
      expect(tier.ranksPerHost).toBe(ranksPerHost)
      expect(tier.loadPsPerToken).toBeCloseTo((copies * kvBytesPerToken) / 0.384, 6)
      expect(tier.hostBlocks).toBe(Math.floor(100e9 / (kvBytesPerToken * blockSize)))
    },
  )
})
