/**
 * The reference simulator: docs/SEMANTICS.md written down as directly as possible, one token at a time, with no regard for speed.
 * Sums are taken over lists whenever they are needed and the next event is found by sorting.
 */
import type { Arm, LoadView, PoolPolicy, RankPolicy, RequestView, RolesView, RoutePhase } from '../../src/levers/lever.js'
import type { Fate, StepStatistics } from '../../src/metrics/records.js'
import type { ClusterConfig, EngineConfig, LoadConfig, MeasureWindow } from '../../src/simulator/config.js'
import type { RequestRow } from '../../src/testing/run.js'
import type { Workload } from '../../src/traces/workload.js'
import { Clients } from './clients.js'
import { Engine, type PriceSplit, PS_PER_NS } from './engine.js'
import { Fabric } from './fabric.js'
import { blockNames } from './prefix.js'
import type { Rank } from './rank.js'
import { Request } from './request.js'
import { addStep, emptyStatistics } from './tally.js'

export interface SlowResult {
  /** Requests that entered the system, by index in the workload. */
  readonly records: Map<number, RequestRow>
  /** Workload indices in the order in which the requests left. */
  readonly leavers: readonly number[]
  /** Requests that were given up before they were sent. */
  readonly notSent: number
  readonly statistics: StepStatistics
  /** What the span lever last said of each request that was asked about. */
  readonly degrees: Map<number, number>
}

export interface SlowOptions {
  readonly load: LoadConfig
  readonly window?: MeasureWindow
  readonly untilNs?: number
  readonly priceSplit: (engine: EngineConfig) => PriceSplit
}

type Kind = 'step end' | 'transfer' | 'release' | 'arrival' | 'timeout'
/** `release`: of a request that waited for others; a closed loop makes arrivals. */
const CLASS: Record<Kind, number> = { 'step end': 0, transfer: 1, release: 2, timeout: 3, arrival: 4 }
const BY_SUBJECT: readonly Kind[] = ['step end', 'transfer', 'release']

interface Event {
  readonly timeNs: number
  readonly kind: Kind
  readonly sequence: number
  /** Engine for a step end, workload index otherwise. */
  readonly subject: number
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)

