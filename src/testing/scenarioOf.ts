/** The scenario of what was drawn: engines, requests with their sessions and prefixes, and the arm. */
import { createArm, parsePolicy } from '../levers/catalogue.js'
import type { Arm, ArmSpec } from '../levers/lever.js'
import type { EngineRole } from '../models/model.js'
import type { ClusterConfig, EngineConfig, LoadConfig, MeasureWindow } from '../simulator/config.js'
import { createBlockBuilder } from '../traces/blocks.js'
import { shapesOnly, type Workload } from '../traces/workload.js'
import { atBoundary } from './boundaryPolicies.js'
import type { Knobs } from './knobs.js'
import { chunkPolicy, plainArm, poolPolicy, rankPolicy, spanPolicy, splitPolicy } from './policies.js'
import { stepTables } from './tables.js'

export interface Scenario {
  readonly config: ClusterConfig
  readonly workload: Workload
  readonly load: LoadConfig
  readonly window: MeasureWindow | undefined
  readonly untilNs: number | undefined
  /** A fresh arm, because policies keep state. */
  readonly arm: () => Arm
}

function engineConfig(knob: Knobs['engines'][number], index: number, role: EngineRole, all: Knobs): EngineConfig {
  const { ranks, maxNumSeqs, maxModelLen, machine, kvBytesPerToken, domain } = knob
  const prefixCaching = all.traceBlock !== null && knob.isCaching
  // powers of two fit each other
  const blockSize = prefixCaching ? 2 ** Math.floor(Math.log2(knob.blockSize)) : knob.blockSize
  const maySwitch = role !== 'aggregated' && all.mayChangeRoles && knob.maySwitch
  const draftTokens = all.isSpeculative && !maySwitch ? knob.draftTokens : 0
  const maxNumBatchedTokens = maxNumSeqs * (draftTokens + 1) + knob.extraBudget
  const longest = maxModelLen + 2 * draftTokens
  const tables = (shape: typeof knob.table) =>
    stepTables({ ranks, maxTokens: maxNumBatchedTokens, maxSequences: maxNumSeqs, maxLength: longest }, shape)
  const made: EngineConfig = {
    name: `engine-${index}`,
    role,
    ranks,
    gpus: ranks,
    maxNumSeqs,
    maxNumBatchedTokens,
    maxModelLen,
    blockSize,
    numGpuBlocks: Math.ceil(Math.ceil(longest / blockSize) * knob.memory),
    tables: tables(knob.table),
    machine,
    draftTokens,
    tokensPer1024Steps: 1024 + Math.round(1024 * draftTokens * knob.acceptance),
    kvReservation: all.mayReserve && knob.isReserved ? 'full' : 'grow',
    prefixCaching,
    cacheAnswers: prefixCaching && all.cacheAnswers,
    hostBlocks: prefixCaching && role !== 'decode' && !maySwitch ? knob.hostBlocks : 0,
    ranksPerHost: knob.ranksPerHost,
    loadPsPerToken: knob.loadPsPerToken,
    kvBytesPerToken,
    span: { layersPs: knob.layersPs, linkPs: knob.linkPs, tokenPs: knob.tokenPs },
    domain,
    switched: null,
  }
  if (!maySwitch) return made
  // dearer in its other role, so that prices tell the roles apart
  const other = { ...made, role: role === 'decode' ? ('prefill' as const) : ('decode' as const) }
  return { ...made, switched: { ...other, tables: tables({ ...knob.table, hostPs: 2 * knob.table.hostPs + 1 }) } }
}

/** All aggregated, or prefill and decode with one of each at least: a lone engine is doubled, and the last one is what is missing. */
function enginesOf(knob: Knobs): EngineConfig[] {
  if (!knob.isSplit) return knob.engines.map((engine, index) => engineConfig(engine, index, 'aggregated', knob))
  const drawn = knob.engines.length === 1 ? [...knob.engines, ...knob.engines] : knob.engines
  const others = drawn.slice(0, -1)
  const isPrefill = (index: number) =>
    index < others.length ? drawn[index].isPrefill : others.every((engine) => !engine.isPrefill)
  const roles = drawn.map((_, index): EngineRole => (isPrefill(index) ? 'prefill' : 'decode'))
  return drawn.map((engine, index) => engineConfig(engine, index, roles[index], knob))
}

type SessionColumns = Pick<Workload, 'arrivalNs' | 'session' | 'parent' | 'waitNs' | 'joins' | 'joinCount'>

