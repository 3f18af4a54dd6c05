/** Two traces of the same traffic are called the same, others are not; seeds are fixed, so these figures do not wander. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { shuffled, stream } from '../src/rng.js'
import { pickRequests } from '../src/traces/columns.js'
import { presetRecipe } from '../src/traces/generate/presets.js'
import { synthesise } from '../src/traces/generate/synth.js'
import { compareTraces, shapesOnly, type Workload } from '../src/traces/index.js'
import { ksDistance } from '../src/traces/statistics/compare/laws.js'
import { errorsAllowed } from '../src/traces/statistics/compare/line.js'

interface Traffic {
  readonly ratePerS?: number
  /** Requests come at half and at twice the rate in turns of about 100 requests. */
  readonly inBursts?: boolean
  readonly islScale?: number
}

const provenance = { name: 'test', format: 'generated', note: '', rowsRead: 0, rowsSkipped: 0 }

function traffic(seed: string, count: number, { ratePerS = 5, inBursts = false, islScale = 1 }: Traffic = {}): Workload {
  const rng = stream(seed, 'traffic')
  const arrivalNs = new Float64Array(count)
  const isl = new Int32Array(count)
  const osl = new Int32Array(count)
  let timeS = 0
  let isBusy = false
  for (let i = 0; i < count; i++) {
    if (rng.uniform() < 0.01) isBusy = !isBusy
    timeS += rng.exponential() / (inBursts ? ratePerS * (isBusy ? 2 : 0.5) : ratePerS)
    arrivalNs[i] = Math.round(timeS * 1e9)
    isl[i] = Math.max(1, Math.round(islScale * Math.exp(7 + rng.normal())))
    osl[i] = Math.max(1, Math.round(Math.exp(5 + 0.8 * rng.normal())))
  }
  return shapesOnly(arrivalNs, isl, osl, provenance)
}

/** How many of `pairs` comparisons say that the traces differ. */
function alarms(pairs: number, a: (k: number) => Workload, b: (k: number) => Workload): number {
  let different = 0
  for (let k = 0; k < pairs; k++) if (compareTraces(a(k), b(k)).verdict === 'different') different++
  return different
}

const differing = (a: Workload, b: Workload, scaleFree = false): string[] =>
  compareTraces(a, b, { scaleFree })
    .lines.filter((line) => line.verdict === 'different')
    .map((line) => line.statistic)

describe('traces of the same traffic', () => {
  const PAIRS = 100
  it.each<[string, number, number, Traffic]>([
    ['Poisson', 2000, 2000, {}],
    ['Poisson, one short', 3000, 600, {}],
    ['bursts', 2000, 2000, { inBursts: true }],
  ])('%s: below 5 %% are called different', (_, nA, nB, kind) => {
    expect(
      alarms(
        PAIRS,
        (k) => traffic(`a${k}`, nA, kind),
        (k) => traffic(`b${k}`, nB, kind),
      ),
    ).toBeLessThan(0.05 * PAIRS)
  })

  it('sessions with prefixes: two draws of the agent preset are the same traffic', () => {
    const recipe = { ...presetRecipe('agent'), requests: 2000 }
    const draw = (seed: number): Workload => synthesise(recipe, seed, 'agent')
    expect(compareTraces(draw(1), draw(2)).lines.map((line) => line.statistic)).toContain('context growth, p50')
    expect(
      alarms(
        12,
        (k) => draw(10 + 2 * k),
        (k) => draw(11 + 2 * k),
      ),
    ).toBeLessThan(2)
  })

  it('requests at one time are at one time, whatever the mean gap is', () => {
    const inPairs = (seed: string): Workload => {
      const w = traffic(seed, 4000)
      return { ...w, arrivalNs: w.arrivalNs.map((_, i, all) => all[i - (i % 2)]) }
    }
    expect(
      alarms(
        20,
        (k) => inPairs(`pairs ${k}`),
        (k) => inPairs(`other pairs ${k}`),
      ),
    ).toBeLessThanOrEqual(1)
    expect(differing(inPairs('pairs'), traffic('single', 4000))).toContain('law of the gaps')
  })

  it('bursts of clockwork: two draws of the batch preset are the same traffic', () => {
    const draw = (seed: number): Workload => synthesise(presetRecipe('batch'), seed, 'batch')
    expect(
      alarms(
        20,
        (k) => draw(2 * k),
        (k) => draw(2 * k + 1),
      ),
    ).toBeLessThanOrEqual(2)
  })

  it.each([
    [1e6, false],
    [1e6, true],
    [1e7, false],
  ])('clocks that tick every %i ns do not make traces differ', (tickNs, scaleFree) => {
    const ticking = (seed: string): Workload => {
      const w = traffic(seed, 4000, { ratePerS: 100 })
      return { ...w, arrivalNs: w.arrivalNs.map((timeNs) => Math.floor(timeNs / tickNs) * tickNs) }
    }
    for (let k = 0; k < 10; k++) expect(differing(ticking(`a${k}`), ticking(`b${k}`), scaleFree)).toEqual([])
  })

  it('a trace is like itself', () => {
    const trace = traffic('x', 3000, { inBursts: true })
    const { verdict, different, compared } = compareTraces(trace, trace)
    expect({ verdict, different }).toEqual({ verdict: 'same', different: 0 })
    expect(compared).toBeGreaterThan(20)
  })

  it('of few requests nothing is said', () => {
    expect(compareTraces(traffic('a', 40), traffic('b', 4000)).verdict).toBe('undecided')
  })
})

