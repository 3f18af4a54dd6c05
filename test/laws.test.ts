/** The laws of docs/INVARIANTS.md as properties of the fast core and, where it has the means, of the reference simulator. */
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import type { SplitBatch } from '../src/levers/lever.js'
import { createSplitDecision } from '../src/levers/split/decision.js'
import { exactMakespanNs } from '../src/levers/split/exact.js'
import { createSplitEvaluator, floorNs, grahamNs } from '../src/levers/split/model.js'
import { mergeNs } from '../src/levers/split/pieces.js'
import { stream } from '../src/rng.js'
import {
  cachingScenario,
  rolesScenario,
  type Scenario,
  scenario,
  spanScenario,
  wholeScenario,
  wholeSpanScenario,
} from '../src/testing/arbitraries.js'
import { brokenLaws, outcomeOfFast, withSentinel } from '../src/testing/laws.js'
import { scramble } from '../src/testing/policies.js'
import { runFast } from '../src/testing/run.js'
import { anySplitMachine } from '../src/testing/tables.js'
import { futureLeaks, idleCacheFaults, repetitionFaults, snapshotFaults } from '../src/testing/twins.js'
import { untilSpent } from '../src/testing/untilSpent.js'
import { outcomeOfSlow, runSlow } from './reference/agree.js'

const SEED = Number(process.env.SHAPEWISE_SEED ?? 20_252)
const runs = (numRuns: number) => ({ numRuns, seed: SEED })
/** Processor time for the search for a smaller counterexample. */
const SHRINKING_MS = 40_000
// wall time, for machines that have other things to do: a run takes a small part of it
vi.setConfig({ testTimeout: 1_200_000 })

/** Holds when `faultsOf` finds nothing in any scenario. */
function holds(arbitrary: fc.Arbitrary<Scenario>, numRuns: number, faultsOf: (drawn: Scenario) => string[]): void {
  fc.assert(
    fc.property(
      arbitrary,
      untilSpent(SHRINKING_MS, (drawn) => {
        const faults = faultsOf(drawn)
        if (faults.length > 0) throw new Error(faults.slice(0, 10).join('\n'))
      }),
    ),
    runs(numRuns),
  )
}

describe('LAW-1 to LAW-8 and LAW-11: one run', () => {
  const followed = wholeScenario.map(withSentinel)
  test('the fast core, from the beginning to the end', () => {
    holds(followed, 1500, (drawn) => brokenLaws(drawn, outcomeOfFast(runFast(drawn))))
  })
  test('the fast core, cut short and measured in part', () => {
    holds(scenario, 800, (drawn) => brokenLaws(drawn, outcomeOfFast(runFast(drawn))))
  })
  test('the reference simulator', () => {
    holds(followed, 400, (drawn) => brokenLaws(drawn, outcomeOfSlow(runSlow(drawn))))
  })
})

test('LAW-9: the future is not seen', () => holds(wholeScenario, 800, (drawn) => futureLeaks(drawn)))

test('LAW-1 to LAW-24 with full caches', () => {
  holds(cachingScenario, 300, (drawn) => brokenLaws(drawn, outcomeOfFast(runFast(drawn))))
})

test('LAW-1 to LAW-27 with spread contexts', () => {
  holds(wholeSpanScenario.map(withSentinel), 300, (drawn) => brokenLaws(drawn, outcomeOfFast(runFast(drawn))))
})

test('LAW-1 to LAW-32 where engines change their roles', () => {
  holds(rolesScenario.map(withSentinel), 300, (drawn) => brokenLaws(drawn, outcomeOfFast(runFast(drawn))))
  holds(rolesScenario, 100, (drawn) => snapshotFaults(drawn, scramble(drawn.workload.isl) % 60))
  holds(rolesScenario, 100, (drawn) => futureLeaks(drawn))
})

test('LAW-10: the same input gives the same bytes', () => holds(scenario, 200, repetitionFaults))

