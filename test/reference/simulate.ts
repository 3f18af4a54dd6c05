/**
 * The reference simulator: docs/SEMANTICS.md written down as directly as possible, one token at a time, with no regard for speed.
 * Sums are taken over lists whenever they are needed and the next event is found by sorting.
 */
import type { Arm, LoadView } from '../../src/levers/lever.js'
import type { Fate, StepStatistics } from '../../src/metrics/records.js'
import type { ClusterConfig, EngineConfig, LoadConfig, MeasureWindow } from '../../src/simulator/config.js'
import type { Workload } from '../../src/traces/workload.js'
import { Engine, type PriceSplit, PS_PER_NS } from './engine.js'
import { Request } from './request.js'
import { addStep, emptyStatistics } from './tally.js'

export interface SlowRecord {
  readonly arrivalNs: number
  readonly firstTokenNs: number
  readonly endNs: number
  readonly isl: number
  readonly osl: number
  readonly fate: Fate
  readonly engine: number
  readonly rank: number
  readonly preemptions: number
  readonly phaseNs: readonly number[]
}

export interface SlowResult {
  /** Requests that entered the system, by index in the workload. */
  readonly records: Map<number, SlowRecord>
  /** Workload indices in the order in which the requests left. */
  readonly leavers: readonly number[]
  readonly statistics: StepStatistics
}

export interface SlowOptions {
  readonly load: LoadConfig
  readonly window?: MeasureWindow
  readonly untilNs?: number
  readonly priceSplit: (engine: EngineConfig) => PriceSplit
}

type Kind = 'step end' | 'release' | 'arrival' | 'timeout'
const CLASS: Record<Kind, number> = { 'step end': 0, release: 1, arrival: 2, timeout: 3 }

interface Event {
  readonly timeNs: number
  readonly kind: Kind
  readonly sequence: number
  /** Engine for a step end, workload index otherwise. */
  readonly subject: number
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)

