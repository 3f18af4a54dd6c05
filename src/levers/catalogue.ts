/** Every policy by name. A new policy is one file and one row in the catalogue.ts of its folder. */
import { UserError } from '../errors.js'
import type { EngineConfig } from '../simulator/config.js'
import { suggest } from '../suggest.js'
import { CHUNK_ENTRIES } from './chunk/catalogue.js'
import type { Entry, Parameter } from './entry.js'
import type {
  Arm,
  ArmSpec,
  ChunkPolicy,
  LeverName,
  PolicyInfo,
  PoolPolicy,
  RankPolicy,
  SpanPolicy,
  SplitPolicy,
} from './lever.js'
import { isPolicyFile, openPolicyFile } from './own.js'
import { type PolicyArgument, type PolicyCall, parseCall } from './parse.js'
import { POOL_ENTRIES } from './pool/catalogue.js'
import { RANK_ENTRIES } from './rank/catalogue.js'
import { SPAN_ENTRIES } from './span/catalogue.js'
import { SPLIT_ENTRIES } from './split/catalogue.js'

/** The policy type of each lever. */
export interface PolicyOf {
  split: SplitPolicy
  chunk: ChunkPolicy
  rank: RankPolicy
  span: SpanPolicy
  pool: PoolPolicy
}

const ENTRIES: { readonly [L in LeverName]: readonly Entry<PolicyOf[L]>[] } = {
  split: SPLIT_ENTRIES,
  chunk: CHUNK_ENTRIES,
  rank: RANK_ENTRIES,
  span: SPAN_ENTRIES,
  pool: POOL_ENTRIES,
}

/** All policies, with example arguments. */
export const POLICIES: readonly PolicyInfo[] = Object.values(ENTRIES).flatMap((entries) =>
  (entries as readonly Entry<{ readonly info: PolicyInfo }>[]).map((entry) => entry.make(entry.example, '').info),
)

/** A factory of fresh policies named `text`, which may be the path of a file of the user's. Throws UserError for unknown names and bad arguments. `where` names the place in faults. */
export function parsePolicy<L extends LeverName>(lever: L, text: string, where: string = lever): (run?: string) => PolicyOf[L] {
  if (isPolicyFile(text)) return openPolicyFile(lever, text, where) as (run?: string) => PolicyOf[L]
  const call = parseCall(where, text)
  const entries = ENTRIES[lever] as readonly Entry<PolicyOf[L]>[]
  const entry = entries.find((e) => e.name === call.name)
  if (entry === undefined) {
    const names = entries.map((e) => e.name)
    throw new UserError({
      where,
      message: `there is no ${lever} policy "${call.name}"`,
      hint: suggest(call.name, names),
    })
  }
  const values = argumentsOf(entry, call, (message) => {
    throw new UserError({ where, message, hint: `write it like ${entry.make(entry.example, '').info.name}` })
  })
  refuseIdle(entry.parameters, values, call, where)
  return (run = '') => entry.make(values, run)
}

/** The value of each parameter of a policy, in their order. */
function argumentsOf(
  { name, parameters }: Pick<Entry<unknown>, 'name' | 'parameters'>,
  { positional, named }: PolicyCall,
  fail: (message: string) => never,
): number[] {
  const positions = parameters.filter((p) => !p.named)
  if (positional.length > positions.length)
    fail(`${name} takes ${positions.length} positional arguments, not ${positional.length}`)
  for (const key of Object.keys(named)) if (!parameters.some((p) => p.name === key)) fail(`${name} has no argument "${key}"`)
  return parameters.map((p) => {
    const byPosition = p.named ? undefined : positional[positions.indexOf(p)]
    if (byPosition !== undefined && named[p.name] !== undefined) fail(`argument ${p.name} of ${name} is given twice`)
    const value = byPosition ?? named[p.name]
    return value === undefined ? (p.otherwise ?? fail(`${name} needs ${p.name} (${p.unit})`)) : numberOf(p, value, name, fail)
  })
}

