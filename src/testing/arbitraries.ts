/** Whole scenarios for properties: any, and kinds that make one mechanism common. */
import fc from 'fast-check'
import { knobs, shippedArm } from './knobs.js'
import { type Scenario, scenarioOf } from './scenarioOf.js'
import { HOST_ALONE } from './tables.js'

export type { Scenario } from './scenarioOf.js'

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

/**
 * Steps of a ns or less, and everything else a few ns after what went before: ends of steps, transfers, releases, patience and arrivals fall together, so
 * that the order of events of one time decides what is seen.
 */
export const crowdedScenario: fc.Arbitrary<Scenario> = fc
  .tuple(knobs, fc.constantFrom(1, 100, 333, 500, 1000), fc.boolean(), fc.boolean())
  .map(([knob, hostPs, isOneRank, isFlat]) => {
    const within = (value: number | null, mostNs: number) => value && value % mostNs
    return scenarioOf({
      ...knob,
      engines: knob.engines.map((engine) => ({
        ...engine,
        ranks: isOneRank ? 1 : engine.ranks,
        kvBytesPerToken: isFlat ? 0 : engine.kvBytesPerToken % 3,
        table: { ...HOST_ALONE, hostPs, ...(isFlat ? {} : { localPs: engine.table.localPs % 50, prefillPs: 1 }) },
      })),
      stretch: 1,
      frontendNs: knob.frontendNs % 3,
      fabric: { ...knob.fabric, latencyNs: knob.fabric.latencyNs % 3 },
      timeoutNs: within(knob.timeoutNs, 6),
      window: within(knob.window, 15),
      untilNs: within(knob.untilNs, 60),
      arm: { ...knob.arm, planningPs: 0, budget: 1000, pool: 'scrambled', rank: 'scrambled' },
      shipped: null,
      requests: knob.requests.map((request) => ({ ...request, gapNs: request.gapNs % 3, waitNs: request.waitNs % 4 })),
    })
  })

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
