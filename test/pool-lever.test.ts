/** What the pool policies decide: lanes of lengths, and the weight of caches. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parsePolicy } from '../src/levers/catalogue.js'
import type { LoadView, PoolPolicy } from '../src/levers/lever.js'

/** Engines by the tokens they hold, those of the prompt that their caches have, and those in their queues. */
function engines(held: readonly number[], matched: readonly number[] = [], queued: readonly number[] = []): LoadView {
  return {
    count: held.length,
    running: () => 0,
    waiting: () => 0,
    kvTokens: (place) => held[place],
    queuedTokens: (place) => queued[place] ?? 0,
    freeBlocks: () => 1000,
    matchedTokens: (place) => matched[place] ?? 0,
  }
}
const pool = (name: string): PoolPolicy => parsePolicy('pool', name)()
const route = (policy: PoolPolicy, view: LoadView, inputTokens: number) =>
  policy.route(view, { inputTokens, classId: 0, tenant: 0 }, 'prefill')

describe('lanes', () => {
  const idle = engines([0, 0, 0, 0, 0, 0])

  test('lengths up to a cut take its lane, cuts in any order', () => {
    for (const name of ['lanes(100,1000)', 'lanes(1000,100)']) {
      const policy = pool(name)
      expect([1, 100, 101, 1000, 1001, 1e6].map((tokens) => route(policy, idle, tokens))).toEqual([0, 0, 2, 2, 4, 4])
    }
  })

  test('the lightest of the lane, unless it holds over 25 % more than the lightest of all', () => {
    const policy = pool('lanes(100)')
    expect(route(policy, engines([80, 100, 125, 110]), 500)).toBe(0)
    expect(route(policy, engines([100, 100, 125, 140]), 500)).toBe(2)
    expect(route(policy, engines([100, 100, 140, 126]), 500)).toBe(0)
    expect(route(policy, engines([126, 140, 100, 100]), 50)).toBe(2)
    expect(route(pool('lanes(100,spill=300)'), engines([126, 140, 100, 100]), 50)).toBe(0)
  })

  test('lanes of equal work: each of two gets about half of the tokens of skewed prompts, and follows a drift', () => {
    const policy = pool('equal-lanes(2,spill=1000000)')
    const view = engines([1, 1])
    for (const scale of [1, 20]) {
      const tokens = [0, 0]
      for (let i = 0; i < 12_000; i++) {
        const length = Math.ceil(scale * 50 * 2 ** (7 * ((i * 0.618034) % 1)))
        const lane = route(policy, view, length)
        if (i > 9_000) tokens[lane] += length
      }
      expect(tokens[0] / (tokens[0] + tokens[1])).toBeGreaterThan(0.4)
      expect(tokens[0] / (tokens[0] + tokens[1])).toBeLessThan(0.6)
    }
  })

  test('what equal lanes have seen weighs half as much after 2,000 requests', () => {
    const policy = pool('equal-lanes(4)')
    const lane = (times: number, length: number) => {
      let last = -1
      for (let i = 0; i < times; i++) last = route(policy, engines([1, 1, 1, 1]), length)
      return last
    }
    // of two neighbouring bins, the lower stands at half of its share: at 1/2 alone, at 1/4 when it has faded to a half
    expect(lane(20_000, 1020)).toBe(2)
    lane(1900, 1030)
    expect(lane(1, 1020)).toBe(1)
    lane(200, 1030)
    expect(lane(1, 1020)).toBe(0)
  })

  test('a length stands in the middle of those of its bin: the first prompt takes the middle lane', () =>
    expect(route(pool('equal-lanes(3)'), engines([1, 1, 1]), 500)).toBe(1))

  test('property: every engine can be reached, and a lane is never left while it is the lightest', () => {
    const held = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 9 })
    fc.assert(
      fc.property(
        held,
        fc.integer({ min: 1, max: 3000 }),
        fc.constantFrom('lanes(50,700)', 'equal-lanes(3)'),
        (drawn, length, name) => {
          const place = route(pool(name), engines(drawn), length)
          expect(place).toBeGreaterThanOrEqual(0)
          expect(place).toBeLessThan(drawn.length)
          // nowhere is it hotter than the spill allows, except in its own lane's lightest engine
          expect(drawn[place]).toBeLessThanOrEqual(Math.max(...drawn))
          const only = drawn.map((_, at) => (at === place ? 0 : 1e6))
          expect(route(pool(name), engines(only), length)).toBe(place)
        },
      ),
    )
  })
})

describe('kv-aware and kv-adaptive', () => {
  test('a temperature of 0 takes the cheapest; the freer the choice the more often others are taken, in the same order every time', () => {
    const view = engines([100, 200, 300])
    const shares = (name: string) => {
      const policy = pool(name)
      const counts = [0, 0, 0]
      for (let i = 0; i < 3000; i++) counts[route(policy, view, 50)]++
      return counts.map((count) => count / 3000)
    }
    expect(shares('kv-aware(w=1)')).toEqual([1, 0, 0])
    expect(shares('kv-aware(w=1,temperature=0.5)')).toEqual(shares('kv-aware(w=1,temperature=0.5)'))
    // costs 0, 1/2 and 1 of the range: chances go with 1, e^-1 and e^-2
    const total = 1 + Math.exp(-1) + Math.exp(-2)
    shares('kv-aware(w=1,temperature=0.5)').forEach((share, i) => {
      expect(share).toBeCloseTo(Math.exp(-i) / total, 1)
    })
  })

  test('ranks are drawn by other numbers than engines, by a policy of the same name', () => {
    const view = engines([0, 0, 0, 0])
    const byPool = pool('kv-aware(w=1,temperature=1)')
    const byRank = parsePolicy('rank', 'kv-aware(w=1,temperature=1)')()
    let same = 0
    for (let i = 0; i < 2000; i++)
      if (route(byPool, view, 50) === byRank.place?.(view, { inputTokens: 50, classId: 0, tenant: 0 })) same++
    expect(same / 2000).toBeCloseTo(1 / 4, 1)
  })

  test('the weight rises while caches save more than they load places, and falls while they save less', () => {
    const rising = pool('kv-adaptive')
    for (let i = 0; i < 200; i++) route(rising, engines([100, 0], [1000, 0]), 2000)
    const falling = pool('kv-adaptive')
    // 900 tokens saved where 1000 more are held: only a weight above 1.1 goes there
    falling.state?.set([0, 8])
    for (let i = 0; i < 2000; i++) route(falling, engines([1000, 0], [900, 0]), 2000)
    expect(rising.state?.[1]).toBeGreaterThan(100)
    expect(falling.state?.[1]).toBeLessThan(1.2)
    expect(route(rising, engines([9000, 0], [1000, 0]), 2000)).toBe(0)
    expect(route(falling, engines([9000, 0], [1000, 0]), 2000)).toBe(1)
  })
})
