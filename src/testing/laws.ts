/** Checkers of docs/INVARIANTS.md that look at one finished run. Each returns the faults it found, law number first. */
import type { StepStatistics } from '../metrics/records.js'
import { blockIdsOf } from '../traces/blocks.js'
import { PS_PER_NS } from '../units.js'
import type { Scenario } from './arbitraries.js'
import type { Decisions } from './observe.js'
import { type FastRun, type RequestRow, recordObjects } from './run.js'

/** What the checkers need of a run, whichever simulator made it. */
export interface Outcome {
  /** Rows written; more than `rows.size` when a request was written twice. */
  readonly written: number
  readonly rows: Map<number, RequestRow>
  /** Requests in the order in which they left. */
  readonly leavers: readonly number[]
  readonly notSent: number
  readonly statistics: StepStatistics
  readonly decisions: Decisions
  /** Of each engine: the most tokens of one rank in a step. */
  readonly fullest: ArrayLike<number>
}

/** What the checkers need of a run of the fast core. */
export function outcomeOfFast({ result, decisions, fullest }: FastRun): Outcome {
  const rows = recordObjects(result.records)
  const order = [...result.records.request.slice(0, result.records.count)]
  const leavers = order.filter((request) => !Number.isNaN(rows.get(request)?.endNs))
  const { records, notSent, statistics } = result
  return { written: records.count, rows, leavers, notSent, statistics, decisions, fullest }
}

type Law = (scenario: Scenario, outcome: Outcome) => string[]
function sum(values: ArrayLike<number>): number {
  let total = 0
  for (let i = 0; i < values.length; i++) total += values[i]
  return total
}
const isSplit = ({ config }: Scenario) => config.engines.some((engine) => engine.role === 'prefill')
/** The engines that a logged pool view shows, in order of its places. */
const poolOf = ({ config }: Scenario, [, , , isDecode]: readonly number[]) =>
  config.engines.filter((engine) => (engine.role === 'decode') === (isDecode === 1))
/** Logged pool views whose places are known: not where engines change their roles. */
const knownPools = ({ config }: Scenario, { decisions }: Outcome) =>
  config.engines.some(({ switched }) => switched !== null) ? [] : decisions.pool
/** Whether the request came to its engine by transfer: one that may change its role prefills answers of one token, too. */
const decodesElsewhere = ({ config }: Scenario, { engine, osl }: RequestRow) =>
  config.engines[engine].switched === null ? config.engines[engine].role === 'decode' : osl > 1
const INSIDE = ['queued', 'in_transfer', 'running']
const isWaiting = ({ workload, load }: Scenario, index: number) =>
  load.kind === 'closed' ? (workload.parent?.[index] ?? -1) >= 0 : Number.isNaN(workload.arrivalNs[index])
const isWhole = ({ window, untilNs }: Scenario) => window === undefined && untilNs === undefined
const completed = ({ rows }: Outcome) => [...rows.values()].filter((row) => row.fate === 'completed')
const faults = (broken: boolean, fault: () => string): string[] => (broken ? [fault()] : [])

