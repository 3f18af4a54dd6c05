import { describe, expect, it } from 'vitest'
import { createArm, POLICIES, parsePolicy, SHAPE_AWARE_ARM, STATIC_ARM } from '../src/levers/catalogue.js'
import type { ChunkView, LoadView, RankPolicy, RequestView } from '../src/levers/lever.js'
import { createStepTimer, type StepTables } from '../src/timing/stepTimer.js'
import { choiceContract, chunkContract, holdContract, loads, spanContract, splitContract } from './levers/contract.js'

const REQUEST: RequestView = { inputTokens: 1000, classId: 0, tenant: 0 }
/** The rank of a request on arrival, or -1 where the policy decides later. */
const placed = (policy: RankPolicy, load: LoadView): number => policy.place?.(load, REQUEST) ?? -1
const named = (lever: string) => POLICIES.filter((info) => info.lever === lever).map((info) => info.name)

/** 1 ms of host, 0.5 us a token, prefill attention of chunk x (prefix + chunk / 2) x 1 ps. */
function tables(): StepTables {
  const line = (length: number, slope: number) => Float64Array.from({ length }, (_, i) => i * slope)
  const knots = Float64Array.from([0, 1, 256, 1024, 4096, 16384, 65536, 262144])
  const prefill = new Float64Array(knots.length ** 2)
  for (const [i, chunk] of knots.entries()) {
    for (const [j, prefix] of knots.entries()) prefill[i * knots.length + j] = chunk * (prefix + chunk / 2)
  }
  return {
    ranks: 1,
    maxTokens: 8192,
    maxSequences: 512,
    maxLength: 131072,
    hostPs: 1e9,
    localPs: line(8193, 5e5),
    headPs: line(513, 1e5),
    decodeRowsPs: line(513, 1e5),
    sharedPs: line(8193, 0),
    exchangePs: line(8193, 0),
    kernelColumns: 1,
    kernelBasePs: line(513, 1e6),
    kernelSlopePs: new Float64Array(513).fill(100),
    prefillChunkKnots: knots,
    prefillPrefixKnots: knots,
    prefillPs: prefill,
  }
}
const timer = createStepTimer(tables())
function view(n: number, remaining: number, prefix: number): ChunkView {
  return {
    decodeSequences: n,
    decodeKvTokens: n * 4096,
    decodeTokens: n,
    splitFactor: 1.3,
    candidates: 1,
    remaining: new Float64Array(8).fill(remaining),
    prefix: new Float64Array(8).fill(prefix),
    maxBatchedTokens: 8192,
    leastSlackNs: Number.POSITIVE_INFINITY,
    timer,
  }
}

for (const name of [...named('split'), 'length-aware(b=0.5,o=2)'])
  describe(`split ${name}`, () => splitContract(parsePolicy('split', name)))
for (const name of [...named('chunk'), 'equal-time(0.1)'])
  describe(`chunk ${name}`, () => chunkContract(parsePolicy('chunk', name), view))
for (const [name, most] of [
  ['aligned(512)', 60],
  ['aligned(512,wait=3,batch=2,share=0.5)', 5],
  ['aligned(512,wait=0,batch=0)', 0],
] as const)
  describe(`chunk ${name}`, () => holdContract(parsePolicy('chunk', name), most))
// those that decide at step boundaries: levers-rank.test.ts
for (const name of named('rank').filter((known) => parsePolicy('rank', known)().place !== undefined)) {
  describe(`rank ${name}`, () =>
    choiceContract(
      () => {
        const policy = parsePolicy('rank', name)()
        return (load) => placed(policy, load)
      },
      // draws take longer than turns to come to all of 64 ranks
      name === 'random' ? 16 : undefined,
    ))
}
for (const name of named('pool')) {
  describe(`pool ${name}`, () =>
    choiceContract(() => {
      const policy = parsePolicy('pool', name)()
      return (load) => policy.route(load, REQUEST, 'prefill')
    }))
}

for (const name of ['one', 'fixed(2)', ...named('span')]) {
  describe(`span ${name}`, () => spanContract(parsePolicy('span', name)))
}