export function simulateSlowly(config: ClusterConfig, arm: Arm, workload: Workload, options: SlowOptions): SlowResult {
  const engines = config.engines.map((engine, index) => new Engine(engine, arm, options.priceSplit(engine), index))
  const statistics = emptyStatistics(engines.length)
  const window = options.window ?? { fromNs: 0, toNs: Number.POSITIVE_INFINITY }
  const untilNs = options.untilNs ?? Number.POSITIVE_INFINITY
  const indices = config.engines.map((_, index) => index)
  const isDecode = (index: number) => engines[index].config.role === 'decode'
  const taking = (decodes: boolean) => indices.filter((index) => isDecode(index) === decodes && !engines[index].isDraining)
  const forms = config.engines.flatMap((engine) => (engine.switched === null ? [engine] : [engine, engine.switched]))
  const shortest = (role: (role: string) => boolean) =>
    Math.min(...forms.filter((engine) => role(engine.role)).map((engine) => engine.maxModelLen))
  const modelLength = shortest((role) => role !== 'prefill')
  const promptLength = shortest((role) => role === 'prefill')
  const inside = new Map<number, Request>()
  const records = new Map<number, RequestRow>()
  const leavers: number[] = []
  const degrees = new Map<number, number>()
  let events: Event[] = []
  let sequence = 0
  let nowNs = 0
  const clients = new Clients(workload, options.load.kind === 'closed')
  const roots = clients.roots()
  let nextRoot = 0

  const isMeasured = (timeNs: number) => timeNs >= window.fromNs && timeNs < window.toNs
  const post = (timeNs: number, kind: Kind, subject: number) => {
    const order = BY_SUBJECT.includes(kind) ? subject : sequence++
    events.push({ timeNs, kind, sequence: order, subject })
  }
  const fillPlace = (timeNs: number) => {
    if (options.load.kind === 'closed' && nextRoot < roots.length) post(timeNs + config.frontendNs, 'arrival', roots[nextRoot++])
  }
  const record = (request: Request, fate: Fate, endNs: number) => {
    const { arrivalNs, firstTokenNs, isl, osl, engine, rank, preemptions, migrations, cachedTokens, loadedTokens } = request
    const maxGapNs = fate === 'completed' ? request.maxGapNs : Number.NaN
    const phaseNs = request.phaseList()
    const place = { engine, rank, preemptions, migrations, cachedTokens, loadedTokens }
    records.set(request.index, { arrivalNs, firstTokenNs, endNs, isl, osl, fate, ...place, maxGapNs, phaseNs })
  }
  const leave = (request: Request, fate: Fate, timeNs: number) => {
    request.leave(timeNs)
    inside.delete(request.index)
    leavers.push(request.index)
    record(request, fate, timeNs)
    if (fate === 'completed') engines[request.engine].answers.push(request.osl)
    const overBefore = clients.over()
    for (const other of clients.leave(request.index, fate === 'completed'))
      post(timeNs + (workload.waitNs?.[other] ?? 0) + config.frontendNs, 'release', other)
    for (let over = clients.over(); over > overBefore; over--) fillPlace(timeNs)
  }
  const beginIfIdle = (index: number, timeNs: number) => {
    const engine = engines[index]
    if (engine.step) return
    engine.clockPs = BigInt(timeNs) * PS_PER_NS
    begin(index)
  }
  const begin = (index: number) => {
    const timeNs = engines[index].endNs()
    const depart = (request: Request) => post(timeNs + config.fabric.latencyNs, 'transfer', request.index)
    const { preemptions, migrations, bytes } = engines[index].begin(config.fabric, depart)
    if (isMeasured(timeNs)) {
      statistics.preemptions += preemptions
      statistics.migrations += migrations
      statistics.migratedBytes += bytes
    }
    if (engines[index].step) post(engines[index].endNs(), 'step end', index)
  }
  const reviseRoles = (request: RequestView) => {
    const told = arm.pool.switchRole?.(rolesView(engines, nowNs), request) ?? -1
    if (told >= 0) engines[told].isDraining = true
    for (const engine of engines) {
      if (!engine.isDraining || !engine.isEmpty()) continue
      engine.changeRole(options.priceSplit(engine.config.switched as EngineConfig))
      if (isMeasured(nowNs)) statistics.roleChanges++
    }
  }
  /** When the index of a policy was updated last. */
  const updated = ({ info: { signalAge: ageNs } }: PoolPolicy | RankPolicy) =>
    ageNs === 'now' ? Number.POSITIVE_INFINITY : Math.floor(nowNs / ageNs) * ageNs
  const queueOf = ({ engine, rank }: Request) => (rank < 0 ? engines[engine].queue : engines[engine].ranks[rank].waiting)
  const place = (request: Request, phase: RoutePhase) => {
    const seen = { inputTokens: request.isl, classId: request.classId, tenant: request.tenant }
    if (phase === 'prefill' && config.engines.some((engine) => engine.switched !== null)) reviseRoles(seen)
    const choice = taking(phase === 'decode')
    request.engine = choice[arm.pool.route(poolView(engines, choice, request, updated(arm.pool)), seen, phase)]
    const engine = engines[request.engine]
    const view = rankView(engine, request.engine, request, updated(arm.rank))
    if (arm.rank.place) request.rank = arm.rank.place(view, seen)
    else request.rank = engine.ranks.length === 1 ? 0 : -1
    request.degree = engine.config.role === 'prefill' ? 1 : arm.span.degree(view, seen)
    if (engine.config.role !== 'prefill') degrees.set(request.index, request.degree)
    queueOf(request).push(request)
  }
  const fabric = new Fabric(config.fabric, (request, timeNs) => {
    events = events.filter((event) => event.kind !== 'transfer' || event.subject !== request.index)
    post(timeNs, 'transfer', request.index)
  })
  const arrive = (index: number, timeNs: number) => {
    const classId = workload.classId ? workload.classId[index] : 0
    const tenant = workload.tenant ? workload.tenant[index] : 0
    const sentNs = timeNs - config.frontendNs
    const known = new Map<number, string[]>()
    const names = (blockSize: number) => {
      const held = known.get(blockSize) ?? blockNames(workload, index, blockSize)
      known.set(blockSize, held)
      return held
    }
    const request = new Request(index, workload.isl[index], workload.osl[index], classId, tenant, sentNs, names)
    if (request.isl + request.osl > modelLength || request.isl > promptLength) return leave(request, 'unservable', timeNs)
    const entries = indices.filter((entry) => !isDecode(entry))
    const waiting = total(
      entries.map((entry) => engines[entry].queue.length + total(engines[entry].ranks.map((rank) => rank.waiting.length))),
    )
    if (config.maxQueue !== null && waiting >= config.maxQueue) return leave(request, 'rejected', timeNs)
    place(request, 'prefill')
    inside.set(index, request)
    if (config.timeoutNs !== null) post(Math.max(sentNs + config.timeoutNs, timeNs), 'timeout', index)
    beginIfIdle(request.engine, timeNs)
  }
  const isStale = (index: number) => inside.get(index)?.everScheduled ?? true
  const expire = (index: number, timeNs: number) => {
    const request = inside.get(index) as Request
    const queue = queueOf(request)
    queue.splice(queue.indexOf(request), 1)
    leave(request, 'timed_out', timeNs)
    beginIfIdle(request.engine, timeNs)
  }
  const endStep = (index: number, timeNs: number) => {
    const woken = new Set<number>()
    const { step, completed } = engines[index].end((_, request) => {
      request.enter('decode_wait', timeNs)
      place(request, 'decode')
      woken.add(request.engine)
    })
    if (isMeasured(timeNs)) addStep(statistics, index, step)
    for (const request of completed) leave(request, 'completed', timeNs)
    for (const other of indices) {
      if (other === index) begin(index)
      else if (woken.has(other)) beginIfIdle(other, timeNs)
    }
  }
  const transfer = (index: number, timeNs: number) => {
    const request = inside.get(index) as Request
    const to = engines[request.engine].ranks[request.rank]
    if (!fabric.flows.some((flow) => flow.request === request)) return fabric.start(request, to, timeNs)
    fabric.end(request, timeNs)
    const from = request.source as Rank
    to.receive(request, timeNs)
    if (config.firstToken === 'prefill' && Number.isNaN(request.firstTokenNs)) request.deliver(timeNs)
    for (const other of indices) if (engines[other].ranks.some((rank) => rank === from || rank === to)) beginIfIdle(other, timeNs)
  }

  if (options.load.kind === 'closed') for (let i = 0; i < options.load.concurrency; i++) fillPlace(0)
  else for (const root of roots) post(workload.arrivalNs[root] + config.frontendNs, 'arrival', root)
  const order = (a: Event, b: Event) => a.timeNs - b.timeNs || CLASS[a.kind] - CLASS[b.kind] || a.sequence - b.sequence
  while (events.length > 0) {
    events = events.sort(order)
    const { timeNs, kind, subject } = events[0]
    if (timeNs > untilNs) break
    events.shift()
    if (kind === 'timeout' && isStale(subject)) continue
    nowNs = timeNs
    if (kind === 'step end') endStep(subject, timeNs)
    else if (kind === 'transfer') transfer(subject, timeNs)
    else if (kind === 'timeout') expire(subject, timeNs)
    else arrive(subject, timeNs)
  }
  for (const request of inside.values()) {
    request.leave(nowNs)
    const isQueued = queueOf(request).includes(request)
    const isInTransfer = request.rank >= 0 && engines[request.engine].ranks[request.rank].incoming.includes(request)
    record(request, isQueued ? 'queued' : isInTransfer ? 'in_transfer' : 'running', Number.NaN)
  }
  for (const engine of engines) for (const rank of engine.ranks) statistics.evictedBlocks += rank.cache.evicted
  return { records, leavers, notSent: clients.notSent.size, statistics, degrees }
}

