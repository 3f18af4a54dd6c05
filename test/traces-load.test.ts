import { describe, expect, test } from 'vitest'
import { stream } from '../src/rng.js'
import { closedLoopTraffic, offeredTraffic, repeatTo, splitInTime, type TrafficRequest } from '../src/traces/load.js'
import type { Workload } from '../src/traces/workload.js'
import { NS_PER_S } from '../src/units.js'
import { traffic } from './byHand.js'

/** Half an hour of Poisson arrivals at 2 a second; the input length names the row, the output length the minute. */
function recorded(): Workload {
  const rng = stream(1, 'recorded')
  const times: number[] = []
  for (let t = 0; t < 1800; t += rng.exponential() / 2) times.push(Math.floor(t * NS_PER_S))
  const isl = Int32Array.from(times, (_, i) => i + 1)
  const osl = Int32Array.from(times, (t) => Math.floor(t / (60 * NS_PER_S)) + 1)
  return traffic(times, isl, osl)
}
const PART = recorded()
const RECORDED_PER_S = PART.count / 1800
const request = (change: Partial<TrafficRequest> = {}): TrafficRequest => ({
  part: PART,
  ratePerS: 40,
  durationNs: 600 * NS_PER_S,
  seed: 1,
  replicate: 0,
  mode: 'draw',
  e2eNs: 0,
  ...change,
})
const columns = ({ arrivalNs, isl, osl }: Workload) => ({ arrivalNs, isl, osl })

describe('splitting in time', () => {
  test('gives parts that share no request, lose none, and start near zero', () => {
    const [train, judged] = [splitInTime(PART, 0, 0.5), splitInTime(PART, 0.5, 1)]
    expect(train.count + judged.count).toBe(PART.count)
    expect([...train.isl, ...judged.isl]).toEqual([...PART.isl])
    for (const part of [train, judged]) {
      expect(part.arrivalNs[0]).toBeGreaterThanOrEqual(0)
      expect(part.arrivalNs[0]).toBeLessThan(10 * NS_PER_S)
      expect(part.arrivalNs.every((t, i) => Number.isInteger(t) && (i === 0 || t >= part.arrivalNs[i - 1]))).toBe(true)
      expect(part.arrivalNs[part.count - 1]).toBeLessThanOrEqual(900 * NS_PER_S)
    }
  })

  test('keeps classes and tenants beside their requests', () => {
    const labelled = {
      ...PART,
      classId: Uint16Array.from(PART.isl, (n) => n % 7),
      tenant: Int32Array.from(PART.isl, (n) => n % 5),
    }
    const part = splitInTime(labelled, 0.3, 0.8)
    expect([...(part.classId ?? [])]).toEqual(Array.from(part.isl, (n) => n % 7))
    expect([...(part.tenant ?? [])]).toEqual(Array.from(part.isl, (n) => n % 5))
  })
})

describe('offered traffic', () => {
  test('of more requests than a machine holds is refused before it is drawn, of sessions also those under way at the beginning', () => {
    const tooMany = /one run would have about 80,000,000 requests/
    expect(() => offeredTraffic(request({ ratePerS: 8e7 / 600 }))).toThrow(tooMany)
    // sessions of two turns of 1,000 s each
    const sessions = {
      ...traffic([0, Number.NaN, 1, Number.NaN], [1, 1, 1, 1], [1, 1, 1, 1]),
      session: Int32Array.of(0, 0, 1, 1),
      parent: Int32Array.of(-1, 0, -1, 2),
    }
    const under = { part: sessions, durationNs: NS_PER_S, e2eNs: 1e3 * NS_PER_S }
    expect(() => offeredTraffic(request({ ...under, ratePerS: 4e4 }))).toThrow(/about 80,100,000 requests/)
    expect(() => offeredTraffic(request({ ...under, durationNs: 1e3 * NS_PER_S, ratePerS: 2e4 })), 'both together').toThrow(
      tooMany,
    )
    expect(offeredTraffic(request({ ...under, ratePerS: 4 })).workload.count).toBeGreaterThan(2000)
  })
  test.each([0.3, 0.9, 3, 40, 133.7])('has the rate that was asked for within 3 %% over replicates: %f a second', (ratePerS) => {
    const durationNs = Math.max(600, 9000 / ratePerS) * NS_PER_S
    let count = 0
    for (let replicate = 0; replicate < 4; replicate++)
      count += offeredTraffic(request({ ratePerS, durationNs, replicate })).workload.count
    const offered = count / ((4 * durationNs) / NS_PER_S)
    expect(Math.abs(offered / ratePerS - 1)).toBeLessThan(0.03)
  })

  test('has the rate in mode mix too, whatever minutes were drawn', () => {
    for (let replicate = 0; replicate < 4; replicate++) {
      const { workload } = offeredTraffic(request({ mode: 'mix', replicate, ratePerS: 200, durationNs: 1200 * NS_PER_S }))
      expect(Math.abs(workload.count / (200 * 1200) - 1)).toBeLessThan(0.03)
    }
  })

  test('is made of whole rows of the part, sorted by time, inside the duration', () => {
    const { workload, copies } = offeredTraffic(request())
    // of the blocks that are drawn
    expect(copies / (40 / RECORDED_PER_S)).toBeCloseTo(1, 2)
    for (let i = 0; i < workload.count; i++) {
      expect(workload.osl[i]).toBe(PART.osl[workload.isl[i] - 1])
      if (i > 0) expect(workload.arrivalNs[i]).toBeGreaterThanOrEqual(workload.arrivalNs[i - 1])
    }
    expect(workload.arrivalNs[0]).toBeGreaterThanOrEqual(0)
    expect(workload.arrivalNs[workload.count - 1]).toBeLessThan(600 * NS_PER_S)
  })

  test('is the same for the same replicate, so every arm sees the same; another replicate, seed or mode is other traffic', () => {
    const first = columns(offeredTraffic(request()).workload)
    expect(columns(offeredTraffic(request()).workload)).toEqual(first)
    for (const change of [{ replicate: 1 }, { seed: 2 }, { mode: 'mix' as const }])
      expect(columns(offeredTraffic(request(change)).workload)).not.toEqual(first)
  })

  test('in mode mix draws from fewer minutes than in mode draw: those of one bootstrap resample', () => {
    const minutes = (mode: 'draw' | 'mix') => new Set(offeredTraffic(request({ mode })).workload.osl).size
    // the thirtieth is cut off by the last arrival, and a block that is not whole is left out
    expect(minutes('draw')).toBe(29)
    // of 29 minutes drawn with replacement some 63 % are distinct
    expect(minutes('mix')).toBeGreaterThan(12)
    expect(minutes('mix')).toBeLessThan(26)
  })

  test('a copy more shifts no request of the copies before it: each has a stream of its own', () => {
    const few = offeredTraffic(request({ ratePerS: 3 * RECORDED_PER_S })).workload
    const more = offeredTraffic(request({ ratePerS: 4 * RECORDED_PER_S })).workload
    const key = (workload: Workload, i: number) => `${workload.arrivalNs[i]}/${workload.isl[i]}`
    const seen = new Set(Array.from({ length: more.count }, (_, i) => key(more, i)))
    const kept = Array.from({ length: few.count }, (_, i) => key(few, i)).filter((entry) => seen.has(entry))
    // the rate is that of the 29 whole minutes, not of the part, so the last copy of `few` may be thinned by a little
    expect(kept.length / few.count).toBeGreaterThan(0.99)
  })

  test('a longer duration shifts nobody either', () => {
    const short = offeredTraffic(request({ ratePerS: RECORDED_PER_S * 3, durationNs: 300 * NS_PER_S })).workload
    const long = offeredTraffic(request({ ratePerS: RECORDED_PER_S * 3 })).workload
    expect(long.arrivalNs.slice(0, short.count)).toEqual(short.arrivalNs)
    expect(long.isl.slice(0, short.count)).toEqual(short.isl)
  })
})