describe('rules', () => {
  it('by-shape spreads what exceeds a share of the mean load, where that saves enough', () => {
    const policy = parsePolicy('span', 'by-shape(theta=0.5,min=1000)')()
    const degree = (inputTokens: number, tokens: number) =>
      policy.degree(loads(new Array(8).fill(1), new Array(8).fill(tokens)), { ...REQUEST, inputTokens })
    // mean load 10,000 + 1/8 of its own
    expect([1000, 5000, 8000, 20_000, 100_000].map((tokens) => degree(tokens, 10_000))).toEqual([1, 1, 2, 4, 8])
    // seven eighths of it saved: more than the exchange costs, or not
    expect(degree(2000, 0)).toBe(8)
    expect(degree(1100, 0)).toBe(1)
  })
  it('round robin keeps a turn for each engine: engines in turn must not alias with ranks in turn', () => {
    const rank = parsePolicy('rank', 'round-robin')()
    const seen = [new Set<number>(), new Set<number>()]
    for (let i = 0; i < 16; i++) seen[i % 2].add(placed(rank, loads([0, 0, 0, 0], [0, 0, 0, 0], i % 2)))
    expect(seen.map((s) => s.size)).toEqual([4, 4])
  })
  it('random draws ranks evenly whatever the load, each engine for itself, and again the same from the same state', () => {
    const rank = parsePolicy('rank', 'random')()
    const full = loads([0, 9, 9, 9], [0, 9, 9, 9])
    const drawn = Array.from({ length: 4000 }, () => placed(rank, full))
    for (const place of [0, 1, 2, 3]) {
      const share = drawn.filter((other) => other === place).length / drawn.length
      expect(Math.abs(share - 0.25)).toBeLessThan(0.03)
    }
    // a rank follows every rank as often as any other
    const pairs = new Map<number, number>()
    for (let i = 1; i < drawn.length; i++)
      pairs.set(4 * drawn[i - 1] + drawn[i], (pairs.get(4 * drawn[i - 1] + drawn[i]) ?? 0) + 1)
    for (const count of pairs.values()) expect(Math.abs(count / drawn.length - 1 / 16)).toBeLessThan(0.02)
    expect(pairs.size).toBe(16)
    const again = parsePolicy('rank', 'random')()
    expect(Array.from({ length: 100 }, () => placed(again, full))).toEqual(drawn.slice(0, 100))
    const other = parsePolicy('rank', 'random')()
    expect(Array.from({ length: 100 }, () => placed(other, loads([0, 9, 9, 9], [0, 9, 9, 9], 1)))).not.toEqual(
      drawn.slice(0, 100),
    )
    ;(other.state as Float64Array)[0] = 100
    expect(Array.from({ length: 100 }, () => placed(other, full))).toEqual(drawn.slice(100, 200))
  })
  it.each(['random', 'kv-aware(w=1,temperature=1)', 'kv-adaptive(temperature=1)'])('%s draws by the run', (name) => {
    const drawn = (run?: string) => {
      const policy = parsePolicy('rank', name)(run)
      return Array.from({ length: 2000 }, () => placed(policy, loads([0, 0, 0, 0], [0, 0, 0, 0])))
    }
    const first = drawn('1/test/draw/0')
    expect(drawn('1/test/draw/0')).toEqual(first)
    for (const other of ['2/test/draw/0', '1/test/draw/1', '1/train/draw/0']) {
      // as if the two had nothing to do with each other: neither the same ranks nor the same in other places
      const pairs = new Map<number, number>()
      drawn(other).forEach((rank, i) => {
        pairs.set(4 * first[i] + rank, (pairs.get(4 * first[i] + rank) ?? 0) + 1)
      })
      expect(pairs.size).toBe(16)
      for (const count of pairs.values()) expect(Math.abs(count / 2000 - 1 / 16)).toBeLessThan(0.025)
    }
  })
  it('least-cost weighs requests against tokens, and ties go to the lowest place', () => {
    const view2 = loads([1, 3], [9000, 1000])
    expect(placed(parsePolicy('rank', 'least-cost(5000)')(), view2)).toBe(0)
    expect(placed(parsePolicy('rank', 'least-kv-tokens')(), view2)).toBe(1)
    expect(placed(parsePolicy('rank', 'least-requests')(), loads([2, 1, 1], [0, 0, 0]))).toBe(1)
  })
  it('equal-time shrinks with the prefix, and one grain more would miss the target', () => {
    const policy = parsePolicy('chunk', 'equal-time(3)')()
    const chunks = [0, 20000, 100000].map((prefix) => policy.prefillTokens(view(8, 200000, prefix)))
    expect(chunks[0]).toBeGreaterThan(chunks[1])
    expect(chunks[1]).toBeGreaterThan(chunks[2])
    expect(chunks[2]).toBeGreaterThanOrEqual(256)
    const stepPs = (c: number, prefix: number) =>
      1e9 +
      timer.decodeRowsPs(8) +
      timer.kernelPs(8, 8 * 4096) * 1.3 +
      timer.localPs(8 + c) +
      timer.headPs(8) +
      timer.prefillPs(c, prefix)
    expect(stepPs(chunks[1], 20000)).toBeLessThanOrEqual(3e9)
    expect(stepPs(chunks[1] + 32, 20000)).toBeGreaterThan(3e9)
    // chunks that share a call leave time for more
    const slow = { ...tables(), prefillPs: tables().prefillPs.map((ps) => 1000 * ps) }
    const [counts, lengths] = [Float64Array.of(1, 8), Float64Array.of(1, 8192)]
    const together = { counts, lengths, nextPs: new Float64Array(2), prefixPs: slow.prefillPs.map(() => 0) }
    const [apart, sharing] = [slow, { ...slow, together }].map((list) =>
      policy.prefillTokens({ ...view(8, 1000, 0), candidates: 4, timer: createStepTimer(list) }),
    )
    expect(apart).toBeGreaterThan(256)
    expect(sharing).toBeGreaterThan(apart)
    // keys that an indexer reads take their time from the chunk
    const keyed = createStepTimer({ ...tables(), keyTokenPs: 10_000 })
    expect(policy.prefillTokens({ ...view(8, 200000, 20000), timer: keyed })).toBeLessThan(chunks[1])
  })
  it('slack gives a step no more time than the least patient sequence has, its cap, or 256 tokens', () => {
    const policy = parsePolicy('chunk', 'slack(20,cap=3)')()
    const fixed = parsePolicy('chunk', 'equal-time(3)')()
    const with_ = (leastSlackNs: number) => policy.prefillTokens({ ...view(8, 200000, 20000), leastSlackNs })
    expect(with_(Number.POSITIVE_INFINITY)).toBe(fixed.prefillTokens(view(8, 200000, 20000)))
    expect(with_(2e6)).toBe(parsePolicy('chunk', 'equal-time(2)')().prefillTokens(view(8, 200000, 20000)))
    expect(with_(-1e9)).toBe(256)
    expect(policy.paceNs).toBe(20e6)
  })
  it('fixed budget takes decoding tokens off, those of drafts too; sequences attended to for other ranks take none', () => {
    const tokens = (policy: string, seen: ChunkView) => parsePolicy('chunk', policy)().prefillTokens(seen)
    expect(tokens('fixed-budget(512)', view(100, 9999, 0))).toBe(412)
    expect(tokens('fixed-budget(64)', view(100, 9999, 0))).toBe(0)
    for (const policy of ['fixed-budget(512)', 'aligned(512)']) {
      expect(tokens(policy, { ...view(100, 9999, 0), decodeTokens: 400 })).toBe(112)
      expect(tokens(policy, { ...view(128, 9999, 0), decodeTokens: 512 })).toBe(0)
      expect(tokens(policy, { ...view(100, 9999, 0), decodeTokens: 0 })).toBe(512)
    }
  })
  it('policy names round-trip, arms are made fresh', () => {
    for (const info of POLICIES) expect(parsePolicy(info.lever, info.name)().info.name).toBe(info.name)
    for (const spec of [STATIC_ARM, SHAPE_AWARE_ARM]) expect(createArm(spec).rank).not.toBe(createArm(spec).rank)
  })
  it('names the remedy for a wrong name or argument', () => {
    expect(() => parsePolicy('split', 'fixed-cont(8)')).toThrow(/did you mean 'fixed-count'/)
    expect(() => parsePolicy('split', 'fixed-count')).toThrow(/needs count/)
    expect(() => parsePolicy('split', 'fixed-count(0)')).toThrow(/must lie in/)
    expect(() => parsePolicy('split', 'fixed-count(2.5)')).toThrow(/whole number/)
    expect(() => parsePolicy('split', 'fixed-count(1,2)')).toThrow(/positional/)
    expect(() => parsePolicy('split', 'length-aware(x=1)')).toThrow(/no argument "x"/)
    expect(() => parsePolicy('split', 'fixed-count(8')).toThrow(/is not a policy/)
    expect(() => parsePolicy('rank', 'least-cost(many)')).toThrow(/is not a number/)
    const twice = 'argument migrate of least-cost is given twice'
    expect(() => parsePolicy('rank', 'least-cost(5000,migrate=0.1,migrate=0.3)')).toThrow(twice)
    expect(() => parsePolicy('split', 'fixed-count(8,count=8)')).toThrow(/argument count of fixed-count is given twice/)
  })
})
