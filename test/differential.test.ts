/**
 * The fast core and the reference simulator agree on every decision, record and statistic (docs/INVARIANTS.md, LAW-15).
 * A failure prints fast-check's seed and path and the shrunk scenario; run it again with { seed, path }.
 */
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { PLAIN_CLUSTER } from '../src/simulator/config.js'
import {
  cachingScenario,
  crowdedScenario,
  longScenario,
  movingScenario,
  oracleScenario,
  rolesScenario,
  type Scenario,
  scenario,
  spanScenario,
  thinScenario,
} from '../src/testing/arbitraries.js'
import { plainArm, splitPolicy } from '../src/testing/policies.js'
import { type RequestRow, runFast } from '../src/testing/run.js'
import { untilSpent } from '../src/testing/untilSpent.js'
import { engineOf, evenSteps, traffic } from './byHand.js'
import { differences, runSlow, type SlowRun } from './reference/agree.js'

/** Generated scenarios of one run. */
const SCENARIOS = 3500
/** Processor time for the search for a smaller counterexample. */
const SHRINKING_MS = 40_000
const LONG_SCENARIOS = 60
const CACHING_SCENARIOS = 500
const MOVING_SCENARIOS = 650
const ORACLE_SCENARIOS = 200
const THIN_SCENARIOS = 200
const CROWDED_SCENARIOS = 300
const SPAN_SCENARIOS = 500
const ROLES_SCENARIOS = 400
// wall time, for machines that have other things to do: a run takes a small part of it
vi.setConfig({ testTimeout: 1_200_000 })

const SEED = Number(process.env.SHAPEWISE_SEED ?? 20_251)

/** Both simulators on `runs` draws; `look` sees each with what the reference made of it. */
function expectAgreement(drawn: fc.Arbitrary<Scenario>, runs: number, look: (scenario: Scenario, slow: SlowRun) => void): void {
  fc.assert(
    fc.property(
      drawn,
      untilSpent(SHRINKING_MS, (scenario) => {
        const slow = runSlow(scenario)
        look(scenario, slow)
        const found = differences(runFast(scenario), slow)
        if (found.length > 0) throw new Error(found.slice(0, 12).join('\n'))
      }),
    ),
    { numRuns: runs, seed: SEED },
  )
}

test(`both simulators agree on ${SCENARIOS} scenarios`, () => {
  const seen = {
    preemptions: 0,
    timed_out: 0,
    rejected: 0,
    unservable: 0,
    queued: 0,
    running: 0,
    in_transfer: 0,
    transferred: 0,
    waited_to_decode: 0,
    preempted_after_transfer: 0,
    speculated: 0,
    reserved: 0,
    chunked: 0,
    hit: 0,
    evicted: 0,
    hit_after_transfer: 0,
    completed: 0,
    evaluations: 0,
    waited: 0,
    waited_for_several: 0,
    waited_in_closed_loop: 0,
    not_sent: 0,
    assigned: 0,
    moved: 0,
    moved_by_copy: 0,
  }
  expectAgreement(scenario, SCENARIOS, (drawn, slow) => {
    const { parent, joinCount, arrivalNs } = drawn.workload
    const isClosed = drawn.load.kind === 'closed'
    seen.not_sent += slow.result.notSent
    for (const [index, record] of slow.result.records) {
      if (parent !== null && parent[index] >= 0 && (isClosed || Number.isNaN(arrivalNs[index]))) {
        seen.waited++
        if (isClosed) seen.waited_in_closed_loop++
        if (joinCount !== null && joinCount[index] > 1) seen.waited_for_several++
      }
      seen[record.fate as 'completed']++
      seen.preemptions += record.preemptions
      const [, , transferNs, waitNs, decodeNs] = record.phaseNs
      const isWhole = record.fate === 'completed'
      const engine = drawn.config.engines[Math.max(0, record.engine)]
      if (transferNs > 0) seen.transferred++
      if (waitNs > 0) seen.waited_to_decode++
      if (isWhole && engine.role === 'decode' && decodeNs > 0 && record.preemptions > 0) seen.preempted_after_transfer++
      if (isWhole && engine.draftTokens > 0 && record.osl > 1) seen.speculated++
      if (isWhole && engine.kvReservation === 'full') seen.reserved++
      if (record.cachedTokens > 0) seen.hit++
      seen.moved += record.migrations
      if (record.cachedTokens > 0 && transferNs > 0) seen.hit_after_transfer++
    }
    seen.evicted += slow.result.statistics.evictedBlocks
    seen.assigned += slow.decisions.assign.length
    if (slow.result.statistics.migratedBytes > 0) seen.moved_by_copy++
    seen.chunked += slow.decisions.chunk.length
    seen.evaluations += slow.decisions.split.length
  })
  for (const [feature, count] of Object.entries(seen)) expect(count, `scenarios never met: ${feature}`).toBeGreaterThan(40)
})

test(`both simulators agree on ${CACHING_SCENARIOS} scenarios of full caches`, () => {
  let loaded = 0
  let evicted = 0
  expectAgreement(cachingScenario, CACHING_SCENARIOS, (_, slow) => {
    for (const record of slow.result.records.values()) if (record.loadedTokens > 0) loaded++
    evicted += slow.result.statistics.evictedBlocks
  })
  expect(loaded).toBeGreaterThan(60)
  expect(evicted).toBeGreaterThan(1000)
})

