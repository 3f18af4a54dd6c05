/** Checkers of docs/INVARIANTS.md that look at one finished run. Each returns the faults it found, law number first. */
import type { StepStatistics } from '../../src/metrics/records.js'
import { PS_PER_NS } from '../../src/units.js'
import type { FastRun, SlowRun } from './agree.js'
import { recordObjects } from './agree.js'
import type { Scenario } from './arbitraries.js'
import type { Decisions } from './observe.js'
import type { SlowRecord } from './simulate.js'

/** What the checkers need of a run, whichever simulator made it. */
export interface Outcome {
  /** Rows written; more than `rows.size` when a request was written twice. */
  readonly written: number
  readonly rows: Map<number, SlowRecord>
  /** Requests in the order in which they left. */
  readonly leavers: readonly number[]
  readonly statistics: StepStatistics
  readonly decisions: Decisions
}

export function outcomeOfFast({ result, decisions }: FastRun): Outcome {
  const rows = recordObjects(result.records)
  const order = [...result.records.request.slice(0, result.records.count)]
  const leavers = order.filter((request) => !Number.isNaN(rows.get(request)?.endNs))
  return { written: result.records.count, rows, leavers, statistics: result.statistics, decisions }
}

export function outcomeOfSlow({ result, decisions }: SlowRun): Outcome {
  return { written: result.records.size, rows: result.records, leavers: result.leavers, statistics: result.statistics, decisions }
}

type Law = (scenario: Scenario, outcome: Outcome) => string[]
const sum = (values: Iterable<number>): number => [...values].reduce((total, value) => total + value, 0)
const isWhole = ({ window, untilNs }: Scenario) => window === undefined && untilNs === undefined
const completed = ({ rows }: Outcome) => [...rows.values()].filter((row) => row.fate === 'completed')
const faults = (broken: boolean, fault: () => string): string[] => (broken ? [fault()] : [])

const conservation: Law = (scenario, { rows, written, leavers }) => {
  const left = [...rows.values()].filter((row) => row.fate !== 'queued' && row.fate !== 'running')
  return [
    ...faults(written !== rows.size, () => `LAW-1 ${written} rows for ${rows.size} requests`),
    ...faults(left.length !== leavers.length, () => `LAW-1 ${left.length} fates of departure, ${leavers.length} departures`),
    ...faults(
      scenario.untilNs === undefined && left.length !== scenario.workload.count,
      () => `LAW-1 ${left.length} of ${scenario.workload.count} left`,
    ),
  ]
}

const phases: Law = (_, { rows }) =>
  [...rows].flatMap(([index, row]) => {
    const total = sum(row.phaseNs)
    const isWrong = row.phaseNs.some((ns) => !(ns >= 0)) || (!Number.isNaN(row.endNs) && total !== row.endNs - row.arrivalNs)
    return faults(isWrong, () => `LAW-2 request ${index}: phases ${row.phaseNs} in ${row.endNs - row.arrivalNs} ns`)
  })

const time: Law = (_, { rows, leavers }) => {
  const ends = leavers.map((index) => (rows.get(index) as SlowRecord).endNs)
  return faults(
    ends.some((end, i) => i > 0 && end < ends[i - 1]),
    () => `LAW-3 departures at ${ends}`,
  )
}

/** The five numbers of every place in a logged view: running, waiting, KV tokens, queued tokens, free blocks. */
function places(entry: readonly number[]): number[][] {
  const views = entry.slice(3, -1)
  return Array.from({ length: views.length / 5 }, (_, at) => views.slice(5 * at, 5 * at + 5))
}

const memory: Law = ({ config, workload, load }, { decisions }) => {
  const found = decisions.pool.flatMap((entry) =>
    places(entry).flatMap(([, , kvTokens, , free], at) => {
      const { ranks, numGpuBlocks, blockSize } = config.engines[at]
      const used = ranks * numGpuBlocks - free
      return faults(
        !(free >= 0 && used >= 0 && kvTokens <= used * blockSize),
        () => `LAW-4 engine ${at}: ${kvTokens} tokens in ${used} blocks, ${free} free`,
      )
    }),
  )
  const last = decisions.pool.at(-1)
  if (!last || !isSentinel(workload) || load.kind === 'closed') return found
  const idle = config.engines.map(({ ranks, numGpuBlocks }) => [0, 0, 0, 0, ranks * numGpuBlocks])
  return [...found, ...faults(String(places(last)) !== String(idle), () => `LAW-4 after all have left: ${places(last)}`)]
}

const causality: Law = (_, { rows }) =>
  [...rows].flatMap(([index, row]) => {
    const { arrivalNs, firstTokenNs, endNs, phaseNs } = row
    if (row.fate !== 'completed') return []
    const isOrdered = arrivalNs <= firstTokenNs && firstTokenNs <= endNs && (row.osl > 1 || firstTokenNs === endNs)
    const isExact = row.preemptions > 0 || firstTokenNs - arrivalNs === phaseNs[0] + phaseNs[1]
    return faults(!isOrdered || !isExact, () => `LAW-5 request ${index}: ${arrivalNs}, ${firstTokenNs}, ${endNs}`)
  })

