/** What each split policy decides, and how its decision cuts a batch. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadSystem } from '../src/hardware/load.js'
import { parsePolicy } from '../src/levers/catalogue.js'
import {
  SPLIT_COUNT,
  SPLIT_GRID,
  SPLIT_LAUNCHES,
  SPLIT_PAYLOAD,
  SPLIT_SIZE,
  type SplitDecision,
  type SplitKind,
} from '../src/levers/lever.js'
import { createSplitDecision } from '../src/levers/split/decision.js'
import { exactAttentionNs } from '../src/levers/split/exact.js'
import type { SplitMachine } from '../src/levers/split/machine.js'
import { createSplitEvaluator, occupancyCount } from '../src/levers/split/model.js'
import { createPayloadRanges, cutPayload } from '../src/levers/split/payload.js'
import { sortPs } from '../src/levers/split/planning.js'
import { loadModel } from '../src/models/load.js'
import { PLAIN_TIMING, splitMachine } from '../src/timing/index.js'
import { batchOf, MACHINES } from './levers/families.js'

const { gqa, mla16 } = MACHINES
const equal = (n: number, length: number) => batchOf(Array.from({ length: n }, () => length))

function decide(name: string, lengths: readonly number[], machine: SplitMachine = mla16): SplitDecision {
  const out = createSplitDecision(512)
  parsePolicy('split', name)().plan(batchOf(lengths), machine, out)
  return out
}
const counts = (name: string, lengths: readonly number[], machine?: SplitMachine) =>
  [...decide(name, lengths, machine).pieces].slice(0, lengths.length)

describe('rules by hand (152 slots, tiles of 128 tokens)', () => {
  it('wave-efficiency: one piece from 80 % of the slots and for short requests, else the smallest count that fills waves well', () => {
    expect(decide('wave-efficiency', equalLengths(122, 65536)).value).toBe(1)
    expect(decide('wave-efficiency', equalLengths(8, 512)).value).toBe(1)
    // 38 x 4 is one whole wave; 38 x 3 fills 75 % of one
    expect(decide('wave-efficiency', equalLengths(38, 65536)).value).toBe(4)
    expect(decide('wave-efficiency', equalLengths(100, 65536)).value).toBe(3)
  })
  it('resident-chunk: the smallest size whose pieces are all resident; none when there is no room', () => {
    const lengths = [1000, 30000, 100000]
    const { kind, value } = decide('resident-chunk', lengths)
    expect(kind).toBe(SPLIT_SIZE)
    const pieces = (tiles: number) => lengths.reduce((sum, l) => sum + Math.ceil(Math.ceil(l / 128) / tiles), 0)
    expect(pieces(value / 128)).toBeLessThanOrEqual(152)
    expect(pieces(value / 128 - 1)).toBeGreaterThan(152)
    expect(decide('resident-chunk', equalLengths(76, 8192), gqa)).toMatchObject({ kind: SPLIT_COUNT, value: 1 })
  })
  it('average-load: pieces of 1.1 times the average of a slot, longest first; a graph has room for so many', () => {
    // 25 + 400 tiles, 1.1 x 425 / 152 rounded up = 4 tiles
    expect(counts('average-load', [3200, 51200])).toEqual([7, 100])
    expect(counts('average-load(max=32)', [3200, 51200])).toEqual([7, 32])
    expect(decide('average-load', [3200, 51200]).longestFirst).toBe(true)
    expect(decide('average-load(order=arrival)', [3200, 51200]).longestFirst).toBe(false)
  })
  it('sqrt-budget: pieces in proportion to length, whose total grows with the root of the work', () => {
    const total = (name: string, n: number) => counts(name, equalLengths(n, 65536)).reduce((sum, m) => sum + m, 0)
    expect(total('sqrt-budget', 64) / total('sqrt-budget', 4)).toBeCloseTo(4, 0)
    expect(total('sqrt-budget(scale=4)', 16) / total('sqrt-budget', 16)).toBeCloseTo(2, 0)
    const [short, long] = counts('sqrt-budget', [8192, 65536])
    expect(long / short).toBeCloseTo(8, -1)
  })
  it("sorted-groups: equal numbers of neighbours in length, each group with the shipped rule's count", () => {
    const { kind, launches, launchOf, pieces } = decide('sorted-groups(2)', [1000, 2000, 50000, 60000, 70000])
    expect(kind).toBe(SPLIT_LAUNCHES)
    expect(launches).toBe(2)
    expect([...launchOf.slice(0, 5)]).toEqual([0, 0, 1, 1, 1])
    expect([...pieces.slice(0, 5)]).toEqual([8, 8, 50, 50, 50])
    expect(decide('sorted-groups(8)', [1000, 2000]).launches).toBe(2)
  })
  it('oversubscribe: a grid cut for the longest, within its waves, its size and its smallest piece', () => {
    expect(decide('oversubscribe', [...equalLengths(63, 1024), 262144])).toMatchObject({ kind: SPLIT_GRID, value: 9 })
    expect(decide('oversubscribe(waves=64)', [...equalLengths(63, 1024), 262144]).value).toBe(64)
    expect(decide('oversubscribe(waves=64)', equalLengths(64, 1024)).value).toBe(4)
    expect(decide('oversubscribe', equalLengths(500, 65536), gqa).value).toBe(1)
  })
  it('payload: what a stretch weighs, in tiles', () => {
    expect(decide('payload(320)', [5000])).toMatchObject({ kind: SPLIT_PAYLOAD, value: 3 })
    expect(decide('payload(1)', [5000]).value).toBe(1)
  })
  it('wave-repair: two launches for equal lengths just above a full wave, and the sum is faster', () => {
    const batch = equal(80, 65536)
    const out = decide('wave-repair', [...batch.lengths], gqa)
    expect(out.kind).toBe(SPLIT_LAUNCHES)
    const shipped = { ...createSplitDecision(512), value: occupancyCount(80, 65536, gqa) }
    expect(exactAttentionNs(batch, out, gqa)).toBeLessThan(0.8 * exactAttentionNs(batch, shipped, gqa))
    expect(decide('wave-repair', equalLengths(76, 65536), gqa)).toMatchObject({ kind: SPLIT_COUNT, value: 1 })
  })
  it('gated: the shipped rule where nothing is to be gained, ranges of equal payload for ragged batches', () => {
    expect(decide('gated', equalLengths(76, 65536), gqa)).toMatchObject({ kind: SPLIT_COUNT, value: 1, longestFirst: false })
    expect(decide('gated', [...equalLengths(63, 1024), 262144]).kind).toBe(SPLIT_PAYLOAD)
    expect(decide('gated(100)', [...equalLengths(10, 30000), 60000]).kind).toBe(SPLIT_COUNT)
  })
  it('names of arguments that are words', () => {
    expect(parsePolicy('split', 'fixed-count(8, order=longest-first)')().info.name).toBe('fixed-count(8,order=longest-first)')
    expect(parsePolicy('split', 'fixed-count(8,order=arrival)')().info.name).toBe('fixed-count(8)')
    expect(() => parsePolicy('split', 'fixed-count(8,order=shortest)')).toThrow(
      /order of fixed-count must be arrival or longest-first/,
    )
    expect(() => parsePolicy('split', 'fixed-count(8,order=1)')).toThrow(/must be arrival or longest-first/)
    expect(() => parsePolicy('split', 'fixed-count(many)')).toThrow(/"many" is not a number/)
  })
})

describe('ranges of equal payload', () => {
  it('hold every tile once, in order, none above the payload but the last; their stretches are what the merge joins', () => {
    const batches = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 80 })
    fc.assert(
      fc.property(batches, fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 152 }), (tiles, overhead, most) => {
        const out = createPayloadRanges(most)
        cutPayload(tiles, tiles.length, overhead, most, out)
        expect(out.ranges).toBeLessThanOrEqual(most)
        const total = tiles.reduce((sum, t) => sum + t, 0)
        const used = out.tiles.slice(0, out.ranges)
        const stretches = out.stretches.slice(0, out.ranges).reduce((sum, k) => sum + k, 0)
        expect(used.reduce((sum, t) => sum + t, 0)).toBe(total)
        const payload = Math.ceil((total + overhead * tiles.length) / most) + overhead
        for (let k = 0; k < out.ranges; k++)
          expect(used[k] + (k === most - 1 ? 0 : overhead * (out.stretches[k] - 1))).toBeLessThanOrEqual(payload)
        expect(stretches).toBeGreaterThanOrEqual(tiles.length)
        expect(stretches).toBeLessThanOrEqual(tiles.length + most)
        expect(out.split).toBeLessThanOrEqual(stretches)
        if (stretches > tiles.length) expect(out.largest).toBeGreaterThan(1)
      }),
      { numRuns: 500, seed: 3 },
    )
  })
})

describe('what is charged', () => {
  const price = (kind: SplitKind, value: number, machine: SplitMachine, change: (d: SplitDecision) => void = () => {}) => {
    const decision = { ...createSplitDecision(64), kind, value }
    change(decision)
    const batch = equal(8, 8192)
    const fast = createSplitEvaluator(machine, 64).attentionNs(batch, decision)
    expect(fast / exactAttentionNs(batch, decision, machine)).toBeCloseTo(1, 3)
    return fast
  }
  it('two launches of half the batch cost one more launch, and drain', () => {
    const halves = (d: SplitDecision) => {
      d.launches = 2
      d.pieces.fill(4)
      for (let i = 0; i < 8; i++) d.launchOf[i] = i % 2
    }
    const twice = price(SPLIT_LAUNCHES, 2, mla16, halves)
    expect(twice - price(SPLIT_LAUNCHES, 2, { ...mla16, launchNs: 0 }, halves)).toBeCloseTo(2 * mla16.launchNs, 6)
    expect(twice).toBeGreaterThan(price(SPLIT_COUNT, 4, mla16) + mla16.launchNs)
  })
  it('surplus CTAs of a grid take slots', () => {
    const lengths = [...equalLengths(60, 1024), 131072]
    const batch = batchOf(lengths)
    const grid = { ...createSplitDecision(64), kind: SPLIT_GRID as SplitKind, value: 64 }
    const sized = { ...grid, kind: SPLIT_SIZE as SplitKind, value: 2048 }
    const evaluator = createSplitEvaluator(mla16, 64)
    expect(evaluator.attentionNs(batch, grid)).toBeGreaterThan(evaluator.attentionNs(batch, sized))
    expect(exactAttentionNs(batch, grid, mla16)).toBeGreaterThan(exactAttentionNs(batch, sized, mla16))
  })
  it('a sort costs k (k + 1) / 2 passes of 40 ns, and only who sorts pays', () => {
    expect([1, 2, 64, 65, 512].map((n) => sortPs(n) / 1000)).toEqual([40, 40, 840, 1120, 1800])
    const planning = (name: string) => {
      const { planningPs } = parsePolicy('split', name)()
      return typeof planningPs === 'number' ? planningPs : planningPs(64)
    }
    expect(planning('fixed-count(8)')).toBe(0)
    expect(planning('fixed-count(8,order=longest-first)')).toBe(2_840_000)
    expect(planning('average-load') - planning('average-load(order=arrival)')).toBe(sortPs(64))
  })
})

function equalLengths(n: number, length: number): number[] {
  return Array.from({ length: n }, () => length)
}

describe('a kernel that reads so many chosen tokens at most', () => {
  const policies = ['fixed-count(8)', 'length-aware', 'oracle-floor'].map((name) => parsePolicy('split', name)())
  const sparse = createSplitEvaluator({ ...mla16, mostTokens: 2048 }, 512)
  const dense = createSplitEvaluator(mla16, 512)

  it('has no ragged long contexts', () => {
    const ragged = batchOf([...equalLengths(60, 4000), ...equalLengths(4, 64_000)])
    for (const policy of policies) expect(sparse.factor(policy, ragged)).toBe(dense.factor(policy, equal(64, 2048)))
    const decision = { ...createSplitDecision(64), kind: SPLIT_COUNT as SplitKind, value: 8 }
    expect(sparse.attentionNs(ragged, decision)).toBe(dense.attentionNs(equal(64, 2048), decision))
  })

  it('reads short contexts whole, against the chosen tokens of the mean length', () => {
    const short = batchOf(equalLengths(64, 512))
    for (const policy of policies) expect(sparse.factor(policy, short)).toBe(dense.factor(policy, short))
    const mixed = batchOf([...equalLengths(60, 128), ...equalLengths(4, 64_000)])
    const floor = policies[2]
    expect(sparse.factor(floor, mixed)).toBeLessThan(0.5 * sparse.factor(floor, equal(64, 64_000)))
  })

  it('is that of a model with a sparse indexer', () => {
    const of = (name: string) =>
      splitMachine({
        ...PLAIN_TIMING,
        system: loadSystem('gb200'),
        model: loadModel(name),
        precision: 'nvfp4',
        kvPrecision: 'fp8',
        parallelism: { tp: 1, pp: 1, dp: 8, cp: 1, moeTp: 1, moeEp: 8 },
        maxNumSeqs: 64,
        maxNumBatchedTokens: 2048,
        maxModelLen: 65_536,
      }).mostTokens
    expect([of('glm-5'), of('kimi-k2.5')]).toEqual([2048, undefined])
  })
})
