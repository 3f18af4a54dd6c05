/** Sessions in the simulator: think time, forks and joins, those who give up, places of a closed loop, input fed in pieces. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { COMPLETED, FATES } from '../src/metrics/records.js'
import { PLAIN_CLUSTER } from '../src/simulator/config.js'
import { type ClusterConfig, createSimulation, type LoadConfig, type SimulationResult, simulate } from '../src/simulator/index.js'
import { wholeScenario } from '../src/testing/arbitraries.js'
import { plainArm } from '../src/testing/policies.js'
import { createSimulatedTrace } from '../src/traces/asSimulated.js'
import { workloadFault } from '../src/traces/contract.js'
import { decodeTrace, encodeTrace } from '../src/traces/shapewiseFormat.js'
import type { Workload } from '../src/traces/workload.js'
import { engineOf, evenSteps, traffic } from './byHand.js'

const OPEN: LoadConfig = { kind: 'open' }
/** Length of every step, ns. */
const STEP_NS = 1000

/** Engines whose steps take the same time whatever is in them. */
function cluster(): ClusterConfig {
  const limits = { maxNumSeqs: 8, maxNumBatchedTokens: 256, maxModelLen: 1024, numGpuBlocks: 1000 }
  return { ...PLAIN_CLUSTER, engines: [engineOf(evenSteps(STEP_NS), limits)], frontendNs: 70 }
}

interface Row {
  /** Time of its own; a row without one waits for `parent`. */
  readonly at?: number
  readonly parent?: number
  readonly wait?: number
  readonly joins?: number
  readonly isl?: number
  readonly osl?: number
}

function workload(rows: readonly Row[]): Workload {
  const joins = Int32Array.from(rows, ({ joins: to }) => to ?? -1)
  const count = (i: number) => joins.filter((to) => to === i).length + (rows[i].parent === undefined ? 0 : 1)
  return {
    ...traffic(
      rows.map(({ at }) => at ?? Number.NaN),
      rows.map(({ isl }) => isl ?? 5),
      rows.map(({ osl }) => osl ?? 3),
    ),
    parent: Int32Array.from(rows, ({ parent }) => parent ?? -1),
    waitNs: Float64Array.from(rows, ({ wait }) => wait ?? 0),
    joins,
    joinCount: Int32Array.from(rows, (_, i) => count(i)),
  }
}

/** [arrival, end] of every request, in order of the workload; undefined when it was not sent. */
function times({ records }: SimulationResult): [number, number][] {
  const all: [number, number][] = []
  for (let row = 0; row < records.count; row++) all[records.request[row]] = [records.arrivalNs[row], records.endNs[row]]
  return all
}

const run = (rows: readonly Row[], config = cluster(), load: LoadConfig = OPEN) =>
  simulate(config, plainArm(256), workload(rows), { load })

