import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { differing, factorialArms } from '../src/experiments/attribution/arms.js'
import { attribute } from '../src/experiments/attribution/attribute.js'
import { addOne, dropOne, type Game, interaction, overlap, shapley } from '../src/experiments/attribution/game.js'
import { METRICS } from '../src/experiments/metrics.js'
import { gapClosed, pairedRatio } from '../src/experiments/statistics.js'
import { SHAPE_AWARE_ARM, STATIC_ARM } from '../src/levers/catalogue.js'
import { stream } from '../src/rng.js'
import type { ClusterConfig } from '../src/simulator/config.js'
import { factorialOutcomes, LEVERS, outcomeOf } from './fixtures/ablation.js'

const worth = fc.double({ min: -2, max: 2, noNaN: true })
const game = fc.integer({ min: 1, max: 5 }).chain((n) => fc.array(worth, { minLength: 2 ** n, maxLength: 2 ** n }))
const largeGame = fc.integer({ min: 2, max: 5 }).chain((n) => fc.array(worth, { minLength: 2 ** n, maxLength: 2 ** n }))
const players = (g: Game) => Math.log2(g.length)
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
const RUNS = { numRuns: 300, seed: 1 }

/** The game with players `a` and `b` in each other's place. */
const swapped = (g: Game, a: number, b: number): Game =>
  g.map((_, coalition) => {
    const [inA, inB] = [(coalition >> a) & 1, (coalition >> b) & 1]
    return g[(coalition & ~(1 << a) & ~(1 << b)) | (inA << b) | (inB << a)]
  })

describe('LAW-40: Shapley values', () => {
  test('efficiency: they sum to the worth of all less that of none', () => {
    fc.assert(
      fc.property(game, (g) => {
        expect(sum(shapley(g))).toBeCloseTo(g[g.length - 1] - g[0], 10)
      }),
      RUNS,
    )
  })

  test('symmetry: players in exchanged roles have exchanged values, and equal roles equal values', () => {
    fc.assert(
      fc.property(largeGame, (g) => {
        const [before, after] = [shapley(g), shapley(swapped(g, 0, 1))]
        expect(after[0]).toBeCloseTo(before[1], 10)
        expect(after[1]).toBeCloseTo(before[0], 10)
        const alike = g.map((value, i) => (value + swapped(g, 0, 1)[i]) / 2)
        expect(shapley(alike)[0]).toBeCloseTo(shapley(alike)[1], 10)
      }),
      RUNS,
    )
  })

  test('dummy: a player that adds the same to everybody gets just that, and interacts with nobody', () => {
    fc.assert(
      fc.property(game, worth, (g, added) => {
        const dummy = players(g)
        const larger = [...g, ...g.map((value) => value + added)]
        expect(shapley(larger)[dummy]).toBeCloseTo(added, 10)
        expect(addOne(larger)[dummy]).toBeCloseTo(added, 10)
        expect(dropOne(larger)[dummy]).toBeCloseTo(added, 10)
        for (let other = 0; other < dummy; other++) {
          expect(shapley(larger)[other]).toBeCloseTo(shapley(g)[other], 10)
          expect(interaction(larger, other, dummy)).toBeCloseTo(0, 10)
        }
      }),
      RUNS,
    )
  })

  test('additivity: the values of a sum of games are the sums of their values', () => {
    fc.assert(
      fc.property(game, fc.integer({ min: 1, max: 99 }), (g, seed) => {
        const rng = stream(seed, 'additivity')
        const other = g.map(() => rng.normal())
        const both = shapley(g.map((value, i) => value + other[i]))
        shapley(g).forEach((value, i) => {
          expect(both[i]).toBeCloseTo(value + shapley(other)[i], 9)
        })
      }),
      RUNS,
    )
  })

  test('are the means of what players add over all orders', () => {
    const orders = (rest: number[]): number[][] =>
      rest.length === 0 ? [[]] : rest.flatMap((first) => orders(rest.filter((p) => p !== first)).map((o) => [first, ...o]))
    fc.assert(
      fc.property(game, (g) => {
        const all = orders(Array.from({ length: players(g) }, (_, i) => i))
        const added = new Array<number>(players(g)).fill(0)
        for (const order of all)
          order.reduce((before, player) => {
            added[player] += (g[before | (1 << player)] - g[before]) / all.length
            return before | (1 << player)
          }, 0)
        shapley(g).forEach((value, i) => {
          expect(value).toBeCloseTo(added[i], 10)
        })
      }),
      { numRuns: 60, seed: 1 },
    )
  })
})

describe('interactions', () => {
  test('of two players are what they add together beyond what each adds, and minus their overlap', () => {
    fc.assert(
      fc.property(fc.array(worth, { minLength: 4, maxLength: 4 }), (g) => {
        expect(interaction(g, 0, 1)).toBeCloseTo(g[3] - g[1] - g[2] + g[0], 12)
        expect(overlap(g)).toBeCloseTo(-interaction(g, 0, 1), 12)
      }),
      RUNS,
    )
  })
  test('are alike in both directions, and vanish where gains add up', () => {
    fc.assert(
      fc.property(largeGame, (g) => {
        expect(interaction(g, 0, 1)).toBeCloseTo(interaction(g, 1, 0), 12)
        const parts = shapley(g)
        const additive = g.map((_, coalition) => sum(parts.filter((_part, i) => (coalition >> i) & 1)))
        for (let i = 0; i < players(g); i++)
          for (let j = i + 1; j < players(g); j++) expect(interaction(additive, i, j)).toBeCloseTo(0, 10)
        expect(overlap(additive)).toBeCloseTo(0, 10)
      }),
      RUNS,
    )
  })
})