/** Trees of requests with a parent, about half of them waiting, and joins; in closed loop within a tree. */
function sessionsOf({ requests, concurrency }: Knobs, arrivalNs: Float64Array): SessionColumns {
  const parent = Int32Array.from(requests, ({ follows }, i) => (follows === 0 || follows > i ? -1 : i - follows))
  const roots: number[] = []
  parent.forEach((before, i) => {
    roots.push(before < 0 ? i : roots[before])
  })
  const joins = Int32Array.from(requests, (request, i) => {
    const at = i + request.joins
    const mayJoin = concurrency === null || roots[at] === roots[i]
    return request.joins > 0 && at < requests.length && parent[at] >= 0 && mayJoin ? at : -1
  })
  const joinCount = Int32Array.from(requests, (_, i) => joins.filter((to) => to === i).length + (parent[i] >= 0 ? 1 : 0))
  const waitNs = Float64Array.from(requests, (request, i) => (parent[i] < 0 ? 0 : request.waitNs))
  const times = arrivalNs.map((timeNs, i) => (parent[i] >= 0 && requests[i].waits ? Number.NaN : timeNs))
  return { arrivalNs: times, session: Int32Array.from(roots), parent, waitNs, joins, joinCount }
}

/** Ids that name whole prefixes: the leading ones of an earlier request, then new ones, as far as the prompt or the answer goes. */
function prefixBlocks({ requests, traceBlock, cacheAnswers }: Knobs): Partial<Workload> {
  if (traceBlock === null) return {}
  const builder = createBlockBuilder()
  const lists: number[][] = []
  let ids = 0
  requests.forEach(({ isl, osl, likeBack, alike }, i) => {
    const blocks = Math.ceil((cacheAnswers ? isl + osl : isl) / traceBlock)
    const list = likeBack === 0 || likeBack > i ? [] : lists[i - likeBack].slice(0, Math.min(alike, blocks))
    while (list.length < blocks) list.push(ids++)
    lists.push(list)
    builder.next()
    for (const id of list) builder.push(id)
  })
  return { ...builder.columns(), blockTokens: traceBlock }
}

function workloadOf(knob: Knobs): Workload {
  const { requests, stretch, hasClasses, hasSessions } = knob
  let nowNs = 0
  const arrivalNs = Float64Array.from(requests, ({ gapNs }) => {
    nowNs += gapNs * stretch
    return nowNs
  })
  const column = (read: (request: Knobs['requests'][number]) => number) => Int32Array.from(requests, read)
  const provenance = {
    name: 'arbitrary',
    format: 'generated',
    note: 'Drawn by a property.',
    rowsRead: requests.length,
    rowsSkipped: 0,
  }
  const isl = column((r) => r.isl)
  const osl = column((r) => r.osl)
  const plain = { ...shapesOnly(arrivalNs, isl, osl, provenance), ...prefixBlocks(knob) }
  const shapes = hasSessions ? { ...plain, ...sessionsOf(knob, arrivalNs) } : plain
  if (!hasClasses) return shapes
  return { ...shapes, classId: Uint16Array.from(requests, (r) => r.classId), tenant: column((r) => r.tenant) }
}

function armOf(knob: Knobs['arm']): Arm {
  const rank = rankPolicy(knob.rank, knob.rankAge)
  return {
    ...plainArm(knob.budget),
    chunk: chunkPolicy(knob.budget, knob.paceNs, knob.holds),
    split: splitPolicy(knob.splitRule, knob.splitValue, knob.longestFirst, knob.planningPs),
    rank: knob.boundary === null ? rank : atBoundary(rank, knob.boundary),
    pool: poolPolicy(knob.pool, knob.poolAge, knob.switches),
    span: knob.boundary === null ? spanPolicy(knob.span) : spanPolicy('one'),
  }
}

/** Contexts are not spread under rank policies that decide at step boundaries: that is refused. */
function wholeWhereMoved(spec: ArmSpec): ArmSpec {
  const { assign, migrate } = parsePolicy('rank', spec.rank)()
  return (assign ?? migrate) === undefined ? spec : { ...spec, span: 'one' }
}

export function scenarioOf(knob: Knobs): Scenario {
  const { concurrency, window, untilNs, shipped } = knob
  return {
    config: {
      engines: enginesOf(knob),
      maxQueue: knob.maxQueue,
      timeoutNs: knob.timeoutNs,
      fabric: knob.fabric,
      firstToken: knob.firstToken,
      frontendNs: knob.frontendNs,
    },
    workload: workloadOf(knob),
    load: concurrency === null ? { kind: 'open' } : { kind: 'closed', concurrency },
    window: window === null ? undefined : { fromNs: window, toNs: 3 * window },
    untilNs: untilNs ?? undefined,
    arm: () => (shipped === null ? armOf(knob.arm) : createArm(wholeWhereMoved(shipped))),
  }
}
