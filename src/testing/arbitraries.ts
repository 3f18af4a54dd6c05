/**
 * Whole scenarios for properties, in the manner of swarm testing: each one switches features on or off before it draws their
 * sizes, so that rare combinations are common. Small on purpose: tiny KV memories preempt, tiny budgets chunk.
 */
import fc from 'fast-check'
import { createArm, POLICIES, parsePolicy } from '../levers/catalogue.js'
import type { Arm, ArmSpec } from '../levers/lever.js'
import type { ClusterConfig, EngineConfig, EngineRole, LoadConfig, MeasureWindow } from '../simulator/config.js'
import { createBlockBuilder } from '../traces/blocks.js'
import { shapesOnly, type Workload } from '../traces/workload.js'
import { atBoundary } from './boundaryPolicies.js'
import {
  chunkPolicy,
  PLACE_RULES,
  plainArm,
  poolPolicy,
  rankPolicy,
  SPAN_RULES,
  SPLIT_RULES,
  spanPolicy,
  splitPolicy,
} from './policies.js'
import { splitMachine, stepTables, tableShape } from './tables.js'

export interface Scenario {
  readonly config: ClusterConfig
  readonly workload: Workload
  readonly load: LoadConfig
  readonly window: MeasureWindow | undefined
  readonly untilNs: number | undefined
  /** A fresh arm, because policies keep state. */
  readonly arm: () => Arm
}

const engineKnobs = fc.record({
  ranks: fc.integer({ min: 1, max: 4 }),
  maxNumSeqs: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 24 })),
  extraBudget: fc.oneof(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 80 })),
  maxModelLen: fc.integer({ min: 8, max: 70 }),
  blockSize: fc.constantFrom(1, 2, 3, 4, 7, 16),
  /** KV memory in sequences of full length, 1 = just one. */
  memory: fc.constantFrom(1, 1.1, 1.2, 1.4, 1.7, 3, 20),
  table: tableShape,
  machine: splitMachine,
  isPrefill: fc.boolean(),
  maySwitch: fc.boolean(),
  draftTokens: fc.integer({ min: 1, max: 3 }),
  /** Share of the drafts that is accepted. */
  acceptance: fc.constantFrom(0, 0.3, 0.5, 0.71, 1),
  isReserved: fc.boolean(),
  isCaching: fc.boolean(),
  /** Blocks of the second tier, 0 = none. */
  hostBlocks: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 12 }), fc.constant(400)),
  ranksPerHost: fc.integer({ min: 1, max: 2 }),
  loadPsPerToken: fc.constantFrom(0, 7, 812.5, 20_000),
  kvBytesPerToken: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 60 })),
  /** Prices of spans. */
  layersPs: fc.constantFrom(0, 900, 12_000),
  linkPs: fc.constantFrom(0, 33, 700.25),
  tokenPs: fc.constantFrom(0, 11, 90.5),
  domain: fc.integer({ min: 0, max: 1 }),
})

const fabricKnobs = fc.record({
  nvlinkBytesPerNs: fc.constantFrom(0.37, 1, 8, 780),
  nicBytesPerNs: fc.constantFrom(0.1, 3, 50),
  latencyNs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 60 })),
})

const requestKnobs = fc.record({
  gapNs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 3000 })),
  isl: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 60 })),
  osl: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 45 })),
  classId: fc.integer({ min: 0, max: 2 }),
  tenant: fc.integer({ min: 0, max: 3 }),
  /** How far before it its parent stands; it waits for it, or has a time of its own. */
  follows: fc.oneof(fc.constant(0), fc.constant(1), fc.integer({ min: 1, max: 6 })),
  waits: fc.boolean(),
  waitNs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 3000 })),
  /** How far after it stands the request that waits for it too. */
  joins: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 5 })),
  /** Its prompt begins as that of the request so many before it, for so many blocks; 0 = like nobody's. */
  likeBack: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 30 })),
  alike: fc.oneof(fc.integer({ min: 0, max: 4 }), fc.constant(99)),
})

const armKnobs = fc.record({
  pool: fc.constantFrom(...PLACE_RULES),
  rank: fc.constantFrom(...PLACE_RULES),
  switches: fc.boolean(),
  poolAge: fc.constantFrom('now' as const, 7, 400),
  rankAge: fc.constantFrom('now' as const, 50, 3000),
  /** Decisions of the rank lever at step boundaries; null = none. */
  boundary: fc.option(
    fc.record({
      assigns: fc.boolean(),
      moves: fc.boolean(),
      isFree: fc.boolean(),
      planningPs: fc.constantFrom(0, 700),
    }),
    { nil: null },
  ),
  budget: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 5 }), fc.constant(1000)),
  paceNs: fc.option(fc.integer({ min: 0, max: 300 }), { nil: null, freq: 2 }),
  holds: fc.boolean(),
  splitRule: fc.constantFrom(...SPLIT_RULES),
  splitValue: fc.integer({ min: 1, max: 9 }),
  longestFirst: fc.boolean(),
  planningPs: fc.constantFrom(0, 5000),
  span: fc.constantFrom(...SPAN_RULES),
})

