/**
 * Policies made for tests. The `scrambled` ones decide by a hash of everything in their view, so that two simulators whose
 * views differ in a single number soon part ways.
 */
import {
  type Arm,
  type ChunkPolicy,
  type EngineStepView,
  type LeverName,
  type LoadView,
  type PolicyInfo,
  type PoolPolicy,
  type RankPolicy,
  type RequestView,
  type RolesView,
  type RoutePhase,
  SPLIT_COUNT,
  SPLIT_PER_REQUEST,
  SPLIT_SIZE,
  type SpanPolicy,
  type SplitPolicy,
} from '../levers/lever.js'
import { spanOne } from '../levers/span/one.js'

const info = (lever: LeverName, name: string, signalAge: PolicyInfo['signalAge'] = 'now'): PolicyInfo => ({
  lever,
  name,
  shapeAware: false,
  hooks: [],
  inputs: [],
  signalAge,
  complexity: 'O(1)',
  wins: 'tests',
  loses: 'elsewhere',
  source: 'src/testing/policies.ts',
})

/** A 32-bit hash of whole numbers (multiply and xor-shift, odd constant of Knuth's golden ratio). */
export function scramble(values: Iterable<number>): number {
  let hash = 1
  for (const value of values) {
    hash = Math.imul(hash ^ (value | 0), 0x9e3779b1)
    hash ^= hash >>> 15
  }
  return hash >>> 0
}

export function viewNumbers(view: LoadView, request: RequestView, phase: RoutePhase): number[] {
  const numbers = [request.inputTokens, request.classId, request.tenant, phase === 'decode' ? 1 : 0]
  for (let place = 0; place < view.count; place++) {
    numbers.push(view.running(place), view.waiting(place), view.kvTokens(place), view.queuedTokens(place))
    numbers.push(view.freeBlocks(place), view.matchedTokens(place))
  }
  return numbers
}

export const PLACE_RULES = ['first', 'rotate', 'emptiest', 'longest hit', 'scrambled'] as const
export type PlaceRule = (typeof PLACE_RULES)[number]

function place(rule: PlaceRule, state: Float64Array, view: LoadView, request: RequestView, phase: RoutePhase): number {
  if (rule === 'first') return 0
  if (rule === 'rotate') return state[0]++ % view.count
  if (rule === 'scrambled') return scramble(viewNumbers(view, request, phase)) % view.count
  const places = Array.from({ length: view.count }, (_, at) => at)
  if (rule === 'longest hit')
    return places.reduce((best, at) => (view.matchedTokens(at) > view.matchedTokens(best) ? at : best), 0)
  const loads = Array.from({ length: view.count }, (_, at) => view.running(at) + view.waiting(at))
  return loads.indexOf(Math.min(...loads))
}

export function rankPolicy(rule: PlaceRule, age: PolicyInfo['signalAge'] = 'now'): RankPolicy {
  const state = new Float64Array(1)
  return { info: info('rank', rule, age), state, place: (view, request) => place(rule, state, view, request, 'prefill') }
}

export function roleNumbers(view: RolesView): number[] {
  const numbers = [view.nowNs]
  for (let engine = 0; engine < view.count; engine++) {
    numbers.push(view.role(engine) === 'decode' ? 1 : 0, view.isDraining(engine) ? 1 : 0, view.maySwitch(engine) ? 1 : 0)
    numbers.push(view.gpus(engine), view.places(engine), view.running(engine), view.waiting(engine))
    numbers.push(view.queuedTokens(engine), view.blocks(engine), view.freeBlocks(engine))
  }
  return numbers
}

/** Tells an engine to change its role at every second arrival or so, by what the view shows. */
function switchOften(view: RolesView): number {
  const hash = scramble(roleNumbers(view))
  const able = Array.from({ length: view.count }, (_, engine) => engine).filter((engine) => view.maySwitch(engine))
  return hash % 2 === 0 && able.length > 0 ? able[(hash >>> 1) % able.length] : -1
}

