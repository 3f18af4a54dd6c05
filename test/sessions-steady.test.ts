/** Sessions that begin at random have always done so: their turns come at the mean rate from the beginning, however long the longest sessions are. */
import { describe, expect, test } from 'vitest'
import { type OpenJob, runJob } from '../src/experiments/job.js'
import { openTraffic } from '../src/experiments/jobTraffic.js'
import { arrivalShape, capacitySize, EFFORTS, windowS } from '../src/experiments/sizing.js'
import { STATIC_ARM } from '../src/levers/catalogue.js'
import { stream } from '../src/rng.js'
import { createCopies } from '../src/traces/copies.js'
import { offeredTraffic, splitInTime } from '../src/traces/load.js'
import { presetWorkload } from '../src/traces/presets.js'
import { sendingTimes, unitsOf } from '../src/traces/sessions.js'
import type { Workload } from '../src/traces/workload.js'
import { NS_PER_S } from '../src/units.js'
import { chainsOf } from './byHand.js'
import { tinyContext } from './tinyCluster.js'

const NO_BLOCKS = { runOffset: null, runCount: null, runFirst: null, runLength: null }

/** Turns lognormal about 5 in the middle, at most 400. */
function longTailed(sigma: number): Workload {
  const rng = stream(4, 'turns')
  const turns = Array.from({ length: 1600 }, () => Math.min(400, Math.max(1, Math.ceil(5 * Math.exp(sigma * rng.normal())))))
  return chainsOf(turns, 20)
}

/** Requests sent in [fromS, toS) when each takes `e2eS`. */
function sentBetween(workload: Workload, e2eS: number, fromS: number, toS: number): number {
  const units = unitsOf(workload)
  const sentNs = sendingTimes(workload, units, e2eS * NS_PER_S)
  let count = 0
  for (let u = 0; u < units.count; u++) {
    const beginNs = workload.arrivalNs[units.rows[units.offset[u]]]
    for (const row of units.rows.subarray(units.offset[u], units.offset[u + 1])) {
      const atS = (beginNs + sentNs[row]) / NS_PER_S
      if (atS >= fromS && atS < toS) count++
    }
  }
  return count
}

describe('requests a second in the window are sessions a second times their turns, within 3 %', () => {
  const REPLICATES = 40
  const effort = EFFORTS.quick
  const cases: [string, () => Promise<Workload>, number, number][] = [
    ['turns all alike', async () => longTailed(0), 8, 0.6],
    ['turns lognormal, sigma 1', async () => longTailed(1), 8, 0.6],
    ['turns lognormal, sigma 1.5', async () => longTailed(1.5), 8, 0.6],
    // without its prefix blocks, which nothing here reads
    ['preset agent', async () => ({ ...(await presetWorkload('agent')), ...NO_BLOCKS }), 2, 5],
  ]
  test.each(cases)('%s', async (_, load, requestsPerS, e2eS) => {
    const part = splitInTime(await load(), 0.5, 1)
    const arrivals = arrivalShape(part)
    const unitS = arrivals.unitS(e2eS)
    const search = capacitySize(e2eS, requestsPerS, effort, arrivals)
    const windows = {
      'search for a capacity': [search.warmupS, search.measureS],
      replicate: [10 * unitS, windowS(effort.measure, unitS, requestsPerS, effort.requests)],
      'from the beginning': [0, search.measureS],
    }
    for (const [what, [warmupS, measureS]] of Object.entries(windows)) {
      let share = 0
      for (let replicate = 0; replicate < REPLICATES; replicate++) {
        const { workload } = offeredTraffic({
          part,
          ratePerS: requestsPerS / arrivals.requests,
          durationNs: (warmupS + measureS) * NS_PER_S,
          seed: 1,
          replicate,
          mode: 'draw',
          e2eNs: e2eS * NS_PER_S,
        })
        share += sentBetween(workload, e2eS, warmupS, warmupS + measureS) / measureS / requestsPerS / REPLICATES
      }
      expect(Math.abs(share - 1), `${what}: ${share}`).toBeLessThan(0.03)
    }
  })
})

