/** Presence in bins and results by session, against sums over the requests. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createPresence } from '../src/metrics/presence.js'
import { COMPLETED, REJECTED } from '../src/metrics/records.js'
import { createSessionTally } from '../src/metrics/sessions.js'
import { createRecords } from '../src/simulator/recordStore.js'

/** With times up to 2^40 ns bins are at most this wide: at multiples of it nothing is taken to be even. */
const WIDTH_NS = 2 ** 27

describe('presence', () => {
  test('is exact between bins, however often these were widened', () => {
    const stay = fc.record({
      fromNs: fc.integer({ min: 0, max: 2 ** 39 }),
      lengthNs: fc.oneof(fc.integer({ min: 0, max: 2 ** 20 }), fc.integer({ min: 0, max: 2 ** 39 }), fc.constant(Number.NaN)),
    })
    const edges = fc.tuple(fc.integer({ min: 0, max: 4000 }), fc.integer({ min: 1, max: 4000 }))
    fc.assert(
      fc.property(fc.array(stay, { minLength: 1, maxLength: 40 }), edges, (stays, [first, length]) => {
        const presence = createPresence()
        for (const { fromNs, lengthNs } of stays) presence.add(fromNs, fromNs + lengthNs, true, true)
        const [fromNs, toNs] = [first * WIDTH_NS, (first + length) * WIDTH_NS]
        const sum = (values: number[]) => values.reduce((total, value) => total + value, 0)
        const leaves = ({ fromNs: at, lengthNs }: (typeof stays)[number]) =>
          lengthNs >= 0 ? at + lengthNs : Number.POSITIVE_INFINITY
        const inside = stays.map((one) => Math.max(0, Math.min(leaves(one), toNs) - Math.max(one.fromNs, fromNs)))
        expect(presence.insideNs(fromNs, toNs)).toBe(sum(inside))
        expect(presence.arrivals(fromNs, toNs)).toBe(stays.filter((one) => one.fromNs >= fromNs && one.fromNs < toNs).length)
      }),
      { numRuns: 300, seed: 3 },
    )
  })

  test('whoever is met inside stays longer than the mean, and as long where all lives are equal', () => {
    const presence = createPresence()
    for (const lifeNs of [100, 100, 100, 900]) presence.add(0, lifeNs, true, true)
    expect(presence.metLifeNs(0, WIDTH_NS)).toBe((3 * 100 ** 2 + 900 ** 2) / 1200)
    expect(createPresence().metLifeNs(0, WIDTH_NS)).toBe(0)
    const even = createPresence()
    for (let i = 0; i < 10; i++) even.add(i, i + 250, true, true)
    expect(even.metLifeNs(0, WIDTH_NS)).toBe(even.meanLifeNs(0, WIDTH_NS))
  })

  const stays = fc.array(
    fc.record({ arrival: fc.nat({ max: 1e12 }), life: fc.oneof(fc.constant(null), fc.nat({ max: 1e11 })) }),
    { minLength: 1, maxLength: 60 },
  )
  test('agrees with the sum over requests, to a bin', () => {
    fc.assert(
      fc.property(stays, fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }), (list, a, b) => {
        const presence = createPresence()
        for (const { arrival, life } of list)
          presence.add(arrival, life === null ? Number.NaN : arrival + life, life !== null, true)
        const endNs = Math.max(...list.map(({ arrival, life }) => arrival + (life ?? 0)))
        const [fromNs, toNs] = [Math.min(a, b) * endNs, Math.max(a, b) * endNs]
        const due = list.reduce(
          (sum, { arrival, life }) =>
            sum + Math.max(0, Math.min(toNs, life === null ? Infinity : arrival + life) - Math.max(fromNs, arrival)),
          0,
        )
        // at most two bins are cut, each at most 1/4096 of the run
        const slack = (2 * list.length * Math.max(endNs, 2 ** 29)) / 4096 + 1
        expect(Math.abs(presence.insideNs(fromNs, toNs) - due)).toBeLessThanOrEqual(slack)
        expect(presence.arrivals(0, 2 ** 45)).toBe(list.length)
        const lives = list.flatMap(({ life }) => (life === null ? [] : [life]))
        const mean = lives.length === 0 ? 0 : lives.reduce((sum, life) => sum + life, 0) / lives.length
        expect(presence.meanLifeNs(0, 2 ** 45)).toBeCloseTo(mean, 0)
      }),
    )
  })
  test('knows when a share had left', () => {
    const presence = createPresence()
    for (let i = 0; i < 1000; i++) presence.add(i * 1e6, i * 1e6 + 5e8, true, true)
    expect(presence.leftShare(0.99, 2e9)).toBeCloseTo(5e8 + 990e6, -7)
    presence.add(0, Number.NaN, false, true)
    expect(presence.leftShare(1, 2e9)).toBe(2e9)
  })

  test('tells when those had left who count', () => {
    const presence = createPresence()
    for (let i = 0; i < 100; i++) presence.add(0, 1e9, true, true)
    for (let i = 0; i < 900; i++) presence.add(0, 1e8, true, false)
    expect(Math.abs(presence.leftShare(0.5, 2e9) - 1e9)).toBeLessThan(1e6)
    presence.add(0, Number.NaN, false, true)
    expect(presence.leftShare(1, 2e9)).toBe(2e9)
  })
})

test('a session is completed when all of its requests are answered', () => {
  const shape = {
    unitOf: Int32Array.of(0, 0, 1, 1, 2, 3),
    sizes: Int32Array.of(2, 2, 1, 1),
    waitNs: Float64Array.of(0, 6e9, 0, 1e9, 0, 0),
    allWait: true,
  }
  const tally = createSessionTally(shape, { fromNs: 0, toNs: 100e9 })
  const records = createRecords(4)
  // the second turn of session 1 was not sent; 2 is rejected; 3 begins after the window
  const rows = [
    [0, 1e9, 2e9, COMPLETED],
    [1, 8e9, 9e9, COMPLETED],
    [2, 3e9, 4e9, COMPLETED],
    [4, 5e9, 5e9, REJECTED],
    [5, 200e9, 201e9, COMPLETED],
  ]
  for (const [request, arrivalNs, endNs, fate] of rows) {
    records.request[0] = request
    records.arrivalNs[0] = arrivalNs
    records.endNs[0] = endNs
    records.fate[0] = fate
    records.count = 1
    tally.add(records)
  }
  const summary = tally.summary(1)
  expect(summary).toMatchObject({ begun: 3, completed: 1, gave_up: 1, requests_not_sent: 1, waiting_share: 6 / 8 })
  expect(summary.duration_s).toEqual({ mean: 8, p50: 8, p90: 8, p95: 8, p99: 8 })
})
