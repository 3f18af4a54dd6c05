/** The user's arms: policies by name, the rest as in the static arm. */
import { UserError } from '../errors.js'
import { POLICIES, type PolicyOf, parsePolicy, STATIC_ARM, STATIC_BUDGET_TOKENS } from '../levers/catalogue.js'
import type { ArmSpec, LeverName } from '../levers/lever.js'
import { isOracleArm, ORACLE_ARMS } from '../levers/oracles.js'
import { isPolicyFile } from '../levers/own.js'
import { openPolicyFiles, readPolicyFile } from '../policies/index.js'
import { type Problem, showPath } from '../yaml/issues.js'
import type { EnginePlan } from './plan.js'
import { type Entry, hasPools } from './pools.js'
import type { ScenarioInput } from './schema.js'

openPolicyFiles()

/** Arms every comparison has; their names are taken. */
export const BUILT_IN_ARMS = ['static', 'tuned-static', 'tuned-size', 'shape-aware'] as const

const ORACLE_POLICIES = new Set(POLICIES.filter(({ oracle }) => oracle).map(({ name }) => name.replace(/\(.*/, '')))
const isOraclePolicy = (text = ''): boolean => ORACLE_POLICIES.has(text.replace(/\(.*/, '').trim())

const smallestStep = (engines: readonly EnginePlan[]): number => Math.min(...engines.map((engine) => engine.maxNumBatchedTokens))

const largestStep = (engines: readonly EnginePlan[]): number => Math.max(...engines.map((engine) => engine.maxNumBatchedTokens))

/**
 * Levers that an arm does not name are those of the static arm. Its budget is cut to the smallest engine's step, which is what that engine
 * would do with it. With prefill engines the chunk lever is inert: a step takes what the engine's own limit allows.
 */
export function resolveArms(arms: ScenarioInput['arms'], engines: readonly EnginePlan[]): ArmSpec[] {
  const budget = hasPools(engines) ? largestStep(engines) : Math.min(STATIC_BUDGET_TOKENS, smallestStep(engines))
  const chunk = `fixed-budget(${budget})`
  return Object.entries(arms ?? {}).map(([name, levers]) => ({
    ...STATIC_ARM,
    chunk,
    ...dropUndefined(levers),
    name,
    ...sourceHashes(name, levers),
  }))
}

/** Of the policies that are files: what was read, so that a result says which text of a file it is of. */
function sourceHashes(name: string, levers: Readonly<Partial<Record<LeverName, string>>>): Pick<ArmSpec, 'sourceHash'> {
  const own = Object.entries(levers).filter(([, text]) => text !== undefined && isPolicyFile(text))
  if (own.length === 0) return {}
  return {
    sourceHash: Object.fromEntries(own.map(([lever, path]) => [lever, readPolicyFile(path, `arms.${name}.${lever}`).hash])),
  }
}

const cannotMove = ({ role, dp }: EnginePlan): boolean => role === 'prefill' || dp === 1

/** Whether the pool policy may tell engines to change between prefill and decode. */
const changesRoles = (pool: string | undefined): boolean => readable('pool', pool)?.switchRole !== undefined

/** Engines that may change their role where no arm ever asks them to. */
export function switchProblems(arms: ScenarioInput['arms'], entries: readonly Entry[]): Problem[] {
  if (Object.values(arms ?? {}).some(({ pool }) => changesRoles(pool))) return []
  return entries
    .filter(({ input }) => input.may_switch === true && (input.role === 'prefill' || input.role === 'decode'))
    .map(({ path }) => ({
      path: [...path, 'may_switch'],
      message: `${showPath([...path, 'may_switch'])}: has no effect, since no arm has a policy that changes the roles of engines`,
      hint: 'remove it, or give an arm the pool policy adaptive-roles',
    }))
}

const dropUndefined = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, held]) => held !== undefined)) as T