function rolesView(engines: readonly Engine[], nowNs: number): RolesView {
  const over = (engine: number, read: (rank: Rank) => number) => total(engines[engine].ranks.map(read))
  const role = (engine: number) => (engines[engine].config.role === 'decode' ? 'decode' : 'prefill')
  const taking = (wanted: string) => engines.filter((other, index) => !other.isDraining && role(index) === wanted)
  return {
    nowNs,
    count: engines.length,
    role,
    isDraining: (engine) => engines[engine].isDraining,
    maySwitch: (engine) =>
      engines[engine].config.switched !== null && !engines[engine].isDraining && taking(role(engine)).length > 1,
    gpus: (engine) => engines[engine].config.gpus,
    places: (engine) => over(engine, (rank) => rank.config.maxNumSeqs),
    running: (engine) => over(engine, (rank) => rank.batchSize()),
    waiting: (engine) => engines[engine].queue.length + over(engine, (rank) => rank.waiting.length),
    queuedTokens: (engine) =>
      total(engines[engine].queue.map((request) => request.target)) + over(engine, (rank) => rank.queuedTokens()),
    blocks: (engine) => over(engine, (rank) => rank.config.numGpuBlocks),
    freeBlocks: (engine) => over(engine, (rank) => rank.freeBlocks()),
  }
}

function rankView(engine: Engine, index: number, request: Request, updatedNs: number): LoadView {
  return {
    engine: index,
    count: engine.ranks.length,
    running: (place) => engine.ranks[place].batchSize(),
    waiting: (place) => engine.ranks[place].waiting.length,
    kvTokens: (place) => engine.ranks[place].kvTokens(),
    queuedTokens: (place) => engine.ranks[place].queuedTokens(),
    freeBlocks: (place) => engine.ranks[place].freeBlocks(),
    matchedTokens: (place) => engine.ranks[place].matchedTokens(request, updatedNs),
  }
}

function poolView(engines: readonly Engine[], places: readonly number[], request: Request, updatedNs: number): LoadView {
  const all = (read: (view: LoadView, place: number) => number) => (place: number) => {
    const engine = engines[places[place]]
    const view = rankView(engine, places[place], request, updatedNs)
    return engine.ranks.map((_, rank) => read(view, rank))
  }
  const over = (read: (view: LoadView, place: number) => number) => (place: number) => total(all(read)(place))
  return {
    count: places.length,
    running: over((view, rank) => view.running(rank)),
    waiting: (place) => engines[places[place]].queue.length + over((view, rank) => view.waiting(rank))(place),
    kvTokens: over((view, rank) => view.kvTokens(rank)),
    queuedTokens: (place) =>
      total(engines[places[place]].queue.map((request) => request.target)) + over((view, rank) => view.queuedTokens(rank))(place),
    freeBlocks: over((view, rank) => view.freeBlocks(rank)),
    matchedTokens: (place) => Math.max(...all((view, rank) => view.matchedTokens(rank))(place)),
  }
}
