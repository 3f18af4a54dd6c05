/** Recipes fitted to traces: change points, laws, prefix reuse, and that traffic drawn from a fit is the same traffic. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { stream } from '../src/rng.js'
import { fitArrivals } from '../src/traces/fit/arrivals.js'
import { changePoints, xLogX } from '../src/traces/fit/changePoints.js'
import { drawAlike, fitRecipe } from '../src/traces/fit/index.js'
import { fitLengths } from '../src/traces/fit/lengths.js'
import { queueDistance, queueFigures } from '../src/traces/fit/queues.js'
import { tableOf } from '../src/traces/fit/table.js'
import { inverseCdf, type TableSpec } from '../src/traces/generate/laws.js'
import type { LawsByBin, MixedLengths } from '../src/traces/generate/lengths.js'
import { buildPreset } from '../src/traces/generate/presets.js'
import { checkRecipe, readRecipe } from '../src/traces/generate/readRecipe.js'
import type { ReuseSpec } from '../src/traces/generate/reuse.js'
import type { SessionSpec } from '../src/traces/generate/sessions.js'
import { synthesise } from '../src/traces/generate/synth.js'
import { recipeText } from '../src/traces/generate/writeRecipe.js'
import { compareTraces, readTrace, shapesOnly, traceHash, type Workload } from '../src/traces/index.js'
import { type SessionStatistics, sessionStatistics } from '../src/traces/statistics/sessions.js'
import { NS_PER_S } from '../src/units.js'

const folder = mkdtempSync(join(tmpdir(), 'fit-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function draw(data: object, seed = 1): Workload {
  const { recipe, problems } = checkRecipe(data)
  expect(problems).toEqual([])
  return synthesise(recipe as never, seed, 'test')
}

describe('change points', () => {
  const counts = (rates: readonly number[], each: number): number[] => {
    const rng = stream(1, 'counts')
    return rates.flatMap((rate) =>
      Array.from({ length: each }, () => {
        let n = 0
        for (let at = rng.exponential(); at < rate; at += rng.exponential()) n++
        return n
      }),
    )
  }
  const pieces = (values: readonly number[]): number[] => {
    const upTo = [0]
    for (const value of values) upTo.push(upTo[upTo.length - 1] + value)
    const table = xLogX(upTo[values.length])
    const price = 3 * Math.log(values.length)
    return changePoints(
      values.length,
      (from, to) => table[upTo[to] - upTo[from]] - (upTo[to] - upTo[from]) * Math.log(to - from),
      price,
    )
  }

  it('are found where the rate changes, and nowhere else', () => {
    const starts = pieces(counts([5, 15, 0, 5], 100))
    expect(starts).toHaveLength(4)
    for (const [k, start] of [0, 100, 200, 300].entries()) expect(Math.abs(starts[k] - start)).toBeLessThanOrEqual(3)
    expect(pieces(counts([5], 1000))).toEqual([0])
  })

  it('are the best of all ways to cut, as found by trying all of them', () => {
    const values = counts([1, 6, 2], 5)
    const upTo = [0]
    for (const value of values) upTo.push(upTo[upTo.length - 1] + value)
    const likelihood = (from: number, to: number) => {
      const n = upTo[to] - upTo[from]
      return n === 0 ? 0 : n * Math.log(n / (to - from))
    }
    const price = 1
    let best = Number.NEGATIVE_INFINITY
    let bestStarts: number[] = []
    for (let cuts = 0; cuts < 1 << (values.length - 1); cuts++) {
      const starts = [0, ...Array.from({ length: values.length - 1 }, (_, i) => i + 1).filter((i) => cuts & (1 << (i - 1)))]
      const total = starts.reduce((sum, start, k) => sum + likelihood(start, starts[k + 1] ?? values.length) - price, 0)
      if (total > best + 1e-9) {
        best = total
        bestStarts = starts
      }
    }
    expect(changePoints(values.length, likelihood, price)).toEqual(bestStarts)
  })
})

describe('tables', () => {
  it('stay close to the sample and keep its atoms', () => {
    const rng = stream(1, 'values')
    const values = Array.from({ length: 20_000 }, () => (rng.uniform() < 0.2 ? 4096 : Math.round(Math.exp(6 + rng.normal()))))
    const { p, x } = tableOf(values, { nearest: 0.5, unit: 1 })
    expect(p.length).toBeLessThan(150)
    const sorted = values.slice().sort((a, b) => a - b)
    for (let u = 0.005; u < 1; u += 0.01) {
      const exact = sorted[Math.floor(u * sorted.length)]
      expect(Math.abs(inverseCdf(p, x, u) - exact)).toBeLessThanOrEqual(0.02 * exact + 1)
    }
    const drawn = Array.from({ length: 20_000 }, () => Math.round(inverseCdf(p, x, rng.uniform())))
    expect(drawn.filter((value) => value === 4096).length / 20_000).toBeCloseTo(0.2, 1)
  })
})

const PROVENANCE = { name: 'test', format: 'generated', note: '', rowsRead: 0, rowsSkipped: 0 }

describe('requests at one time', () => {
  const LONG = 5000
  const isLong = (isl: number): boolean => isl >= LONG
  /** Each batch comes at one time, in s; a request is long or short. */
  const batches = (list: readonly { atS: number; long: readonly boolean[] }[], tenants = 0): Workload => {
    const rows = list.flatMap(({ atS, long }) => long.map((is, i) => ({ atS, isl: (is ? LONG : 50) + (i % 7) })))
    rows.sort((a, b) => a.atS - b.atS)
    const isl = Int32Array.from(rows, (row) => row.isl)
    const arrivalNs = Float64Array.from(rows, ({ atS }) => Math.round(atS * NS_PER_S))
    const w = shapesOnly(arrivalNs, isl, isl.slice().fill(9), PROVENANCE)
    return tenants === 0 ? w : { ...w, tenant: isl.map((_, i) => i % tenants) }
  }
  const shortFirst = [...new Array<boolean>(100).fill(false), ...new Array<boolean>(100).fill(true)]

  it('are of one mix, in whatever order they stand: the long and the short ones are drawn', () => {
    const w = batches(Array.from({ length: 40 }, (_, i) => ({ atS: 1.0047 * i, long: shortFirst })))
    const { recipe } = fitRecipe(w)
    expect(checkRecipe(JSON.parse(JSON.stringify(recipe))).problems).toEqual([])
    const drawn = synthesise(recipe, 1, 'like')
    const long = drawn.isl.filter(isLong).length
    expect(Math.abs(long / drawn.count - 0.5)).toBeLessThan(0.05)
  })

  it('may be of another mix than those of another time', () => {
    const w = batches(Array.from({ length: 40 }, (_, i) => ({ atS: i, long: shortFirst.map(() => i < 15) })))
    expect((fitLengths(w, 0) as MixedLengths).until_s).toEqual([15, 39])
  })

  it('that come a moment after the last whole second begin no step', () => {
    const timesNs = Float64Array.from({ length: 300 }, (_, i) => (i < 100 ? i / 5 : 20.0002) * NS_PER_S)
    const { profile } = fitArrivals(timesNs, { fromNs: 0, toNs: timesNs[299] })
    expect(profile?.until_s ?? []).toEqual([...new Set(profile?.until_s)])
  })

  it('give a recipe that keeps its own rules', () => {
    const batch = fc.record({
      atS: fc.oneof(
        fc.constantFrom(0, 1, 5, 5.0001, 5.000000001, 40, 4000),
        fc.nat(60_000).map((s) => s / 1000),
      ),
      long: fc.oneof(
        fc.constantFrom(shortFirst, shortFirst.toReversed()),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 60 }),
      ),
    })
    fc.assert(
      fc.property(fc.array(batch, { minLength: 2, maxLength: 15 }), fc.nat(2), (list, tenants) => {
        const w = batches(list, tenants)
        const periodS = (w.arrivalNs[w.count - 1] - w.arrivalNs[0]) / NS_PER_S
        // no recipe has a higher rate
        fc.pre(w.count >= 50 && w.count < 1e6 * periodS)
        const { problems } = checkRecipe(JSON.parse(JSON.stringify(fitRecipe(w).recipe)))
        expect(problems).toEqual([])
      }),
      { numRuns: 50 },
    )
  })
})

