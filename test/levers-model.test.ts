import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { POLICIES, parsePolicy } from '../src/levers/catalogue.js'
import { createArm, SHAPE_AWARE_ARM } from '../src/levers/index.js'
import { SPLIT_COUNT, SPLIT_PER_REQUEST, SPLIT_SIZE, type SplitBatch, type SplitDecision } from '../src/levers/lever.js'
import { createSplitDecision } from '../src/levers/split/decision.js'
import { exactAttentionNs, exactMakespanNs } from '../src/levers/split/exact.js'
import type { SplitMachine } from '../src/levers/split/machine.js'
import { createSplitEvaluator, occupancyCount } from '../src/levers/split/model.js'
import { mergeNs, overheadBytes, pieceCount, tileBytes, tilesOf } from '../src/levers/split/pieces.js'
import { type Rng, stream } from '../src/rng.js'
import { clusterConfig } from '../src/scenario/index.js'
import { simulate } from '../src/simulator/index.js'
import { batchOf, FAMILIES, MACHINES, quantile, randomBatch, shuffled } from './levers/families.js'
import { tinyPlan, tinyWorkload } from './tinyCluster.js'

const EMPTY = createSplitDecision(512)
const names = Object.keys(FAMILIES)
const evaluators = new Map(Object.values(MACHINES).map((machine) => [machine, createSplitEvaluator(machine, 512)]))
const fastNs = (batch: SplitBatch, d: SplitDecision, m: SplitMachine) => evaluators.get(m)?.attentionNs(batch, d) ?? Number.NaN

/** What a decision launches: pieces in all, and the time that does not depend on the makespan. */
function launchOf(batch: SplitBatch, decision: SplitDecision, machine: SplitMachine) {
  let pieces = 0
  let largest = 0
  let split = 0
  let bytes = 0
  let longest = 0
  for (let i = 0; i < batch.n; i++) {
    const tiles = tilesOf(batch.lengths[i], machine)
    const m = pieceCount(decision, batch, i, machine)
    pieces += m * machine.headGroups
    bytes += machine.headGroups * (tiles * tileBytes(machine) + m * overheadBytes(machine))
    longest = Math.max(longest, Math.ceil(tiles / m) * tileBytes(machine) + overheadBytes(machine))
    if (m > 1) split += m
    if (m > largest) largest = m
  }
  return { pieces, bytes, longest, fixedNs: machine.launchNs + mergeNs(largest, split, machine) }
}

/** Longest first is one order; arrival order is the mean over shuffles. */
function exactMeanNs(batch: SplitBatch, decision: SplitDecision, machine: SplitMachine, rng: Rng, shuffles: number): number {
  if (decision.longestFirst) return exactAttentionNs(batch, decision, machine)
  let sum = 0
  for (let k = 0; k < shuffles; k++) sum += exactAttentionNs(batch, decision, machine, shuffled(batch.n, rng))
  return sum / shuffles
}

describe('exact form', () => {
  it('agrees with a naive fluid simulation', () => {
    const sharp = { ...MACHINES.gqa, slots: 4, bandwidth: 300, ctaBandwidth: 100 }
    const sizes = fc.array(fc.integer({ min: 50, max: 5000 }), { minLength: 1, maxLength: 30 })
    fc.assert(
      fc.property(sizes, fc.option(fc.double({ min: 0.5, max: 60, noNaN: true }), { nil: undefined }), (tasks, knee) => {
        const machine = { ...sharp, knee }
        const together = (running: number): number => machine.bandwidth / running
        const rate = (running: number): number =>
          knee === undefined
            ? Math.min(machine.ctaBandwidth, together(running))
            : (machine.ctaBandwidth ** -knee + together(running) ** -knee) ** (-1 / knee)
        const queue = [...tasks]
        let running: number[] = []
        let timeNs = 0
        while (queue.length > 0 || running.length > 0) {
          while (queue.length > 0 && running.length < machine.slots) running.push(queue.shift() as number)
          const shortest = Math.min(...running)
          timeNs += shortest / rate(running.length)
          running = running.map((left) => left - shortest).filter((left) => left > 1e-9)
        }
        expect(Math.abs(exactMakespanNs(tasks, machine) / timeNs - 1)).toBeLessThan(1e-9)
      }),
      { numRuns: 200, seed: 1 },
    )
  })
})

