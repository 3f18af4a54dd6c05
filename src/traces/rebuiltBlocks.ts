/** Prefix blocks of sessions whose log says how many leading tokens each request shares with the one before it, but has no ids. */
import type { RequestRows } from './requestRows.js'

/** Tokens per rebuilt block unless the user wants others: the block of the engines, so that nothing is lost in coarser ones. */
export const REBUILT_BLOCK_TOKENS = 16
/** Longer prompts have names for their leading blocks only: no context is that long, and a mistyped length must not fill the memory. */
const MOST_BLOCKS = 2 ** 20

export interface RebuiltBlocks {
  /**
   * Blocks of the request added last, whole ones only: the leading ones are those of the request before it in `session`, as far as both go and
   * `sharedTokens` reach; the rest are new.
   */
  push(rows: RequestRows, session: string, isl: number, sharedTokens: number): void
}

/** A run of ids; a session holds those of its latest request. */
type Runs = { first: number; length: number }[]

export function createRebuiltBlocks(blockTokens: number): RebuiltBlocks {
  const latest = new Map<string, Runs>()
  let next = 0
  return {
    push(rows, session, isl, sharedTokens) {
      const total = Math.min(MOST_BLOCKS, Math.floor(isl / blockTokens))
      let shared = Math.min(total, Math.floor(sharedTokens / blockTokens))
      const runs: Runs = []
      for (const { first, length } of latest.get(session) ?? []) {
        const taken = Math.min(shared, length)
        if (taken === 0) break
        runs.push({ first, length: taken })
        shared -= taken
      }
      const known = runs.reduce((sum, { length }) => sum + length, 0)
      if (total > known) {
        runs.push({ first: next, length: total - known })
        next += total - known
      }
      for (const { first, length } of runs) rows.pushBlocks(first, length)
      latest.set(session, runs)
    },
  }
}