describe('traces without times', () => {
  const w = draw({ requests: 3000, streams: { a: { rate_per_s: 4, lengths: { isl: { lognormal: [7, 1] }, osl: 100 } } } })
  const untimed: Workload = { ...w, arrivalNs: new Float64Array(w.count) }

  it('are drawn at the rate that is given, as many requests, and compared by their lengths', () => {
    const { recipe } = fitRecipe(untimed, 5)
    const { workload, comparison } = drawAlike(untimed, recipe, 1, 'alike', { scaleFree: true })
    expect(workload.count).toBe(3000)
    expect(workload.arrivalNs[2999] / NS_PER_S / (3000 / 5)).toBeCloseTo(1, 1)
    expect(comparison.verdict).toBe('same')
  })

  it('need a rate', () => {
    expect(() => fitRecipe(untimed)).toThrow(/all requests arrive at one time.*\n.*--rate 1/)
  })
})

describe('sessions whose requests all have times', () => {
  const plain = draw({ requests: 1000, streams: { a: { rate_per_s: 4, lengths: { isl: { lognormal: [7, 1] }, osl: 100 } } } })
  const inSessions = (w: Workload): Workload => ({ ...w, session: Int32Array.from(w.isl, (_, i) => i >> 2) })
  const note = (w: Workload) => fitRecipe(w).notes.filter((sentence) => sentence.startsWith('Sessions'))

  it('are left out of the comparison, and it is said', () => {
    const w = inSessions(plain)
    const { comparison } = drawAlike(w, fitRecipe(w).recipe, 1, 'alike')
    expect(comparison.lines.filter((line) => line.verdict === 'different')).toEqual([])
    expect(comparison.lines.map(({ statistic }) => statistic)).not.toContain('sessions')
    expect(note(w)).toEqual(['Sessions are not fitted: every request has a time of its own. They are not compared.'])
  })

  it('are prompts that continue others where there are blocks', () => {
    const w = inSessions(buildPreset('rag'))
    expect(note(w)).toEqual([
      'Sessions are fitted as prompts that continue earlier ones: every request has a time of its own. They are not compared.',
    ])
  })

  it('are compared where they are fitted', () => {
    const w = buildPreset('agent')
    const { comparison } = drawAlike(w, fitRecipe(w).recipe, 1, 'alike')
    expect(comparison.lines.map(({ statistic }) => statistic)).toContain('requests per session, p50')
  })
})

