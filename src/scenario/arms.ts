/** The user's arms: policies by name, the rest as in the static arm. */
import type { ArmSpec } from '../levers/lever.js'
import type { Problem } from './issues.js'
import type { EnginePlan } from './plan.js'
import type { ScenarioInput } from './schema.js'

/** Arms every comparison has; their names are taken. */
export const BUILT_IN_ARMS = ['static', 'tuned-static', 'tuned-size', 'shape-aware'] as const

/** The static arm of the design: what a lever does when an arm does not say. Its chunk budget is 2048 tokens. */
const STATIC = { split: 'fixed-count(8)', rank: 'round-robin', span: 'one', pool: 'round-robin' } as const
const STATIC_BUDGET = 2048

const smallestStep = (engines: readonly EnginePlan[]): number => Math.min(...engines.map((engine) => engine.maxNumBatchedTokens))

/** The static budget is cut to the smallest engine's step, which is what the engine would do with it. */
export function resolveArms(arms: ScenarioInput['arms'], engines: readonly EnginePlan[]): ArmSpec[] {
  const chunk = `fixed-budget(${Math.min(STATIC_BUDGET, smallestStep(engines))})`
  return Object.entries(arms ?? {}).map(([name, levers]) => ({ name, ...STATIC, chunk, ...dropUndefined(levers) }))
}

const dropUndefined = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, held]) => held !== undefined)) as T

export function armProblems(arms: ScenarioInput['arms'], engines: readonly EnginePlan[]): Problem[] {
  const problems: Problem[] = []
  const smallest = smallestStep(engines)
  for (const [name, levers] of Object.entries(arms ?? {})) {
    if ((BUILT_IN_ARMS as readonly string[]).includes(name)) {
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
    const budget = /^\s*fixed-budget\(\s*(\d+)\s*\)\s*$/.exec(levers.chunk ?? '')
    if (budget && Number(budget[1]) > smallest) {
      problems.push({
        path: ['arms', name, 'chunk'],
        message: `arms.${name}.chunk: a budget of ${budget[1]} tokens is more than max_num_batched_tokens ${smallest}`,
        hint: `lower the budget to ${smallest}, or raise max_num_batched_tokens of every engine`,
      })
    }
    if (levers.span !== undefined && levers.span !== 'one') {
      problems.push({
        path: ['arms', name, 'span'],
        message: `arms.${name}.span: only 'one' is built so far, got '${levers.span}'`,
        hint: 'remove the key: a request lives on one rank',
      })
    }
  }
  return problems
}