describe('traces of other traffic', () => {
  it('a mean ISL 20 % higher is seen at 10,000 requests, always', () => {
    const changed = (k: number): string[] => differing(traffic(`a${k}`, 10_000), traffic(`b${k}`, 10_000, { islScale: 1.2 }))
    for (let k = 0; k < 20; k++) expect(changed(k)).toEqual(expect.arrayContaining(['ISL mean', 'ISL p50', 'law of ISL']))
  })

  it('bursts are seen in the index of dispersion, not in lengths', () => {
    const changed = differing(traffic('a', 5000), traffic('b', 5000, { inBursts: true, ratePerS: 6 }), true)
    expect(changed).toEqual(expect.arrayContaining(['gap CV', 'IDC 1 s', 'IDC 10 s']))
    expect(changed.filter((statistic) => /ISL|OSL/.test(statistic))).toEqual([])
  })

  it('gaps of another law are seen, also where all gaps were equal', () => {
    const clockwork = (seed: string, unevenness: number): Workload => {
      const w = traffic(seed, 4000)
      const rng = stream(seed, 'unevenness')
      return { ...w, arrivalNs: w.arrivalNs.map((_, i) => (i + unevenness * rng.uniform()) * 1e8) }
    }
    expect(differing(clockwork('a', 0), clockwork('b', 0))).toEqual([])
    expect(differing(clockwork('a', 0), clockwork('b', 0.2))).toContain('law of the gaps')
    expect(differing(clockwork('a', 0.9), traffic('b', 4000, { ratePerS: 10 }))).toContain('law of the gaps')
  })

  it('the level of the rate is one line, and none where it does not matter', () => {
    const slow = traffic('a', 5000)
    const fast = traffic('b', 5000, { ratePerS: 8 })
    expect(differing(slow, fast)).toContain('rate, 1/s')
    expect(differing(slow, fast, true)).toEqual([])
  })

  it('the same requests with the short ones first are other traffic, in any random order they are not', () => {
    const w = traffic('a', 5000)
    const inOrder = (order: readonly number[]): Workload => ({
      ...w,
      isl: w.isl.map((_, i) => w.isl[order[i]]),
      osl: w.osl.map((_, i) => w.osl[order[i]]),
    })
    const byLength = [...w.isl.keys()].sort((x, y) => w.isl[x] - w.isl[y])
    expect(differing(w, inOrder(byLength))).toEqual(['IDC 60 s of input tokens'])
    expect(differing(inOrder(byLength), w)).toEqual(['IDC 60 s of input tokens'])
    expect(differing(w, inOrder(shuffled([...w.isl.keys()], stream(1, 'order'))))).toEqual([])
  })

  it('says that classes and tenants are not compared', () => {
    const w = traffic('a', 400)
    const lines = ({ classId = null }: Partial<Workload>) =>
      compareTraces(w, { ...w, classId }).lines.filter(({ statistic }) => statistic === 'classes and tenants')
    expect(lines({})).toEqual([])
    expect(lines({ classId: new Uint16Array(400) })).toMatchObject([{ verdict: 'not compared' }])
  })

  it('rate and burstiness may differ by the noise of the second trace where that is larger', () => {
    const [calm, rough] = [traffic('a', 3000), traffic('b', 3000, { inBursts: true })]
    const reach = (second: Workload): number =>
      compareTraces(calm, second).lines.find(({ statistic }) => statistic === 'rate, 1/s')?.high ?? Number.NaN
    expect(reach(rough)).toBeGreaterThan(1.3 * reach(calm))
  })

  it('hit rates are held together over as many requests: a longer trace fills a cache for longer', () => {
    const long = traffic('a', 1200)
    // every prompt is one of 300 that are asked again and again
    const column = (value: (i: number) => number): Int32Array => long.isl.map((_, i) => value(i))
    const whole: Workload = {
      ...long,
      ...{ isl: column(() => 32), blockTokens: 16, runOffset: Float64Array.from(long.isl, (_, i) => i) },
      ...{ runCount: column(() => 1), runFirst: column((i) => 2 * (i % 300)), runLength: column(() => 2) },
    }
    const rows = Uint32Array.from({ length: 400 }, (_, i) => i)
    const beginning = pickRequests(whole, rows, whole.arrivalNs.slice(0, 400))
    const line = compareTraces(whole, beginning).lines.find(({ statistic }) => statistic === 'ideal hit rate')
    expect(line).toMatchObject({ a: 0.25, b: 0.25, verdict: 'same' })
  })

  it('of fewer than 20 sessions nothing is said', () => {
    const inSessions = (of: number): Workload => ({
      ...traffic('a', 400),
      session: Int32Array.from({ length: 400 }, (_, i) => i % of),
    })
    const notes = (of: number) => compareTraces(inSessions(of), inSessions(of)).lines.map(({ note }) => note)
    expect(notes(19)).toContain('a trace has fewer than 20')
    expect(notes(20)).not.toContain('a trace has fewer than 20')
  })

  it('prefix blocks of one trace alone are a difference', () => {
    const plain = traffic('a', 500)
    const runs = { runOffset: Float64Array.from(plain.isl, (_, i) => i), runCount: plain.isl.map(() => 1), blockTokens: 16 }
    const blocks: Workload = { ...plain, ...runs, runFirst: plain.isl.map((_, i) => i), runLength: plain.isl.map(() => 1) }
    expect(differing(plain, blocks)).toEqual(['prefix blocks'])
    expect(differing(blocks, blocks)).toEqual([])
  })
})

