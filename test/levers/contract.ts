/** What every policy of a lever must keep, given a factory of fresh policies. Called inside a `describe`. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import {
  type ChunkPolicy,
  type ChunkView,
  type EngineStepView,
  type LoadView,
  SPLIT_LAUNCHES,
  SPLIT_PER_REQUEST,
  type SpanPolicy,
  type SplitDecision,
  type SplitPolicy,
} from '../../src/levers/lever.js'
import { createSplitDecision } from '../../src/levers/split/decision.js'
import { createSplitEvaluator, floorNs } from '../../src/levers/split/model.js'
import { batchOf, MACHINES } from './families.js'

const EXTREMES = [
  [1],
  [1e6],
  Array.from({ length: 512 }, () => 1),
  Array.from({ length: 512 }, () => 1e6),
  [...Array.from({ length: 63 }, () => 1024), 262144],
  Array.from({ length: 152 }, (_, i) => 100 + 97 * i),
]

function freshDecision(): SplitDecision {
  return { ...createSplitDecision(512), value: -1 }
}

export function splitContract(factory: () => SplitPolicy): void {
  it('decides within range, writes to no input, and decides alike every time, in any order of calls', () => {
    const policy = factory()
    for (const machine of Object.values(MACHINES)) {
      const first = EXTREMES.map((lengths) => {
        const batch = batchOf(lengths)
        const copy = batch.lengths.slice()
        const out = freshDecision()
        policy.plan(batch, machine, out)
        expect(batch.lengths).toEqual(copy)
        expect(out.value).toBeGreaterThanOrEqual(1)
        expect(Number.isFinite(out.value)).toBe(true)
        if (out.kind === SPLIT_PER_REQUEST || out.kind === SPLIT_LAUNCHES)
          expect(Math.min(...out.pieces.slice(0, batch.n))).toBeGreaterThanOrEqual(1)
        if (out.kind === SPLIT_LAUNCHES)
          expect(new Set(out.launchOf.slice(0, batch.n))).toEqual(new Set(Array.from({ length: out.launches }, (_, k) => k)))
        return out
      })
      const again = [...EXTREMES].reverse().map((lengths) => {
        const out = freshDecision()
        factory().plan(batchOf(lengths), machine, out)
        return out
      })
      expect(again.reverse()).toEqual(first)
    }
  })
  it('states what planning costs: whole picoseconds or a fraction, at most 50 us, not less for more sequences', () => {
    const { planningPs } = factory()
    const costs = [1, 2, 64, 512, 1024].map((n) => (typeof planningPs === 'number' ? planningPs : planningPs(n)))
    expect(costs[0]).toBeGreaterThanOrEqual(0)
    expect(costs[4]).toBeLessThanOrEqual(50e6)
    expect([...costs].sort((a, b) => a - b)).toEqual(costs)
  })
  it('never beats the floor, and its factor is positive, finite and the same bit for bit', () => {
    for (const machine of Object.values(MACHINES)) {
      const evaluator = createSplitEvaluator(machine, 512)
      for (const lengths of EXTREMES) {
        const batch = batchOf(lengths)
        const out = freshDecision()
        factory().plan(batch, machine, out)
        expect(evaluator.attentionNs(batch, out)).toBeGreaterThanOrEqual(floorNs(batch, machine) * (1 - 1e-12))
        const factor = evaluator.factor(factory(), batch)
        expect(factor).toBeGreaterThan(0)
        expect(Number.isFinite(factor)).toBe(true)
        expect(createSplitEvaluator(machine, 512).factor(factory(), batch)).toBe(factor)
      }
    }
  })
}

/** `view` is remade by the caller for each call, so that writes can be seen. */
export function chunkContract(
  factory: () => ChunkPolicy,
  makeView: (n: number, remaining: number, prefix: number) => ChunkView,
): void {
  it('gives a whole number >= 0, at least 1 when nothing decodes, and writes to no input', () => {
    for (const n of [0, 1, 64, 512]) {
      for (const [remaining, prefix] of [
        [1, 0],
        [300, 0],
        [8192, 0],
        [60000, 60000],
      ]) {
        const view = makeView(n, remaining, prefix)
        const tokens = factory().prefillTokens(view)
        expect(Number.isInteger(tokens)).toBe(true)
        expect(tokens).toBeGreaterThanOrEqual(n === 0 ? 1 : 0)
        expect(view.remaining).toEqual(makeView(n, remaining, prefix).remaining)
        expect(factory().prefillTokens(view)).toBe(tokens)
      }
    }
  })
}

