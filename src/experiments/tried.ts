/** What tuning tried, in few words, and winners that lie on the edge of it. */
import { type ArmSpec, LEVERS, type LeverName } from '../levers/lever.js'
import type { ClusterConfig } from '../simulator/config.js'

/** The policies of each lever that a grid combines, in its order. */
export type Tried = Readonly<Record<LeverName, readonly string[]>>

export const triedOf = (grid: readonly Pick<ArmSpec, LeverName>[]): Tried =>
  Object.fromEntries(LEVERS.map((lever) => [lever, [...new Set(grid.map((arm) => arm[lever]))]])) as unknown as Tried

/** A policy with one number, `fixed-count(8)`; null for all others. */
function numbered(policy: string): { readonly name: string; readonly value: number } | null {
  const [, name, value] = /^([a-z-]+)\((\d+(?:\.\d+)?)\)$/.exec(policy) ?? []
  return name === undefined ? null : { name, value: Number(value) }
}

/** `fixed-count 1, 2, 4; occupancy-rule; k-waves 1, 2` */
export function choicesText(policies: readonly string[]): string {
  const values = new Map<string, number[]>()
  for (const policy of policies) {
    const { name, value } = numbered(policy) ?? { name: policy, value: null }
    values.set(name, [...(values.get(name) ?? []), ...(value === null ? [] : [value])])
  }
  return [...values]
    .map(([name, own]) => {
      if (own.length < 2) return own.length === 0 ? name : `${name}(${own[0]})`
      return `${name} ${own.sort((a, b) => a - b).join(', ')}`
    })
    .join('; ')
}

/** Policies of which a number is tuned, and what such numbers are called; `leastIsEdge` false: below the least that is tried there is none. */
const TUNED: Readonly<Record<string, { readonly are: string; readonly leastIsEdge: boolean }>> = {
  'fixed-count': { are: 'counts', leastIsEdge: false },
  'k-waves': { are: 'waves', leastIsEdge: true },
  'fixed-size': { are: 'sizes', leastIsEdge: true },
  'fixed-budget': { are: 'budgets', leastIsEdge: true },
  'equal-time': { are: 'times', leastIsEdge: true },
}

/** One sentence for an arm that took the smallest or the largest of the numbers tried and might do better beyond; else none. */
export function edgeNotes(arm: ArmSpec, tried: Tried, { engines }: Pick<ClusterConfig, 'engines'>): string[] {
  // a scenario refuses a budget above the smallest step
  const largestBudget = Math.min(...engines.map(({ maxNumBatchedTokens }) => maxNumBatchedTokens))
  const edges = (['split', 'chunk'] as const).flatMap((lever) => {
    const { name, value } = numbered(arm[lever]) ?? { name: '', value: 0 }
    const tuned = TUNED[name]
    if (tuned === undefined) return []
    const values = tried[lever].map(numbered).flatMap((one) => (one?.name === name ? [one.value] : []))
    const [least, most] = [Math.min(...values), Math.max(...values)]
    // of one number nothing was tuned
    if (least === most) return []
    const isLeast = value === least && tuned.leastIsEdge
    const isMost = value === most && !(name === 'fixed-budget' && value >= largestBudget)
    if (!isLeast && !isMost) return []
    const words = `${arm[lever]}, the ${isLeast ? 'smallest' : 'largest'} of the ${tuned.are} tried (${least} to ${most})`
    return [{ words, beyond: `a ${isLeast ? 'smaller' : 'larger'} one` }]
  })
  if (edges.length === 0) return []
  const [first, second] = edges.map(({ beyond }) => beyond)
  const beyond =
    second === undefined ? first : first === second ? `${first} of either` : `${first} of the first or ${second} of the second`
  return [`${arm.name} took ${edges.map(({ words }) => words).join(', and ')}: ${beyond} may be better still.`]
}
