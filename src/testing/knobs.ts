/**
 * What is drawn for a scenario, in the manner of swarm testing: features are switched on or off before their sizes are drawn, so that rare
 * combinations are common. Small on purpose: tiny KV memories preempt, tiny budgets chunk.
 */
import fc from 'fast-check'
import { POLICIES } from '../levers/catalogue.js'
import type { ArmSpec } from '../levers/lever.js'
import { PLACE_RULES, SPAN_RULES, SPLIT_RULES } from './policies.js'
import { anySplitMachine, tableShape } from './tables.js'

const engineKnobs = fc.record({
  ranks: fc.integer({ min: 1, max: 4 }),
  maxNumSeqs: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 24 })),
  extraBudget: fc.oneof(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 80 })),
  maxModelLen: fc.integer({ min: 8, max: 70 }),
  blockSize: fc.constantFrom(1, 2, 3, 4, 7, 16),
  /** KV memory in sequences of full length, 1 = just one. */
  memory: fc.constantFrom(1, 1.1, 1.2, 1.4, 1.7, 3, 20),
  table: tableShape,
  machine: anySplitMachine,
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
  loadPsPerToken: fc.constantFrom(0, 7, 812.1, 20_000),
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
export const shippedArm: fc.Arbitrary<ArmSpec> = fc.record({
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
    'random',
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

/** All of a scenario. */
export const knobs = fc.record({
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
export type Knobs = typeof knobs extends fc.Arbitrary<infer T> ? T : never