describe('a turn is sent when the answer before it is complete and the client has waited', () => {
  test('who has waited comes before one whose patience ends at the same time, and finds the queue still full', () => {
    const [engine] = cluster().engines
    const narrow = { ...cluster(), engines: [{ ...engine, maxNumSeqs: 1 }], maxQueue: 1, timeoutNs: 2 * STEP_NS }
    // the first one ends at 3,070; the third, which keeps the second waiting, ends far later
    const rows: Row[] = [{ at: 0 }, { at: 3 * STEP_NS - 500, osl: 100 }, { at: 3 * STEP_NS + 500 }]
    const fates = (wait: number) => {
      const { records } = run([...rows, { parent: 0, wait }], narrow)
      return Array.from({ length: 4 }, (_, request) => FATES[records.fate[records.request.indexOf(request)]])
    }
    expect(fates(2 * STEP_NS + 359)).toEqual(['completed', 'completed', 'timed_out', 'rejected'])
    expect(fates(2 * STEP_NS + 360)).toEqual(['completed', 'completed', 'timed_out', 'rejected'])
    expect(fates(2 * STEP_NS + 361)).toEqual(['completed', 'completed', 'timed_out', 'timed_out'])
  })

  test('E2E and waits of a chain add up to its length, each wait counted once', () => {
    const waits = [0, 400, 123_456, 7]
    const turns = times(run(waits.map((wait, i) => (i === 0 ? { at: 50 } : { parent: i - 1, wait }))))
    const serving = turns.reduce((sum, [from, to]) => sum + to - from, 0)
    const waiting = waits.reduce((sum, wait) => sum + wait, 0)
    expect(turns[3][1] - turns[0][0]).toBe(serving + waiting)
    // three steps of its own, and what is left of the step that runs when it comes: none, as it is alone
    for (const [from, to] of turns) expect(to - from).toBe(70 + 3 * STEP_NS)
  })

  test('a preempted request is no end: its follower is sent once, after the last token', () => {
    // KV for one and a half of them
    const rows: Row[] = [
      { at: 0, isl: 200, osl: 120 },
      { at: 0, isl: 200, osl: 120 },
      { parent: 0, wait: 11 },
      { parent: 1, wait: 13 },
    ]
    const result = run(rows, preempting())
    const { records } = result
    const preemptions = records.preemptions.slice(0, records.count).reduce((sum, n) => sum + n, 0)
    expect(preemptions).toBeGreaterThan(0)
    const all = times(result)
    expect(records.count).toBe(4)
    expect(all[2][0]).toBe(all[0][1] + 11)
    expect(all[3][0]).toBe(all[1][1] + 13)
  })

  test('a fork comes back together: the join is sent after the last branch', () => {
    const all = times(run([{ at: 0 }, { parent: 0, osl: 9, joins: 3 }, { parent: 0, osl: 4, joins: 3 }, { parent: 0, wait: 21 }]))
    expect(all[1][0]).toBe(all[2][0])
    expect(all[3][0]).toBe(all[1][1] + 21)
  })

  test('with an arrival of its own a request comes then, in closed loop with its parent', () => {
    const rows: Row[] = [{ at: 0 }, { at: 100, parent: 0, wait: 40 }]
    expect(times(run(rows))[1][0]).toBe(100)
    const closed = times(run(rows, cluster(), { kind: 'closed', concurrency: 1 }))
    expect(closed[1][0]).toBe(closed[0][1] + 40)
  })
})

/** KV for the longest request and a little more, so that two long answers collide. */
function preempting(): ClusterConfig {
  const config = cluster()
  return { ...config, engines: [{ ...config.engines[0], maxModelLen: 400, numGpuBlocks: 30 }] }
}

describe('who gets no answer gives up', () => {
  test('what waits for it, and for that, is never sent and counted; others go on', () => {
    const rows: Row[] = [
      { at: 0, isl: 2000 },
      { parent: 0 },
      { parent: 1, joins: 4 },
      { at: 0 },
      { parent: 3 },
      { parent: 4 },
      { parent: 3 },
    ]
    const result = run(rows)
    expect(result.notSent).toBe(4)
    expect(times(result).flatMap((_, request) => [request])).toEqual([0, 3, 6])
    expect(result.records.count + result.notSent).toBe(rows.length)
  })
})

describe('a closed loop of sessions', () => {
  const rows: Row[] = [
    { at: 0 },
    { parent: 0, wait: 500 },
    { parent: 1, wait: 9 },
    { at: 0 },
    { parent: 3, wait: 70 },
    { at: 0 },
    { at: 0 },
    { parent: 6 },
    { parent: 6, joins: 9 },
    { parent: 7 },
  ]
  test.each([1, 2, 3])('holds %i sessions at a time and gives a place on when all of a session has ended', (concurrency) => {
    const all = times(run(rows, cluster(), { kind: 'closed', concurrency }))
    const sessions = [[0, 1, 2], [3, 4], [5], [6, 7, 8, 9]].map((members) => ({
      from: all[members[0]][0],
      to: Math.max(...members.map((i) => all[i][1])),
    }))
    const ends = sessions.map(({ to }) => to)
    sessions.forEach(({ from }, i) => {
      const inside = sessions.filter((other, j) => j < i && other.to > from).length
      expect(inside).toBeLessThan(concurrency)
      expect(i < concurrency ? [0] : ends).toContain(from)
    })
  })

  test('gives on the place of a session that gave up', () => {
    const result = run([{ at: 0, isl: 2000 }, { parent: 0 }, { at: 0 }], cluster(), { kind: 'closed', concurrency: 1 })
    expect(result.notSent).toBe(1)
    expect(times(result)[2][0]).toBe(70)
  })

  test.each([0, -1, 1.5, Number.NaN])('is refused with %s places, where nothing would ever be sent', (concurrency) => {
    expect(() => run(rows, cluster(), { kind: 'closed', concurrency })).toThrow(
      /load\.concurrency {2}expected a whole number >= 1, got/,
    )
  })

  test('is refused when sessions wait for each other', () => {
    expect(() => run([{ at: 0 }, { at: 0, joins: 2 }, { parent: 0 }], cluster(), { kind: 'closed', concurrency: 1 })).toThrow(
      /joins request 2, which descends from another first request/,
    )
  })
})

