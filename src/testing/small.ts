/**
 * Small scenarios that can be written down as a YAML file and a trace: real models on a real rack, with tiny batches and tiny memories, so
 * that a handful of requests queue, preempt, share prefixes and outlive each other. What a policy is checked on.
 */
import fc from 'fast-check'
import type { LeverName } from '../levers/lever.js'
import type { EngineRole } from '../models/model.js'

/** A kind of engine, as in a scenario. */
export interface SmallEngine {
  readonly role: EngineRole
  readonly model: string
  readonly layout: string
  readonly count: number
  readonly maxNumSeqs: number
  readonly maxNumBatchedTokens: number
  readonly maxModelLen: number
  readonly numGpuBlocks: number
  /** Whether it may change between prefill and decode. */
  readonly maySwitch?: true
}

/** What a scenario must offer, so that a policy does all that it can and is not refused there. */
export interface Needs {
  /** Contexts may be spread over so many ranks, and engines that decode have a multiple of them; 1 = whole contexts, any engines. */
  readonly degree: number
  /** It changes the roles of engines: there are pools of them that may. */
  readonly switches: boolean
}

export interface SmallRequest {
  /** Whole ms, so that requests often come together. */
  readonly arrivalMs: number
  readonly isl: number
  readonly osl: number
  /** Ids of its prefix blocks; none without caching. */
  readonly blocks: readonly number[]
}

export interface SmallScenario {
  readonly engines: readonly SmallEngine[]
  readonly caching: boolean
  readonly mtp: number
  readonly reservation: 'grow' | 'full'
  readonly requests: readonly SmallRequest[]
  /** Policies of the other levers. */
  readonly companions: Readonly<Partial<Record<LeverName, string>>>
}

/** Tokens of an engine's KV block, and of a block of the trace. */
export const SMALL_BLOCK = 16

interface Place {
  readonly model: string
  readonly layout: string
}

/** Dense and sparse, one rank and several; all small enough for their GPUs. */
const PLACES = [
  { model: 'llama-3.1-70b', layout: 'TP4' },
  { model: 'gpt-oss-120b', layout: 'DEP2' },
  { model: 'gpt-oss-120b', layout: 'DEP4' },
] as const

/** Where contexts are spread. */
const WIDE_PLACES = [
  { model: 'gpt-oss-120b', layout: 'DEP2' },
  { model: 'gpt-oss-120b', layout: 'DEP4' },
  { model: 'gpt-oss-120b', layout: 'DEP8' },
] as const

/** GPUs of the rack, and the most of its ranks that a context can be spread over. */
const GPUS = 72
export const WIDEST = 64

/** Lengths of contexts: short ones that chunk and preempt, long answers that outlive others, and prompts that fill a GPU's slots. */
const SIZES = [
  { maxModelLen: 256, budgets: [16, 64], longest: 90 },
  { maxModelLen: 1024, budgets: [32, 512], longest: 200 },
  { maxModelLen: 131_072, budgets: [8192], longest: 130_000 },
] as const

const share = fc.double({ min: 0, max: 1, noNaN: true })

const requestKnobs = fc.record({
  gapMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 4 }), fc.integer({ min: 0, max: 60 })),
  /** Share of the longest prompt, in the square: most are short. */
  input: fc.oneof(share, fc.constant(0)),
  osl: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 700 })),
  /** Prompts of a group begin alike, for so many blocks. */
  group: fc.integer({ min: 0, max: 2 }),
  shared: fc.integer({ min: 0, max: 8 }),
})

/** Layouts whose ranks are a multiple of the degree, which is above 1. */
function placesOf(degree: number): fc.Arbitrary<Place> {
  const wide = WIDE_PLACES.filter(({ layout }) => ranksOf(layout) % degree === 0)
  return fc.constantFrom<Place>(...(wide.length > 0 ? wide : [{ model: 'gpt-oss-120b', layout: `DEP${degree}` }]))
}

const ranksOf = (layout: string): number => Number(/\d+/.exec(layout)?.[0])