describe('an attribution', () => {
  const outcomes = factorialOutcomes()
  const found = attribute(LEVERS, outcomes, 'fixed_load', METRICS[0], 1)

  test('has terms that multiply to the ratio of the two arms, and bounds around each', () => {
    const product = found.levers.reduce((all, { shapley: value }) => all * value.ratio, 1)
    expect(product).toBeCloseTo(found.total?.ratio as number, 12)
    for (const term of [found.total, found.overlap, ...found.levers.map(({ shapley: value }) => value)]) {
      const [low, high] = term?.ci95 ?? [2, 0]
      expect(low).toBeLessThanOrEqual(term?.ratio as number)
      expect(high).toBeGreaterThanOrEqual(term?.ratio as number)
    }
    expect(sum(found.levers.map(({ share }) => share as number))).toBeCloseTo(1, 12)
  })

  test('finds what was put in: split and rank overlap by 3 %, chunk costs 2 %', () => {
    const term = (lever: string) => found.levers.find((entry) => entry.lever === lever)
    expect(term('split')?.shapley.log).toBeCloseTo(0.09 - 0.015, 2)
    expect(term('rank')?.shapley.log).toBeCloseTo(0.05 - 0.015, 2)
    expect(term('chunk')?.shapley.log).toBeCloseTo(-0.02, 2)
    expect(term('split')?.add_one.log).toBeCloseTo(0.09, 2)
    expect(term('split')?.drop_one.log).toBeCloseTo(0.06, 2)
    const pair = found.interactions.find(({ levers }) => levers.join() === 'split,rank')
    expect(pair?.term.log).toBeCloseTo(-0.03, 2)
    expect(Math.abs((found.overlap?.log as number) - 0.03)).toBeLessThan(0.008)
  })

  test('turns round with the direction of the metric', () => {
    const times = attribute(LEVERS, outcomes, 'fixed_load', METRICS.find(({ name }) => name === 'tpot_ms.p50') as never, 1)
    times.levers.forEach(({ shapley: value }, i) => {
      expect(value.log).toBeCloseTo(-found.levers[i].shapley.log, 12)
    })
  })

  test('has no shares of a total that may be zero: one that is, and one whose interval ends there', () => {
    const sharesOf = (logs: readonly number[]) =>
      attribute(
        ['split'],
        [logs.map(() => outcomeOf(10)), logs.map((log) => outcomeOf(10 * Math.exp(-log)))],
        'fixed_load',
        METRICS[0],
        1,
      ).levers.map(({ share }) => share)
    const tied = new Array<number>(8).fill(0)
    expect(sharesOf(tied)).toEqual([null])
    expect(sharesOf([...tied.slice(1), -1e-3])).toEqual([null])
    expect(sharesOf(tied.map(() => -1e-3))).toEqual([1])
  })

  test('leaves out replicates in which an arm lacks the metric, and says so', () => {
    const holed = outcomes.map((arm, i) =>
      arm.map((outcome, r) => (i === 5 && r === 2 ? outcomeOf(Number.POSITIVE_INFINITY) : outcome)),
    )
    const rest = attribute(LEVERS, holed, 'fixed_load', METRICS[0], 1)
    expect(rest.n).toBe(7)
    expect(rest.note).toContain('1 replicates are left out')
    const none = attribute(
      LEVERS,
      outcomes.map((arm) => arm.map(() => outcomeOf(Number.POSITIVE_INFINITY))),
      'fixed_load',
      METRICS[0],
      1,
    )
    expect(none).toMatchObject({ n: 0, total: null, levers: [], overlap: null })
  })

  test('has intervals that cover the truth 90 to 98 times in a hundred', () => {
    const experiments = 200
    let held = 0
    for (let seed = 0; seed < experiments; seed++) {
      const { levers } = attribute(LEVERS, factorialOutcomes(8, seed), 'fixed_load', METRICS[0], seed)
      const [low, high] = levers[0].shapley.ci95 ?? [0, 0]
      if (low <= Math.exp(0.075) && Math.exp(0.075) <= high) held++
    }
    expect(held / experiments).toBeGreaterThan(0.9)
    expect(held / experiments).toBeLessThan(0.98)
  })
})

