/** Rank policies that decide at step boundaries: what each must keep, what it is for, and the dwell of moves (docs/INVARIANTS.md, LAW-29). */
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { createArm, POLICIES, parsePolicy, STATIC_ARM } from '../src/levers/catalogue.js'
import type { AssignView, MigrateView, Moves, RankPolicy } from '../src/levers/lever.js'
import { PLAIN_CLUSTER } from '../src/simulator/config.js'
import { simulate } from '../src/simulator/index.js'
import { SMALL_MACHINE } from '../src/testing/tables.js'
import type { Workload } from '../src/traces/workload.js'
import { engineOf, evenSteps, traffic } from './byHand.js'
import { loads } from './levers/contract.js'

const RANKS = 4
const named = POLICIES.filter((info) => info.lever === 'rank').map((info) => info.name)
const MIGRATING = ['round-robin', 'least-requests', 'least-kv-tokens', 'least-cost(5)'].map((name) =>
  name.replace(/\)?$/, (end) => `${end === ')' ? ',' : '('}migrate=0.1,steps=3,dwell=5)`),
)

interface Held {
  readonly tokens: readonly (readonly number[])[]
  readonly isMoving?: readonly number[]
  readonly stays?: number
}

/** A view of ranks with these sequences; the last step took 1 ms of which 600 us attention, and answers have 500 tokens. */
function migrateView({ tokens, isMoving = [], stays = 100 }: Held): MigrateView {
  const sums = tokens.map((list) => list.reduce((sum, length) => sum + length, 0))
  const columns = { kvTokens: new Float64Array(64), emitted: new Float64Array(64), stepsHere: new Float64Array(64).fill(stays) }
  return {
    loads: loads(
      tokens.map((list) => list.length),
      sums,
    ),
    engine: 0,
    places: (rank) => 32 - tokens[rank].length,
    step: 1000,
    stepNs: 1e6,
    attentionNs: 6e5,
    meanAnswerTokens: 500,
    isMoving: (rank) => isMoving.includes(rank),
    list(rank) {
      columns.kvTokens.set(tokens[rank])
      return tokens[rank].length
    },
    ...columns,
    kvBytesPerToken: 35_000,
    portBytesPerNs: 780,
    latencyNs: 10_000,
  }
}

function assignView(inputTokens: readonly number[], running: readonly number[], kvTokens: readonly number[]): AssignView {
  const count = inputTokens.length
  return {
    ...migrateView({ tokens: running.map(() => []) }),
    loads: loads(running, kvTokens),
    places: (rank) => 32 - running[rank],
    waiting: count,
    inputTokens: Float64Array.from(inputTokens),
    classId: new Int32Array(count),
    tenant: new Int32Array(count),
    waitedNs: new Float64Array(count),
  }
}

const noMoves = (most = RANKS): Moves => ({
  count: 0,
  from: new Int32Array(most),
  sequence: new Int32Array(most),
  to: new Int32Array(most),
})
const lengths = fc.array(fc.integer({ min: 1, max: 60_000 }), { maxLength: 12 })

function assigned(policy: RankPolicy, view: AssignView): number[] {
  const out = new Int32Array(view.waiting).fill(-1)
  const oracle = policy.info.oracle ? { outputTokens: view.inputTokens.map((tokens) => tokens / 2) } : null
  policy.assign?.(view, out, oracle)
  return [...out]
}

for (const name of named.filter((known) => parsePolicy('rank', known)().assign !== undefined)) {
  describe(`assign of ${name}`, () => {
    it('gives every request a rank with room, and decides alike every time', () => {
      fc.assert(
        fc.property(
          fc.array(fc.integer({ min: 1, max: 60_000 }), { minLength: 1, maxLength: 20 }),
          fc.array(fc.integer({ min: 0, max: 32 }), { minLength: RANKS, maxLength: RANKS }),
          (inputTokens, running) => {
            const room = running.map((count) => 32 - count)
            const places = room.reduce((sum, free) => sum + free, 0)
            if (places === 0) return
            const view = () =>
              assignView(
                inputTokens.slice(0, places),
                running,
                running.map((count) => 900 * count),
              )
            const ranks = assigned(parsePolicy('rank', name)(), view())
            for (const rank of ranks) room[rank]--
            expect(Math.min(...room)).toBeGreaterThanOrEqual(0)
            expect(assigned(parsePolicy('rank', name)(), view())).toEqual(ranks)
          },
        ),
        { numRuns: 200 },
      )
    })
    it('declares what it costs: planning time, unless it is a bound', () => {
      const { info, planningPs } = parsePolicy('rank', name)()
      expect(planningPs === undefined || planningPs > 0).toBe(true)
      expect(planningPs === undefined).toBe(info.oracle === true)
    })
    it('keeps the ranks of a burst within 20 % of each other where round robin does not', () => {
      const burst = Array.from({ length: 24 }, (_, i) => 1000 + ((i % 4) + 1) ** 5 * 30)
      const spread = (ranks: readonly number[]) => {
        const sums = new Float64Array(RANKS)
        ranks.forEach((rank, i) => {
          sums[rank] += 5000 + burst[i]
        })
        return Math.max(...sums) / (sums.reduce((sum, cost) => sum + cost, 0) / RANKS)
      }
      expect(spread(burst.map((_, i) => i % RANKS))).toBeGreaterThan(1.5)
      expect(spread(assigned(parsePolicy('rank', name)(), assignView(burst, [0, 0, 0, 0], [0, 0, 0, 0])))).toBeLessThan(1.2)
    })
  })
}