const capacity: Law = ({ config }, { decisions, statistics }) => {
  const most = Math.max(...config.engines.map((engine) => engine.maxNumSeqs))
  const budget = Math.max(...config.engines.map((engine) => engine.ranks * engine.maxNumBatchedTokens))
  const tokens = statistics.inputTokens + statistics.decodeSequences
  return [
    ...decisions.pool.flatMap((entry) =>
      places(entry).flatMap(([running], at) => {
        const limit = config.engines[at].ranks * config.engines[at].maxNumSeqs
        return faults(running > limit, () => `LAW-6 engine ${at} runs ${running} of ${limit}`)
      }),
    ),
    ...decisions.rank.flatMap((entry) =>
      places(entry).flatMap(([running]) => faults(running > most, () => `LAW-6 a rank runs ${running}`)),
    ),
    ...decisions.chunk.flatMap(([decoding]) => faults(decoding > most, () => `LAW-6 ${decoding} sequences decode`)),
    ...faults(
      tokens > budget * statistics.steps,
      () => `LAW-6 ${tokens} tokens in ${statistics.steps} steps of at most ${budget}`,
    ),
  ]
}

const order: Law = (_, { rows }) => {
  const lastOf = new Map<string, SlowRecord>()
  return [...rows.keys()]
    .sort((a, b) => a - b)
    .flatMap((index) => {
      const row = rows.get(index) as SlowRecord
      if (row.fate !== 'completed' || row.preemptions > 0) return []
      const place = `${row.engine}/${row.rank}`
      const before = lastOf.get(place)
      lastOf.set(place, row)
      const started = (served: SlowRecord) => served.arrivalNs + served.phaseNs[0]
      const isOvertaken = before && (started(row) < started(before) || row.firstTokenNs < before.firstTokenNs)
      return faults(Boolean(isOvertaken), () => `LAW-7 request ${index} overtook another one of ${place}`)
    })
}

const noIdling: Law = (scenario, { rows, statistics }) => {
  if (!isWhole(scenario)) return []
  return scenario.config.engines.flatMap((_, engine) => {
    const here = [...rows.values()].filter((row) => row.engine === engine).sort((a, b) => a.arrivalNs - b.arrivalNs)
    let occupiedNs = 0
    let untilNs = 0
    for (const { arrivalNs, endNs } of here) {
      occupiedNs += Math.max(0, endNs - Math.max(arrivalNs, untilNs))
      untilNs = Math.max(untilNs, endNs)
    }
    // A busy period ends within the nanosecond after its stamp, and there are at most as many periods as requests.
    const excessNs = statistics.engineBusyPs[engine] / PS_PER_NS - occupiedNs
    return faults(
      !(excessNs >= 0 && excessNs <= here.length),
      () => `LAW-8 engine ${engine}: ${excessNs} ns busy beyond ${occupiedNs} ns occupied`,
    )
  })
}

const tokens: Law = (scenario, outcome) => {
  if (!isWhole(scenario)) return []
  const { statistics } = outcome
  const done = completed(outcome)
  const output = sum(done.map((row) => row.osl))
  const input = sum(done.map((row) => row.isl))
  const preemptions = sum(done.map((row) => row.preemptions))
  const ofPrefill = statistics.outputTokens - statistics.decodeSequences
  const gaps = sum(statistics.itl)
  return [
    ...faults(statistics.outputTokens !== output, () => `LAW-11 ${statistics.outputTokens} tokens emitted, ${output} received`),
    ...faults(
      sum(statistics.engineTokens) !== output,
      () => `LAW-11 engines emitted ${sum(statistics.engineTokens)} of ${output}`,
    ),
    ...faults(
      statistics.inputTokens < input || (preemptions === 0 && statistics.inputTokens > input),
      () => `LAW-11 ${statistics.inputTokens} of ${input} prefilled`,
    ),
    ...faults(
      statistics.preemptions !== preemptions,
      () => `LAW-11 ${statistics.preemptions} preemptions, ${preemptions} suffered`,
    ),
    ...faults(
      ofPrefill < done.length || ofPrefill > done.length + preemptions,
      () => `LAW-11 ${ofPrefill} tokens emitted by prefill`,
    ),
    ...faults(gaps !== statistics.decodeSequences, () => `LAW-11 ${gaps} gaps for ${statistics.decodeSequences} tokens`),
  ]
}

const LAWS: readonly Law[] = [conservation, phases, time, memory, causality, capacity, order, noIdling, tokens]

export function brokenLaws(scenario: Scenario, outcome: Outcome): string[] {
  return LAWS.flatMap((law) => law(scenario, outcome))
}

/** Time by which every drawn scenario has long been over, ns. */
const AFTER_ALL_NS = 1e12
const isSentinel = ({ arrivalNs }: Scenario['workload']) => arrivalNs[arrivalNs.length - 1] === AFTER_ALL_NS

/** Adds one last tiny request, which sees what its predecessors left behind. */
export function withSentinel(scenario: Scenario): Scenario {
  const { workload } = scenario
  return {
    ...scenario,
    workload: {
      ...workload,
      count: workload.count + 1,
      arrivalNs: Float64Array.of(...workload.arrivalNs, AFTER_ALL_NS),
      isl: Int32Array.of(...workload.isl, 1),
      osl: Int32Array.of(...workload.osl, 1),
      classId: workload.classId && Uint16Array.of(...workload.classId, 0),
      tenant: workload.tenant && Int32Array.of(...workload.tenant, 0),
    },
  }
}