describe('the arms of an ablation', () => {
  const cluster = (ranks: number, engines = 2) =>
    ({ engines: Array.from({ length: engines }, () => ({ role: 'aggregated', ranks })) }) as unknown as ClusterConfig
  test('are all mixes, from the one arm to the other', () => {
    const config = cluster(4)
    const levers = differing(STATIC_ARM, SHAPE_AWARE_ARM, config)
    expect(levers).toEqual(['split', 'rank', 'pool'])
    const arms = factorialArms(STATIC_ARM, SHAPE_AWARE_ARM, levers, config)
    expect(arms).toHaveLength(8)
    expect(arms[0]).toBe(STATIC_ARM)
    expect(arms[7]).toBe(SHAPE_AWARE_ARM)
    expect(new Set(arms.map(({ name }) => name)).size).toBe(8)
    arms.forEach((arm, coalition) => {
      levers.forEach((lever, i) => {
        expect(arm[lever]).toBe(((coalition >> i) & 1 ? SHAPE_AWARE_ARM : STATIC_ARM)[lever])
      })
    })
  })
  test('carry the hashes of the policies that are files, each its own', () => {
    const from = { ...STATIC_ARM, rank: './a.js', sourceHash: { rank: 'a' } }
    const to = { ...SHAPE_AWARE_ARM, rank: 'round-robin', split: './b.js', sourceHash: { split: 'b' } }
    const hashes = factorialArms(from, to, ['split', 'rank'], cluster(4)).map(({ sourceHash }) => sourceHash)
    expect(hashes).toEqual([{ rank: 'a' }, { split: 'b', rank: 'a' }, {}, { split: 'b' }])
    expect(factorialArms(STATIC_ARM, SHAPE_AWARE_ARM, ['rank'], cluster(4))[1]).not.toHaveProperty('sourceHash')
  })
  test('leave a lever alone that has no effect on the cluster, or was not asked for', () => {
    expect(differing(STATIC_ARM, SHAPE_AWARE_ARM, cluster(1))).toEqual(['split', 'pool'])
    expect(differing(STATIC_ARM, SHAPE_AWARE_ARM, cluster(1, 1))).toEqual(['split'])
    const arms = factorialArms(STATIC_ARM, SHAPE_AWARE_ARM, ['rank'], cluster(4))
    expect(arms.map(({ name }) => name)).toEqual(['static', 'static + rank'])
    expect(arms[1]).toMatchObject({ split: STATIC_ARM.split, rank: SHAPE_AWARE_ARM.rank })
  })
})

describe('LAW-41: gap closed', () => {
  const closed = (three: Parameters<typeof gapClosed>[0], better: 'higher' | 'lower') =>
    gapClosed(three, pairedRatio(three.oracle, three.baseline, 1, 'oracle'), better, 1, 'gap')
  const gap = (arm: number[], better: 'higher' | 'lower' = 'lower') =>
    closed({ baseline: [10, 12, 11, 10], arm, oracle: [5, 6, 5.5, 5] }, better)
  test('is 0 at the baseline, 1 at the oracle, below 0 for who is worse than the baseline', () => {
    expect(gap([10, 12, 11, 10]).share).toBe(0)
    expect(gap([5, 6, 5.5, 5]).share).toBe(1)
    expect(gap([7.5, 9, 8.25, 7.5]).share).toBeCloseTo(0.5, 12)
    expect(gap([11, 13, 12, 11]).share).toBeLessThan(0)
    expect(gap([7.5, 9, 8.25, 7.5]).ci95?.map((bound) => Number(bound.toFixed(9)))).toEqual([0.5, 0.5])
  })
  test('counts speeds as times', () => {
    const { share } = closed({ baseline: [100], arm: [150], oracle: [200] }, 'higher')
    expect(share).toBeCloseTo((1 / 100 - 1 / 150) / (1 / 100 - 1 / 200), 12)
  })
  test('is null with a reason where there is no gap, or may be none', () => {
    const none = (note: string) => ({ share: null, ci95: null, n: 4, note: expect.stringContaining(note) })
    expect(gap([9, 9, 9, 9], 'higher')).toMatchObject(none('no gap to close'))
    const arm = [9, 9, 9, 9]
    expect(closed({ baseline: [10, 10, 10, 10], arm, oracle: [5, 12, 11, 11] }, 'lower')).toMatchObject(none('in some resample'))
    expect(closed({ baseline: [null], arm: [1], oracle: [1] }, 'lower')).toMatchObject({ share: null, n: 0 })
  })
  test('is null where the gap is next to none, or its interval includes none', () => {
    const three = { baseline: [10, 10, 10, 10], arm: [9, 9, 9, 9], oracle: [5, 5, 5, 5] }
    const to = (ratio: number, low: number, high: number) =>
      gapClosed(three, { ratio, ci95: [low, high], n: 4 }, 'lower', 1, 'gap')
    const none = (note: string) => ({ share: null, ci95: null, n: 4, note: expect.stringContaining(note) })
    expect(to(1.00004, 0.99993, 1.00015)).toMatchObject(none('too small a gap'))
    expect(to(1.0014, 1.0011, 1.0017)).toMatchObject(none('too small a gap'))
    expect(to(0.969, 0.934, 1.0004)).toMatchObject(none('leave open'))
    expect(to(0.969, 0.934, 0.999)).toMatchObject({ share: 0.2, note: null })
    expect(to(1.0024, 1.0011, 1.0037).share).toBe(0.2)
  })
})
