/** What is wrong with the user's arms: names, policies, and what policies declare to need of engines (`EngineNeeds`, hooks). */
import { UserError } from '../errors.js'
import { type PolicyOf, parsePolicy, staticArm } from '../levers/catalogue.js'
import { type EngineNeeds, LEVERS, type LeverName } from '../levers/lever.js'
import { isOracleArm, ORACLE_ARMS } from '../levers/oracles.js'
import { type Problem, showPath } from '../yaml/issues.js'
import type { EnginePlan } from './plan.js'
import { type Entry, hasPools } from './pools.js'
import type { LeversInput, ScenarioInput } from './schema.js'
import { spanProblems } from './spanProblems.js'

/** Arms every comparison has; their names are taken. */
const BUILT_IN_ARMS: readonly string[] = ['static', 'tuned-static', 'tuned-size', 'shape-aware', ...ORACLE_ARMS]

/** The policies that an arm names and that can be read. */
export type Policies = { readonly [L in LeverName]?: PolicyOf[L] }

/** A problem of one lever of an arm. */
export type LeverProblem = (lever: LeverName, message: string, hint: string) => Problem

/** Without engines (they cannot be resolved yet), what arms need of them is not looked at. */
export function armProblems(arms: ScenarioInput['arms'], engines: readonly EnginePlan[]): Problem[] {
  return Object.entries(arms ?? {}).flatMap(([name, levers]) => {
    const { policies, problems } = readPolicies(name, levers)
    const fault: LeverProblem = (lever, message, hint) => ({
      path: ['arms', name, lever],
      message: `arms.${name}.${lever}: ${message}`,
      hint,
    })
    return [
      ...nameProblems(name, levers),
      ...problems,
      ...oracleProblems(name, levers, policies),
      ...(engines.length > 0 ? engineProblems(levers, policies, engines, fault) : []),
      ...spanProblems(levers, policies, engines, fault),
    ]
  })
}

/** What one policy of a lever needs and no engine has; `text`: as an arm would name it. */
export const policyProblems = <L extends LeverName>(
  lever: L,
  text: string,
  policy: PolicyOf[L],
  engines: readonly EnginePlan[],
): Problem[] =>
  engineProblems({ [lever]: text }, { [lever]: policy }, engines, (_, message, hint) => ({
    path: [lever],
    message: `${lever}: ${message}`,
    hint,
  }))

function nameProblems(name: string, levers: LeversInput): Problem[] {
  const fault = (message: string, hint: string): Problem => ({
    path: ['arms'],
    key: name,
    message: `arms.${name}: ${message}`,
    hint,
  })
  const problems: Problem[] = []
  if (BUILT_IN_ARMS.includes(name))
    problems.push(fault('this arm is built in', 'choose another name: the built-in arms are always compared'))
  if (Object.keys(levers).length === 0)
    problems.push(fault('names no policy, so it is the static arm again', 'name a policy for at least one lever'))
  return problems
}

/** The problems are policies that do not exist, or whose arguments are wrong. */
function readPolicies(name: string, levers: LeversInput): { policies: Policies; problems: Problem[] } {
  const policies: Partial<Record<LeverName, unknown>> = {}
  const problems: Problem[] = []
  for (const lever of LEVERS) {
    const text = levers[lever]
    if (text === undefined) continue
    try {
      policies[lever] = parsePolicy(lever, text, `arms.${name}.${lever}`)()
    } catch (error) {
      if (!(error instanceof UserError)) throw error
      for (const { where, message, hint } of error.faults)
        problems.push({ path: ['arms', name, lever], message: `${where}: ${message}`, hint })
    }
  }
  return { policies: policies as Policies, problems }
}

/** The name of an arm says whether it is an oracle, so that no table can take it for a contender. */
function oracleProblems(name: string, levers: LeversInput, policies: Policies): Problem[] {
  const oracle = LEVERS.find((lever) => policies[lever]?.info.oracle)
  if (isOracleArm({ name }) === (oracle !== undefined)) return []
  const unread = LEVERS.some((lever) => levers[lever] !== undefined && policies[lever] === undefined)
  if (oracle === undefined && unread) return []
  return [
    {
      path: ['arms'],
      key: name,
      message: oracle
        ? `arms.${name}: ${levers[oracle]} of ${oracle} is an oracle, which sees what no scheduler can, so the arm may not compete`
        : `arms.${name}: a name that begins with oracle- is for arms with an oracle's policy, and it has none`,
      hint: oracle ? `name the arm oracle-${name}: oracles are bounds beside the gains` : 'choose another name',
    },
  ]
}