/** An argument as a number, when it is one that the parameter takes. */
function numberOf(p: Parameter, value: PolicyArgument, policy: string, fail: (message: string) => never): number {
  if (p.words !== undefined) {
    const place = p.words.indexOf(String(value))
    return place >= 0 ? place : fail(`${p.name} of ${policy} must be ${p.words.join(' or ')}, not ${value}`)
  }
  if (typeof value === 'string') return fail(`${p.name} of ${policy}: "${value}" is not a number`)
  if (value < p.min || value > p.max) fail(`${p.name} of ${policy} must lie in [${p.min}, ${p.max}] ${p.unit}, not ${value}`)
  if (p.whole && !Number.isInteger(value)) fail(`${p.name} of ${policy} must be a whole number, not ${value}`)
  if (p.powerOfTwo && !Number.isInteger(Math.log2(value))) fail(`${p.name} of ${policy} must be a power of two, not ${value}`)
  return value
}

/** Throws for an argument that has no effect, since another one has the value at which it has none. */
function refuseIdle(parameters: readonly Parameter[], values: readonly number[], { named }: PolicyCall, where: string): void {
  for (const { name, beside } of parameters) {
    const other = parameters.findIndex((p) => p.name === beside?.name)
    if (beside === undefined || named[name] === undefined || values[other] !== parameters[other].otherwise) continue
    throw new UserError({
      where,
      message: `${name}= ${beside.says}`,
      hint: `remove ${name}=, or ${beside.remedy}`,
    })
  }
}

/**
 * Fresh policies for one simulation. `run` tells what they draw by chance from what they draw in other runs: it names seed and replicate. Arms with the
 * same policy draw the same in one run.
 */
export function createArm(spec: ArmSpec, run = ''): Arm {
  const make = <L extends LeverName>(lever: L) => parsePolicy(lever, spec[lever], `arms.${spec.name}.${lever}`)(run)
  return {
    name: spec.name,
    split: make('split'),
    chunk: make('chunk'),
    rank: make('rank'),
    span: make('span'),
    pool: make('pool'),
  }
}

/** Tokens a step in the static arm; an engine whose step holds fewer cuts it to what it holds. */
const STATIC_BUDGET_TOKENS = 2048

/** The static arm where the chunk lever is alive and some step holds its budget; on any engines: `staticArm`. */
export const STATIC_ARM: ArmSpec = {
  name: 'static',
  split: 'fixed-count(8)',
  chunk: `fixed-budget(${STATIC_BUDGET_TOKENS})`,
  rank: 'round-robin',
  span: 'one',
  pool: 'round-robin',
}

/** Prefill has engines of its own: then no decode waits for a chunk, and a step takes what its engine's limit allows. */
export const chunkIsInert = (engines: readonly Pick<EngineConfig, 'role'>[]): boolean =>
  engines.some(({ role }) => role === 'prefill')

/** What the budget of a step depends on. */
export type EngineLimits = readonly Pick<EngineConfig, 'role' | 'maxNumBatchedTokens'>[]

/** Tokens a step of the static arm on these engines. */
export function staticBudget(engines: EngineLimits): number {
  const largest = Math.max(...engines.map(({ maxNumBatchedTokens }) => maxNumBatchedTokens))
  return chunkIsInert(engines) ? largest : Math.min(STATIC_BUDGET_TOKENS, largest)
}

/**
 * The static arm on these engines, which load fractions refer to and which gives every arm the levers that it does not name. Its budget is cut to the
 * largest step, since no engine would notice; where the chunk lever is inert, its policy is the one that does nothing.
 */
export const staticArm = (engines: EngineLimits): ArmSpec => ({ ...STATIC_ARM, chunk: `fixed-budget(${staticBudget(engines)})` })

/** The shape-aware arm, before its chunk policy is tuned to the objective. */
export const SHAPE_AWARE_ARM: ArmSpec = {
  name: 'shape-aware',
  split: 'length-aware',
  chunk: 'fixed-budget(2048)',
  rank: 'least-cost(5000)',
  span: 'one',
  pool: 'least-loaded',
}