/** Arms of the catalogue, in any combination. */
const shippedArm: fc.Arbitrary<ArmSpec> = fc.record({
  name: fc.constant('shipped'),
  split: fc.constantFrom(
    ...POLICIES.filter(({ lever }) => lever === 'split').map(({ name }) => name),
    'fixed-count(1)',
    'fixed-count(3,order=longest-first)',
    'fixed-size(16)',
    'average-load(max=2)',
    'payload(1)',
    'gated(0)',
    'oversubscribe(waves=2,tokens=1,max=4)',
  ),
  chunk: fc.constantFrom(
    'fixed-budget(1)',
    'fixed-budget(7)',
    'fixed-budget(2048)',
    'equal-time(1)',
    'aligned(7,wait=3,batch=2)',
    'slack(0.001)',
  ),
  rank: fc.constantFrom(
    'round-robin',
    'round-robin(migrate=0.01,steps=1,dwell=1)',
    'least-cost(5,migrate=0.1,steps=2,dwell=3)',
    'lpt',
    'barrier(3,w=2)',
    'least-requests',
    'least-kv-tokens',
    'least-cost(5)',
    'kv-aware(w=2)',
    'kv-adaptive(temperature=0.5)',
  ),
  span: fc.constantFrom('one', 'by-shape(min=8)'),
  pool: fc.constantFrom(
    'round-robin',
    'least-loaded',
    'kv-aware(age=0.001)',
    'kv-adaptive',
    'lanes(9,30)',
    'adaptive-roles(dwell=0,memory=0.001,hysteresis=0)',
    'equal-lanes(2,spill=0)',
  ),
})

const on = (arbitrary: fc.Arbitrary<number>): fc.Arbitrary<number | null> => fc.option(arbitrary, { nil: null, freq: 2 })

const knobs = fc.record({
  engines: fc.array(engineKnobs, { minLength: 1, maxLength: 4 }),
  requests: fc.array(requestKnobs, { minLength: 1, maxLength: 40, size: 'max' }),
  stretch: fc.constantFrom(1, 1, 5, 50),
  hasClasses: fc.boolean(),
  hasSessions: fc.boolean(),
  isSplit: fc.boolean(),
  mayChangeRoles: fc.boolean(),
  isSpeculative: fc.boolean(),
  mayReserve: fc.boolean(),
  /** Tokens per prefix block of the trace; null = no ids. */
  traceBlock: on(fc.constantFrom(1, 2, 4, 8)),
  cacheAnswers: fc.boolean(),
  fabric: fabricKnobs,
  firstToken: fc.constantFrom('prefill', 'decode'),
  frontendNs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 60 }), fc.constant(1000)),
  maxQueue: on(fc.integer({ min: 0, max: 12 })),
  timeoutNs: on(fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 2000 }))),
  concurrency: on(fc.integer({ min: 1, max: 12 })),
  window: on(fc.integer({ min: 0, max: 3000 })),
  untilNs: on(fc.oneof(fc.integer({ min: 0, max: 500 }), fc.integer({ min: 0, max: 50_000 }))),
  arm: armKnobs,
  shipped: fc.option(shippedArm, { nil: null, freq: 2 }),
})
type Knobs = typeof knobs extends fc.Arbitrary<infer T> ? T : never

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