for (const name of MIGRATING) {
  describe(`migrate of ${name}`, () => {
    const make = () => parsePolicy('rank', name)()
    it('has the name that it was written with', () => expect(make().info.name).toBe(name))
    it('moves what makes two ranks most equal, no rank in two moves, and never into a rank that is fuller', () => {
      fc.assert(
        fc.property(fc.array(lengths, { minLength: RANKS, maxLength: RANKS }), fc.subarray([0, 1, 2, 3]), (tokens, isMoving) => {
          const policy = make()
          const out = noMoves()
          for (let step = 0; step < 3; step++) policy.migrate?.(migrateView({ tokens, isMoving }), out)
          const touched = [...out.from.slice(0, out.count), ...out.to.slice(0, out.count)]
          expect(new Set(touched).size).toBe(touched.length)
          const weight = name.startsWith('least-kv') ? 0 : name.startsWith('least-cost') ? 5 : 5000
          const cost = (rank: number) => tokens[rank].reduce((sum, length) => sum + length + weight, 0)
          for (let i = 0; i < out.count; i++) {
            const moved = tokens[out.from[i]][out.sequence[i]] + weight
            expect(isMoving).not.toContain(out.from[i])
            expect(Math.max(cost(out.from[i]) - moved, cost(out.to[i]) + moved)).toBeLessThan(cost(out.from[i]))
          }
        }),
        { numRuns: 300 },
      )
    })
    it('waits for `steps` uneven steps, for `dwell` steps of the sequence, and begins to count anew', () => {
      const tokens = [[40_000, 40_000, 40_000], [1000], [1000], [1000]]
      const policy = make()
      const moves = (view: MigrateView) => {
        const out = noMoves()
        policy.migrate?.(view, out)
        return out.count
      }
      const uneven = () => migrateView({ tokens })
      expect([moves(uneven()), moves(uneven()), moves(uneven()), moves(uneven())]).toEqual([0, 0, 1, 0])
      expect(moves(migrateView({ tokens: [[9], [9], [9], [9]] }))).toBe(0)
      expect([moves(uneven()), moves(uneven())]).toEqual([0, 0])
      expect(moves(migrateView({ tokens, stays: 4 }))).toBe(0)
      expect(moves(migrateView({ tokens, stays: 5 }))).toBe(1)
    })
    it('leaves a sequence where the copy costs more than it saves', () => {
      const policy = make()
      const out = noMoves()
      const view = { ...migrateView({ tokens: [[40_000, 40_000], [1000], [1000], [1000]] }), portBytesPerNs: 0.01 }
      for (let step = 0; step < 5; step++) policy.migrate?.(view, out)
      expect(out.count).toBe(0)
    })
  })
}

test('the dispatch oracle makes uneven ranks equal, in as many free moves as it may', () => {
  const tokens = [Array.from({ length: 12 }, (_, i) => 1000 * (i + 1)), [500], [30_000], [2000, 2500]]
  const out = noMoves(4 * RANKS)
  parsePolicy('rank', 'oracle-rank(w=100)')().migrate?.(migrateView({ tokens }), out)
  const after = tokens.map((list) => list.reduce((sum, length) => sum + length + 100, 0))
  for (let i = 0; i < out.count; i++) {
    const moved = tokens[out.from[i]][out.sequence[i]] + 100
    after[out.from[i]] -= moved
    after[out.to[i]] += moved
  }
  const mean = after.reduce((sum, cost) => sum + cost, 0) / RANKS
  expect(Math.max(...after) / mean).toBeLessThan(1.1)
})

// --- in a simulation: one engine of 4 ranks, 5 ms a step, 20 ns a token of KV, 5000 tokens' worth a sequence

