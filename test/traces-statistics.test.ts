/** Statistics of traces as properties: against slow and obvious ways to count the same. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stream } from '../src/rng.js'
import { blockIdsOf, createBlockBuilder } from '../src/traces/blocks.js'
import { tracePictures, traceStatistics, type Workload, workloadFault } from '../src/traces/index.js'
import { shapeClusters } from '../src/traces/statistics/clusters.js'
import { quantile } from '../src/traces/statistics/distribution.js'
import { idealHitRate, prefixStatistics } from '../src/traces/statistics/prefixes.js'
import { traffic } from './byHand.js'

const BLOCK = 16

/** Prompts that grow from each other: each continues a prefix of an earlier one, or starts afresh; the last block may be partly filled. */
const promptsOf = (
  steps: readonly { from: number; keep: number; add: number; partial: number }[],
): { ids: number[]; isl: number }[] => {
  const prompts: { ids: number[]; isl: number }[] = []
  let nextId = 0
  for (const { from, keep, add, partial } of steps) {
    const base = prompts.length === 0 ? [] : prompts[from % prompts.length].ids
    const kept = base.slice(0, keep % (base.length + 1))
    const ids = [...kept, ...Array.from({ length: add }, () => nextId++)]
    if (ids.length === 0) ids.push(nextId++)
    prompts.push({ ids, isl: (ids.length - 1) * BLOCK + 1 + (partial % BLOCK) })
  }
  return prompts
}

const steps = fc.array(fc.record({ from: fc.nat(40), keep: fc.nat(30), add: fc.nat(12), partial: fc.nat(15) }), {
  minLength: 1,
  maxLength: 40,
})

const workloadOf = (prompts: readonly { ids: number[]; isl: number }[]): Workload => {
  const isl = Int32Array.from(prompts, (prompt) => prompt.isl)
  const arrivalNs = Float64Array.from(prompts, (_, i) => i * 1e9)
  const builder = createBlockBuilder()
  for (const { ids } of prompts) {
    builder.next()
    for (const id of ids) builder.push(id)
  }
  return { ...traffic(arrivalNs, isl, isl), ...builder.columns(), blockTokens: BLOCK }
}

/** Hit blocks of each request in an LRU cache of `capacity` blocks that is really kept: looked up whole, then touched from tail to head. */
function keptLru(workload: Workload, capacity: number, onlyWhole = false): number[] {
  const cache = new Set<number>()
  return Array.from({ length: workload.count }, (_, i) => {
    const ids = blockIdsOf(workload, i).slice(0, onlyWhole ? Math.floor(workload.isl[i] / BLOCK) : undefined)
    let hits = 0
    while (hits < ids.length && cache.has(ids[hits])) hits++
    for (let k = ids.length - 1; k >= 0; k--) {
      cache.delete(ids[k])
      cache.add(ids[k])
      if (cache.size > capacity) cache.delete(cache.values().next().value as number)
    }
    return hits
  })
}

describe('prefix reuse', () => {
  it('LRU hit rates of all sizes are those of caches that are really kept', () => {
    fc.assert(
      fc.property(steps, fc.array(fc.integer({ min: 0, max: 120 }), { minLength: 1, maxLength: 4 }), (chosen, capacities) => {
        const workload = workloadOf(promptsOf(chosen))
        const found = prefixStatistics(
          workload,
          capacities.map((blocks) => blocks * BLOCK + 3),
        )
        const total = workload.isl.reduce((a, b) => a + b, 0)
        capacities.forEach((capacity, s) => {
          const hits = keptLru(workload, capacity)
          const published = hits.reduce((sum, blocks, i) => sum + Math.min(blocks * BLOCK, workload.isl[i]), 0)
          const engine = keptLru(workload, capacity, true).reduce(
            (sum, blocks, i) => sum + Math.min(blocks, Math.floor((workload.isl[i] - 1) / BLOCK)) * BLOCK,
            0,
          )
          expect(found?.lru[s].published).toBeCloseTo(published / total, 12)
          expect(found?.lru[s].engine).toBeCloseTo(engine / total, 12)
        })
        expect(found?.unchained).toBe(0)
      }),
      { numRuns: 400 },
    )
  })

  it('the ideal cache is an LRU cache that is never full', () => {
    fc.assert(
      fc.property(steps, (chosen) => {
        const workload = workloadOf(promptsOf(chosen))
        const found = prefixStatistics(workload, [1e9])
        expect(idealHitRate(workload)).toBeCloseTo(found?.ideal.published ?? Number.NaN, 12)
        expect(found?.lru[0].published).toBeCloseTo(found?.ideal.published ?? Number.NaN, 12)
        expect(found?.lru[0].engine).toBeCloseTo(found?.ideal.engine ?? Number.NaN, 12)
      }),
    )
  })

  it('ids that name no whole prefix give no LRU figure', () => {
    const workload = workloadOf([
      { ids: [0, 1, 2], isl: 48 },
      { ids: [3, 1, 2], isl: 48 },
    ])
    const found = prefixStatistics(workload, [1e6])
    expect(found?.unchained).toBe(2)
    expect(found?.lru[0]).toEqual({ tokens: 1e6, published: null, engine: null })
    expect(found?.ideal.published).toBe(0)
  })

  it('requests without an order in time give no LRU figure', () => {
    const workload = workloadOf([
      { ids: [0, 1], isl: 32 },
      { ids: [0, 1, 2], isl: 48 },
    ])
    const found = prefixStatistics(
      { ...workload, arrivalNs: Float64Array.of(0, Number.NaN), parent: Int32Array.of(-1, 0) },
      [1e6],
    )
    expect(found?.lru[0].published).toBeNull()
    expect(found?.ideal.published).toBeCloseTo(32 / 80, 12)
  })
})

