/** Traffic drawn from recipes: laws, arrivals, prefixes, and that every purpose draws from a random stream of its own. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stream } from '../src/rng.js'
import { type ArrivalSpec, gapsOf } from '../src/traces/generate/arrivals.js'
import { type LawSpec, lawOf, meanOf } from '../src/traces/generate/laws.js'
import { normalCdf, normalQuantile } from '../src/traces/generate/normal.js'
import { paced, profileSteps } from '../src/traces/generate/pace.js'
import { buildPreset } from '../src/traces/generate/presets.js'
import { checkRecipe, readRecipe } from '../src/traces/generate/readRecipe.js'
import { type Recipe, recipeKeysAt } from '../src/traces/generate/recipe.js'
import { synthesise } from '../src/traces/generate/synth.js'
import { blockIdsOf, PRESETS, traceHash, type Workload, workloadFault } from '../src/traces/index.js'
import { gapCv, indexOfDispersion } from '../src/traces/statistics/index.js'
import { NS_PER_S } from '../src/units.js'

function recipe(data: object): Recipe {
  const { recipe: checked, problems } = checkRecipe(data)
  expect(problems).toEqual([])
  return checked as Recipe
}

const draw = (data: object, seed = 1): Workload => synthesise(recipe(data), seed, 'test')

describe('laws', () => {
  const laws: [string, LawSpec, number][] = [
    ['number', 7, 7],
    ['lognormal', { lognormal: [1, 0.5] }, Math.exp(1 + 0.125)],
    [
      'mixture',
      {
        mix: [
          { weight: 3, lognormal: [0, 0.5] },
          { weight: 1, lognormal: [3, 0.2] },
        ],
      },
      0.75 * Math.exp(0.125) + 0.25 * Math.exp(3.02),
    ],
    ['exponential', { exponential: 3 }, 3],
    ['uniform', { uniform: [2, 6] }, 4],
    ['table', { p: [0, 50, 100], x: [0, 10, 10] }, 7.5],
  ]
  it.each(laws)('%s has its mean and never falls', (_, spec, mean) => {
    const law = lawOf(spec)
    expect(meanOf(law) / mean).toBeCloseTo(1, 2)
    let last = Number.NEGATIVE_INFINITY
    for (let u = 0; u < 1; u += 1 / 500) {
      expect(law.quantile(u)).toBeGreaterThanOrEqual(last)
      last = law.quantile(u)
      expect(Number.isFinite(last)).toBe(true)
    }
  })

  it('the normal quantile inverts the distribution function', () => {
    for (const u of [1e-8, 0.001, 0.02, 0.3, 0.5, 0.9, 0.99, 1 - 1e-6]) expect(normalCdf(normalQuantile(u))).toBeCloseTo(u, 6)
    expect(normalQuantile(0.975)).toBeCloseTo(1.959964, 6)
  })

  it('clips to its bounds', () => {
    const law = lawOf({ lognormal: [0, 2], min: 0.5, max: 2 })
    expect([law.quantile(0), law.quantile(0.9999)]).toEqual([0.5, 2])
  })
})

describe('arrivals', () => {
  const COUNT = 60_000
  const times = (spec: ArrivalSpec, ratePerS: number): Float64Array => {
    const next = paced(gapsOf(spec, ratePerS, stream(3, 'arrivals')), null)
    return Float64Array.from({ length: COUNT }, () => Math.floor(next() * NS_PER_S))
  }
  const specs: [string, ArrivalSpec, number][] = [
    ['poisson', { law: 'poisson' }, 1],
    ['gamma 3', { law: 'gamma', cv: 3 }, 3],
    ['gamma 0.5', { law: 'gamma', cv: 0.5 }, 0.5],
    ['weibull 2', { law: 'weibull', cv: 2 }, 2],
    ['table', { law: 'table', gaps: { p: [0, 50, 100], x: [0, 0, 4] } }, Math.sqrt(5 / 3)],
  ]
  it.each(specs)('%s has the rate and the CV', (_, spec, cv) => {
    const arrivals = times(spec, 5)
    expect(arrivals[COUNT - 1] / NS_PER_S / (COUNT / 5)).toBeCloseTo(1, 1)
    expect((gapCv(arrivals) as number) / cv).toBeCloseTo(1, 1)
  })

  it('MMPP has the rate, and counts that vary as theory says', () => {
    const states = [
      { weight: 1, dwell_s: 40 },
      { weight: 4, dwell_s: 40 },
    ]
    const arrivals = times({ law: 'mmpp', states }, 5)
    expect(arrivals[COUNT - 1] / NS_PER_S / (COUNT / 5)).toBeCloseTo(1, 1)
    // variance of the counts of rates 2 and 8: 1 + 2 (d r / 2)^2 / (mean lambda) (1 - (1 - exp(-2 x)) / (2 x)) ... at 10 s, x = t / dwell
    const decay = 2 / 40
    const limit = (2 * 9) / (5 * decay)
    const expected = 1 + limit * (1 - (1 - Math.exp(-decay * 10)) / (decay * 10))
    expect((indexOfDispersion(arrivals, 10) as number) / expected).toBeCloseTo(1, 0)
  })

  it('bursts have the rate, whatever their sizes: whole, and one at least', () => {
    for (const requests of [1, 2.5, { exponential: 1 }, { exponential: 0.3 }, { lognormal: [0, 1] }] as LawSpec[]) {
      const arrivals = times({ law: 'bursts', requests, gap_s: 0.01, silence_s: 10 }, 5)
      expect(Math.abs(arrivals[COUNT - 1] / NS_PER_S / (COUNT / 5) - 1), JSON.stringify(requests)).toBeLessThan(0.03)
    }
  })

  it('on/off bursts look as published: gap CV 12.7, IDC of 1, 10 and 60 s 9.1, 54 and 144', () => {
    const { arrivalNs } = draw({
      requests: 60_000,
      streams: {
        code: {
          rate_per_s: 3.14,
          arrivals: {
            law: 'bursts',
            requests: { lognormal: [4.398, 1.156] },
            gap_s: {
              mix: [
                { weight: 0.52, lognormal: [-6.034, 2.464] },
                { weight: 0.48, lognormal: [-2.118, 0.652] },
              ],
              max: 3,
            },
            silence_s: { lognormal: [2.745, 1.165], min: 3 },
          },
          lengths: { isl: 1, osl: 1 },
        },
      },
    })
    expect((gapCv(arrivalNs) as number) / 12.7).toBeCloseTo(1, 0)
    for (const [binS, printed] of [
      [1, 9.1],
      [10, 54],
      [60, 144],
    ] as const)
      expect((indexOfDispersion(arrivalNs, binS) as number) / printed).toBeCloseTo(1, 0)
  })

  it('follow a profile, whatever the law of the gaps', () => {
    const steps = profileSteps({ until_s: [100, 200, 300], factors: [1, 0, 3] })
    const next = paced(gapsOf({ law: 'gamma', cv: 2 }, 30, stream(3, 'arrivals')), steps)
    const counts = [0, 0, 0]
    for (let timeS = next(); timeS < 3000; timeS = next()) counts[Math.floor((timeS % 300) / 100)]++
    expect(counts[1]).toBe(0)
    expect(counts[2] / counts[0]).toBeCloseTo(3, 0)
    expect((counts[0] + counts[2]) / 3000 / 30).toBeCloseTo(1, 1)
  })

  it('drift with the wanted spread between minutes', () => {
    const drift = { step_s: 60, cv: 0.5, memory: 0.5 }
    const { arrivalNs } = draw({ duration_s: 60_000, streams: { a: { rate_per_s: 10, drift, lengths: { isl: 1, osl: 1 } } } })
    // mean 600 a minute: Poisson 1, and 600 x 0.25 of the drift
    expect((indexOfDispersion(arrivalNs, 60) as number) / 151).toBeCloseTo(1, 0)
  })
})

const SHAPES = { isl: { lognormal: [6, 1] }, osl: { lognormal: [4, 1] } }
const SESSION = {
  context_limit: 20_000,
  steps: { lognormal: [2, 0.5] },
  first_context: { uniform: [1000, 30_000] },
  growth: { lognormal: [6, 1] },
  output: { lognormal: [5, 1] },
  wait_s: { tool: { exponential: 5 }, human: { exponential: 100 }, human_share: 0.2 },
  reset: { chance: 0.05, keeps: 0.3 },
  subagents: { share: 0.5, count: { uniform: [1, 4] }, steps: 3, first_context: 2000 },
}
const SYSTEM = { groups: 5, zipf: 1, tokens: { uniform: [100, 900] } }

describe('LAW-30: one random stream per purpose', () => {
  const single = (changes: object, seed: number) =>
    draw(
      {
        requests: 300,
        block_tokens: 16,
        streams: { a: { rate_per_s: 4, lengths: SHAPES, prefixes: { system: SYSTEM }, ...changes } },
      },
      seed,
    )
  const sessions = (changes: object, seed: number) =>
    draw(
      {
        requests: 300,
        block_tokens: 16,
        streams: { a: { rate_per_s: 1, prefixes: { system: SYSTEM }, session: { ...SESSION, ...changes } } },
      },
      seed,
    )
  const seeds = fc.integer({ min: 0, max: 1e9 })

  it('other arrivals leave lengths and prefixes as they are', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const [a, b] = [single({}, seed), single({ arrivals: { law: 'gamma', cv: 4 }, rate_per_s: 9 }, seed)]
        expect(b.arrivalNs).not.toEqual(a.arrivalNs)
        expect([b.isl, b.osl, b.runFirst, b.runLength]).toEqual([a.isl, a.osl, a.runFirst, a.runLength])
      }),
      { numRuns: 20 },
    )
  })

  it('other lengths leave arrivals, and who has which system prompt, as they are', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const [a, b] = [single({}, seed), single({ lengths: { isl: 5000, osl: 5 } }, seed)]
        expect(b.arrivalNs).toEqual(a.arrivalNs)
        const groups = (w: Workload) => Array.from({ length: 300 }, (_, i) => (w.isl[i] < 1000 ? -1 : blockIdsOf(w, i)[0]))
        const [ga, gb] = [groups(a), groups(b)]
        const partner = new Map<number, number>()
        for (let i = 0; i < 300; i++) {
          if (ga[i] < 0) continue
          expect(partner.get(ga[i]) ?? gb[i]).toBe(gb[i])
          partner.set(ga[i], gb[i])
        }
      }),
      { numRuns: 20 },
    )
  })

  it('other prefixes leave arrivals and lengths as they are', () => {
    const prefixes = { documents: { share: 0.7, count: 10, zipf: 1, tokens: 300 } }
    const [a, b] = [single({}, 5), single({ prefixes }, 5)]
    expect([b.arrivalNs, b.isl, b.osl]).toEqual([a.arrivalNs, a.isl, a.osl])
    expect(b.runFirst).not.toEqual(a.runFirst)
  })

  it('other waits leave the sessions as they are, and other sessions their starts', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const a = sessions({}, seed)
        const patient = sessions({ wait_s: { exponential: 3 } }, seed)
        const { waitNs: before, ...rest } = a
        const { waitNs: after, ...restAfter } = patient
        expect(restAfter).toEqual(rest)
        expect(after).not.toEqual(before)
        const longer = sessions({ steps: 12 }, seed)
        const starts = (w: Workload) => w.arrivalNs.filter((timeNs) => !Number.isNaN(timeNs)).slice(0, 10)
        expect(starts(longer)).toEqual(starts(a))
      }),
      { numRuns: 10 },
    )
  })

  it('the same seed gives the same trace, another seed another', () => {
    expect(traceHash(sessions({}, 4))).toBe(traceHash(sessions({}, 4)))
    expect(traceHash(sessions({}, 4))).not.toBe(traceHash(sessions({}, 5)))
  })
})

describe('lengths', () => {
  it('a copula joins them, and leaves both laws', () => {
    const w = draw({ requests: 5000, streams: { a: { rate_per_s: 1, lengths: { ...SHAPES, rho: 0.8 } } } })
    const logs = (column: Int32Array) => Array.from(column, Math.log)
    const [x, y] = [logs(w.isl), logs(w.osl)]
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
    const [mx, my] = [mean(x), mean(y)]
    const covariance = mean(x.map((value, i) => (value - mx) * (y[i] - my)))
    const deviation = (values: number[], m: number) => Math.sqrt(mean(values.map((value) => (value - m) ** 2)))
    expect(covariance / (deviation(x, mx) * deviation(y, my))).toBeCloseTo(0.8, 1)
    expect(mx).toBeCloseTo(6, 1)
    expect(my).toBeCloseTo(4, 1)
  })

  it('are never longer than max_tokens, and impossible ones are an error', () => {
    const w = draw({ requests: 500, max_tokens: 600, streams: { a: { rate_per_s: 1, lengths: SHAPES } } })
    expect(Math.max(...w.isl.map((isl, i) => isl + w.osl[i]))).toBeLessThanOrEqual(600)
    expect(() =>
      draw({ requests: 5, max_tokens: 600, streams: { a: { rate_per_s: 1, lengths: { isl: 700, osl: 1 } } } }),
    ).toThrow(/longer than max_tokens, 600/)
  })
})

describe('clients', () => {
  it('are tenants with Zipf-like shares', () => {
    const clients = { count: 10, zipf: 1, cv: { lognormal: [0.5, 0.5] }, length_sigma: 0.5 }
    const w = draw({ requests: 30_000, streams: { api: { rate_per_s: 10, clients, lengths: SHAPES } } })
    expect(w.names.tenant?.slice(0, 2)).toEqual(['api-1', 'api-2'])
    const counts = new Float64Array(10)
    for (const tenant of w.tenant as Int32Array) counts[tenant]++
    expect(counts[0] / counts[9]).toBeCloseTo(10, -1)
    expect(counts[0] / w.count).toBeCloseTo(1 / 2.929, 1)
  })
})

describe('prefix blocks', () => {
  const SHARED = { system: SYSTEM, documents: { share: 0.6, count: 30, zipf: 1, tokens: { uniform: [50, 2000] } } }
  const withBlocks = (blockTokens: number, seed: number) =>
    draw({ requests: 120, block_tokens: blockTokens, streams: { a: { rate_per_s: 4, lengths: SHAPES, prefixes: SHARED } } }, seed)
  const sharedTokens = (w: Workload, i: number, j: number): number => {
    const [a, b] = [blockIdsOf(w, i), blockIdsOf(w, j)]
    let shared = 0
    while (shared < a.length && shared < b.length && a[shared] === b[shared]) shared++
    return shared * w.blockTokens
  }

  it('coarser ones share what whole coarse blocks of the fine ones share', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e6 }), fc.constantFrom(64, 512), (seed, coarse) => {
        const [fine, wide] = [withBlocks(16, seed), withBlocks(coarse, seed)]
        expect(wide.isl).toEqual(fine.isl)
        for (let i = 0; i < 120; i++)
          for (let j = 0; j < i; j++)
            expect(sharedTokens(wide, i, j)).toBe(Math.floor(sharedTokens(fine, i, j) / coarse) * coarse)
      }),
      { numRuns: 10 },
    )
  })

  it('an id names the whole prefix: where two prompts agree they agree from the start', () => {
    const w = withBlocks(16, 3)
    const before = new Map<number, number>()
    for (let i = 0; i < w.count; i++) {
      const ids = blockIdsOf(w, i)
      expect(ids.length).toBe(Math.floor(w.isl[i] / 16))
      for (let k = 0; k < ids.length; k++) {
        const previous = k === 0 ? -1 : ids[k - 1]
        expect(before.get(ids[k]) ?? previous).toBe(previous)
        before.set(ids[k], previous)
      }
    }
  })
})

describe('sessions', () => {
  const w = draw({
    requests: 3000,
    block_tokens: 16,
    max_tokens: 20_000,
    streams: { a: { rate_per_s: 1, prefixes: { system: SYSTEM }, session: SESSION } },
  })
  const parent = w.parent as Int32Array

  it('keep the contract and the context limit, and are whole', () => {
    expect(workloadFault(w)).toBeNull()
    expect(Math.max(...w.isl.map((isl, i) => isl + w.osl[i]))).toBeLessThanOrEqual(20_000)
    for (let i = 0; i < w.count; i++) {
      expect(Number.isNaN(w.arrivalNs[i])).toBe(parent[i] >= 0)
      if (parent[i] >= 0) expect(w.session?.[parent[i]]).toBe(w.session?.[i])
    }
  })

  it('grow by at least the answer, share all of the step before, or begin anew from the system prompt', () => {
    let resets = 0
    let steps = 0
    for (let i = 0; i < w.count; i++) {
      // a sub-agent begins with a context of its own
      const fork = i > 0 && parent[i] >= 0 && w.isl[i] === 2000
      if (parent[i] < 0 || fork) continue
      steps++
      const [ids, earlier] = [blockIdsOf(w, i), blockIdsOf(w, parent[i])]
      let shared = 0
      while (shared < earlier.length && ids[shared] === earlier[shared]) shared++
      if (shared === earlier.length && w.isl[i] >= w.isl[parent[i]] + w.osl[parent[i]]) continue
      resets++
      expect(w.isl[i]).toBe(Math.min(19_999, Math.max(1, Math.round(0.3 * w.isl[parent[i]]))))
      expect(shared).toBeLessThanOrEqual(900 / 16)
    }
    expect(resets / steps).toBeGreaterThan(0.03)
    expect(resets / steps).toBeLessThan(0.4)
  })

  it('fork to sub-agents and wait for all of them', () => {
    const joins = w.joins as Int32Array
    const joined = joins.filter((row) => row >= 0)
    expect(joined.length).toBeGreaterThan(50)
    for (let i = 0; i < w.count; i++) if (joins[i] >= 0) expect(w.joinCount?.[joins[i]]).toBeGreaterThan(1)
  })

  it('reach a million tokens when the recipe allows it', () => {
    const big = { ...SESSION, context_limit: 1_000_000, first_context: { lognormal: [13.26, 0.87] }, subagents: undefined }
    const long = draw({ requests: 500, block_tokens: 64, max_tokens: 1_000_000, streams: { a: { rate_per_s: 1, session: big } } })
    expect(Math.max(...long.isl)).toBeGreaterThan(800_000)
    expect((long.runFirst as Int32Array).length).toBeLessThan(3 * long.count)
  })
})

describe('presets', () => {
  it.each(PRESETS)('%s keeps the contract of workloads', (name) => {
    const w = buildPreset(name)
    expect(workloadFault(w)).toBeNull()
    expect(w.count).toBeGreaterThan(4000)
    expect(w.provenance.note).toMatch(/not a recording$/)
  })
})

describe('faulty recipes are refused with a place and a remedy', () => {
  const STREAM = 'streams:\n  a:\n    rate_per_s: 1\n    lengths: {isl: 10, osl: 10}\n'
  const cases: [string, string, RegExp][] = [
    ['nothing', '', /the recipe is empty/],
    ['no amount', STREAM, /exactly one of requests and duration_s, got neither/],
    ['two amounts', `requests: 5\nduration_s: 5\n${STREAM}`, /got both/],
    [
      'unknown key',
      `requests: 5\nstreems: {}\n${STREAM}`,
      /r\.yaml:2:1 {2}streems: unknown key\n {2}hint: did you mean 'streams'/,
    ],
    ['no streams', 'requests: 5\nstreams: {}', /at least one stream/],
    ['no lengths', 'requests: 5\nstreams: {a: {rate_per_s: 1}}', /exactly one of lengths and session, got neither/],
    ['unknown law', `requests: 5\n${STREAM}    arrivals: {law: pareto}\n`, /one of poisson, gamma, weibull, table, mmpp, bursts/],
    ['cv of Poisson', `requests: 5\n${STREAM}    arrivals: {law: poisson, cv: 2}\n`, /arrivals\.cv: unknown key/],
    ['blocks for nothing', `requests: 5\nblock_tokens: 16\n${STREAM}`, /block_tokens: has no effect/],
    [
      'prefixes without blocks',
      `requests: 5\n${STREAM}    prefixes: {system: {groups: 1, zipf: 1, tokens: 5}}\n`,
      /need block_tokens/,
    ],
    [
      'rate 0',
      'requests: 5\nstreams: {a: {rate_per_s: 0, lengths: {isl: 1, osl: 1}}}',
      /r\.yaml:2:27 {2}streams\.a\.rate_per_s: expected mean rate/,
    ],
    [
      'falling table',
      'requests: 5\nstreams: {a: {rate_per_s: 1, lengths: {isl: {p: [0, 100], x: [5, 2]}, osl: 1}}}',
      /lengths\.isl: expected \{p: \[0, \.\.\., 100\], x: \[\.\.\.\]\}, equally long/,
    ],
    [
      'no law',
      `requests: 5\n${STREAM}    clients: {count: 1, zipf: 1, cv: {normal: 2}}\n`,
      /clients\.cv: expected a law: .*; min and max clip lognormal, mix and exponential/,
    ],
    ['steps that do not ascend', `requests: 5\n${STREAM}    profile: {until_s: [5, 5], factors: [1, 1]}\n`, /do not ascend/],
    [
      'table of that name',
      'requests: 5\nstreams: {a: {rate_per_s: 1, lengths: {table: azure-con}}}',
      /did you mean 'azure-conv'/,
    ],
    [
      'limit above the longest',
      'requests: 5\nmax_tokens: 10\nblock_tokens: 16\nstreams: {a: {rate_per_s: 1, session: {context_limit: 20, steps: 1, first_context: 1, growth: 1, output: 1, wait_s: {tool: 1, human: 1, human_share: 0}, reset: {chance: 0, keeps: 1}}}}',
      /context_limit: is above max_tokens, 10/,
    ],
    [
      'a session with keys missing, told what goes there and where to read of it',
      'requests: 5\nblock_tokens: 16\nstreams: {a: {rate_per_s: 1, session: {steps: 1, first_context: 1, growth: 1, output: 1, wait_s: 1, context_limit: 20}}}',
      /session\.reset: expected a mapping: \{chance, keeps\}.*\n {2}hint: add this key; see docs\/RECIPES\.md/,
    ],
  ]
  const WITH_GAPS = (arrivals: string): string => `requests: 5\n${STREAM}    arrivals: ${arrivals}\n`
  cases.push(
    ['no gap at all', WITH_GAPS('{law: table, gaps: {p: [0, 100, 100], x: [0, 0, 5]}}'), /gaps: the gaps are 0 in the mean/],
    ['bursts without a time', WITH_GAPS('{law: bursts, requests: 5, gap_s: 0, silence_s: 0}'), /silence_s: the gaps and the/],
    ['single requests without silences', WITH_GAPS('{law: bursts, requests: 1, gap_s: 1, silence_s: 0}'), /the gaps and the/],
  )
  it('bursts of mostly single requests need no silences', () => {
    expect(() =>
      readRecipe(WITH_GAPS('{law: bursts, requests: {exponential: 1}, gap_s: 1, silence_s: 0}'), 'r.yaml'),
    ).not.toThrow()
  })
  it.each(cases)('%s', (_, text, message) => {
    expect(() => readRecipe(text, 'r.yaml')).toThrow(message)
  })

  it('more requests than fit the memory, by a long time or a high rate', () => {
    const stream = { rate_per_s: 5000, lengths: { isl: 1, osl: 1 } }
    expect(() => draw({ duration_s: 4001, streams: { a: stream } })).toThrow(/about 20,000,000 requests would be drawn/)
    expect(() => draw({ requests: 20_000_001, streams: { a: stream } })).toThrow()
  })

  it('a rate so low that the trace would last beyond 104 days, with a profile or without', () => {
    const slow = { rate_per_s: 1e-9, lengths: { isl: 1, osl: 1 } }
    const profile = { until_s: [1, 2], factors: [1, 2] }
    for (const one of [slow, { ...slow, profile }])
      expect(() => draw({ requests: 5, streams: { a: one } })).toThrow(/more than 104 days/)
  })

  it('such a rate where states change all the time, which would be gone round for ever', () => {
    const states = [
      { weight: 1, dwell_s: 40 },
      { weight: 4, dwell_s: 40 },
    ]
    const slow = { rate_per_s: 1e-12, lengths: { isl: 1, osl: 1 }, arrivals: { law: 'mmpp', states } }
    const profile = { until_s: [1, 2], factors: [1, 2] }
    for (const one of [slow, { ...slow, profile }, { ...slow, clients: { count: 3, zipf: 1 } }])
      expect(() => draw({ requests: 5, streams: { a: one } })).toThrow(/more than 104 days/)
  })

  it('states that change far more often than requests come', () => {
    const states = [
      { weight: 1, dwell_s: 1e-6 },
      { weight: 4, dwell_s: 1e-6 },
    ]
    const lengths = { isl: 1, osl: 1 }
    const one = { rate_per_s: 1, lengths, arrivals: { law: 'mmpp', states } }
    const said = /streams\.a\.arrivals\.states: the states change about 1,000,000 times for each request/
    const late = { ...one, rate_per_s: 1e-7 }
    expect(checkRecipe({ requests: 5, streams: { a: late } }).problems[0].message).toMatch(/before every client has sent one/)
    // the rarest clients of ten thousand send nothing for years, whatever the rate of all
    const rare = {
      ...one,
      rate_per_s: 1000,
      clients: { count: 10_000, zipf: 5 },
      arrivals: { law: 'mmpp', states: states.map((state) => ({ ...state, dwell_s: 1 })) },
    }
    expect(checkRecipe({ requests: 5, streams: { a: rare } }).problems[0].message).toMatch(/before every client has sent one/)
    expect(checkRecipe({ requests: 5, streams: { a: one } }).problems[0].message).toMatch(said)
    expect(checkRecipe({ requests: 5, streams: { a: { ...one, rate_per_s: 200 } } }).problems).toEqual([])
  })

  it.each([
    ['steps', { steps: 1e12 }],
    ['sub-agents', { steps: 3, subagents: { share: 1, count: 1e12, steps: 1, first_context: 1 } }],
  ])('a session without an end: %s', { timeout: 20_000 }, (_, given) => {
    const rest = { first_context: 10, growth: 0, output: 1, wait_s: 1, reset: { chance: 1, keeps: 0.5 }, context_limit: 100 }
    const session = { ...rest, ...given }
    expect(() => draw({ requests: 5, block_tokens: 16, streams: { a: { rate_per_s: 1, session } } })).toThrow(
      /more than 100,000 requests/,
    )
  })
})

describe('docs/RECIPES.md', () => {
  const page = readFileSync(new URL('../docs/RECIPES.md', import.meta.url), 'utf8')

  it('has an example that can be drawn', () => {
    const text = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? ''
    expect(workloadFault(synthesise(readRecipe(text, 'RECIPES.md'), 1, 'example'))).toBeNull()
  })

  it('names every key', () => {
    const paths = [
      '',
      'streams.*',
      'arrivals',
      'profile',
      'drift',
      'clients',
      'prefixes',
      'prefixes.reuse',
      'prefixes.documents',
      'session',
      'session.wait_s',
      'session.reset',
      'session.subagents',
    ]
    const keys = paths.flatMap((path) =>
      recipeKeysAt(path === '' || path === 'streams.*' ? path.split('.').filter(Boolean) : ['streams', 'a', ...path.split('.')]),
    )
    expect(keys.length).toBeGreaterThan(50)
    expect(keys.filter((key) => !new RegExp(`\\b${key}\\b`).test(page))).toEqual([])
  })
})
