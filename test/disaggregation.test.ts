/** Prefill and decode engines, transfers, speculation and reservation on clusters small enough to be followed by hand. */
import { describe, expect, test } from 'vitest'
import type { PoolPolicy } from '../src/levers/lever.js'
import { roundRobin } from '../src/levers/pool/policies.js'
import { FATES } from '../src/metrics/records.js'
import { type ClusterConfig, type EngineConfig, PLAIN_CLUSTER } from '../src/simulator/config.js'
import { createSimulation, type LoadConfig, type SimulationResult, simulate } from '../src/simulator/index.js'
import { plainArm } from '../src/testing/policies.js'
import type { Workload } from '../src/traces/workload.js'
import { engineOf, evenSteps, traffic } from './byHand.js'

/** Length of a step of a prefill engine and of a decode engine, ns. */
const PREFILL_NS = 1000
const DECODE_NS = 100

function engine(stepNs: number, changes: Partial<EngineConfig> = {}): EngineConfig {
  const limits = { maxNumSeqs: 16, maxNumBatchedTokens: 256, maxModelLen: 256, numGpuBlocks: 64 }
  return engineOf(evenSteps(stepNs), { ...limits, kvBytesPerToken: 10, ...changes })
}

function cluster(engines: readonly EngineConfig[], changes: Partial<ClusterConfig> = {}): ClusterConfig {
  return { ...PLAIN_CLUSTER, engines, ...changes }
}
const prefill = (changes: Partial<EngineConfig> = {}) => engine(PREFILL_NS, { role: 'prefill', ...changes })
const decode = (changes: Partial<EngineConfig> = {}) => engine(DECODE_NS, { role: 'decode', ...changes })

/** Requests as [arrival, isl, osl]. */
function requests(...rows: readonly (readonly [number, number, number])[]): Workload {
  const column = (at: number) => rows.map((row) => row[at])
  return traffic(column(0), column(1), column(2))
}

const OPEN: LoadConfig = { kind: 'open' }
const run = (config: ClusterConfig, workload: Workload, load: LoadConfig = OPEN) =>
  simulate(config, plainArm(256), workload, { load })

function row({ records }: SimulationResult, request: number) {
  const at = records.request.indexOf(request)
  const { firstTokenNs, endNs, maxGapNs, engine: engines, rank, fate } = records
  return {
    firstNs: firstTokenNs[at],
    endNs: endNs[at],
    gapNs: maxGapNs[at],
    engine: engines[at],
    rank: rank[at],
    fate: FATES[fate[at]],
    phases: records.phaseNs.map((column) => column[at]),
  }
}

describe('one request on a prefill and a decode engine', () => {
  const fabric = { nvlinkBytesPerNs: 2, nicBytesPerNs: 0.5, latencyNs: 30 }
  test('is prefilled, brought over NVLink, and decoded from the moment it is there', () => {
    const found = row(run(cluster([prefill(), decode()], { fabric }), requests([50, 40, 3])), 0)
    // 1000 ns of prefill, 30 of latency, 40 tokens x 10 bytes at 2 bytes a ns, two decode steps
    expect(found).toMatchObject({ firstNs: 1280, endNs: 1480, gapNs: 100, engine: 1, phases: [0, 1000, 230, 0, 200, 0] })
  })
  test('delivers its first token with the first decode step if asked to, the second one beside it', () => {
    const config = cluster([prefill(), decode()], { fabric, firstToken: 'decode' })
    expect(row(run(config, requests([50, 40, 3])), 0)).toMatchObject({ firstNs: 1380, endNs: 1480, gapNs: 100 })
    expect(row(run(config, requests([50, 40, 2])), 0)).toMatchObject({ firstNs: 1380, endNs: 1380, gapNs: 0 })
  })
  test('goes over NICs to another domain, with the larger KV of the two', () => {
    const config = cluster([prefill(), decode({ domain: 1, kvBytesPerToken: 20 })], { fabric })
    expect(row(run(config, requests([50, 40, 3])), 0).phases[2]).toBe(30 + (40 * 20) / 0.5)
  })
  test('of one token completes where it was prefilled', () => {
    for (const firstToken of ['prefill', 'decode'] as const)
      expect(row(run(cluster([prefill(), decode()], { fabric, firstToken }), requests([50, 40, 1])), 0)).toMatchObject({
        firstNs: 1050,
        endNs: 1050,
        engine: 0,
        phases: [0, 1000, 0, 0, 0, 0],
      })
  })
  test('passes the frontend first, in open and in closed loop', () => {
    const config = cluster([prefill(), decode()], { fabric, frontendNs: 500 })
    expect(row(run(config, requests([50, 40, 3])), 0)).toMatchObject({ firstNs: 1780, phases: [500, 1000, 230, 0, 200, 0] })
    const loop = run(config, requests([0, 40, 3], [0, 40, 3]), { kind: 'closed', concurrency: 1 })
    expect([row(loop, 0).endNs, row(loop, 1).endNs]).toEqual([1930, 3860])
    expect(loop.records.arrivalNs.slice(0, 2)).toEqual(Float64Array.of(0, 1930))
  })
})