export function simulateSlowly(config: ClusterConfig, arm: Arm, workload: Workload, options: SlowOptions): SlowResult {
  const engines = config.engines.map((engine) => new Engine(engine, arm, options.priceSplit(engine)))
  const statistics = emptyStatistics(engines.length)
  const window = options.window ?? { fromNs: 0, toNs: Number.POSITIVE_INFINITY }
  const untilNs = options.untilNs ?? Number.POSITIVE_INFINITY
  const modelLength = Math.min(...config.engines.map((engine) => engine.maxModelLen))
  const inside = new Map<number, Request>()
  const records = new Map<number, SlowRecord>()
  const leavers: number[] = []
  let events: Event[] = []
  let sequence = 0
  let nowNs = 0
  let nextRelease = 0

  const isMeasured = (timeNs: number) => timeNs >= window.fromNs && timeNs < window.toNs
  const post = (timeNs: number, kind: Kind, subject: number) => {
    const order = kind === 'step end' ? subject : sequence++
    events.push({ timeNs, kind, sequence: order, subject })
  }
  const release = (timeNs: number) => {
    if (options.load.kind === 'closed' && nextRelease < workload.count) post(timeNs, 'release', nextRelease++)
  }
  const record = (request: Request, fate: Fate, endNs: number) => {
    const { arrivalNs, firstTokenNs, isl, osl, engine, rank, preemptions } = request
    const phaseNs = request.phaseList()
    records.set(request.index, { arrivalNs, firstTokenNs, endNs, isl, osl, fate, engine, rank, preemptions, phaseNs })
  }
  const leave = (request: Request, fate: Fate, timeNs: number) => {
    request.leave(timeNs)
    inside.delete(request.index)
    leavers.push(request.index)
    record(request, fate, timeNs)
    release(timeNs)
  }
  const beginIfIdle = (index: number, timeNs: number) => {
    const engine = engines[index]
    if (engine.step) return
    engine.clockPs = BigInt(timeNs) * PS_PER_NS
    begin(index)
  }
  const begin = (index: number) => {
    const timeNs = engines[index].endNs()
    const preemptions = engines[index].begin()
    if (isMeasured(timeNs)) statistics.preemptions += preemptions
    if (engines[index].step) post(engines[index].endNs(), 'step end', index)
  }
  const arrive = (index: number, timeNs: number) => {
    const classId = workload.classId ? workload.classId[index] : 0
    const tenant = workload.tenant ? workload.tenant[index] : 0
    const request = new Request(index, workload.isl[index], workload.osl[index], classId, tenant, timeNs)
    if (request.isl + request.osl > modelLength) return leave(request, 'unservable', timeNs)
    const waiting = total(engines.flatMap((engine) => engine.ranks.map((rank) => rank.waiting.length)))
    if (config.maxQueue !== null && waiting >= config.maxQueue) return leave(request, 'rejected', timeNs)
    const seen = { inputTokens: request.isl, classId, tenant }
    request.engine = arm.pool.route(poolView(engines), seen)
    request.rank = arm.rank.place(rankView(engines[request.engine], request.engine), seen)
    engines[request.engine].ranks[request.rank].waiting.push(request)
    inside.set(index, request)
    if (config.timeoutNs !== null) post(timeNs + config.timeoutNs, 'timeout', index)
    beginIfIdle(request.engine, timeNs)
  }
  const isStale = (index: number) => inside.get(index)?.everScheduled ?? true
  const expire = (index: number, timeNs: number) => {
    const request = inside.get(index) as Request
    const rank = engines[request.engine].ranks[request.rank]
    rank.waiting = rank.waiting.filter((other) => other !== request)
    leave(request, 'timed_out', timeNs)
  }
  const endStep = (index: number, timeNs: number) => {
    const { step, completed } = engines[index].end()
    if (isMeasured(timeNs)) addStep(statistics, index, step)
    for (const request of completed) leave(request, 'completed', timeNs)
    begin(index)
  }

  if (options.load.kind === 'closed') for (let i = 0; i < options.load.concurrency; i++) release(0)
  else for (let i = 0; i < workload.count; i++) post(workload.arrivalNs[i], 'arrival', i)
  const order = (a: Event, b: Event) => a.timeNs - b.timeNs || CLASS[a.kind] - CLASS[b.kind] || a.sequence - b.sequence
  while (events.length > 0) {
    events = events.sort(order)
    const { timeNs, kind, subject } = events[0]
    if (timeNs > untilNs) break
    events.shift()
    if (kind === 'timeout' && isStale(subject)) continue
    nowNs = timeNs
    if (kind === 'step end') endStep(subject, timeNs)
    else if (kind === 'timeout') expire(subject, timeNs)
    else arrive(subject, timeNs)
  }
  for (const request of inside.values()) {
    request.leave(nowNs)
    const queued = engines[request.engine].ranks[request.rank].waiting.includes(request)
    record(request, queued ? 'queued' : 'running', Number.NaN)
  }
  return { records, leavers, statistics }
}

function rankView(engine: Engine, index: number): LoadView {
  return {
    engine: index,
    count: engine.ranks.length,
    running: (place) => engine.ranks[place].admitted.length,
    waiting: (place) => engine.ranks[place].waiting.length,
    kvTokens: (place) => engine.ranks[place].kvTokens(),
    queuedTokens: (place) => engine.ranks[place].queuedTokens(),
    freeBlocks: (place) => engine.ranks[place].freeBlocks(),
  }
}

function poolView(engines: readonly Engine[]): LoadView {
  const over = (read: (view: LoadView, place: number) => number) => (place: number) => {
    const view = rankView(engines[place], place)
    return total(engines[place].ranks.map((_, rank) => read(view, rank)))
  }
  return {
    count: engines.length,
    running: over((view, rank) => view.running(rank)),
    waiting: over((view, rank) => view.waiting(rank)),
    kvTokens: over((view, rank) => view.kvTokens(rank)),
    queuedTokens: over((view, rank) => view.queuedTokens(rank)),
    freeBlocks: over((view, rank) => view.freeBlocks(rank)),
  }
}
