/** Every policy by name. A new policy is one file and one row here, or in split/catalogue.ts or rank/catalogue.ts. */
import { UserError } from '../errors.js'
import type { EngineConfig } from '../simulator/config.js'
import { suggest } from '../suggest.js'
import { aligned } from './chunk/aligned.js'
import { equalTime } from './chunk/equalTime.js'
import { fixedBudget } from './chunk/fixedBudget.js'
import { slack } from './chunk/slack.js'
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
import { parseCall } from './parse.js'
import { adaptiveRoles } from './pool/adaptiveRoles.js'
import { equalLanes, lanes } from './pool/lanes.js'
import { leastLoaded, roundRobin as poolRoundRobin } from './pool/policies.js'
import { RANK_ENTRIES } from './rank/catalogue.js'
import { KV_AWARE, kvAdaptivePool, kvAwarePool } from './rank/kvAware.js'
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

const TOKENS: Parameter = { name: 'tokens', unit: 'tokens', whole: true, min: 1, max: 2 ** 20 }

const CUT = { unit: 'input tokens', whole: true, min: 0, max: 2 ** 24, otherwise: 0 }
const SPILL: Parameter = { name: 'spill', unit: '% hotter', named: true, min: 0, max: 1e6, otherwise: 25 }

const ENTRIES: { readonly [L in LeverName]: readonly Entry<PolicyOf[L]>[] } = {
  split: SPLIT_ENTRIES,
  chunk: [
    { name: 'fixed-budget', parameters: [TOKENS], example: [2048], make: ([tokens]) => fixedBudget(tokens) },
    {
      name: 'equal-time',
      parameters: [{ name: 'ms', unit: 'ms', min: 0.001, max: 1e4 }],
      example: [40],
      make: ([ms]) => equalTime(ms),
    },
    {
      name: 'slack',
      parameters: [
        { name: 'pace', unit: 'ms a token', min: 0.001, max: 1e4 },
        { name: 'cap', unit: 'ms', named: true, min: 0.001, max: 1e4, otherwise: 400 },
      ],
      example: [40, 400],
      make: ([pace, cap]) => slack({ pace, cap }),
    },
    {
      name: 'aligned',
      parameters: [
        TOKENS,
        { name: 'wait', unit: 'steps', named: true, whole: true, min: 0, max: 1e6, otherwise: 50 },
        { name: 'batch', unit: 'steps', named: true, whole: true, min: 0, max: 1e6, otherwise: 10 },
        { name: 'share', unit: 'of the ranks', named: true, min: 0.01, max: 1, otherwise: 1 },
      ],
      example: [2048, 50, 10, 1],
      make: ([tokens, wait, batch, share]) => aligned({ tokens, wait, batch, share }),
    },
  ],
  rank: RANK_ENTRIES,
  span: SPAN_ENTRIES,
  pool: [
    { name: 'round-robin', parameters: [], example: [], make: () => poolRoundRobin() },
    { name: 'least-loaded', parameters: [], example: [], make: () => leastLoaded() },
    {
      name: 'kv-aware',
      parameters: KV_AWARE,
      example: [1, 0, 0],
      make: ([w, age, temperature], run) => kvAwarePool({ w, age, temperature }, run),
    },
    {
      name: 'kv-adaptive',
      parameters: KV_AWARE.slice(1),
      example: [0, 0],
      make: ([age, temperature], run) => kvAdaptivePool({ age, temperature }, run),
    },
    {
      name: 'adaptive-roles',
      parameters: [
        { name: 'dwell', unit: 's', named: true, min: 0, max: 1e6, otherwise: 30 },
        { name: 'memory', unit: 's', named: true, min: 0.001, max: 1e6, otherwise: 60 },
        { name: 'hysteresis', unit: 'engines', named: true, min: 0, max: 100, otherwise: 0.5 },
      ],
      example: [30, 60, 0.5],
      make: ([dwell, memory, hysteresis]) => adaptiveRoles({ dwell, memory, hysteresis }),
    },
    {
      name: 'lanes',
      parameters: [
        { ...CUT, name: 'cut', min: 1, otherwise: undefined },
        { ...CUT, name: 'second' },
        { ...CUT, name: 'third' },
        SPILL,
      ],
      example: [8192, 0, 0, 25],
      make: ([cut, second, third, spill]) => lanes([cut, second, third], spill),
    },
    {
      name: 'equal-lanes',
      parameters: [{ name: 'count', unit: 'lanes', whole: true, min: 2, max: 16 }, SPILL],
      example: [2, 25],
      make: ([count, spill]) => equalLanes(count, spill),
    },
  ],
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
  const fail = (message: string): never => {
    throw new UserError({ where, message, hint: `write it like ${entry.make(entry.example, '').info.name}` })
  }
  const positions = entry.parameters.filter((p) => !p.named)
  if (call.positional.length > positions.length)
    fail(`${entry.name} takes ${positions.length} positional arguments, not ${call.positional.length}`)
  for (const key of Object.keys(call.named)) {
    if (!entry.parameters.some((p) => p.name === key)) fail(`${entry.name} has no argument "${key}"`)
  }
  const values = entry.parameters.map((p) => {
    const byPosition = p.named ? undefined : call.positional[positions.indexOf(p)]
    if (byPosition !== undefined && call.named[p.name] !== undefined) fail(`argument ${p.name} of ${entry.name} is given twice`)
    const value = byPosition ?? call.named[p.name]
    if (value === undefined) return p.otherwise ?? fail(`${entry.name} needs ${p.name} (${p.unit})`)
    if (p.words !== undefined) {
      const place = p.words.indexOf(String(value))
      return place >= 0 ? place : fail(`${p.name} of ${entry.name} must be ${p.words.join(' or ')}, not ${value}`)
    }
    if (typeof value === 'string') return fail(`${p.name} of ${entry.name}: "${value}" is not a number`)
    if (value < p.min || value > p.max)
      fail(`${p.name} of ${entry.name} must lie in [${p.min}, ${p.max}] ${p.unit}, not ${value}`)
    if (p.whole && !Number.isInteger(value)) fail(`${p.name} of ${entry.name} must be a whole number, not ${value}`)
    if (p.powerOfTwo && !Number.isInteger(Math.log2(value)))
      fail(`${p.name} of ${entry.name} must be a power of two, not ${value}`)
    return value
  })
  for (const { name, beside } of entry.parameters) {
    const other = entry.parameters.findIndex((p) => p.name === beside?.name)
    if (beside === undefined || call.named[name] === undefined || values[other] !== entry.parameters[other].otherwise) continue
    throw new UserError({
      where,
      message: `${name}= ${beside.says}`,
      hint: `remove ${name}=, or ${beside.remedy}`,
    })
  }
  return (run = '') => entry.make(values, run)
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

/**
 * The static arm on these engines, which load fractions refer to and which gives every arm the levers that it does not name. Its budget is cut to the
 * largest step, since no engine would notice; where the chunk lever is inert, its policy is the one that does nothing.
 */
export function staticArm(engines: readonly Pick<EngineConfig, 'role' | 'maxNumBatchedTokens'>[]): ArmSpec {
  const largest = Math.max(...engines.map(({ maxNumBatchedTokens }) => maxNumBatchedTokens))
  const budget = chunkIsInert(engines) ? largest : Math.min(STATIC_BUDGET_TOKENS, largest)
  return { ...STATIC_ARM, chunk: `fixed-budget(${budget})` }
}

/** The shape-aware arm, before its chunk policy is tuned to the objective. */
export const SHAPE_AWARE_ARM: ArmSpec = {
  name: 'shape-aware',
  split: 'length-aware',
  chunk: 'fixed-budget(2048)',
  rank: 'least-cost(5000)',
  span: 'one',
  pool: 'least-loaded',
}