describe('queues', () => {
  const trace = (seed: number, extra: object = {}) =>
    draw(
      { duration_s: 800, streams: { a: { rate_per_s: 5, lengths: { isl: { lognormal: [7, 1] }, osl: 100 }, ...extra } } },
      seed,
    )

  it('are the same at any pace, and tell clumps', () => {
    const w = trace(1)
    const figures = queueFigures(w)
    const slower = queueFigures({ ...w, arrivalNs: w.arrivalNs.map((timeNs) => 8 * timeNs) })
    for (const [i, figure] of figures.entries()) expect(slower[i] / figure).toBeCloseTo(1, 9)
    expect(queueDistance(figures, figures)).toBe(0)
    const clumps = queueFigures(trace(1, { arrivals: { law: 'gamma', cv: 4 } }))
    expect(queueDistance(figures, clumps)).toBeGreaterThan(3 * queueDistance(figures, queueFigures(trace(2))))
  })

  it('of one server by hand: what has not been worked off is before the next one', () => {
    const arrivalNs = Float64Array.from([0, 1, 1, 9, 10].map((s) => s * NS_PER_S))
    const five = {
      ...trace(1),
      count: 5,
      arrivalNs,
      isl: Int32Array.from([10, 10, 10, 10, 10]),
      osl: Int32Array.from([1, 1, 1, 1, 1]),
    }
    // busy a tenth of 10 s, so each request takes 0.2 s: the third waits for the second alone
    expect(queueFigures(five)[0]).toBe(1)
    expect(queueFigures(five)[2]).toBeCloseTo(1.96, 9)
  })

  it('choose the draw, which its seed draws again; sessions are drawn once', () => {
    const w = trace(3, { arrivals: { law: 'gamma', cv: 3 } })
    const { recipe } = fitRecipe(w)
    const alike = drawAlike(w, recipe, 1, 'alike')
    expect(alike.of).toBe(128)
    expect(alike.comparison.verdict).toBe('same')
    expect(traceHash(synthesise(recipe, alike.seed, 'alike'))).toBe(traceHash(alike.workload))
    const chosen = queueDistance(queueFigures(w), queueFigures(alike.workload))
    const others = [1, 2, 3, 4, 5].map((seed) => queueDistance(queueFigures(w), queueFigures(synthesise(recipe, seed, 'other'))))
    expect(chosen).toBeLessThan(Math.min(...others))
    const sessions = buildPreset('agent')
    expect(drawAlike(sessions, fitRecipe(sessions).recipe, 7, 'alike')).toMatchObject({ of: 1, seed: 7 })
  })
})

