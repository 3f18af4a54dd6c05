/** Twin runs: the same scenario with another future, repeated, or cut in two. They must not differ where the laws say so. */

import { isDeepStrictEqual } from 'node:util'
import { createSimulation } from '../simulator/index.js'
import { blockCountOf, createBlockBuilder } from '../traces/blocks.js'
import type { Scenario } from './arbitraries.js'
import { OBSERVED, observed } from './observe.js'
import { type FastRun, recordObjects, runFast, type Simulate } from './run.js'

type Run = Omit<FastRun, 'fullest'>

/** What two runs must have in common: all that is written of them, bit for bit. */
const same = (a: Run, b: Run): boolean => isDeepStrictEqual(essence(a), essence(b))

const essence = ({ result, decisions }: Run) => ({
  rows: [...recordObjects(result.records)].sort(([a], [b]) => a - b),
  notSent: result.notSent,
  statistics: result.statistics,
  decisions,
})

const KV_USE_ERROR = 1e-12

/**
 * The same, but for the last bits of the use of KV memory. Blocks x ps are whole up to 2^53, a second of 9,000 blocks; beyond it the sum depends on
 * which quiet steps are settled together, and so on where a run is cut and on who will end next.
 */
function sameRounded(a: Run, b: Run): boolean {
  const [first, second] = [a, b].map((run) => {
    const { statistics, ...rest } = essence(run)
    const { kvUsePs, engineKvUsePs, ...others } = statistics
    return { exact: { ...rest, others }, use: [kvUsePs, ...engineKvUsePs] }
  })
  return (
    isDeepStrictEqual(first.exact, second.exact) &&
    first.use.every((use, i) => Math.abs(use - second.use[i]) <= KV_USE_ERROR * use)
  )
}

/**
 * LAW-9: what happens before time T does not depend on the output lengths still to be seen, nor on arrivals after T. Where the whole
 * life of a request is reserved, the requested output is known from its entry on, and arrivals after T alone are changed. `first`: a run of
 * the scenario, where there is one already; as below.
 */
export function futureLeaks(scenario: Scenario, run?: Simulate, first?: FastRun): string[] {
  const isWhole = scenario.untilNs === undefined
  const ended = first !== undefined && isWhole ? first : runFast({ ...scenario, untilNs: undefined }, run)
  const whole = recordObjects(ended.result.records)
  const ends = [...whole.values()].filter((row) => row.fate === 'completed').map((row) => row.endNs)
  if (ends.length === 0) return []
  const cutNs = ends.sort((a, b) => a - b)[ends.length >> 1]
  const isl = scenario.workload.isl.slice()
  const osl = scenario.workload.osl.slice()
  const limit = Math.min(...scenario.config.engines.map((engine) => engine.maxModelLen))
  const isReserved = scenario.config.engines.some((engine) => engine.kvReservation === 'full')
  for (const [index, row] of whole) {
    if (row.endNs < cutNs || isl[index] + osl[index] > limit) continue
    if (row.arrivalNs >= cutNs) isl[index] = 1
    if (row.arrivalNs < cutNs && isReserved) continue
    osl[index] = limit - isl[index]
  }
  const before = { ...scenario, untilNs: cutNs - 1 }
  const original = runFast(before, run)
  const twin = runFast({ ...before, workload: { ...scenario.workload, isl, osl } }, run)
  twin.result.records.osl.set(original.result.records.osl)
  return sameRounded(original, twin) ? [] : [`LAW-9 decisions before ${cutNs} ns depend on what comes later`]
}

/** LAW-10: a run repeated is the same run. */
export function repetitionFaults(scenario: Scenario, first: FastRun = runFast(scenario)): string[] {
  return same(first, runFast(scenario)) ? [] : ['LAW-10 two runs of the same input differ']
}

/** LAW-25: caches that no two requests share a block of change nothing. (Who is preempted or moved may hit what it had computed itself.) */
export function idleCacheFaults(scenario: Scenario, run?: Simulate): string[] {
  const { config, workload } = scenario
  if (workload.runOffset === null) return []
  const builder = createBlockBuilder()
  let ids = 0
  for (let i = 0; i < workload.count; i++) {
    const blocks = blockCountOf(workload, i)
    builder.next()
    builder.pushRun(ids, blocks)
    ids += blocks
  }
  const strangers = { ...scenario, workload: { ...workload, ...builder.columns() } }
  const cacheless = { prefixCaching: false, cacheAnswers: false, hostBlocks: 0 }
  const engines = config.engines.map(({ switched, ...engine }) => ({
    ...engine,
    ...cacheless,
    switched: switched && { ...switched, ...cacheless },
  }))
  const cached = runFast(strangers, run)
  const plain = runFast({ ...strangers, config: { ...config, engines } }, run)
  const { preemptions, migrations } = plain.result.records
  if (preemptions.some((count) => count > 0) || migrations.some((count) => count > 0)) return []
  cached.result.statistics.evictedBlocks = 0
  return same(cached, plain) ? [] : ['LAW-25 a cache without a single hit changed the run']
}

/** LAW-13: stopped after `events` events, saved, and taken up by a fresh simulation with a fresh arm. */
export function snapshotFaults(scenario: Scenario, events: number, straight: FastRun = runFast(scenario)): string[] {
  const { config, workload, load, window } = scenario
  const untilNs = scenario.untilNs ?? Number.POSITIVE_INFINITY
  const start = () => {
    const { arm, decisions } = observed(scenario.arm())
    const simulation = createSimulation(config, arm, { load, window })
    simulation.feed(workload)
    simulation.feed(null)
    return { simulation, decisions }
  }
  const first = start()
  first.simulation.advance(untilNs, events)
  const image = first.simulation.snapshot()
  const second = start()
  second.simulation.restore(image)
  second.simulation.feed(workload)
  second.simulation.feed(null)
  second.simulation.advance(untilNs, Number.POSITIVE_INFINITY)
  second.simulation.recordInside()
  const { decisions } = first
  for (const lever of OBSERVED) decisions[lever].push(...second.decisions[lever])
  const { nowNs, events: served } = second.simulation
  const result = {
    records: second.simulation.drain(),
    statistics: second.simulation.statistics(),
    notSent: second.simulation.notSent,
    endNs: nowNs,
    events: served,
    series: [],
  }
  const isSame = sameRounded(straight, { result, decisions }) && straight.result.events === served
  return isSame ? [] : [`LAW-13 the run saved after ${events} events went another way`]
}