const knobs = fc.record({
  place: fc.constantFrom<Place>(...PLACES),
  isSplit: fc.boolean(),
  count: fc.integer({ min: 1, max: 3 }),
  size: fc.oneof({ weight: 5, arbitrary: fc.constantFrom(0, 1) }, { weight: 1, arbitrary: fc.constant(2) }),
  seqs: fc.constantFrom(1, 2, 4, 16),
  budget: fc.nat({ max: 1 }),
  /** KV memory in sequences of full length. */
  memory: fc.constantFrom(1, 1.5, 4),
  caching: fc.boolean(),
  mtp: fc.constantFrom(0, 0, 1),
  reservation: fc.constantFrom('grow' as const, 'grow' as const, 'full' as const),
  requests: fc.array(requestKnobs, { minLength: 1, maxLength: 24, size: 'max' }),
  split: fc.constantFrom(undefined, 'length-aware'),
  rank: fc.constantFrom(undefined, 'least-requests', 'least-cost(5000)'),
  pool: fc.constantFrom(undefined, 'least-loaded'),
  /** Prefill engines, where they may turn into decode engines. */
  prefills: fc.integer({ min: 1, max: 3 }),
  /** Arrivals are so many times as far apart: roles change within seconds to minutes. */
  pace: fc.constantFrom(1, 1000, 1000),
})
type Knobs = typeof knobs extends fc.Arbitrary<infer T> ? T : never

function engineOf(knob: Knobs, role: SmallEngine['role'], count: number, mtp: number): SmallEngine {
  const size = SIZES[knob.size]
  const budgets: readonly number[] = size.budgets
  // 8 tokens a sequence are more than its drafts need
  const budget = Math.max(budgets[knob.budget % budgets.length], 8 * knob.seqs)
  const tokens = size.maxModelLen + 2 * mtp
  return {
    role,
    ...knob.place,
    count,
    maxNumSeqs: knob.seqs,
    maxNumBatchedTokens: budget,
    maxModelLen: size.maxModelLen,
    numGpuBlocks: Math.ceil(Math.ceil(tokens / SMALL_BLOCK) * knob.memory),
  }
}

function requestsOf({ requests, size, caching }: Knobs, pace: number): SmallRequest[] {
  const { longest, maxModelLen } = SIZES[size]
  let nowMs = 0
  let fresh = 1_000_000
  return requests.map(({ gapMs, input, osl, group, shared }) => {
    nowMs += pace * gapMs
    const isl = Math.max(1, Math.floor(input * input * longest))
    const count = caching ? Math.ceil(isl / SMALL_BLOCK) : 0
    const blocks = Array.from({ length: count }, (_, i) => (i < shared ? 1000 * group + i : fresh++))
    return { arrivalMs: nowMs, isl, osl: Math.min(osl, maxModelLen - isl), blocks }
  })
}

/** What scenarios of every kind have to offer. */
export const ANYWHERE: Needs = { degree: 1, switches: false }

/** Long prompts are common where the question is over how many ranks to spread them. */
const forSpans = (degree: number): typeof knobs =>
  fc
    .tuple(knobs, placesOf(degree), fc.array(fc.boolean(), { minLength: 24, maxLength: 24 }), fc.boolean())
    .map(([drawn, place, long, isLong]) => ({
      ...drawn,
      place,
      size: isLong ? 2 : drawn.size,
      // prompts of thousands of blocks each take longer to write down than to serve
      caching: drawn.caching && !isLong,
      requests: drawn.requests.map((request, i) => (long[i] ? { ...request, input: 1 - request.input / 20 } : request)),
    }))

/** Scenarios for a policy of this lever. */
export function smallScenarios(lever: LeverName, { degree, switches }: Needs = ANYWHERE): fc.Arbitrary<SmallScenario> {
  return (degree > 1 ? forSpans(degree) : knobs).map((knob) => {
    // where prefill has engines of its own the chunk lever is inert, and refused
    const isSplit = switches || (knob.isSplit && lever !== 'chunk')
    // an engine that may change its role does not speculate
    const mtp = switches ? 0 : knob.mtp
    const companions = Object.fromEntries(
      (['split', 'rank', 'pool'] as const).flatMap((other) => {
        const policy = other === lever ? undefined : knob[other]
        return policy === undefined ? [] : [[other, policy]]
      }),
    )
    return {
      engines: enginesOf(knob, isSplit, switches, mtp),
      caching: knob.caching,
      mtp,
      reservation: knob.reservation,
      requests: requestsOf(knob, switches ? knob.pace : 1),
      companions,
    }
  })
}

function enginesOf(knob: Knobs, isSplit: boolean, switches: boolean, mtp: number): SmallEngine[] {
  const most = Math.floor(GPUS / ranksOf(knob.place.layout))
  if (!isSplit || most < 2) return [engineOf(knob, 'aggregated', Math.min(knob.count, most), mtp)]
  if (!switches) return [engineOf(knob, 'prefill', 1, mtp), engineOf(knob, 'decode', Math.min(knob.count, most - 1), mtp)]
  // one of three can change: the last one of its role stays
  const prefills = Math.max(knob.prefills, 3 - knob.count)
  const pools = [engineOf(knob, 'prefill', prefills, mtp), engineOf(knob, 'decode', knob.count, mtp)]
  return pools.map((engine) => ({ ...engine, maySwitch: true as const }))
}