describe('fast form', () => {
  it('lies between the floor and the bound of Graham', () => {
    const rng = stream(2, 'bounds')
    for (let run = 0; run < 600; run++) {
      const machine = Object.values(MACHINES)[run % 3]
      const batch = randomBatch(rng, names[run % names.length], Math.ceil(2 ** (9 * rng.uniform())))
      const pieces = Int32Array.from({ length: 512 }, () => 1 + rng.integer(20))
      for (const kind of [SPLIT_COUNT, SPLIT_SIZE, SPLIT_PER_REQUEST] as const) {
        const value = kind === SPLIT_SIZE ? 2 ** (7 + rng.integer(10)) : 1 + rng.integer(32)
        const decision: SplitDecision = { ...EMPTY, kind, value, longestFirst: rng.uniform() < 0.5, pieces }
        const { bytes, longest, fixedNs } = launchOf(batch, decision, machine)
        const makespan = fastNs(batch, decision, machine) - fixedNs
        const lowest = Math.max(bytes / machine.bandwidth, longest / machine.ctaBandwidth)
        // Bins of SPLIT_SIZE and SPLIT_PER_REQUEST blur the longest piece by less than one bin: 1/31 of the range.
        expect(makespan).toBeGreaterThan(lowest * (kind === SPLIT_COUNT ? 1 - 1e-9 : 1 - 1 / 31))
        expect(makespan).toBeLessThan((bytes / machine.bandwidth + longest / machine.ctaBandwidth) * (1 + 1e-9))
      }
    }
  })

  it('meets the exact makespan; launches of more than one wave are judged on their own', () => {
    const rng = stream(5, 'accuracy')
    const errors = new Map<string, number[]>()
    for (let run = 0; run < 700; run++) {
      const machine = Object.values(MACHINES)[run % 3]
      const n = Math.ceil(2 ** (9 * rng.uniform()))
      const batch = randomBatch(rng, names[rng.integer(names.length)], n)
      const target = ((machine.headGroups * batch.totalTokens) / machine.slots) * [0.5, 0.75, 1, 1.5, 2, 3][rng.integer(6)]
      const decisions = [
        ['count', SPLIT_COUNT, 2 ** rng.integer(n > 128 ? 4 : 7)],
        ['occupancy', SPLIT_COUNT, occupancyCount(n, batch.lengths[n - 1], machine)],
        ['size', SPLIT_SIZE, Math.max(128, target)],
      ] as const
      for (const [label, kind, value] of decisions) {
        for (const longestFirst of [true, false]) {
          const decision: SplitDecision = { ...EMPTY, kind, value, longestFirst }
          const { pieces, fixedNs } = launchOf(batch, decision, machine)
          const exact = exactMeanNs(batch, decision, machine, rng, 8) - fixedNs
          const error = Math.abs((fastNs(batch, decision, machine) - fixedNs) / exact - 1)
          const key = `${label}, ${longestFirst ? 'sorted' : 'arrival'}, ${pieces <= machine.slots ? 'one wave' : 'more'}`
          errors.set(key, [...(errors.get(key) ?? []), error])
        }
      }
    }
    for (const [key, sample] of errors) {
      expect(quantile(sample, 0.5), `median of ${key}`).toBeLessThan(0.03)
      expect(quantile(sample, 0.9), `p90 of ${key}`).toBeLessThan(0.12)
      expect(quantile(sample, 1), `max of ${key}`).toBeLessThan(0.5)
    }
  })
})

