/** Contexts over several ranks, on engines small enough to be followed by hand: 100 ns a step, blocks of 16 tokens, 8 blocks a rank. */
import { describe, expect, test } from 'vitest'
import type { Arm, LoadView } from '../src/levers/lever.js'
import { occupancyRule } from '../src/levers/split/occupancyRule.js'
import { type ClusterConfig, type EngineConfig, PLAIN_CLUSTER } from '../src/simulator/config.js'
import { createSimulation, type SimulationResult, simulate } from '../src/simulator/index.js'
import { plainArm } from '../src/testing/policies.js'
import { HOST_ALONE, stepTables } from '../src/testing/tables.js'
import { createStepTimer } from '../src/timing/stepTimer.js'
import { createBlockBuilder } from '../src/traces/blocks.js'
import type { Workload } from '../src/traces/workload.js'
import { PS_PER_NS } from '../src/units.js'
import { engineOf, traffic } from './byHand.js'

const STEP_PS = 100 * PS_PER_NS

function engine(ranks: number, changes: Partial<EngineConfig> = {}): EngineConfig {
  const limits = { maxNumSeqs: 8, maxNumBatchedTokens: 128, maxModelLen: 128, numGpuBlocks: 8 }
  return engineOf({ ...HOST_ALONE, hostPs: STEP_PS }, { ...limits, ranks, kvBytesPerToken: 10, ...changes })
}

const cluster = (...engines: EngineConfig[]): ClusterConfig => ({ ...PLAIN_CLUSTER, engines })

interface Row {
  readonly atNs: number
  readonly isl: number
  readonly osl: number
  readonly rank: number
  readonly degree: number
}

/** Rank and degree stand in the columns that policies see: tenant and class. */
function requests(...rows: readonly Row[]): Workload {
  const shapes = traffic(
    rows.map(({ atNs }) => atNs),
    rows.map(({ isl }) => isl),
    rows.map(({ osl }) => osl),
  )
  return { ...shapes, tenant: Int32Array.from(rows, ({ rank }) => rank), classId: Uint16Array.from(rows, ({ degree }) => degree) }
}

/** Free blocks of every rank at each arrival. */
type Seen = number[][]

function arm(seen: Seen = []): Arm {
  const plain = plainArm(128, occupancyRule())
  const free = (view: LoadView) => Array.from({ length: view.count }, (_, rank) => view.freeBlocks(rank))
  return {
    ...plain,
    rank: {
      info: plain.rank.info,
      place(view, { tenant }) {
        seen.push(free(view))
        return tenant
      },
    },
    span: { info: { ...plain.span.info, name: 'by hand' }, degree: (_, { classId }) => classId },
  }
}

const run = (config: ClusterConfig, workload: Workload, seen?: Seen) =>
  simulate(config, arm(seen), workload, { load: { kind: 'open' } })

function row({ records }: SimulationResult, request: number) {
  const at = records.request.indexOf(request)
  const { firstTokenNs, endNs, preemptions, cachedTokens } = records
  const phaseNs = records.phaseNs.map((column) => column[at])
  return { firstNs: firstTokenNs[at], endNs: endNs[at], preemptions: preemptions[at], cached: cachedTokens[at], phaseNs }
}