/** `switches`: changes the roles of engines, where they may. */
export function poolPolicy(rule: PlaceRule, age: PolicyInfo['signalAge'] = 'now', switches = false): PoolPolicy {
  const state = new Float64Array(1)
  const roles = switches ? { switchRole: switchOften } : {}
  return {
    ...roles,
    info: info('pool', rule, age),
    state,
    route: (view, request, phase) => place(rule, state, view, request, phase),
  }
}

export const SPAN_RULES = ['one', 'one', 'largest', 'scrambled'] as const
export type SpanRule = (typeof SPAN_RULES)[number]

/** One rank, as many as there can be, or any degree that there can be. */
export function spanPolicy(rule: SpanRule): SpanPolicy {
  const degree = (view: LoadView, request: RequestView): number => {
    const most = view.count & -view.count
    if (rule === 'largest') return most
    return 2 ** (scramble(viewNumbers(view, request, 'prefill')) % (Math.log2(most) + 1))
  }
  return rule === 'one' ? spanOne() : { info: info('span', rule), degree }
}

export function engineNumbers(view: EngineStepView): number[] {
  const numbers = [view.engine, view.ranks]
  for (let rank = 0; rank < view.ranks; rank++) numbers.push(view.decoding(rank), view.hasPrompt(rank) ? 1 : 0)
  return numbers
}

/** Holds prompts in half of the steps in which it may, by what the view shows. */
function holdSometimes(view: EngineStepView): boolean {
  const numbers = engineNumbers(view)
  return numbers.slice(2).some((count, i) => i % 2 === 0 && count > 0) && scramble(numbers) % 2 === 0
}

/** A fixed number of tokens, or (0) any number from what the view shows; with a pace of whole ns, and holding prompts now and then. */
export function chunkPolicy(budget: number, paceNs: number | null = null, holds = false): ChunkPolicy {
  const all = (view: Parameters<ChunkPolicy['prefillTokens']>[0]) => [
    view.decodeSequences,
    view.decodeKvTokens,
    view.decodeTokens,
    view.splitFactor * 2 ** 20,
    view.maxBatchedTokens,
    Math.min(view.leastSlackNs, 2 ** 31),
    ...view.remaining.slice(0, view.candidates),
    ...view.prefix.slice(0, view.candidates),
  ]
  return {
    info: info('chunk', budget > 0 ? `fixed(${budget})` : 'scrambled'),
    readsCandidates: budget === 0,
    ...(paceNs !== null && { paceNs }),
    ...(holds && { hold: holdSometimes }),
    prefillTokens(view) {
      if (budget > 0) return budget
      return (scramble(all(view)) % view.maxBatchedTokens) + (view.decodeSequences === 0 ? 1 : 0)
    },
  }
}

export const SPLIT_RULES = ['count', 'size', 'per request'] as const
export type SplitRule = (typeof SPLIT_RULES)[number]

export function splitPolicy(rule: SplitRule, value: number, longestFirst: boolean, planningPs: number): SplitPolicy {
  return {
    info: info('split', `${rule}(${value})`),
    planningPs,
    plan(batch, machine, out) {
      out.longestFirst = longestFirst
      out.value = rule === 'size' ? value * machine.tileTokens : value
      out.kind = rule === 'count' ? SPLIT_COUNT : rule === 'size' ? SPLIT_SIZE : SPLIT_PER_REQUEST
      if (rule !== 'per request') return
      for (let i = 0; i < batch.n; i++) out.pieces[i] = 1 + ((batch.lengths[i] * value) % 5)
    },
  }
}

/** Everything on the first engine and rank, whole budgets, no splitting. */
export function plainArm(budget: number, split: SplitPolicy = splitPolicy('count', 1, false, 0)): Arm {
  return {
    name: 'plain',
    split,
    chunk: chunkPolicy(budget),
    rank: rankPolicy('emptiest'),
    span: spanOne(),
    pool: poolPolicy('emptiest'),
  }
}