test('who is under way does not change who begins, and a higher rate only adds to both', () => {
  const part = longTailed(1)
  const traffic = (ratePerS: number, e2eS: number) =>
    offeredTraffic({ part, ratePerS, durationNs: 600 * NS_PER_S, seed: 1, replicate: 0, mode: 'draw', e2eNs: e2eS * NS_PER_S })
  const begun = (ratePerS: number, e2eS: number) => {
    const { workload, begunBefore } = traffic(ratePerS, e2eS)
    const before = new Set(begunBefore)
    return [...workload.arrivalNs].filter((timeNs, i) => !Number.isNaN(timeNs) && !before.has(i))
  }
  expect(begun(1, 5)).toEqual(begun(1, 0))
  const rests = (ratePerS: number) => {
    const { workload, begunBefore } = traffic(ratePerS, 1)
    return [...begunBefore].map((i) => workload.arrivalNs[i]).filter((timeNs) => !Number.isNaN(timeNs))
  }
  expect(rests(2).length).toBeGreaterThan(1.8 * rests(1).length)
  expect(rests(2)).toEqual(expect.arrayContaining(rests(1)))
})

test('a fork that began before comes back together', () => {
  // 0 forks into 1, 2 and 3; 4 waits for 1 and for all that join it; 5 follows
  const part: Workload = {
    ...chainsOf([6], 0),
    parent: Int32Array.of(-1, 0, 0, 0, 1, 4),
    waitNs: Float64Array.from([0, 10, 20, 30, 5, 1], (waitS) => waitS * NS_PER_S),
    joins: Int32Array.of(-1, -1, 4, 4, -1, -1),
    joinCount: Int32Array.of(0, 1, 1, 1, 3, 1),
  }
  const units = unitsOf(part)
  const sentNs = sendingTimes(part, units, NS_PER_S)
  expect(Array.from(sentNs, (ns) => ns / NS_PER_S)).toEqual([0, 11, 21, 31, 37, 39])
  const restAt = (ageS: number) => {
    const copies = createCopies(part, units, 6)
    copies.addRest(0, ageS * NS_PER_S, 0, sentNs)
    const { workload, begunBefore } = copies.traffic()
    expect([...begunBefore]).toEqual(Array.from({ length: workload.count }, (_, i) => i))
    const { arrivalNs, parent, joins, joinCount, waitNs, isl } = workload
    return {
      from: [...isl].map((tokens) => tokens - 30),
      atS: [...arrivalNs].map((ns) => ns / NS_PER_S),
      parent: [...(parent ?? [])],
      joins: [...(joins ?? [])],
      joinCount: [...(joinCount ?? [])],
      waitS: [...(waitNs ?? [])].map((ns) => ns / NS_PER_S),
    }
  }
  const waits = Number.NaN
  expect(restAt(15)).toEqual({
    from: [2, 3, 4, 5],
    atS: [6, 16, waits, waits],
    parent: [-1, -1, 0, 2],
    joins: [-1, 2, -1, -1],
    joinCount: [0, 0, 2, 1],
    waitS: [0, 0, 5, 1],
  })
  expect(restAt(25)).toMatchObject({ from: [3, 4, 5], atS: [6, waits, waits], parent: [-1, 0, 1], joinCount: [0, 1, 1] })
  expect(restAt(35)).toMatchObject({ from: [4, 5], atS: [2, waits], parent: [-1, 0], waitS: [0, 1] })
})

test('a session that began before is not counted as begun, also where its next turn is sent in the window', () => {
  const part = chainsOf(new Array(60).fill(8), 300)
  const context = { ...tinyContext(), parts: { train: part, test: part } }
  const job: OpenJob = {
    kind: 'open',
    arm: STATIC_ARM,
    draw: { part: 'test', mode: 'draw', replicate: 0 },
    ratePerS: 0.2,
    warmupS: 60,
    measureS: 200,
    tailS: 1,
    e2eS: 1,
    keep: 'summary',
  }
  const { workload, begunBefore, window } = openTraffic(context, job)
  const before = new Set(begunBefore)
  const inWindow = [...workload.arrivalNs.keys()].filter(
    (i) => workload.arrivalNs[i] >= window.fromNs && workload.arrivalNs[i] < window.toNs,
  )
  expect(inWindow.filter((i) => before.has(i)).length).toBeGreaterThan(100)
  expect(runJob(context, job).summary?.sessions?.begun).toBe(inWindow.filter((i) => !before.has(i)).length)
})