describe('what a step costs', () => {
  const tables = stepTables(
    { ranks: 4, maxTokens: 128, maxSequences: 8, maxLength: 128 },
    { ...HOST_ALONE, hostPs: STEP_PS, kernelSlopePs: 1000 },
  )
  const span = { layersPs: 7000, linkPs: 500, tokenPs: 20 }
  const attentionPs = (tokens: number) => createStepTimer(tables).attentionPs(1, tokens, 1)

  test('every rank attends to its share; both exchanges and the spreading of the prompt are paid', () => {
    const result = run(cluster(engine(4, { tables, span })), requests({ atNs: 0, isl: 100, osl: 3, rank: 1, degree: 4 }))
    // three quarters of 100 tokens leave the home; then 101 and 102 tokens lie on four ranks
    const prefillPs = STEP_PS + 100 * 0.75 * 20
    const decodePs = STEP_PS + attentionPs(26) + 7000 + 3 * 500
    expect(row(result, 0).firstNs).toBe(Math.floor(prefillPs / PS_PER_NS))
    expect(row(result, 0).endNs).toBe(Math.floor((prefillPs + 2 * decodePs) / PS_PER_NS))
    expect(result.statistics.meanAttentionPs).toBe(result.statistics.maxAttentionPs)
  })

  test('contexts shorter than their degree cost no more than longer ones', () => {
    const endNs = (isl: number) => {
      const together = Array.from({ length: 3 }, () => ({ atNs: 0, isl, osl: 3, rank: 0, degree: 4 }))
      return row(run(cluster(engine(4, { tables, span })), requests(...together)), 0).endNs
    }
    const ends = [1, 2, 3, 8, 40].map(endNs)
    expect(ends).toEqual([...ends].sort((a, b) => a - b))
    const timer = createStepTimer(tables)
    expect(timer.kernelPs(3, 1)).toBeLessThanOrEqual(timer.kernelPs(3, 3))
    expect(timer.attentionPs(3, 1, 1)).toBe(timer.kernelPs(3, 1))
  })

  test('with drafts every position is exchanged', () => {
    const speculative = engine(2, { tables, span, draftTokens: 1, numGpuBlocks: 9 })
    const result = run(cluster(speculative), requests({ atNs: 0, isl: 40, osl: 2, rank: 0, degree: 2 }))
    const prefillPs = STEP_PS + 40 * 0.5 * 20
    // 40 tokens, the one written now and a draft
    expect(row(result, 0).endNs).toBe(Math.floor((prefillPs + STEP_PS + attentionPs(21) + 7000 + 2 * 500) / PS_PER_NS))
  })

  test('a chunk reads what stands before it from the further ranks', () => {
    const chunked = engine(2, { tables, span, maxNumBatchedTokens: 30, maxNumSeqs: 8 })
    const result = run(cluster(chunked), requests({ atNs: 0, isl: 60, osl: 1, rank: 0, degree: 2 }))
    expect(row(result, 0).endNs).toBe(Math.floor((2 * STEP_PS + (30 + 60) * 0.5 * 20) / PS_PER_NS))
  })
})

describe('memory', () => {
  const late = (atNs: number): Row => ({ atNs, isl: 1, osl: 1, rank: 0, degree: 1 })

  test('is held on the ranks of the group alone, the same on each, and given back on all', () => {
    const seen: Seen = []
    // 40 tokens in blocks of 2 x 16 are two blocks a rank
    const long: Row = { atNs: 0, isl: 40, osl: 3, rank: 3, degree: 2 }
    run(cluster(engine(4)), requests(long, late(150), late(1000)), seen)
    expect(seen).toEqual([
      [8, 8, 8, 8],
      [8, 8, 6, 6],
      [8, 8, 8, 8],
    ])
  })

  test('grows on all of them at once, when degree x block size tokens are full', () => {
    const seen: Seen = []
    const long: Row = { atNs: 0, isl: 31, osl: 9, rank: 0, degree: 2 }
    // the second step writes the 32nd token, the third one the 33rd, and beside it the first late request takes a block at home
    run(cluster(engine(2)), requests(long, late(150), late(250)), seen)
    expect(seen).toEqual([
      [8, 8],
      [7, 7],
      [5, 6],
    ])
  })

  test('is given all or nothing: a full rank keeps a request out whose home is empty', () => {
    const full: Row = { atNs: 0, isl: 120, osl: 4, rank: 1, degree: 1 }
    const result = run(cluster(engine(2)), requests(full, { atNs: 50, isl: 40, osl: 2, rank: 0, degree: 2 }))
    expect(row(result, 0).endNs).toBe(400)
    expect(row(result, 1).phaseNs[0]).toBe(350)
  })

  test('so are places: max_num_seqs holds for requests with KV on a rank', () => {
    const one = cluster(engine(2, { maxNumSeqs: 1 }))
    const result = run(
      one,
      requests({ atNs: 0, isl: 10, osl: 3, rank: 0, degree: 2 }, { atNs: 10, isl: 10, osl: 1, rank: 1, degree: 1 }),
    )
    expect(row(result, 1).phaseNs[0]).toBe(290)
  })

  test('who came last gives way, wherever its home is, and keeps nothing on any rank', () => {
    const seen: Seen = []
    const old: Row = { atNs: 0, isl: 95, osl: 20, rank: 1, degree: 1 }
    // 6 blocks on rank 1, then 2 on both: the first token beyond 96 finds none
    const young: Row = { atNs: 10, isl: 60, osl: 20, rank: 0, degree: 2 }
    const result = run(cluster(engine(2)), requests(old, young, late(350)), seen)
    expect(row(result, 0).preemptions).toBe(0)
    expect(row(result, 1).preemptions).toBe(1)
    expect(seen[2]).toEqual([8, 1])
  })

  test('lengths that one rank could hold no two of fit side by side', () => {
    const two = [0, 1].map((rank): Row => ({ atNs: 0, isl: 100, osl: 20, rank, degree: 2 }))
    const together = run(cluster(engine(2)), requests(...two))
    const apart = run(cluster(engine(2)), requests(...two.map((request) => ({ ...request, rank: 0, degree: 1 }))))
    expect(row(together, 1).phaseNs[0]).toBe(100)
    expect(row(apart, 1).phaseNs[0]).toBeGreaterThan(1000)
  })
})