describe('fits', () => {
  it('arrivals: a steady rate is Poisson without a profile, clumps keep their CV, silence stays silent', () => {
    const times = (extra: object) =>
      draw({ duration_s: 1500, streams: { a: { rate_per_s: 6, lengths: { isl: 1, osl: 1 }, ...extra } } }).arrivalNs
    const fitted = (timesNs: Float64Array) => fitArrivals(timesNs, { fromNs: timesNs[0], toNs: timesNs[timesNs.length - 1] })
    const steady = fitted(times({}))
    expect(steady.arrivals.law).toBe('poisson')
    expect(steady.profile).toBeUndefined()
    expect(fitted(times({ arrivals: { law: 'weibull', cv: 1.4 } })).arrivals).toMatchObject({ law: 'weibull' })
    const broken = fitted(times({ profile: { until_s: [500, 600, 1500], factors: [1, 0, 1] } }))
    expect(Math.min(...(broken.profile?.factors ?? [1]))).toBe(0)
  })

  it('lengths: a mix that changes has kinds with shares in steps, one that does not has none', () => {
    const kinds = [
      { isl: { lognormal: [5, 0.3] }, osl: 20 },
      { isl: { lognormal: [8, 0.3] }, osl: 300 },
    ]
    const mixed = (shares: number[][]) => {
      const w = draw({ requests: 4000, streams: { a: { rate_per_s: 4, lengths: { kinds, until_s: [500, 1000], shares } } } })
      return fitLengths(w, 0)
    }
    expect(
      mixed([
        [0.5, 0.5],
        [0.5, 0.5],
      ]),
    ).not.toHaveProperty('kinds')
    const changing = mixed([
      [0.9, 0.1],
      [0.3, 0.7],
    ])
    expect(changing).toHaveProperty('kinds')
    const ends = (changing as MixedLengths).until_s
    expect(Math.abs(ends[0] - 500)).toBeLessThan(10)
  })

  it('arrivals of a client that comes late and leaves early, in the time of the whole trace', () => {
    const timesNs = Float64Array.from({ length: 300 }, (_, i) => (1000 + i) * NS_PER_S)
    const { rate_per_s, profile } = fitArrivals(timesNs, { fromNs: 0, toNs: 2000 * NS_PER_S })
    expect(rate_per_s).toBe(0.15)
    expect(profile?.until_s).toEqual([1000, 1300, 2000])
    expect(profile?.factors).toEqual([0, 6.667, 0])
  })

  it('each tenant with many requests has a stream of its own: what belongs to a burst stays in it', () => {
    const long = { rate_per_s: 1, arrivals: { law: 'gamma', cv: 5 }, lengths: { isl: 9000, osl: 5 } }
    const short = { rate_per_s: 4, lengths: { isl: 100, osl: 50 } }
    const clients = { clients: { count: 1, zipf: 0 } }
    const w = draw({ duration_s: 1500, streams: { long: { ...long, ...clients }, short: { ...short, ...clients } } })
    expect(new Set(w.tenant).size).toBe(2)
    const { streams } = fitRecipe(w).recipe
    expect(Object.keys(streams)).toEqual(['like-1', 'like-2'])
    expect(streams['like-1'].arrivals).toEqual({ law: 'poisson' })
    expect(streams['like-2'].arrivals).not.toEqual({ law: 'poisson' })
    expect(streams['like-2'].lengths).toMatchObject({ isl: { x: [9000, 9000] } })
    const total = Object.values(streams).reduce((sum, { rate_per_s }) => sum + rate_per_s, 0)
    expect(total / (w.count / 1500)).toBeCloseTo(1, 1)
  })

  it('tenants with few requests share a stream, or go with the smallest of the others', () => {
    const w = draw({ requests: 4000, streams: { a: { rate_per_s: 4, lengths: { isl: 100, osl: 50 } } } })
    /** Rates of the streams of tenants that have so many of each twenty requests, over the rate of all. */
    const sharesOf = (...ofTwenty: number[]): number[] => {
      const turns = ofTwenty.flatMap((requests, tenant) => new Array<number>(requests).fill(tenant))
      const { streams } = fitRecipe({ ...w, tenant: Int32Array.from(w.isl, (_, i) => turns[i % 20]) }).recipe
      const rates = Object.values(streams).map(({ rate_per_s }) => rate_per_s)
      const total = rates.reduce((sum, rate) => sum + rate, 0)
      return rates.map((rate) => Number((rate / total).toFixed(3)))
    }
    expect(sharesOf(10, 5, 2, 2, 1)).toEqual([0.5, 0.25, 0.25])
    expect(sharesOf(10, 8, 2)).toEqual([0.5, 0.5])
  })

  it('tenants whose requests all come at one time are no stream', () => {
    const w = draw({ duration_s: 500, streams: { a: { rate_per_s: 4, lengths: { isl: 100, osl: 50 } } } })
    const isBurst = (i: number): boolean => i >= w.count - 700
    const burstNs = w.arrivalNs[w.count - 700]
    const arrivalNs = w.arrivalNs.map((timeNs, i) => (isBurst(i) ? burstNs : timeNs))
    const tenant = Int32Array.from(arrivalNs, (_, i) => (isBurst(i) ? 1 : 0))
    const { streams } = fitRecipe({ ...w, arrivalNs, tenant }).recipe
    expect(Object.keys(streams)).toEqual(['like'])
    expect(streams.like.rate_per_s * (burstNs / NS_PER_S)).toBeCloseTo(w.count, -1)
  })

  it('gaps of 0 stay gaps of 0', () => {
    const gaps = Float64Array.from({ length: 1000 }, (_, i) => (i % 4 === 0 ? 0 : 0.001 + i / 1000))
    const { p, x } = tableOf(gaps, { nearest: 0.002 })
    expect([inverseCdf(p, x, 0.2), inverseCdf(p, x, 0.245)]).toEqual([0, 0])
    expect(inverseCdf(p, x, 0.26)).toBeGreaterThan(0)
  })

  it.each(['chat', 'rag', 'reasoning', 'agent', 'mixed'] as const)(
    'traffic drawn from a fit to %s is the same traffic',
    (name) => {
      const workload = buildPreset(name)
      const { recipe } = fitRecipe(workload)
      expect(compareTraces(workload, synthesise(recipe, 1, 'like')).lines.filter((line) => line.verdict === 'different')).toEqual(
        [],
      )
    },
  )

  it('sessions whose main thread goes on beside a sub-agent: the same requests are the main thread as in the statistics', async () => {
    const rows = Array.from({ length: 200 }, (_, i) => [
      { request_id: `${i} a`, timestamp: 1000 * i, input_length: 1000 + i, output_length: 20 },
      { request_id: `${i} s`, wait_for: `${i} a`, input_length: 300, output_length: 30 },
      { request_id: `${i} b`, wait_for: `${i} a`, input_length: 1100 + i, output_length: 20 },
      { request_id: `${i} c`, wait_for: [`${i} b`, `${i} s`], input_length: 1200 + i, output_length: 20 },
      { request_id: `${i} d`, wait_for: `${i} c`, input_length: 1300 + i, output_length: 20 },
    ]).flat()
    const path = join(folder, 'beside.jsonl')
    writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    const { workload } = await readTrace(path, { spreadTicks: false })
    const { requestsPerSession, firstContext, subAgents, subAgentRequests } = sessionStatistics(workload) as SessionStatistics
    expect([requestsPerSession.p50, firstContext.p50, subAgents, subAgentRequests]).toEqual([4, 1099.5, 200, 200])
    const session = fitRecipe(workload).recipe.streams.like.session as SessionSpec
    const always = (value: number): TableSpec => ({ p: [0, 100], x: [value, value] })
    expect(session.steps).toEqual(always(4))
    expect(session.subagents).toEqual({ share: 1, count: always(1), steps: always(1), first_context: always(300) })
    const [{ p, x }] = (session.first_context as LawsByBin).laws as TableSpec[]
    expect(inverseCdf(p, x, 0.5)).toBeCloseTo(firstContext.p50, -1)
  })

  it('a fitted recipe can be written, and read again is the same', () => {
    const { recipe, notes } = fitRecipe(buildPreset('rag'))
    expect(readRecipe(recipeText(recipe, notes), 'fitted.yaml')).toEqual(JSON.parse(JSON.stringify(recipe)))
  })

  it('keep the time that passes before a prompt is continued', () => {
    const reuse = {
      edges: [1, 100_000],
      chance: [0.5],
      share: [{ uniform: [0.6, 0.9] }],
      continues: [1],
      age_s: { part: 0, whole: { lognormal: [4, 0.3] } },
    }
    const w = draw({
      requests: 4000,
      block_tokens: 64,
      streams: { a: { rate_per_s: 4, lengths: { isl: { lognormal: [8, 0.5] }, osl: 10 }, prefixes: { reuse } } },
    })
    const fitted = fitRecipe(w).recipe.streams.like.prefixes?.reuse
    for (const chance of fitted?.chance ?? [0]) expect(Math.abs(chance - 0.45)).toBeLessThan(0.15)
    const { p, x } = (fitted as ReuseSpec).age_s.whole as TableSpec
    expect(inverseCdf(p, x, 0.5) / Math.exp(4)).toBeCloseTo(1, 0)
    expect(w.arrivalNs[w.count - 1]).toBeGreaterThan(900 * NS_PER_S)
  })
})
