import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FEWEST_FOR_INTERVAL } from '../src/collections/bootstrap.js'
import { meanOf, mixInterval, pairedRatio } from '../src/experiments/statistics.js'
import { stream } from '../src/rng.js'

describe('ratio of paired replicates', () => {
  test('is exact on constant ratios, whatever the replicates differ by', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.1, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 20 }),
        fc.double({ min: 0.01, max: 100, noNaN: true }),
        (base, factor) => {
          const { ratio, ci95, n } = pairedRatio(
            base.map((value) => value * factor),
            base,
            1,
            'constant',
          )
          expect(ratio).toBeCloseTo(factor, 9)
          expect(n).toBe(base.length)
          if (n < FEWEST_FOR_INTERVAL) expect(ci95).toBeNull()
          else for (const end of ci95 ?? [0, 0]) expect(end / factor).toBeCloseTo(1, 9)
        },
      ),
      { numRuns: 60, seed: 1 },
    )
  })

  test('is the geometric mean, so the inverse comparison is the inverse ratio', () => {
    expect(pairedRatio([2, 8], [1, 1], 1, 'a').ratio).toBeCloseTo(4, 12)
    const arm = [3, 5, 4, 6, 5]
    const base = [2, 4, 5, 5, 3]
    expect((pairedRatio(arm, base, 1, 'a').ratio as number) * (pairedRatio(base, arm, 1, 'b').ratio as number)).toBeCloseTo(1, 12)
  })

  test('leaves out pairs that lack a side, and says how many stayed', () => {
    expect(pairedRatio([2, null, 2, 0, 2, -1], [1, 1, null, 1, 1, 1], 1, 'a')).toEqual({ ratio: 2, ci95: null, n: 2 })
    expect(pairedRatio([2, 2, 2], [1], 1, 'a').n).toBe(1)
    expect(pairedRatio([null], [1], 1, 'a')).toEqual({ ratio: null, ci95: null, n: 0 })
  })

  test('gives no interval below four replicates', () => {
    expect(pairedRatio([1, 2, 3], [1, 1, 1], 1, 'a').ci95).toBeNull()
    expect(pairedRatio([1, 2, 3, 4], [1, 1, 1, 1], 1, 'a').ci95).not.toBeNull()
  })

  test('same seed and name, same interval; another name, another stream', () => {
    const arm = [1.1, 1.3, 0.9, 1.2, 1.4, 1.05, 1.15, 1.25]
    const base = arm.map(() => 1)
    expect(pairedRatio(arm, base, 7, 'x')).toEqual(pairedRatio(arm, base, 7, 'x'))
    expect(pairedRatio(arm, base, 7, 'x').ci95).not.toEqual(pairedRatio(arm, base, 7, 'y').ci95)
  })
})

/** Share of experiments whose interval holds the truth: log ratios are normal around log(1.2). */
function coverage(n: number, experiments: number): number {
  const rng = stream(1, `coverage/${n}`)
  let held = 0
  for (let experiment = 0; experiment < experiments; experiment++) {
    const arm = Array.from({ length: n }, () => 1.2 * Math.exp(0.05 * rng.normal()))
    const [low, high] = pairedRatio(
      arm,
      arm.map(() => 1),
      experiment,
      'coverage',
    ).ci95 ?? [0, 0]
    if (low <= 1.2 && 1.2 <= high) held++
  }
  return held / experiments
}

test('the interval goes on narrowing where the table of Student ends', () => {
  const half = (n: number): number => {
    const logs = Array.from({ length: n }, (_, i) => (i % 2 === 0 ? 0.1 : -0.1))
    const [low, high] = mixInterval(
      logs.map(Math.exp),
      logs.map(() => 1),
    ) ?? [0, 0]
    const deviation = 0.1 * Math.sqrt(n / (n - 1)) * Math.sqrt(1 + 1 / n)
    return Math.log(high / low) / 2 / deviation
  }
  // t of 97.5 % at 29, 39, 59 and 119 degrees of freedom
  for (const [n, t] of [
    [30, 2.045],
    [40, 2.023],
    [60, 2.001],
    [120, 1.98],
  ])
    expect(half(n), `${n}`).toBeCloseTo(t, 2)
})

test.each([4, 5, 6, 8, 20])('the interval of %i replicates covers the truth 93 to 97 times in a hundred', (n) => {
  const share = coverage(n, 2000)
  expect(share).toBeGreaterThan(0.93)
  expect(share).toBeLessThan(0.97)
})

describe('the interval over mixes of traffic', () => {
  const ones = (values: readonly unknown[]): number[] => values.map(() => 1)
  const width = ([low, high]: readonly [number, number]): number => Math.log(high / low)
  const drawn = (n: number): number[] => {
    const rng = stream(1, `mix/${n}`)
    return Array.from({ length: n }, () => 1.2 * Math.exp(0.05 * rng.normal()))
  }

  test.each([4, 8])('of %i replicates holds one more 94 to 96 times in a hundred', (n) => {
    const rng = stream(1, `one more/${n}`)
    const one = (): number => Math.exp(0.05 * rng.normal())
    const experiments = 20_000
    let held = 0
    for (let i = 0; i < experiments; i++) {
      const [low, high] = mixInterval(Array.from({ length: n }, one), new Array(n).fill(1)) ?? [0, 0]
      const next = one()
      if (low <= next && next <= high) held++
    }
    expect(held / experiments).toBeGreaterThan(0.945)
    expect(held / experiments).toBeLessThan(0.955)
  })

  test('is exp(mean +- t sd sqrt(1 + 1/n)) of the log ratios', () => {
    const logs = [-0.1, 0, 0.1, 0.2]
    // mean 0.05, sample deviation sqrt(0.05 / 3), t of three degrees of freedom 3.182
    const half = 3.182 * Math.sqrt(0.05 / 3) * Math.sqrt(5 / 4)
    const [low, high] = mixInterval(logs.map(Math.exp), ones(logs)) ?? [0, 0]
    expect(Math.log(low)).toBeCloseTo(0.05 - half, 9)
    expect(Math.log(high)).toBeCloseTo(0.05 + half, 9)
  })

  test('does not shrink with more replicates, as the interval of their mean does', () => {
    // 2 x 1.96 deviations of 0.05, whatever n
    for (const n of [100, 400, 1600]) {
      expect(width(mixInterval(drawn(n), ones(drawn(n))) as [number, number]) / (2 * 1.96 * 0.05), `${n}`).toBeCloseTo(1, 0)
      expect(width(mixInterval(drawn(n), ones(drawn(n))) as [number, number])).toBeGreaterThan(0.85 * 2 * 1.96 * 0.05)
    }
    const mean = pairedRatio(drawn(400), ones(drawn(400)), 1, 'mean').ci95 as [number, number]
    expect(width(mean)).toBeLessThan(0.1 * width(mixInterval(drawn(400), ones(drawn(400))) as [number, number]))
  })

  test('is null below four pairs, and leaves out pairs that lack a side', () => {
    expect(mixInterval([1, 2, 3], [1, 1, 1])).toBeNull()
    expect(mixInterval([1, 2, 3, null, 0], [1, 1, 1, 1, 1])).toBeNull()
    expect(mixInterval([1, 2, null, 3, 4], [1, 1, 1, 1, 1])).toEqual(mixInterval([1, 2, 3, 4], [1, 1, 1, 1]))
  })
})

test('meanOf leaves undefined replicates out', () => {
  expect(meanOf([1, null, 3])).toBe(2)
  expect(meanOf([null, null])).toBeNull()
})