const TOKEN_PS = 2e4
const four = engineOf(
  { ...evenSteps(5e6), rowsPs: 5000 * TOKEN_PS },
  {
    ranks: RANKS,
    maxNumSeqs: 16,
    maxNumBatchedTokens: 4096,
    maxModelLen: 60_000,
    numGpuBlocks: 40_000,
    // one slot: pieces follow each other, and the way of cutting makes no difference
    machine: { ...SMALL_MACHINE, slots: 1, ctaOverheadNs: 0 },
    kvBytesPerToken: 35_000,
  },
)
const { kernelBasePs, kernelSlopePs, kernelColumns } = four.tables
const engine = {
  ...four,
  tables: {
    ...four.tables,
    // the same price for every token, so that the cost of a rank is what the policies take it for
    kernelBasePs: kernelBasePs.map((_, at) => TOKEN_PS * Math.floor(at / kernelColumns) * 2 ** (at % kernelColumns)),
    kernelSlopePs: kernelSlopePs.map(() => TOKEN_PS),
  },
}
const cluster = {
  ...PLAIN_CLUSTER,
  engines: [engine],
  fabric: { nvlinkBytesPerNs: 780, nicBytesPerNs: 50, latencyNs: 1000 },
}

const COUNT = 200

/** Every fourth request is long: in turns all long ones come to one rank. */
function uneven(): Workload {
  const arrivalNs = Float64Array.from({ length: COUNT }, (_, i) => i * 5e7)
  const isl = Int32Array.from(arrivalNs, (_, i) => (i % 4 === 0 ? 16_000 : 400))
  const osl = Int32Array.from(arrivalNs, () => 300)
  return traffic(arrivalNs, isl, osl)
}

function run(rank: string) {
  const arm = createArm({ ...STATIC_ARM, rank, chunk: 'fixed-budget(4096)' })
  const result = simulate(cluster, arm, uneven(), { load: { kind: 'open' } })
  const { migrations, migratedBytes } = result.statistics
  const { endNs, firstTokenNs } = result.records
  const tpotNs = endNs.slice(0, COUNT).reduce((sum, end, row) => sum + (end - firstTokenNs[row]) / 299 / COUNT, 0)
  return { tpotNs, migrations, migratedBytes }
}

test('moves and assignments even out what round robin piles up, and the oracle is better than all', () => {
  const turns = run('round-robin')
  const moving = run('round-robin(migrate=0.1,steps=4,dwell=16)')
  const oracle = run('oracle-rank')
  expect(turns.migrations).toBe(0)
  expect(moving.migrations).toBeGreaterThan(20)
  // a copy is a prompt at least: the long ones move
  expect(moving.migratedBytes).toBeGreaterThan(moving.migrations * 400 * 35_000)
  expect(moving.tpotNs).toBeLessThan(0.75 * turns.tpotNs)
  const others = ['lpt', 'barrier(40)', 'least-cost(5000)', 'least-cost(5000,migrate=0.05,steps=4,dwell=16)'].map(run)
  for (const { tpotNs } of others) expect(tpotNs).toBeLessThan(0.75 * turns.tpotNs)
  // moves on top of a good placement gain what is left to gain
  expect(others[3].tpotNs).toBeLessThan(others[2].tpotNs)
  expect(oracle.tpotNs).toBeLessThan(Math.min(...others.map(({ tpotNs }) => tpotNs)))
  expect(oracle.migratedBytes).toBe(0)
})

test('LAW-29: a sequence moves once per dwell at most, in a run that moves a lot', () => {
  const arm = createArm({ ...STATIC_ARM, rank: 'round-robin(migrate=0.05,steps=1,dwell=9)', chunk: 'fixed-budget(4096)' })
  const { migrate } = arm.rank
  let moves = 0
  const rank: RankPolicy = {
    ...arm.rank,
    migrate(view, out) {
      migrate?.(view, out)
      for (let i = 0; i < out.count; i++) {
        view.list(out.from[i])
        expect(view.stepsHere[out.sequence[i]]).toBeGreaterThanOrEqual(9)
      }
      moves += out.count
    },
  }
  const { records } = simulate(cluster, { ...arm, rank }, uneven(), { load: { kind: 'open' } })
  expect(moves).toBeGreaterThan(50)
  for (let row = 0; row < records.count; row++) expect(records.migrations[row]).toBeLessThanOrEqual(records.osl[row] / 9)
})

test('moves of one request are counted beyond 65,535', () => {
  let at = 0
  const arm = createArm(STATIC_ARM)
  const toAndFro: RankPolicy = {
    info: { ...arm.rank.info, oracle: true },
    place: () => at,
    migrate(_, out) {
      out.from[0] = at
      out.sequence[0] = 0
      at = 1 - at
      out.to[0] = at
      out.count = 1
    },
  }
  const longEngine = { ...engine, maxModelLen: 100_000 }
  const workload = traffic(Float64Array.of(0), Int32Array.of(100), Int32Array.of(70_002))
  const { records } = simulate({ ...cluster, engines: [longEngine] }, { ...arm, rank: toAndFro }, workload, {
    load: { kind: 'open' },
  })
  expect(records.migrations[0]).toBe(70_001)
})