describe('input fed in pieces', () => {
  /** Chains of three with long waits, so that many sessions are open at a time. */
  const chains = (sessions: number): Row[] =>
    Array.from({ length: sessions }, (_, s): Row[] => [
      { at: s * 900, osl: 2 + (s % 5) },
      { parent: 3 * s, wait: (s * 7919) % 40_000 },
      { parent: 3 * s + 1, wait: (s * 104_729) % 60_000 },
    ]).flat()

  /** Rows from..to of a workload; parents and joins keep counting from its beginning. */
  const piece = (whole: Workload, from: number, to: number): Workload => ({
    ...whole,
    count: to - from,
    arrivalNs: whole.arrivalNs.slice(from, to),
    isl: whole.isl.slice(from, to),
    osl: whole.osl.slice(from, to),
    parent: (whole.parent as Int32Array).slice(from, to),
    waitNs: (whole.waitNs as Float64Array).slice(from, to),
    joins: (whole.joins as Int32Array).slice(from, to),
    joinCount: (whole.joinCount as Int32Array).slice(from, to),
  })

  test.each<LoadConfig>([OPEN, { kind: 'closed', concurrency: 4 }])('gives the same records, load %o', (load) => {
    const whole = workload(chains(300))
    const straight = simulate(cluster(), plainArm(256), whole, { load })
    const simulation = createSimulation(cluster(), plainArm(256), { load })
    let fed = 0
    for (let outcome = 'needInput'; outcome !== 'done'; outcome = simulation.advance(Number.POSITIVE_INFINITY, 50)) {
      if (outcome !== 'needInput') continue
      simulation.feed(fed < whole.count ? piece(whole, fed, fed + 60) : null)
      fed += 60
    }
    const records = simulation.drain()
    expect(records.count).toBe(900)
    for (const column of ['request', 'arrivalNs', 'endNs'] as const)
      expect(records[column].slice(0, 900)).toEqual(straight.records[column].slice(0, 900))
    expect(records.fate.slice(0, 900).every((fate) => fate === COMPLETED)).toBe(true)
  })

  // 1 is unservable at once; 2 lasts
  test.each<[string, Row[]]>([
    ['that ends later', [{ parent: 0, wait: 1e6 }]],
    ['its parent, which has other followers', [{ parent: 2 }, { parent: 2 }, { parent: 2 }]],
  ])('a request given up, alone in its piece, is waited for by another one: %s', (_, rest) => {
    // row 1 is unservable at once, so the middle one of the rest is given up; row 2 lasts
    const joins = 4 + Math.floor(rest.length / 2)
    const lasts = rest.length === 1 ? { at: 200, osl: 40, joins } : { at: 200, osl: 40 }
    const whole = workload([{ at: 0 }, { at: 100, isl: 2000, joins }, lasts, { parent: 2, wait: 9 }, ...rest])
    const straight = simulate(cluster(), plainArm(256), whole, { load: OPEN })
    expect(straight.notSent).toBe(1)
    const simulation = createSimulation(cluster(), plainArm(256), { load: OPEN })
    simulation.feed(piece(whole, 0, 4))
    for (let row = 4; row < whole.count; row++) simulation.feed(piece(whole, row, row + 1))
    simulation.feed(null)
    expect(simulation.advance(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)).toBe('done')
    expect(simulation.notSent).toBe(1)
    expect(times({ ...straight, records: simulation.drain() })).toEqual(times(straight))
  })

  test('a closed loop is refused when a session waits for one that is fed later', () => {
    const whole = workload([{ at: 0 }, { parent: 0 }, { at: 0, joins: 5 }, { at: 0 }, { at: 0 }, { parent: 1 }])
    const simulation = createSimulation(cluster(), plainArm(256), { load: { kind: 'closed', concurrency: 1 } })
    simulation.feed(piece(whole, 0, 3))
    expect(() => simulation.feed(piece(whole, 3, 6))).toThrow(/request 2.*joins request 5, which descends from another/s)
  })

  test('a restored run wants the same pieces', () => {
    const whole = workload(chains(20))
    const first = createSimulation(cluster(), plainArm(256), { load: OPEN })
    first.feed(piece(whole, 0, 30))
    first.feed(piece(whole, 30, 60))
    first.advance(Number.POSITIVE_INFINITY, 40)
    const second = createSimulation(cluster(), plainArm(256), { load: OPEN })
    second.restore(first.snapshot())
    second.feed(whole)
    expect(() => second.feed(null)).toThrow(/fed in other pieces/)
  })

  test('a row may wait for one fed before; when that has ended it is refused', () => {
    const whole = workload([{ at: 0 }, { parent: 0 }, { at: 50 }, { parent: 1, wait: 5 }, { parent: 0 }])
    const start = () => {
      const simulation = createSimulation(cluster(), plainArm(256), { load: OPEN })
      simulation.feed(piece(whole, 0, 2))
      return simulation
    }
    const early = start()
    early.feed(piece(whole, 2, 5))
    early.feed(null)
    early.advance(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)
    expect(early.drain().count).toBe(5)
    const late = start()
    late.feed(piece(workload([{ at: 9_000 }, { at: 9_000 }, { at: 9_000 }]), 0, 3))
    late.advance(8_000, Number.POSITIVE_INFINITY)
    expect(() => late.feed(piece(workload([{ parent: 0 }]), 0, 1))).toThrow(/request 5 waits for request 0, which has left/)
  })
})