describe('lengths and arrivals', () => {
  it('quantiles are linear between neighbours', () => {
    expect(quantile([1, 2, 4], 0.5)).toBe(2)
    expect(quantile([1, 2, 4], 0.75)).toBe(3)
    expect(quantile([], 0.5)).toBeNaN()
  })

  it('equal gaps have no variation; requests that wait count as no arrivals', () => {
    const workload = workloadOf(Array.from({ length: 200 }, (_, i) => ({ ids: [i], isl: 16 })))
    const { arrivals } = traceStatistics(workload)
    expect(arrivals).toMatchObject({
      timed: 200,
      durationS: 199,
      gapCv: 0,
      idc: { 1: 0, 10: 0, 60: 0 },
      peakMinute: 1,
      minuteCv: 0,
    })
    const half = workload.arrivalNs.map((timeNs, i) => (i % 2 === 0 ? timeNs : Number.NaN))
    const waiting = traceStatistics({ ...workload, arrivalNs: half, parent: Int32Array.from(half, (_, i) => i - 1) })
    expect(waiting.arrivals).toMatchObject({ timed: 100, durationS: 198, gapCv: 0 })
  })
})

describe('sessions', () => {
  it('are not inferred from a short system prompt in small blocks, and are from turns that go on from each other', () => {
    const system = [0, 1, 2, 3]
    const alone = Array.from({ length: 30 }, (_, i) => ({ ids: [...system, 10 + i], isl: 5 * BLOCK + i }))
    const turns = [2, 3, 4].map((n) => ({
      ids: [...system, ...Array.from({ length: n }, (_, k) => 100 + k)],
      isl: (4 + n) * BLOCK,
    }))
    expect(traceStatistics(workloadOf(alone)).sessions).toBeNull()
    const sessions = traceStatistics(workloadOf([...alone, ...turns])).sessions
    expect(sessions).toMatchObject({ source: 'inferred', sessions: 31, steps: 2 })
  })

  const shapes = (isl: readonly number[]): Workload => workloadOf(isl.map((tokens) => ({ ids: [], isl: tokens })))

  it('sub-agents are told from the main thread by where they leave it and come back', () => {
    // main 0 1 4 5; beside it 2 3 (joins 4); request 5 shrinks to a fifth
    const workload: Workload = {
      ...shapes([100, 150, 20, 30, 200, 40]),
      arrivalNs: Float64Array.of(0, ...Array<number>(5).fill(Number.NaN)),
      session: new Int32Array(6),
      parent: Int32Array.of(-1, 0, 1, 2, 1, 4),
      waitNs: Float64Array.of(0, 2e9, 0, 1e9, 0, 4e9),
      joins: Int32Array.of(-1, -1, -1, 4, -1, -1),
      joinCount: Int32Array.of(0, 1, 1, 1, 2, 1),
    }
    expect(workloadFault(workload)).toBeNull()
    expect(traceStatistics(workload).sessions).toMatchObject({
      ...{
        source: 'recorded',
        sessions: 1,
        inSessions: 1,
        subAgents: 1,
        subAgentRequests: 2,
        forks: 1,
        joins: 1,
        steps: 3,
        resets: 1,
      },
      leftAfterReset: 0.2,
      gapS: null,
      requestsPerSession: { n: 1, max: 4 },
      firstContext: { max: 100 },
      lastContext: { max: 40 },
      largestContext: { max: 200 },
      growth: { n: 2, mean: 50, max: 50 },
      waitS: { n: 5, max: 4, mean: 1.4 },
    })
  })

  it('without parents a request continues the one of its session before it', () => {
    const workload: Workload = { ...shapes([10, 20, 15, 40, 7]), session: Int32Array.of(0, 1, 0, 1, -1) }
    expect(traceStatistics(workload).sessions).toMatchObject({
      ...{ source: 'recorded', sessions: 3, inSessions: 0.8, subAgents: 0, steps: 2, resets: 0, waitS: null },
      growth: { n: 2, mean: 12.5 },
      gapS: { n: 2, mean: 2 },
    })
  })

  it('waits of requests with times of their own are unknown where the trace tells none', () => {
    const parent = Int32Array.of(-1, 0, 1)
    const timed: Workload = { ...shapes([10, 20, 15]), parent, waitNs: new Float64Array(3) }
    const waitOf = (workload: Workload) => traceStatistics(workload).sessions?.waitS
    expect(waitOf(timed)).toBeNull()
    expect(waitOf({ ...timed, arrivalNs: Float64Array.of(0, 1e9, Number.NaN) })).toMatchObject({ n: 1, max: 0 })
    expect(waitOf({ ...timed, waitNs: Float64Array.of(0, 3e9, 0) })).toMatchObject({ n: 2, max: 3 })
  })

  it('numbers that a window has left without requests are no sessions', () => {
    const workload: Workload = { ...shapes([10, 20, 15]), session: Int32Array.of(3, 7, 3) }
    expect(traceStatistics(workload).sessions).toMatchObject({
      sessions: 2,
      requestsPerSession: { n: 2, mean: 1.5 },
      firstContext: { n: 2, mean: 15 },
    })
  })

  it('a trace of lone requests has none', () => {
    expect(traceStatistics(shapes([10, 20])).sessions).toBeNull()
    const strangers = workloadOf([
      { ids: [0, 1, 2], isl: 48 },
      { ids: [3, 4, 5], isl: 48 },
    ])
    expect(traceStatistics(strangers).sessions).toBeNull()
  })
})