describe('several requests', () => {
  test('share the port of the decode rank evenly, and get its whole rate back', () => {
    const fabric = { nvlinkBytesPerNs: 1, nicBytesPerNs: 1, latencyNs: 0 }
    const config = cluster([prefill(), prefill(), decode()], { fabric })
    const found = run(config, requests([0, 40, 2], [0, 80, 2]))
    // 400 and 800 bytes: both at half the rate until 800, then the second one alone for its last 400
    expect([row(found, 0).phases[2], row(found, 1).phases[2]]).toEqual([800, 1200])
  })
  test('wait for a place to decode in the order in which they came, their KV on the prefill engine', () => {
    const config = cluster([prefill({ numGpuBlocks: 16 }), decode({ maxNumSeqs: 1, maxNumBatchedTokens: 1 })])
    const simulation = createSimulation(config, plainArm(256), { load: OPEN })
    simulation.feed(requests([0, 16, 11], [0, 16, 11], [0, 16, 11]))
    simulation.feed(null)
    simulation.advance(2000, Number.POSITIVE_INFINITY)
    expect(simulation.sample()).toMatchObject({ waiting: 2, running: 1, kvUse: 1 / 8 })
    simulation.advance(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY)
    const { phaseNs } = simulation.drain()
    // the first one is alone in its step, the others end theirs at 2000; each brings 160 bytes and then decodes for ten steps of 100 ns
    expect([...phaseNs[3].slice(0, 3)]).toEqual([0, 160, 1320])
  })
  test('are chosen for anew in the second phase, each phase with its own turn', () => {
    const asked: [string, number][] = []
    const turn = roundRobin()
    const pool: PoolPolicy = {
      ...turn,
      route(view, request, phase) {
        asked.push([phase, view.count])
        return turn.route(view, request, phase)
      },
    }
    const config = cluster([prefill(), decode(), decode(), decode()])
    const result = simulate(config, { ...plainArm(256), pool }, requests([0, 16, 5], [9000, 16, 5], [18_000, 16, 5]), {
      load: OPEN,
    })
    expect([0, 1, 2].map((request) => row(result, request).engine)).toEqual([1, 2, 3])
    expect(asked.slice(0, 2)).toEqual([
      ['prefill', 1],
      ['decode', 3],
    ])
  })
  test('who waits behind one that lost patience is begun when it leaves, if it fits', () => {
    // 0 decodes all the time, so 1 keeps its 7 of 10 blocks of the prefill engine: 2 needs 4 and loses patience, 3 needs one
    const small = { maxModelLen: 160, numGpuBlocks: 10 }
    const config = cluster([prefill(small), decode({ ...small, maxNumSeqs: 1 })], { timeoutNs: 2000 })
    const result = run(config, requests([0, 16, 140], [0, 112, 2], [3000, 64, 2], [3500, 16, 2]))
    expect(row(result, 2)).toMatchObject({ fate: 'timed_out', endNs: 5000 })
    expect(row(result, 3)).toMatchObject({ fate: 'completed' })
    expect(row(result, 3).phases.slice(0, 2)).toEqual([1500, 1000])
  })
  test('cut short on their way have the fate in_transfer', () => {
    const config = cluster([prefill(), decode()])
    const result = simulate(config, plainArm(256), requests([0, 40, 3]), { load: OPEN, untilNs: 1100 })
    expect(row(result, 0)).toMatchObject({ fate: 'in_transfer', endNs: Number.NaN, gapNs: Number.NaN })
  })
})