describe('factor', () => {
  it('is exactly 1 for the occupancy rule on equal lengths', () => {
    const rule = parsePolicy('split', 'occupancy-rule')()
    for (const [machine, evaluator] of evaluators) {
      expect(machine.slots).toBe(152)
      for (const n of [1, 3, 38, 64, 77, 152, 153, 512]) {
        for (const length of [1, 127, 128, 129, 5000, 1e6]) {
          expect(evaluator.factor(rule, batchOf(Array.from({ length: n }, () => length)))).toBe(1)
        }
      }
    }
  })
})

describe('length-aware', () => {
  const decide = (name: string, batch: SplitBatch, machine: SplitMachine): SplitDecision => {
    const out = createSplitDecision(512)
    parsePolicy('split', name)().plan(batch, machine, out)
    return out
  }
  const counts = [1, 2, 4, 8, 16, 32].map((s) => `fixed-count(${s})`)

  it('is within 10 % of the best fixed count in the exact form', () => {
    const rng = stream(7, 'never-worse')
    const ratios: number[] = []
    for (let run = 0; run < 120; run++) {
      const machine = Object.values(MACHINES)[run % 3]
      const batch = randomBatch(rng, names[rng.integer(names.length)], Math.ceil(2 ** (8 * rng.uniform())))
      const own = exactAttentionNs(batch, decide('length-aware', batch, machine), machine)
      ratios.push(own / Math.min(...counts.map((name) => exactMeanNs(batch, decide(name, batch, machine), machine, rng, 3))))
    }
    expect(Math.max(...ratios)).toBeLessThan(1.1)
  })

  it('is within 2 % of the best length-blind rule on equal lengths', () => {
    const rules = [...counts, 'occupancy-rule', 'k-waves(1)', 'k-waves(2)', 'k-waves(4)']
    for (const machine of Object.values(MACHINES)) {
      for (const n of [1, 8, 38, 64, 76, 100, 152, 256]) {
        for (const length of [512, 4096, 32768]) {
          const batch = batchOf(Array.from({ length: n }, () => length))
          const own = exactAttentionNs(batch, decide('length-aware', batch, machine), machine)
          const best = Math.min(...rules.map((name) => exactAttentionNs(batch, decide(name, batch, machine), machine)))
          expect(own / best, `${n} x ${length}`).toBeLessThan(1.02)
        }
      }
    }
  })
})

describe('oracle-split', () => {
  it('is never beaten by a shipped policy in the exact form, by more than three thousandths', () => {
    const rng = stream(11, 'oracle')
    const shipped = POLICIES.filter((info) => info.lever === 'split').map((info) => info.name)
    const decide = (name: string, batch: SplitBatch, machine: SplitMachine) => {
      const out = createSplitDecision(512)
      parsePolicy('split', name)().plan(batch, machine, out)
      return exactAttentionNs(batch, out, machine)
    }
    for (let run = 0; run < 120; run++) {
      const machine = Object.values(MACHINES)[run % 3]
      const batch = randomBatch(rng, names[rng.integer(names.length)], Math.ceil(2 ** (8 * rng.uniform())))
      const bound = decide('oracle-split', batch, machine)
      for (const name of shipped) expect(decide(name, batch, machine) / bound, `${name}, ${batch.n}`).toBeGreaterThan(1 - 3e-3)
    }
  })
})

it('engines of different batch caps may share a machine', () => {
  const config = clusterConfig(tinyPlan())
  const [small, large] = config.engines.map((engine, e) => ({ ...engine, maxNumSeqs: e === 0 ? 2 : 64 }))
  const outcomeOf = (engines: typeof config.engines) => {
    const load = { kind: 'closed', concurrency: 60 } as const
    const { endNs, statistics } = simulate({ ...config, engines }, createArm(SHAPE_AWARE_ARM, 'shared'), tinyWorkload(300), {
      load,
    })
    return { endNs, statistics }
  }
  expect(outcomeOf([small, large])).toEqual(outcomeOf([small, { ...large, machine: { ...large.machine } }]))
})