describe('a run written as a trace and replayed open loop is the same run', () => {
  type Scenario = typeof wholeScenario extends fc.Arbitrary<infer T> ? T : never

  /** Replays what was written, until `untilNs`. Returns the run, its replay, and whether the trace went through the bytes of a file. */
  function replayed({ config, workload: recorded, load, arm }: Scenario, untilNs?: number) {
    const first = simulate(config, arm(), recorded, { load, untilNs })
    const exported = createSimulatedTrace(recorded, load.kind === 'closed')
    exported.add(first.records)
    const written = untilNs === undefined ? exported.whole() : exported.onlySent()
    // ids that go on into the answers are made when a trace is read and are no part of its file
    const fault = workloadFault(written)
    const isFile = fault === null
    const trace = isFile ? decodeTrace(encodeTrace(written), 'exported') : written
    return { first, second: simulate(config, arm(), trace, { load: OPEN, untilNs }), isFile, fault, recorded, trace }
  }

  function expectSame(first: SimulationResult, second: SimulationResult): void {
    const { count } = first.records
    expect(second.records.count).toBe(count)
    for (const column of Object.keys(first.records) as (keyof typeof first.records)[]) {
      const [a, b] = [first.records[column], second.records[column]]
      if (ArrayBuffer.isView(a) && ArrayBuffer.isView(b)) expect(bytes(b, count)).toEqual(bytes(a, count))
    }
    first.records.phaseNs.forEach((column, phase) => {
      expect(bytes(second.records.phaseNs[phase], count)).toEqual(bytes(column, count))
    })
  }

  test('to its end', () => {
    let files = 0
    fc.assert(
      fc.property(wholeScenario, (scenario) => {
        const { first, second, isFile } = replayed(scenario)
        if (isFile) files++
        expect(second.notSent).toBe(first.notSent)
        expectSame(first, second)
      }),
      { numRuns: 250, seed: 11 },
    )
    expect(files).toBeGreaterThan(60)
  })

  test('cut short, with what was sent by then and nothing else', () => {
    let files = 0
    let closed = 0
    fc.assert(
      fc.property(wholeScenario, fc.double({ min: 0.05, max: 0.9, noNaN: true }), (scenario, share) => {
        const { endNs } = simulate(scenario.config, scenario.arm(), scenario.workload, { load: scenario.load })
        const { first, second, isFile, fault, recorded, trace } = replayed(scenario, Math.floor(share * endNs))
        expect(trace.count).toBe(first.records.count)
        if (isFile && trace.count < recorded.count) files++
        if (isFile && trace.count < recorded.count && scenario.load.kind === 'closed') closed++
        if (workloadFault(recorded) === null) expect(fault).toBeNull()
        const sent = Int32Array.from(first.records.request.subarray(0, first.records.count)).sort()
        second.records.request.forEach((row, at) => {
          if (at < second.records.count) second.records.request[at] = sent[row]
        })
        expectSame(first, second)
      }),
      { numRuns: 120, seed: 12 },
    )
    expect(files).toBeGreaterThan(40)
    expect(closed).toBeGreaterThan(15)
  })
})

/** The first `count` elements of a column, as bytes: NaN equals NaN. */
const bytes = (column: ArrayBufferView, count: number) =>
  Buffer.from((column as Float64Array).slice(0, count).buffer as ArrayBuffer)