test('LAW-13: a run that is saved and taken up again is the same run', () => {
  holds(scenario, 500, (drawn) => snapshotFaults(drawn, scramble(drawn.workload.isl) % 120))
  holds(cachingScenario, 100, (drawn) => snapshotFaults(drawn, scramble(drawn.workload.isl) % 120))
  holds(spanScenario, 100, (drawn) => snapshotFaults(drawn, scramble(drawn.workload.isl) % 120))
})

test('LAW-25: a cache without a hit changes nothing', () => holds(scenario, 400, (drawn) => idleCacheFaults(drawn)))

describe('LAW-12: floor <= time of a decode kernel <= bound of Graham', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 1, maxLength: 40 })
  const batchOf = (drawn: number[]): SplitBatch => {
    const sorted = Float64Array.from(drawn).sort()
    return { n: sorted.length, lengths: sorted, totalTokens: sorted.reduce((total, length) => total + length, 0) }
  }

  test('for a count, priced by the model of the simulator', () => {
    fc.assert(
      fc.property(
        anySplitMachine,
        lengths,
        fc.integer({ min: 1, max: 32 }),
        fc.boolean(),
        (machine, drawn, count, longestFirst) => {
          const batch = batchOf(drawn)
          const decision = { ...createSplitDecision(batch.n), value: count, longestFirst }
          const timeNs = createSplitEvaluator(machine, batch.n).attentionNs(batch, decision)
          const tileBytes = machine.tileTokens * machine.bytesPerToken
          const overheadBytes = machine.ctaOverheadNs * machine.ctaBandwidth
          let bytes = 0
          let longest = 0
          let pieces = 0
          let split = 0
          for (const length of drawn) {
            const tiles = Math.ceil(length / machine.tileTokens)
            const cut = Math.min(count, tiles)
            bytes += machine.headGroups * (tiles * tileBytes + cut * overheadBytes)
            longest = Math.max(longest, Math.ceil(tiles / cut) * tileBytes + overheadBytes)
            pieces = Math.max(pieces, cut)
            if (cut > 1) split += cut
          }
          const mergeUpperNs = mergeNs(pieces, split, machine)
          const rounding = 1 + 1e-9
          expect(timeNs * rounding).toBeGreaterThanOrEqual(floorNs(batch, machine))
          expect(timeNs).toBeLessThanOrEqual((machine.launchNs + grahamNs(bytes, longest, machine) + mergeUpperNs) * rounding)
        },
      ),
      runs(1000),
    )
  })

  test('for any pieces in any order, by the exact event form', () => {
    fc.assert(
      fc.property(anySplitMachine, lengths, (machine, pieceBytes) => {
        const total = pieceBytes.reduce((sum, bytes) => sum + bytes, 0)
        const longest = Math.max(...pieceBytes)
        const exactNs = exactMakespanNs(pieceBytes, machine)
        const workers = Math.min(machine.slots, pieceBytes.length)
        const rate = Math.min(machine.bandwidth, machine.ctaBandwidth * workers)
        expect(exactNs).toBeGreaterThanOrEqual((total / rate) * (1 - 1e-9))
        expect(exactNs).toBeLessThanOrEqual(grahamNs(total, longest, machine) * (1 + 1e-9))
      }),
      runs(1000),
    )
  })
})

test('LAW-14: a named stream depends on its seed and its name alone', () => {
  const draw = (seed: number, name: string) => Array.from({ length: 5 }, stream(seed, name).uniform)
  fc.assert(
    fc.property(fc.integer(), fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (seed, name, other) => {
      const alone = draw(seed, name)
      const neighbour = stream(seed, other)
      const interleaved = stream(seed, name)
      const beside = alone.map(() => {
        neighbour.normal()
        return interleaved.uniform()
      })
      expect(beside).toEqual(alone)
      if (name !== other) expect(draw(seed, other)).not.toEqual(alone)
      expect(draw(seed + 1, name)).not.toEqual(alone)
    }),
    runs(300),
  )
})