test(`both simulators agree on ${MOVING_SCENARIOS} scenarios of sequences that move`, () => {
  const seen = { copied: 0, preempted: 0, brought_before: 0, cached: 0 }
  let onTheWay = 0
  expectAgreement(movingScenario, MOVING_SCENARIOS, (_, slow) => {
    for (const record of slow.result.records.values()) {
      if (record.migrations === 0) continue
      if (record.preemptions > 0) seen.preempted++
      if (record.phaseNs[2] > 0) seen.brought_before++
      if (record.cachedTokens > 0) seen.cached++
      if (record.fate === 'in_transfer') onTheWay++
    }
    if (slow.result.statistics.migratedBytes > 0) seen.copied++
  })
  for (const [feature, count] of Object.entries(seen)) expect(count, `scenarios never met: ${feature}`).toBeGreaterThan(20)
  expect(onTheWay).toBeGreaterThan(0)
})

test(`both simulators agree on ${ORACLE_SCENARIOS} scenarios of the dispatch oracle`, () => {
  let moved = 0
  expectAgreement(oracleScenario, ORACLE_SCENARIOS, (_, slow) => {
    moved += slow.result.statistics.migrations
  })
  expect(moved).toBeGreaterThan(200)
})

test(`both simulators agree on ${ROLES_SCENARIOS} scenarios of changing roles`, () => {
  let changes = 0
  expectAgreement(rolesScenario, ROLES_SCENARIOS, (_, slow) => {
    changes += slow.result.statistics.roleChanges
  })
  expect(changes).toBeGreaterThan(300)
})

test(`both simulators agree on ${LONG_SCENARIOS} scenarios with long answers`, () => {
  let longest = 0
  expectAgreement(longScenario, LONG_SCENARIOS, (_, slow) => {
    for (const record of slow.result.records.values()) if (record.fate === 'completed') longest = Math.max(longest, record.osl)
  })
  expect(longest).toBeGreaterThan(2000)
})

test(`both simulators agree on ${THIN_SCENARIOS} scenarios of thin traffic`, () => {
  expectAgreement(thinScenario, THIN_SCENARIOS, () => {})
})

test('both simulators agree where a short sequence joins a crowd, and a factor grows stale in steps that nothing else happens in', () => {
  const limits = { maxNumSeqs: 40, maxNumBatchedTokens: 100, maxModelLen: 200, numGpuBlocks: 1000 }
  const config = { ...PLAIN_CLUSTER, engines: [engineOf({ ...evenSteps(10), kernelSlopePs: 50 }, limits)] }
  let questions = 0
  fc.assert(
    fc.property(fc.integer({ min: 20, max: 30 }), fc.integer({ min: 20, max: 100 }), (crowd, atNs) => {
      const workload = traffic([...new Array(crowd).fill(0), atNs], new Array(crowd + 1).fill(1), new Array(crowd + 1).fill(60))
      const arm = () => plainArm(100, splitPolicy('per request', 1, false, 0))
      const drawn: Scenario = { config, workload, load: { kind: 'open' }, window: undefined, untilNs: undefined, arm }
      const slow = runSlow(drawn)
      questions += slow.decisions.split.filter((seen) => seen.length === crowd + 2).length
      expect(differences(runFast(drawn), slow)).toEqual([])
    }),
    { numRuns: 200, seed: SEED },
  )
  expect(questions).toBeGreaterThan(200)
})

test('both simulators agree where keys of all KV tokens are read, whatever the split factor, and steps that nothing else happens in grow by them', () => {
  const limits = { maxNumSeqs: 8, maxNumBatchedTokens: 100, maxModelLen: 400, numGpuBlocks: 1000 }
  const engine = engineOf({ ...evenSteps(10), kernelSlopePs: 50 }, limits)
  const config = { ...PLAIN_CLUSTER, engines: [{ ...engine, tables: { ...engine.tables, keyTokenPs: 7 } }] }
  const keyless = { ...PLAIN_CLUSTER, engines: [engine] }
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 300 }), (count, answer) => {
      const workload = traffic(new Array(count).fill(0), new Array(count).fill(20), new Array(count).fill(answer))
      const arm = () => plainArm(100, splitPolicy('per request', 1, false, 0))
      const drawn: Scenario = { config, workload, load: { kind: 'open' }, window: undefined, untilNs: undefined, arm }
      const [fast, slow] = [runFast(drawn), runSlow(drawn)]
      expect(differences(fast, slow)).toEqual([])
      if (answer > 200) expect(fast.result.endNs).toBeGreaterThan(runFast({ ...drawn, config: keyless }).result.endNs)
    }),
    { numRuns: 50, seed: SEED },
  )
})

test(`both simulators agree on ${CROWDED_SCENARIOS} scenarios in which events fall together`, () => {
  expectAgreement(crowdedScenario, CROWDED_SCENARIOS, () => {})
})

test(`both simulators agree on ${SPAN_SCENARIOS} scenarios of spread contexts`, () => {
  const seen = { spread: 0, preempted: 0, after_transfer: 0, speculated: 0, beside_whole: 0 }
  expectAgreement(spanScenario, SPAN_SCENARIOS, (drawn, slow) => {
    const degrees = new Set<number>()
    for (const [index, degree] of slow.result.degrees) {
      degrees.add(degree)
      if (degree === 1) continue
      const { preemptions, engine, osl, phaseNs } = slow.result.records.get(index) as RequestRow
      seen.spread++
      seen.preempted += preemptions
      if (phaseNs[2] > 0) seen.after_transfer++
      if (drawn.config.engines[engine].draftTokens > 0 && osl > 1) seen.speculated++
    }
    if (degrees.size > 1) seen.beside_whole++
  })
  for (const [feature, count] of Object.entries(seen)) expect(count, `scenarios never met: ${feature}`).toBeGreaterThan(40)
})