/** What the policies need and no engine has. */
function engineProblems(levers: LeversInput, policies: Policies, engines: readonly EnginePlan[], fault: LeverProblem): Problem[] {
  const fixed = staticArm(engines)
  const problems = LEVERS.flatMap((lever) => {
    const needs = policies[lever]?.info.needs
    // the static arm runs on any engines, so its policies may be named too: a written plan does
    return needs === undefined || levers[lever] === fixed[lever]
      ? []
      : needProblems(needs, nameOf(levers[lever]), engines, (...words) => fault(lever, ...words))
  })
  if (levers.chunk !== undefined && hasPools(engines)) {
    const message = 'has no effect where prefill has engines of its own: no decode waits for a chunk there'
    problems.push(fault('chunk', message, 'remove it, and set max_num_batched_tokens of the prefill engines'))
  }
  if (policies.pool?.switchRole !== undefined) {
    const most = engines.reduce((sum, { count }) => sum + count, 0)
    if (!engines.some(({ maySwitch }) => maySwitch)) {
      const message = `${nameOf(levers.pool)} changes the roles of engines, and none may change its role`
      problems.push(fault('pool', message, 'set may_switch: true on prefill or decode engines'))
    } else if (most < 3) {
      const message = `of ${most} engines each is the last one of its role, so none can ever change it`
      problems.push(fault('pool', message, 'raise count'))
    }
  }
  if (policies.rank?.migrate !== undefined && engines.every(({ role, dp }) => role === 'prefill' || dp === 1)) {
    const message = `${policies.rank.info.name} moves sequences from rank to rank, and no engine that decodes has more than one rank`
    problems.push(fault('rank', message, 'choose another policy, or attention DP (for example layout: DEP16)'))
  }
  return problems
}

/** A policy's name without its arguments. */
const nameOf = (text = ''): string => text.replace(/\(.*/s, '').trim()

function needProblems(
  { prefixCaches, severalRanks, lanes = 0, stepTokens = 0 }: EngineNeeds,
  policy: string,
  engines: readonly EnginePlan[],
  fault: (message: string, hint: string) => Problem,
): Problem[] {
  const problems: Problem[] = []
  if (prefixCaches !== undefined && !engines.some(({ enablePrefixCaching }) => enablePrefixCaching)) {
    const hint = 'set enable_prefix_caching: true on the engines, or choose another policy'
    problems.push(fault(`${policy} ${prefixCaches}, and no engine has one`, hint))
  }
  if (severalRanks !== undefined && engines.every(({ dp }) => dp === 1)) {
    const hint = 'choose another policy, or attention DP (for example layout: DEP16)'
    problems.push(fault(`${policy} ${severalRanks}, and every engine has one rank`, hint))
  }
  const entries = engines.reduce((sum, { role, count }) => sum + (role === 'decode' ? 0 : count), 0)
  if (lanes > entries) {
    const taking = entries === 1 ? '1 engine that takes prompts' : `${entries} engines that take prompts`
    problems.push(fault(`${lanes} lanes are more than the ${taking}`, 'ask for fewer lanes, or raise count'))
  }
  const smallest = Math.min(...engines.map(({ maxNumBatchedTokens }) => maxNumBatchedTokens))
  if (stepTokens > smallest) {
    const hint = `lower the budget to ${smallest}, or raise max_num_batched_tokens of every engine`
    problems.push(fault(`a budget of ${stepTokens} tokens is more than max_num_batched_tokens ${smallest}`, hint))
  }
  return problems
}

/** Engines that may change their role where no arm ever asks them to. */
export function switchProblems(arms: ScenarioInput['arms'], entries: readonly Entry[]): Problem[] {
  const changesRoles = Object.entries(arms ?? {}).some(
    ([name, { pool }]) => readPolicies(name, { pool }).policies.pool?.switchRole !== undefined,
  )
  if (changesRoles) return []
  return entries
    .filter(({ input }) => input.may_switch === true && (input.role === 'prefill' || input.role === 'decode'))
    .map(({ path }) => ({
      path: [...path, 'may_switch'],
      message: `${showPath([...path, 'may_switch'])}: has no effect, since no arm has a policy that changes the roles of engines`,
      hint: 'remove it, or give an arm the pool policy adaptive-roles',
    }))
}