describe('a trace without times', () => {
  const timed = traffic('a', 2000)
  const untimed: Workload = { ...timed, arrivalNs: new Float64Array(2000) }

  it('is other traffic than one with times, whichever is the first', () => {
    expect(differing(timed, untimed)).toEqual(['arrivals'])
    expect(differing(untimed, timed)).toEqual(['arrivals'])
    expect(compareTraces(untimed, timed).lines[0]).toMatchObject({ a: null, note: 'only the second trace has a rate' })
  })

  it('is compared by its lengths with another one, and where the level of the rate does not matter', () => {
    expect(differing(untimed, untimed)).toEqual([])
    expect(differing(untimed, timed, true)).toEqual([])
    expect(differing(untimed, traffic('b', 2000, { islScale: 2 }), true)).toContain('ISL mean')
  })
})

describe('a trace and itself', () => {
  /** Few requests in few places of time, or in few sessions without times: where noise is hard to know. */
  const awkward = fc
    .record({
      times: fc.array(fc.constantFrom(0, 1, 2, 900), { minLength: 50, maxLength: 70 }),
      isl: fc.constantFrom([1], [1, 5000], [10, 11, 12]),
      osl: fc.constantFrom([1], [7, 900, 3]),
      sessions: fc.option(fc.integer({ min: 1, max: 3 }), { nil: null }),
    })
    .map(({ times, isl, osl, sessions }): Workload => {
      const rows = Int32Array.from(times, (_, i) => i)
      const arrivalNs = sessions === null ? Float64Array.from(times, (s) => s * 1e9).sort() : new Float64Array(times.length)
      const shapes = [isl, osl].map((cycle) => rows.map((i) => cycle[i % cycle.length]))
      const session = sessions === null ? null : rows.map((i) => i % sessions)
      return { ...shapesOnly(arrivalNs, shapes[0], shapes[1], provenance), session }
    })

  it('never differ, however little there is of it', () => {
    fc.assert(
      fc.property(awkward, fc.boolean(), (workload, scaleFree) => {
        expect(differing(workload, workload, scaleFree)).toEqual([])
      }),
    )
  })

  it('one burst and one late request: figures that rest on the burst alone are not compared', () => {
    const burst = traffic('a', 60, { ratePerS: 100 })
    burst.arrivalNs[59] = 700e9
    const { lines, verdict } = compareTraces(burst, burst)
    expect(verdict).toBe('same')
    expect(lines.find(({ statistic }) => statistic === 'IDC 60 s')?.note).toMatch(/its noise is not known/)
  })

  it('one session says nothing of others: undecided', () => {
    const workload: Workload = { ...traffic('a', 80), session: new Int32Array(80), arrivalNs: new Float64Array(80) }
    const { verdict, compared, lines } = compareTraces(workload, workload)
    expect({ verdict, compared }).toEqual({ verdict: 'undecided', compared: 0 })
    expect(lines.filter(({ note }) => note?.includes('noise')).length).toBeGreaterThan(10)
  })
})

describe('pieces', () => {
  it('distance of laws', () => {
    expect(ksDistance(Int32Array.of(1, 2, 3), Int32Array.of(1, 2, 3))).toBe(0)
    expect(ksDistance(Int32Array.of(1, 2), Int32Array.of(3, 4))).toBe(1)
    expect(ksDistance(Int32Array.of(1, 1, 2), Int32Array.of(1, 2, 2))).toBeCloseTo(1 / 3, 12)
  })

  it("Student's quantiles: 2.093 for 20 pieces and 1.984 for 100, two-sided 5 %", () => {
    expect(errorsAllowed(0.05, 20)).toBeCloseTo(2.093, 2)
    expect(errorsAllowed(0.05, 100)).toBeCloseTo(1.984, 2)
  })
})