const conservation: Law = (scenario, { rows, written, leavers, notSent }) => {
  const left = [...rows.values()].filter((row) => !INSIDE.includes(row.fate))
  return [
    ...faults(written !== rows.size, () => `LAW-1 ${written} rows for ${rows.size} requests`),
    ...faults(left.length !== leavers.length, () => `LAW-1 ${left.length} fates of departure, ${leavers.length} departures`),
    ...faults(
      scenario.untilNs === undefined && left.length + notSent !== scenario.workload.count,
      () => `LAW-1 ${left.length} of ${scenario.workload.count} left, ${notSent} were not sent`,
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
  const ends = leavers.map((index) => (rows.get(index) as RequestRow).endNs)
  return faults(
    ends.some((end, i) => i > 0 && end < ends[i - 1]),
    () => `LAW-3 departures at ${ends}`,
  )
}

/** The six numbers of every place in a logged view: running, waiting, KV tokens, queued tokens, free blocks, matched tokens. */
function places(entry: readonly number[]): number[][] {
  const views = entry.slice(4, -1)
  return Array.from({ length: views.length / 6 }, (_, at) => views.slice(6 * at, 6 * at + 6))
}

const memory: Law = (scenario, outcome) => {
  const pools = knownPools(scenario, outcome)
  const found = pools.flatMap((entry) =>
    places(entry).flatMap(([, , kvTokens, , free], at) => {
      const { name, ranks, numGpuBlocks, blockSize, prefixCaching } = poolOf(scenario, entry)[at]
      const used = ranks * numGpuBlocks - free
      return faults(
        !(free >= 0 && used >= 0 && (prefixCaching || kvTokens <= used * blockSize)),
        () => `LAW-4 ${name}: ${kvTokens} tokens in ${used} blocks, ${free} free`,
      )
    }),
  )
  if (!isSentinel(scenario.workload) || scenario.load.kind === 'closed') return found
  // where prefill has engines of its own the last request asks twice, the second time for a place to decode
  const last = pools.slice(isSplit(scenario) ? -2 : -1)
  const left = last.flatMap((entry) => {
    const idle = poolOf(scenario, entry).map(({ ranks, numGpuBlocks }) => [0, 0, 0, 0, ranks * numGpuBlocks, 0])
    return faults(String(places(entry)) !== String(idle), () => `LAW-4 after all have left: ${places(entry)}`)
  })
  return [...found, ...left]
}

const causality: Law = (scenario, { rows }) =>
  [...rows].flatMap(([index, row]) => {
    const { arrivalNs, firstTokenNs, endNs, phaseNs } = row
    if (row.fate !== 'completed') return []
    const isOrdered = arrivalNs <= firstTokenNs && firstTokenNs <= endNs && (row.osl > 1 || firstTokenNs === endNs)
    const beforeNs = phaseNs[0] + phaseNs[1] + phaseNs[2] + phaseNs[3]
    const isLater = decodesElsewhere(scenario, row) && scenario.config.firstToken === 'decode'
    const firstNs = firstTokenNs - arrivalNs
    const isExact = row.preemptions > 0 || (isLater ? firstNs >= beforeNs : firstNs === beforeNs)
    return faults(!isOrdered || !isExact, () => `LAW-5 request ${index}: ${arrivalNs}, ${firstTokenNs}, ${endNs}`)
  })

const capacity: Law = (scenario, outcome) => {
  const { decisions, fullest } = outcome
  const { config } = scenario
  const most = Math.max(...config.engines.map((engine) => engine.maxNumSeqs))
  return [
    ...knownPools(scenario, outcome).flatMap((entry) =>
      places(entry).flatMap(([running], at) => {
        const { name, ranks, maxNumSeqs } = poolOf(scenario, entry)[at]
        const limit = ranks * maxNumSeqs
        return faults(running > limit, () => `LAW-6 ${name} runs ${running} of ${limit}`)
      }),
    ),
    ...decisions.rank.flatMap((entry) =>
      places(entry).flatMap(([running]) => faults(running > most, () => `LAW-6 a rank runs ${running}`)),
    ),
    ...decisions.chunk.flatMap(([decoding]) => faults(decoding > most, () => `LAW-6 ${decoding} sequences decode`)),
    ...config.engines.flatMap(({ name, maxNumBatchedTokens }, e) =>
      faults(
        fullest[e] > maxNumBatchedTokens,
        () => `LAW-6 a rank of ${name} had ${fullest[e]} tokens in a step of at most ${maxNumBatchedTokens}`,
      ),
    ),
  ]
}

const order: Law = (scenario, { rows, decisions }) => {
  if (isSplit(scenario) || decisions.assign.length > 0) return []
  const lastOf = new Map<string, RequestRow>()
  const came = (index: number) => (rows.get(index) as RequestRow).arrivalNs
  // of those that come at one time the ones that waited for others are first, unless it was for one that came and went within the same ns
  const isWithin = (index: number) => {
    const before = rows.get(scenario.workload.parent?.[index] ?? -1)
    return before !== undefined && before.arrivalNs === came(index)
  }
  const own = (index: number) => (isWaiting(scenario, index) && !isWithin(index) ? 0 : 1)
  return [...rows.keys()]
    .sort((a, b) => came(a) - came(b) || own(a) - own(b) || a - b)
    .flatMap((index) => {
      const row = rows.get(index) as RequestRow
      if (row.fate !== 'completed' || row.preemptions > 0 || row.migrations > 0) return []
      const place = `${row.engine}/${row.rank}`
      const before = lastOf.get(place)
      lastOf.set(place, row)
      const started = (served: RequestRow) => served.arrivalNs + served.phaseNs[0]
      const isOvertaken = before && (started(row) < started(before) || row.firstTokenNs < before.firstTokenNs)
      return faults(Boolean(isOvertaken), () => `LAW-7 request ${index} overtook another one of ${place}`)
    })
}

const noIdling: Law = (scenario, { rows, statistics }) => {
  if (!isWhole(scenario) || isSplit(scenario) || statistics.migrations > 0) return []
  const { frontendNs } = scenario.config
  return scenario.config.engines.flatMap((_, engine) => {
    const here = [...rows.values()].filter((row) => row.engine === engine).sort((a, b) => a.arrivalNs - b.arrivalNs)
    let occupiedNs = 0
    let untilNs = 0
    for (const { arrivalNs, endNs } of here) {
      occupiedNs += Math.max(0, endNs - Math.max(arrivalNs + frontendNs, untilNs))
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
  const input = sum(done.map((row) => row.isl - row.cachedTokens))
  const preemptions = sum(done.map((row) => row.preemptions))
  const decoded = sum(statistics.itl)
  const ofPrefill = statistics.outputTokens - decoded
  const most = 1 + Math.max(...scenario.config.engines.map((engine) => engine.draftTokens))
  return [
    ...faults(statistics.outputTokens !== output, () => `LAW-11 ${statistics.outputTokens} tokens emitted, ${output} received`),
    ...faults(
      sum(statistics.engineTokens) !== output,
      () => `LAW-11 engines emitted ${sum(statistics.engineTokens)} of ${output}`,
    ),
    ...faults(
      statistics.inputTokens < input || (preemptions === 0 && statistics.inputTokens > input),
      () => `LAW-11 ${statistics.inputTokens} of ${input} prefilled that no cache held`,
    ),
    ...faults(
      statistics.preemptions !== preemptions,
      () => `LAW-11 ${statistics.preemptions} preemptions, ${preemptions} suffered`,
    ),
    ...faults(
      ofPrefill < done.length || ofPrefill > done.length + preemptions,
      () => `LAW-11 ${ofPrefill} tokens emitted by prefill`,
    ),
    ...faults(
      decoded < statistics.decodeSequences || decoded > most * statistics.decodeSequences,
      () => `LAW-11 ${decoded} tokens decoded by ${statistics.decodeSequences} sequences of at most ${most} a step`,
    ),
  ]
}

/** Completed requests that decoded elsewhere than they were prefilled, and were neither preempted nor moved again. */
const brought = (scenario: Scenario, outcome: Outcome) =>
  completed(outcome).filter((row) => decodesElsewhere(scenario, row) && row.preemptions + row.migrations === 0)

/** Numbers of one engine in a logged view of roles. */
const ROLE_NUMBERS = 10

/** While an engine drains what it holds only grows less, and each role keeps an engine that takes work. */
const draining: Law = (_, { decisions }) => {
  const enginesOf = (entry: readonly number[]) =>
    Array.from({ length: (entry.length - 2) / ROLE_NUMBERS }, (_, at) => {
      const [decodes, drains, , , , running, waiting, , blocks, free] = entry.slice(1 + at * ROLE_NUMBERS)
      return { decodes, drains, inside: running + waiting, isFull: free >= 0 && free <= blocks }
    })
  let before: ReturnType<typeof enginesOf> = []
  return decisions.roles.flatMap((entry) => {
    const engines = enginesOf(entry)
    const taking = [0, 1].map((decodes) => engines.filter((engine) => engine.decodes === decodes && engine.drains === 0).length)
    const gained = engines.findIndex(
      ({ drains, inside }, at) => drains === 1 && before[at]?.drains === 1 && inside > before[at].inside,
    )
    before = engines
    return [
      ...faults(taking.includes(0), () => `LAW-32 ${taking} engines take prompts, and requests to decode`),
      ...faults(gained >= 0, () => `LAW-32 engine ${gained} drains and was given work`),
      ...faults(!engines.every(({ isFull }) => isFull), () => 'LAW-32 blocks that are not there'),
    ]
  })
}

const transfers: Law = (scenario, outcome) => {
  const { fabric, firstToken, engines } = scenario.config
  return brought(scenario, outcome).flatMap(({ engine, isl, osl, arrivalNs, firstTokenNs, phaseNs }) => {
    const bytes = (engines[engine].prefixCaching ? 1 : isl) * engines[engine].kvBytesPerToken
    const fastest = Math.max(fabric.nvlinkBytesPerNs, fabric.nicBytesPerNs)
    const endNs = arrivalNs + phaseNs[0] + phaseNs[1] + phaseNs[2] + phaseNs[3]
    const isEarly = firstToken === 'prefill' ? firstTokenNs !== endNs : firstTokenNs < endNs
    return [
      ...faults(osl < 2, () => 'LAW-17 an answer of one token was brought to a decode engine'),
      ...faults(isEarly, () => `LAW-17 first token at ${firstTokenNs}, its KV was there at ${endNs}`),
      ...faults(
        phaseNs[2] < fabric.latencyNs + Math.floor(bytes / fastest),
        () => `LAW-17 ${bytes} bytes in ${phaseNs[2]} ns: a port gives ${fastest} a ns after ${fabric.latencyNs} ns`,
      ),
    ]
  })
}

/** A decode rank admits in the order in which requests came to its queue; those that came at the same time may go either way. */
const orderOfDecode: Law = (scenario, outcome) => {
  if (outcome.decisions.assign.length > 0) return []
  const came = (row: RequestRow) => row.arrivalNs + row.phaseNs[0] + row.phaseNs[1]
  const admitted = (row: RequestRow) => came(row) + row.phaseNs[3]
  const rows = brought(scenario, outcome).sort((a, b) => came(a) - came(b))
  const latestOf = new Map<string, RequestRow>()
  return rows.flatMap((row) => {
    const place = `${row.engine}/${row.rank}`
    const before = latestOf.get(place)
    if (!before || admitted(row) > admitted(before)) latestOf.set(place, row)
    const isOvertaken = before && came(before) < came(row) && admitted(before) > admitted(row)
    return faults(Boolean(isOvertaken), () => `LAW-7 a request overtook another one in the queue of ${place}`)
  })
}

/** Steps since a sequence began to decode, from the tokens it had to gain: a clock that starts at any phase is off by one token. */
const tokenClock: Law = (scenario, outcome) => {
  if (!isWhole(scenario)) return []
  return scenario.config.engines.flatMap(({ tokensPer1024Steps, draftTokens }, index) => {
    const here = completed(outcome).filter((row) => row.engine === index)
    const rate = tokensPer1024Steps / 1024
    const steps = sum(here.map((row) => (row.osl > 1 ? Math.max(1, (row.osl - 2) / rate - 1) : 0)))
    const { statistics } = outcome
    const isLone = scenario.config.engines.length === 1 && here.every((row) => row.preemptions + row.migrations === 0)
    const ceiling = sum(here.map((row) => Math.ceil((row.osl - 1) / rate + 1)))
    return faults(
      isLone && (statistics.decodeSequences < steps || statistics.decodeSequences > ceiling),
      () =>
        `LAW-18 ${statistics.decodeSequences} decode steps of sequences, ${steps} to ${ceiling} due with ${draftTokens} drafts`,
    )
  })
}

const reservation: Law = ({ config }, { rows }) =>
  [...rows.values()].flatMap((row) => {
    const isReserved = config.engines.every((engine) => engine.kvReservation === 'full')
    return faults(isReserved && row.preemptions > 0, () => `LAW-19 a request was preempted ${row.preemptions} times`)
  })

const gaps: Law = (_, outcome) =>
  completed(outcome).flatMap((row) => {
    const spanNs = row.endNs - row.firstTokenNs
    const isWrong = !(row.maxGapNs <= spanNs && row.maxGapNs * Math.max(1, row.osl - 1) >= spanNs)
    return faults(isWrong, () => `LAW-20 largest gap ${row.maxGapNs} of ${row.osl} tokens in ${spanNs} ns`)
  })

/** A request that waits is sent its wait after the last end that it waits for, once, and only if all of them completed. */
const sessions: Law = (scenario, { rows }) => {
  const { count, parent, waitNs, joins } = scenario.workload
  return [...rows].flatMap(([index, row]) => {
    if (!isWaiting(scenario, index)) return []
    const before = [parent?.[index] as number]
    for (let other = 0; other < count; other++) if (joins?.[other] === index) before.push(other)
    const ends = before.map((other) => rows.get(other)).map((other) => (other?.fate === 'completed' ? other.endNs : Number.NaN))
    const dueNs = Math.max(...ends) + (waitNs?.[index] ?? 0)
    return faults(row.arrivalNs !== dueNs, () => `LAW-22 request ${index} was sent at ${row.arrivalNs}, due at ${dueNs}`)
  })
}

/** A hit is the beginning of the prompt of a request whose service began earlier: until then nobody had computed it. */
const hits: Law = ({ workload }, { rows }) => {
  const began = ({ arrivalNs, phaseNs }: RequestRow) => arrivalNs + phaseNs[0]
  return [...rows].flatMap(([index, row]) => {
    if (row.cachedTokens === 0) return []
    const ids = blockIdsOf(workload, index)
    const alike = [...rows].map(([other, { isl, ...earlier }]) => {
      if (other === index || began({ isl, ...earlier }) > began(row)) return 0
      const first = blockIdsOf(workload, other).findIndex((id, at) => id !== ids[at])
      return Math.min(first < 0 ? Number.POSITIVE_INFINITY : first * workload.blockTokens, isl + earlier.osl)
    })
    return [
      ...faults(row.loadedTokens > row.cachedTokens, () => `LAW-24 request ${index} loaded more than it found`),
      ...faults(row.cachedTokens >= row.isl, () => `LAW-24 request ${index}: ${row.cachedTokens} of ${row.isl} tokens are hits`),
      ...faults(
        row.cachedTokens > Math.max(...alike),
        () => `LAW-24 request ${index} hits ${row.cachedTokens} tokens that nobody computed`,
      ),
    ]
  })
}

/** Who was moved stalled for the copy of at least its prompt; moves and bytes add up to those of the requests. Moves of oracles are free. */
const migration: Law = (scenario, outcome) => {
  const { config } = scenario
  const { statistics, rows } = outcome
  const isFree = scenario.arm().rank.info.oracle === true
  const moved = [...rows].filter(([, row]) => row.migrations > 0)
  const slow = moved.flatMap(([index, { engine, isl, migrations, phaseNs, fate }]) => {
    const { kvBytesPerToken, prefixCaching } = config.engines[engine]
    const copyNs =
      config.fabric.latencyNs + Math.floor((prefixCaching ? 0 : isl * kvBytesPerToken) / config.fabric.nvlinkBytesPerNs)
    const isEarly = fate === 'completed' && !isFree && phaseNs[5] < migrations * copyNs
    return faults(isEarly, () => `LAW-28 request ${index} stalled ${phaseNs[5]} ns in ${migrations} copies of ${copyNs} ns`)
  })
  const idle = completed(outcome).filter((row) => row.migrations + row.preemptions === 0 && row.phaseNs[5] > 0)
  const stalls = idle.map((row) => `LAW-28 a request stalled ${row.phaseNs[5]} ns and was neither moved nor preempted`)
  if (!isWhole(scenario)) return [...slow, ...stalls]
  const bytesOf = (tokens: (row: RequestRow) => number) =>
    sum(moved.map(([, row]) => row.migrations * tokens(row) * config.engines[row.engine].kvBytesPerToken))
  const fewest = config.engines.some((engine) => engine.prefixCaching) ? 0 : bytesOf((row) => row.isl)
  const most = bytesOf((row) => row.isl + row.osl - 1)
  const counted = sum(moved.map(([, row]) => row.migrations))
  return [
    ...slow,
    ...stalls,
    ...faults(statistics.migrations !== counted, () => `LAW-28 ${statistics.migrations} moves, ${counted} suffered`),
    ...faults(
      !isFree && (statistics.migratedBytes < fewest || statistics.migratedBytes > most),
      () => `LAW-28 ${statistics.migratedBytes} bytes moved, the KV was ${fewest} to ${most}`,
    ),
  ]
}

const LAWS: readonly Law[] = [
  migration,
  sessions,
  conservation,
  phases,
  time,
  memory,
  causality,
  capacity,
  order,
  noIdling,
  tokens,
  transfers,
  draining,
  orderOfDecode,
  tokenClock,
  reservation,
  gaps,
  hits,
]

/** Sentences, each with the number of a law that the run breaks; none when it keeps all that one finished run can show. */
export function brokenLaws(scenario: Scenario, outcome: Outcome): string[] {
  return LAWS.flatMap((law) => law(scenario, outcome))
}

/** Time by which every drawn scenario has long been over, ns. */
const AFTER_ALL_NS = 1e12
const isSentinel = ({ arrivalNs }: Scenario['workload']) => arrivalNs[arrivalNs.length - 1] === AFTER_ALL_NS

/** Adds one last tiny request, which sees what its predecessors left behind, on decode engines too. */
export function withSentinel(scenario: Scenario): Scenario {
  const { workload } = scenario
  return {
    ...scenario,
    workload: {
      ...workload,
      count: workload.count + 1,
      arrivalNs: Float64Array.of(...workload.arrivalNs, AFTER_ALL_NS),
      isl: Int32Array.of(...workload.isl, 1),
      osl: Int32Array.of(...workload.osl, 2),
      classId: workload.classId && Uint16Array.of(...workload.classId, 0),
      tenant: workload.tenant && Int32Array.of(...workload.tenant, 0),
      session: workload.session && Int32Array.of(...workload.session, -1),
      parent: workload.parent && Int32Array.of(...workload.parent, -1),
      waitNs: workload.waitNs && Float64Array.of(...workload.waitNs, 0),
      joins: workload.joins && Int32Array.of(...workload.joins, -1),
      joinCount: workload.joinCount && Int32Array.of(...workload.joinCount, 0),
      runOffset: workload.runOffset && Float64Array.of(...workload.runOffset, 0),
      runCount: workload.runCount && Int32Array.of(...workload.runCount, 0),
    },
  }
}