function scenarioOf(knob: Knobs): Scenario {
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

export const scenario: fc.Arbitrary<Scenario> = knobs.map(scenarioOf)

/** Scenarios that are measured from their beginning to their end. */
export const wholeScenario: fc.Arbitrary<Scenario> = scenario.map((drawn) => ({
  ...drawn,
  window: undefined,
  untilNs: undefined,
}))

/** Many prompts that begin alike, in memory that holds few of them: what is evicted comes back. */
export const cachingScenario: fc.Arbitrary<Scenario> = fc
  .tuple(knobs, fc.constantFrom(1, 2, 4), fc.constantFrom(3, 8, 400))
  .map(([knob, traceBlock, hostBlocks]) =>
    scenarioOf({
      ...knob,
      traceBlock,
      concurrency: null,
      arm: { ...knob.arm, span: knob.hasClasses ? knob.arm.span : 'one' },
      engines: knob.engines.slice(0, knob.isSplit ? 2 : 1).map((engine) => ({
        ...engine,
        isCaching: true,
        hostBlocks,
        ranks: Math.min(engine.ranks, 2),
        memory: engine.memory > 1.4 ? 1.2 : engine.memory,
        maxModelLen: 60,
      })),
      requests: knob.requests.map((request) => ({
        ...request,
        isl: 2 + (request.isl % 45),
        osl: 1 + (request.osl % 12),
        likeBack: 1 + ((3 * request.isl + request.osl) % 9),
        alike: request.isl + (request.osl % 25),
      })),
    }),
  )

/** Engines of several ranks under the dispatch oracle, which sees output lengths: no law of information holds for it. */
export const oracleScenario: fc.Arbitrary<Scenario> = fc.tuple(knobs, shippedArm).map(([knob, arm]) =>
  scenarioOf({
    ...knob,
    engines: knob.engines.map((engine) => ({ ...engine, ranks: 1 + engine.ranks })),
    shipped: { ...arm, rank: 'oracle-rank(w=3)' },
  }),
)

/** Sequences that move among ranks which are short of memory: they are preempted before and after it. */
export const movingScenario: fc.Arbitrary<Scenario> = fc
  .tuple(knobs, fc.boolean(), fc.constantFrom(1.1, 1.4, 1.7, 3))
  .map(([knob, assigns, memory]) =>
    scenarioOf({
      ...knob,
      engines: knob.engines.slice(0, 2).map((engine) => ({
        ...engine,
        ranks: Math.max(2, engine.ranks),
        maxNumSeqs: Math.max(3, engine.maxNumSeqs),
        memory,
      })),
      requests: knob.requests.map((request) => ({ ...request, osl: 2 + request.osl })),
      mayReserve: false,
      maxQueue: null,
      shipped: null,
      arm: { ...knob.arm, boundary: { isFree: false, planningPs: 0, ...knob.arm.boundary, moves: true, assigns } },
    }),
  )

/** Contexts over two or four ranks, in memory that holds few of them: what one rank lacks makes others wait and give way. */
export const spanScenario: fc.Arbitrary<Scenario> = fc
  .tuple(knobs, fc.constantFrom('largest' as const, 'scrambled' as const))
  .map(([knob, span]) =>
    scenarioOf({
      ...knob,
      shipped: null,
      arm: { ...knob.arm, boundary: null, span },
      engines: knob.engines.slice(0, knob.isSplit ? 2 : 1).map((engine) => ({
        ...engine,
        ranks: engine.ranks < 3 ? 2 : 4,
        memory: engine.memory > 1.2 ? 1 : engine.memory,
        blockSize: engine.blockSize > 4 ? 4 : engine.blockSize,
        maxNumSeqs: 4 + engine.maxNumSeqs,
        maxModelLen: 44,
      })),
      stretch: 1,
      maxQueue: null,
      timeoutNs: knob.hasClasses ? knob.timeoutNs : null,
      requests: knob.requests.map((request) => ({
        ...request,
        gapNs: request.gapNs % 40,
        isl: 1 + (request.isl % 14),
        osl: 8 + (request.osl % 22),
      })),
    }),
  )

/** The same, measured from their beginning to their end. */
export const wholeSpanScenario: fc.Arbitrary<Scenario> = spanScenario.map((drawn) => ({
  ...drawn,
  window: undefined,
  untilNs: undefined,
}))

/** Engines that prefill or decode, most of which may change that, and arms that make them: short requests, so that they drain between arrivals. */
export const rolesScenario: fc.Arbitrary<Scenario> = knobs.map((knob) =>
  scenarioOf({
    ...knob,
    isSplit: true,
    mayChangeRoles: true,
    engines: [...knob.engines, ...knob.engines].slice(0, 4).map((engine, index) => ({
      ...engine,
      isPrefill: index % 2 === 0,
      maySwitch: index < 3 || engine.maySwitch,
      ranks: Math.min(engine.ranks, 2),
    })),
    requests: knob.requests.map((request) => ({ ...request, osl: 1 + (request.osl % 6) })),
    stretch: knob.stretch === 1 ? 5 : knob.stretch,
    arm: { ...knob.arm, switches: true },
    shipped: knob.shipped && { ...knob.shipped, pool: 'adaptive-roles(dwell=0,memory=0.001,hysteresis=0)' },
  }),
)

/** A few requests with answers of thousands of tokens, beyond every short-range structure of a fast simulator. */
export const longScenario: fc.Arbitrary<Scenario> = knobs.map((knob) =>
  scenarioOf({
    ...knob,
    engines: knob.engines
      .slice(0, 2)
      .map((engine) => ({ ...engine, ranks: Math.min(engine.ranks, 2), maxModelLen: engine.maxModelLen * 50 })),
    requests: knob.requests.slice(0, 8).map((request) => ({ ...request, osl: request.osl * 60 })),
    untilNs: null,
  }),
)

/**
 * Engines of one rank with room, long answers, and arrivals now and then: most steps are quiet, and arrivals, ends and views fall among them. A
 * crowd is large enough for a split factor that outlives a change of the batch.
 */
export const thinScenario: fc.Arbitrary<Scenario> = knobs.map((knob) => {
  const isCrowd = knob.cacheAnswers
  return scenarioOf({
    ...knob,
    engines: knob.engines.slice(0, isCrowd ? 1 : 3).map((engine) => ({
      ...engine,
      ranks: 1,
      maxNumSeqs: isCrowd ? 40 : engine.maxNumSeqs,
      memory: isCrowd || engine.memory < 3 ? 20 : engine.memory,
      maxModelLen: engine.maxModelLen * 6,
    })),
    requests: knob.requests.slice(0, isCrowd ? 40 : 12).map((request) => ({ ...request, osl: request.osl * 6 })),
    isSpeculative: false,
    isSplit: knob.isSplit && !isCrowd,
    concurrency: knob.hasClasses && !isCrowd ? knob.concurrency : null,
    timeoutNs: null,
    maxQueue: null,
  })
})
