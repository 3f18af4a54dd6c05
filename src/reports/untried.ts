/** Shipped policies that no tuned arm was chosen from: a reader must not take shape-aware for the best of all that ships. */
import { inertLevers } from '../experiments/families.js'
import type { Tried } from '../experiments/tried.js'
import { POLICIES } from '../levers/catalogue.js'
import { LEVERS, type LeverName } from '../levers/lever.js'
import type { Plan } from '../scenario/plan.js'

const nameOf = (policy: string): string => policy.replace(/\(.*/s, '')

/** Names of policies of `lever` that are in none of the grids; oracles never are. */
export function untriedOf(lever: LeverName, grids: readonly Tried[]): string[] {
  const tried = new Set(grids.flatMap((grid) => grid[lever]).map(nameOf))
  return POLICIES.filter((info) => info.lever === lever && !info.oracle)
    .map(({ name }) => nameOf(name))
    .filter((name) => !tried.has(name))
}

/** "… no tuned arm tried, shape-aware included: split payload, …; chunk slack, aligned; …", of the levers that have an effect on the engines of the plan. */
export function untriedWords(grids: readonly Tried[], plan: Pick<Plan, 'engines'>): string {
  const engines = plan.engines.flatMap(({ count, role, dp }) => Array.from({ length: count }, () => ({ role, ranks: dp })))
  const inert = inertLevers({ engines })
  const levers = LEVERS.filter((lever) => !inert.has(lever) && !(lever === 'span' && inert.has('rank')))
    .map((lever) => ({ lever, names: untriedOf(lever, grids) }))
    .filter(({ names }) => names.length > 0)
  const words = levers.map(({ lever, names }) => `${lever} ${names.join(', ')}`).join('; ')
  return `Shipped policies that no tuned arm tried, shape-aware included: ${words}. An arm of your own (--arm) puts one beside the others.`
}