export function armProblems(arms: ScenarioInput['arms'], engines: readonly EnginePlan[]): Problem[] {
  const problems: Problem[] = []
  const smallest = smallestStep(engines)
  for (const [name, levers] of Object.entries(arms ?? {})) {
    if ((BUILT_IN_ARMS as readonly string[]).includes(name) || (ORACLE_ARMS as readonly string[]).includes(name)) {
      problems.push({
        path: ['arms'],
        key: name,
        message: `arms.${name}: this arm is built in`,
        hint: 'choose another name: the built-in arms are always compared',
      })
    }
    if (Object.keys(levers).length === 0) {
      problems.push({
        path: ['arms'],
        key: name,
        message: `arms.${name}: names no policy, so it is the static arm again`,
        hint: 'name a policy for at least one lever',
      })
    }
    problems.push(...policyProblems(name, levers), ...oracleProblems(name, levers))
    for (const lever of ['rank', 'pool'] as const) {
      if (!/^\s*kv-(aware|adaptive)\b/.test(levers[lever] ?? '') || engines.length === 0) continue
      if (engines.some(({ enablePrefixCaching }) => enablePrefixCaching)) continue
      problems.push({
        path: ['arms', name, lever],
        message: `arms.${name}.${lever}: ${/kv-(?:aware|adaptive)/.exec(levers[lever] ?? '')?.[0]} weighs what prefix caches hold, and no engine has one`,
        hint: 'set enable_prefix_caching: true on the engines, or choose another policy',
      })
    }
    if (changesRoles(levers.pool) && engines.length > 0) {
      const most = engines.reduce((sum, { count }) => sum + count, 0)
      const able = engines.some(({ maySwitch }) => maySwitch)
      if (!able || most < 3)
        problems.push({
          path: ['arms', name, 'pool'],
          message: able
            ? `arms.${name}.pool: of ${most} engines each is the last one of its role, so none can ever change it`
            : `arms.${name}.pool: ${levers.pool?.replace(/\(.*/s, '').trim()} changes the roles of engines, and none may change its role`,
          hint: able ? 'raise count' : 'set may_switch: true on prefill or decode engines',
        })
    }
    const lanes = lanesOf(levers.pool)
    const entries = engines.reduce((sum, { role, count }) => sum + (role === 'decode' ? 0 : count), 0)
    if (lanes > entries && engines.length > 0) {
      problems.push({
        path: ['arms', name, 'pool'],
        message: `arms.${name}.pool: ${lanes} lanes are more than the ${entries} engine${entries === 1 ? '' : 's'} that take prompts`,
        hint: 'ask for fewer lanes, or raise count',
      })
    }
    if (levers.chunk !== undefined && hasPools(engines)) {
      problems.push({
        path: ['arms', name, 'chunk'],
        message: `arms.${name}.chunk: has no effect where prefill has engines of its own: no decode waits for a chunk there`,
        hint: 'remove it, and set max_num_batched_tokens of the prefill engines',
      })
    }
    if (/^\s*aligned\b/.test(levers.chunk ?? '') && engines.length > 0 && engines.every(({ dp }) => dp === 1)) {
      problems.push({
        path: ['arms', name, 'chunk'],
        message: `arms.${name}.chunk: aligned brings the ranks of an engine in step, and every engine has one rank`,
        hint: 'choose another chunk policy, or attention DP (for example layout: DEP16)',
      })
    }
    const moving = readable('rank', levers.rank)
    const timing = /\b(steps|dwell)\s*=/.exec(levers.rank ?? '')
    if (timing !== null && moving !== null && moving.migrate === undefined && !isPolicyFile(levers.rank ?? '')) {
      problems.push({
        path: ['arms', name, 'rank'],
        message: `arms.${name}.rank: ${timing[1]}= says when sequences move, and without migrate= none does`,
        hint: `remove ${timing[1]}=, or add migrate=0.2: ranks are uneven from 20 % above the mean on`,
      })
    }
    if (moving?.migrate !== undefined && engines.length > 0 && engines.every(cannotMove)) {
      problems.push({
        path: ['arms', name, 'rank'],
        message: `arms.${name}.rank: ${moving.info.name} moves sequences from rank to rank, and no engine that decodes has more than one rank`,
        hint: 'choose another policy, or attention DP (for example layout: DEP16)',
      })
    }
    const budget = /^\s*(?:fixed-budget|aligned)\(\s*(\d+)\s*[,)]/.exec(levers.chunk ?? '')
    if (budget && Number(budget[1]) > smallest) {
      problems.push({
        path: ['arms', name, 'chunk'],
        message: `arms.${name}.chunk: a budget of ${budget[1]} tokens is more than max_num_batched_tokens ${smallest}`,
        hint: `lower the budget to ${smallest}, or raise max_num_batched_tokens of every engine`,
      })
    }
    if (levers.span !== undefined && !isPolicyFile(levers.span))
      problems.push(...spanProblems(name, levers.span, levers.rank, engines))
  }
  return problems
}