describe('shapes for a closed loop', () => {
  const draw = (change: object = {}) =>
    closedLoopTraffic({ part: PART, count: 5000, seed: 1, replicate: 0, mode: 'draw', ...change })
  test('have the count that was asked for, and no times', () => {
    const shapes = draw()
    expect(shapes.count).toBe(5000)
    expect(shapes.arrivalNs.every((t) => t === 0)).toBe(true)
    expect(shapes.osl.every((minute, i) => minute === PART.osl[shapes.isl[i] - 1])).toBe(true)
  })
  test('repeat with the replicate and differ with replicate and mode; a longer list begins like a shorter one', () => {
    expect(draw().isl).toEqual(draw().isl)
    expect(draw({ replicate: 1 }).isl).not.toEqual(draw().isl)
    expect(draw({ mode: 'mix' }).isl).not.toEqual(draw().isl)
    expect(draw({ count: 9000 }).isl.slice(0, 5000)).toEqual(draw().isl)
  })
})

describe('a part whose last block, which is not whole, holds most of its requests', () => {
  // one request in each of the first eight minutes, and a burst in the ninth
  const minutes = Array.from({ length: 8 }, (_, minute) => minute * 60)
  const burst = Array.from({ length: 100 }, (_, i) => 480 + i / 10)
  const times = [...minutes, ...burst].map((s) => s * NS_PER_S)
  const part = traffic(
    times,
    times.map((_, i) => i + 1),
    times.map(() => 1),
  )

  test.each(['draw', 'mix'] as const)('is drawn whole (%s)', (mode) => {
    const seen = new Set<number>()
    let count = 0
    for (let replicate = 0; replicate < 40; replicate++) {
      const { workload } = offeredTraffic(request({ part, mode, replicate, ratePerS: 20 }))
      count += workload.count
      for (const isl of workload.isl) seen.add(isl)
    }
    expect(seen.size).toBe(part.count)
    expect(count / 40 / (20 * 600)).toBeGreaterThan(mode === 'draw' ? 0.8 : 0.5)
  })

  test('gives traffic in any mix, though most of its blocks are empty', () => {
    const late = traffic([0, ...burst.map((s) => s * NS_PER_S)], [1, ...burst.map(() => 2)], [1, ...burst.map(() => 1)])
    for (let replicate = 0; replicate < 50; replicate++) {
      const change = { part: late, mode: 'mix' as const, replicate }
      expect(offeredTraffic(request({ ...change, ratePerS: 20 })).workload.count).toBeGreaterThan(0)
      expect(closedLoopTraffic({ ...change, count: 10, seed: 1 }).count).toBe(10)
    }
  })
})

describe('the trace end to end', () => {
  const three = traffic([0, 10, 40], [1, 2, 3], [4, 5, 6])
  test('repeats in order with the mean gap between passes', () => {
    const twice = repeatTo(three, 7)
    expect([...twice.arrivalNs]).toEqual([0, 10, 40, 60, 70, 100, 120])
    expect([...twice.isl]).toEqual([1, 2, 3, 1, 2, 3, 1])
  })
  test('may be cut short', () => {
    expect(repeatTo(three, 2).count).toBe(2)
  })
  test('one request alone repeats too', () => {
    const one = traffic([0], [1], [1])
    expect([...repeatTo(one, 3).arrivalNs]).toEqual([0, 1, 2])
  })
})