test('KV that is brought by transfer takes blocks on all ranks from its admission on', () => {
  const seen: Seen = []
  const config = { ...cluster(engine(1, { role: 'prefill' }), engine(2, { role: 'decode' })) }
  const slow = { ...config, fabric: { nvlinkBytesPerNs: 1, nicBytesPerNs: 1, latencyNs: 100 } }
  const spread: Row = { atNs: 0, isl: 40, osl: 3, rank: 0, degree: 2 }
  const later: Row = { atNs: 200, isl: 1, osl: 2, rank: 0, degree: 1 }
  const result = run(slow, requests(spread, later), seen)
  // asked twice each: for the one prefill rank, then for the two decode ranks
  expect(seen).toEqual([[8], [8, 8], [5], [6, 6]])
  // the other prompt's one token goes through the same port
  expect(row(result, 0).phaseNs[2]).toBe(100 + (40 + 1) * 10)
})

test('on an engine with a prefix cache spread contexts are private: no hit, nothing shared', () => {
  const rows: Row[] = [0, 500, 1000].map((atNs, i) => ({ atNs, isl: 64, osl: 2, rank: 0, degree: [2, 1, 2][i] }))
  const blocks = createBlockBuilder()
  for (const _ of rows) {
    blocks.next()
    blocks.pushRun(0, 4)
  }
  const workload = { ...requests(...rows), ...blocks.columns(), blockTokens: 16 }
  const result = run(cluster(engine(2, { prefixCaching: true })), workload)
  expect([0, 1, 2].map((request) => row(result, request).cached)).toEqual([0, 0, 0])
})

test('degrees that no group of ranks has are a fault of the policy', () => {
  for (const degree of [0, 3, 8, 1.5, -2])
    expect(() => {
      const own = arm()
      const wrong = { ...own, span: { ...own.span, degree: () => degree } }
      const workload = requests({ atNs: 0, isl: 4, osl: 1, rank: 0, degree: 1 })
      simulate(cluster(engine(4)), wrong, workload, { load: { kind: 'open' } })
    }).toThrow(/by hand.*returned degree .* powers of two that divide the 4 ranks of engine/)
  const own = arm()
  const understated = { ...own, span: { ...own.span, largest: 1 } }
  const workload = requests({ atNs: 0, isl: 4, osl: 1, rank: 0, degree: 2 })
  expect(() => simulate(cluster(engine(4)), understated, workload, { load: { kind: 'open' } })).toThrow(/its largest, 1/)
})

test('an arm that keeps requests whole cannot go on from a state with spread ones', () => {
  const start = (own: Arm) => {
    const simulation = createSimulation(cluster(engine(2)), own, { load: { kind: 'open' } })
    simulation.feed(requests({ atNs: 0, isl: 40, osl: 9, rank: 0, degree: 2 }))
    simulation.feed(null)
    return simulation
  }
  const first = start(arm())
  first.advance(150, Number.POSITIVE_INFINITY)
  const whole = start(plainArm(128, occupancyRule()))
  expect(() => whole.restore(first.snapshot(), 'another arm')).toThrow(/spread over several ranks/)
})