/**
 * LAW-26: of an engine whose ranks have prompts and sequences at random, prompts are held at most `most` steps in a row, and never where no sequence
 * decodes. Engines do not disturb each other.
 */
export function holdContract(factory: () => ChunkPolicy, most: number): void {
  const rank = fc.record({ decoding: fc.integer({ min: 0, max: 2 }), hasPrompt: fc.boolean() })
  const steps = fc.array(fc.array(rank, { minLength: 3, maxLength: 3 }), { minLength: 1, maxLength: 60 })
  const asked = (step: readonly { decoding: number; hasPrompt: boolean }[], engine: number): EngineStepView => ({
    engine,
    ranks: step.length,
    decoding: (at) => step[at].decoding,
    hasPrompt: (at) => step[at].hasPrompt,
  })
  it(`holds prompts at most ${most} steps in a row, and only where somebody decodes`, () => {
    fc.assert(
      fc.property(steps, (drawn) => {
        const policy = factory()
        const twin = factory()
        let inARow = 0
        for (const step of drawn.filter((ranks) => ranks.some(({ hasPrompt }) => hasPrompt))) {
          const isHeld = policy.hold?.(asked(step, 0)) === true
          expect(twin.hold?.(asked(step, 5))).toBe(isHeld)
          policy.hold?.(asked([...step].reverse(), 1))
          inARow = isHeld ? inARow + 1 : 0
          expect(inARow).toBeLessThanOrEqual(most)
          if (isHeld) expect(step.some(({ decoding }) => decoding > 0)).toBe(true)
        }
      }),
    )
  })
}

/** Loads as columns, for `place` and `route` alike. */
export function loads(running: readonly number[], kvTokens: readonly number[], engine?: number): LoadView {
  return {
    count: running.length,
    engine,
    running: (p) => running[p],
    waiting: () => 0,
    kvTokens: (p) => kvTokens[p],
    queuedTokens: () => 0,
    freeBlocks: () => 100,
    matchedTokens: () => 0,
  }
}

/** `rounds`: requests for each place among which it must be chosen. */
export function choiceContract(choose: () => (view: LoadView) => number, rounds = 3): void {
  it('stays in range and repeats itself; never starves a place that is idle', () => {
    for (const count of [1, 2, 7, 64]) {
      const running = new Array<number>(count).fill(0)
      const kv = new Array<number>(count).fill(0)
      const policy = choose()
      const twin = choose()
      for (let i = 0; i < rounds * count; i++) {
        const place = policy(loads(running, kv))
        expect(twin(loads(running, kv))).toBe(place)
        expect(place).toBeGreaterThanOrEqual(0)
        expect(place).toBeLessThan(count)
        running[place]++
        kv[place] += 1000
      }
      expect(Math.min(...running)).toBeGreaterThan(0)
    }
  })
}

/** Degrees that engines accept, whatever the loads; the same question gets the same answer, and no degree beyond the largest that is declared. */
export function spanContract(factory: () => SpanPolicy): void {
  it('answers with a power of two that divides the ranks, within what it declares, and alike every time', () => {
    const policy = factory()
    const most = policy.largest ?? Number.POSITIVE_INFINITY
    // a fixed degree is refused by the scenario where it does not divide the ranks
    const isFixed = Number.isFinite(most) && !policy.info.shapeAware
    for (const count of [1, 2, 6, 12, 32].filter((ranks) => !isFixed || ranks % most === 0))
      for (const tokens of [0, 1, 5000, 1e6])
        for (const inputTokens of [1, 4096, 262_144, 1_000_000]) {
          const view = loads(new Array(count).fill(1), new Array(count).fill(tokens))
          const request = { inputTokens, classId: 0, tenant: 0 }
          const degree = policy.degree(view, request)
          expect(Number.isInteger(Math.log2(degree)) && count % degree === 0 && degree <= most).toBe(true)
          expect(factory().degree(view, request)).toBe(degree)
        }
  })
}