describe('speculation', () => {
  const drafts = (tokensPer1024Steps: number, changes: Partial<EngineConfig> = {}) =>
    cluster([engine(DECODE_NS, { draftTokens: 3, tokensPer1024Steps, ...changes })])
  test('gains tokens by a rational clock: 2.5 a step make 100 tokens in forty steps after the first', () => {
    const found = row(run(drafts(2560), requests([0, 10, 101])), 0)
    expect(found.endNs - found.firstNs).toBe(40 * DECODE_NS)
    expect(found.gapNs).toBe(DECODE_NS)
  })
  test('emits in its last step what is left and no more; gaps are pooled by token', () => {
    const { statistics } = run(drafts(4096), requests([0, 10, 8]))
    expect(statistics).toMatchObject({ outputTokens: 8, decodeSequences: 2, steps: 3 })
    expect([...statistics.itl].filter((weight) => weight > 0)).toEqual([7])
  })
  test('keeps KV for its drafts', () => {
    // 14 tokens and 3 drafts take two blocks of 16 at the end of prefill, 13 and 3 one
    const used = (isl: number) => {
      const simulation = createSimulation(drafts(1024), plainArm(256), { load: OPEN })
      simulation.feed(requests([0, isl, 2]))
      simulation.advance(50, Number.POSITIVE_INFINITY)
      return simulation.sample().kvUse * 64
    }
    expect([used(13), used(14)]).toEqual([1, 2])
  })
  test('fills the step with drafts: what it leaves of the token budget goes to prompts', () => {
    const config = drafts(1024, { maxNumSeqs: 8, maxNumBatchedTokens: 32 })
    // 8 sequences of 4 tokens fill the step of the ninth request until they end
    const result = run(config, requests(...Array.from({ length: 8 }, () => [0, 4, 12] as const), [150, 10, 2]))
    expect(row(result, 8).phases[0]).toBeGreaterThan(8 * DECODE_NS)
  })
})

test('the whole life of a request is reserved: nobody is preempted, and later ones wait', () => {
  // 16 tokens in, 33 out: 4 blocks of 16; six blocks hold one whole life, or the prompts of both
  const tight = (kvReservation: 'grow' | 'full') =>
    cluster([engine(DECODE_NS, { numGpuBlocks: 6, maxModelLen: 96, kvReservation })])
  const work = requests([0, 16, 40], [0, 16, 40])
  expect(run(tight('grow'), work).statistics.preemptions).toBeGreaterThan(0)
  const reserved = run(tight('full'), work)
  expect(reserved.statistics.preemptions).toBe(0)
  expect(row(reserved, 1).phases[0]).toBe(row(reserved, 0).endNs)
})

describe('a cluster that cannot work is refused', () => {
  const made = (engines: readonly EngineConfig[]) => () => createSimulation(cluster(engines), plainArm(256), { load: OPEN })
  test.each([
    ['decode without prefill', [decode()], /roles decode do not make a cluster/],
    ['aggregated beside prefill and decode', [engine(100), prefill(), decode()], /do not make a cluster/],
    [
      'drafts that gain more than they are',
      [engine(100, { draftTokens: 1, tokensPer1024Steps: 2049 })],
      /2049 tokens in 1024 steps/,
    ],
    ['drafts beyond the token budget', [engine(100, { draftTokens: 20, maxNumSeqs: 16 })], /16 sequences of 21 tokens a step/],
    ['KV that cannot hold the drafts', [engine(100, { draftTokens: 1, numGpuBlocks: 16 })], /and 2 tokens of speculation/],
  ])('%s', (_, engines, message) => {
    expect(made(engines)).toThrow(message)
  })
  test('a prompt too long for prefill is unservable, an answer too long for decode too', () => {
    const config = cluster([prefill({ maxModelLen: 32 }), decode({ maxModelLen: 64 })])
    const result = run(config, requests([0, 33, 2], [0, 32, 33], [0, 32, 32]))
    expect([0, 1, 2].map((request) => row(result, request).fate)).toEqual(['unservable', 'unservable', 'completed'])
  })
})