describe('clusters of shapes', () => {
  const drawn = (n: number, centreOf: (i: number) => readonly [number, number]) => {
    const rng = stream(7, 'clusters')
    const lengths = Array.from({ length: n }, (_, i) =>
      centreOf(i).map((mean) => Math.max(1, Math.round(mean * Math.exp(0.3 * rng.normal())))),
    )
    return shapeClusters(
      Int32Array.from(lengths, ([isl]) => isl),
      Int32Array.from(lengths, ([, osl]) => osl),
    )
  }

  it('one law is one cluster, at its geometric mean', () => {
    const found = drawn(6000, () => [2000, 300])
    expect(found).toHaveLength(1)
    expect(found[0].share).toBe(1)
    expect(Math.abs(found[0].isl / 2000 - 1)).toBeLessThan(0.03)
    expect(Math.abs(found[0].osl / 300 - 1)).toBeLessThan(0.03)
  })

  it('mixed services are told apart, biggest first', () => {
    const found = drawn(6000, (i) => (i % 10 < 6 ? [400, 300] : i % 10 < 9 ? [8000, 20] : [200, 4000]))
    expect(found.map(({ share }) => Math.round(share * 10))).toEqual([6, 3, 1])
    expect(Math.abs(found[1].isl / 8000 - 1)).toBeLessThan(0.05)
  })

  it('one shape alone is one cluster', () => {
    expect(drawn(1, () => [10, 10])).toHaveLength(1)
    expect(shapeClusters(Int32Array.of(5, 5, 5), Int32Array.of(7, 7, 7))).toMatchObject([{ share: 1 }])
  })
})

describe('pictures', () => {
  it('the map counts each request once, at its input and its output; its margins are the histograms', () => {
    const workload = traffic([0, 1, 2, 3], [10, 10, 5000, 200], [900, 1, 1, 30])
    const { heat, isl: input, osl: output } = tracePictures(workload, { rateBins: 10, lengthBins: 12, heatBins: 12 })
    expect(heat.counts[0][0]).toBe(1)
    expect(heat.counts[0].at(-1)).toBe(1)
    expect(heat.counts.at(-1)?.[0]).toBe(1)
    expect(heat.counts.map((column) => column.reduce((a, b) => a + b, 0))).toEqual(input.counts)
    expect(heat.oslEdges.slice(1).map((_, j) => heat.counts.reduce((sum, column) => sum + column[j], 0))).toEqual(output.counts)
  })
})