/** The name of an arm says whether it is an oracle, so that no table can take it for a contender. */
function oracleProblems(name: string, levers: Readonly<Partial<Record<LeverName, string>>>): Problem[] {
  const oracle = (Object.entries(levers) as [LeverName, string | undefined][]).find(([, text]) => isOraclePolicy(text))
  if (isOracleArm({ name }) === (oracle !== undefined)) return []
  const [lever, text] = oracle ?? []
  return [
    {
      path: ['arms'],
      key: name,
      message: lever
        ? `arms.${name}: ${text} of ${lever} is an oracle, which sees what no scheduler can, so the arm may not compete`
        : `arms.${name}: a name that begins with oracle- is for arms with an oracle's policy, and it has none`,
      hint: lever ? `name the arm oracle-${name}: oracles are bounds beside the gains` : 'choose another name',
    },
  ]
}

/** Lanes that a pool policy shares the engines out to, 0 for a policy without lanes. */
function lanesOf(pool: string | undefined): number {
  const given = /^\s*(equal-)?lanes\(([^)]*)\)/.exec(pool ?? '')
  if (given === null) return 0
  const numbers = given[2].split(',').filter((part) => !part.includes('=') && Number(part) > 0)
  return given[1] === undefined ? numbers.length + 1 : Number(numbers[0])
}

/** A context can be spread where attention DP gives an engine that decodes several ranks, in groups that fill it. */
function spanProblems(name: string, text: string, rank: string | undefined, engines: readonly EnginePlan[]): Problem[] {
  const policy = readable('span', text)
  if (policy === null || policy.largest === 1) return []
  const fault = (message: string, hint: string): Problem[] => [
    { path: ['arms', name, 'span'], message: `arms.${name}.span: ${message}`, hint },
  ]
  const placing = readable('rank', rank)
  if (placing !== null && (placing.assign ?? placing.migrate) !== undefined)
    return fault(
      `${policy.info.name} spreads contexts over ranks, and ${placing.info.name} decides at step boundaries where requests are: the two do not go together`,
      'choose a rank policy that places requests on arrival, or remove the key',
    )
  const decoding = engines.filter(({ role }) => role !== 'prefill')
  const lone = decoding.find(({ dp }) => dp === 1)
  const { info, largest } = policy
  const layouts = 'choose a layout with attention DP, such as DEP8, or remove the key'
  if (largest === undefined) {
    if (decoding.length === 0 || decoding.some(({ dp }) => dp % 2 === 0)) return []
    const message = lone ? `${lone.name} (${lone.layout}) has one` : `no engine has an even number of them`
    return fault(`${info.name} spreads contexts over ranks, and ${message}`, layouts)
  }
  if (lone) return fault(`${info.name} spreads contexts over ranks, and ${lone.name} (${lone.layout}) has one`, layouts)
  const odd = decoding.find(({ dp }) => dp % largest !== 0)
  if (odd === undefined) return []
  const most = odd.dp & -odd.dp
  return fault(
    `${info.name} does not divide the ${odd.dp} ranks of ${odd.name}`,
    most > 1
      ? `choose fixed(${most}) or a smaller power of two`
      : 'choose a layout with an even number of ranks, or remove the key',
  )
}

/** null where there is none, or none that can be read: `policyProblems` speaks of that. */
function readable<L extends LeverName>(lever: L, text: string | undefined): PolicyOf[L] | null {
  if (text === undefined) return null
  try {
    return parsePolicy(lever, text)()
  } catch (error) {
    if (error instanceof UserError) return null
    throw error
  }
}

/** Policies that do not exist, or whose arguments are wrong. */
function policyProblems(name: string, levers: Readonly<Partial<Record<LeverName, string>>>): Problem[] {
  const problems: Problem[] = []
  for (const lever of ['split', 'chunk', 'rank', 'span', 'pool'] as const) {
    const text = levers[lever]
    if (text === undefined) continue
    try {
      parsePolicy(lever, text, `arms.${name}.${lever}`)
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      for (const { where, message, hint } of error.faults)
        problems.push({ path: ['arms', name, lever], message: `${where}: ${message}`, hint })
    }
  }
  return problems
}
