/** Shipped policies that no tuned arm was chosen from: a reader must not take shape-aware for the best of all that ships. */
import type { Tried } from '../experiments/tried.js'
import { POLICIES } from '../levers/catalogue.js'
import { LEVERS, type LeverName } from '../levers/lever.js'

const nameOf = (policy: string): string => policy.replace(/\(.*/s, '')

/** Names of policies of `lever` that are in none of the grids; oracles never are. */
export function untriedOf(lever: LeverName, grids: readonly Tried[]): string[] {
  const tried = new Set(grids.flatMap((grid) => grid[lever]).map(nameOf))
  return POLICIES.filter((info) => info.lever === lever && !info.oracle)
    .map(({ name }) => nameOf(name))
    .filter((name) => !tried.has(name))
}

/** "Not tried, by shape-aware neither: split payload, …; chunk slack, aligned; …" */
export function untriedWords(grids: readonly Tried[]): string {
  const levers = LEVERS.map((lever) => ({ lever, names: untriedOf(lever, grids) })).filter(({ names }) => names.length > 0)
  const words = levers.map(({ lever, names }) => `${lever} ${names.join(', ')}`).join('; ')
  return `Shipped policies that were not tried, by shape-aware neither: ${words}. An arm of your own (--arm) puts one beside the others.`
}
