/** An arm that decides as another one does and writes down every question it was asked, with the answer. */
import type { Arm } from '../levers/lever.js'
import { engineNumbers, viewNumbers } from './policies.js'

/** One entry a call: what was seen, and the decision last. Split decisions keep what was seen alone. */
export interface Decisions {
  pool: number[][]
  rank: number[][]
  chunk: number[][]
  split: number[][]
}

export function observed(arm: Arm): { arm: Arm; decisions: Decisions } {
  const decisions: Decisions = { pool: [], rank: [], chunk: [], split: [] }
  const noted = (log: number[][], seen: number[], answer: number): number => {
    log.push([...seen, answer])
    return answer
  }
  const { hold } = arm.chunk
  return {
    decisions,
    arm: {
      ...arm,
      pool: {
        ...arm.pool,
        route: (view, request, phase) =>
          noted(decisions.pool, viewNumbers(view, request, phase), arm.pool.route(view, request, phase)),
      },
      rank: {
        ...arm.rank,
        place: (view, request) => noted(decisions.rank, viewNumbers(view, request, 'prefill'), arm.rank.place(view, request)),
      },
      chunk: {
        ...arm.chunk,
        prefillTokens(view) {
          const seen = [view.decodeSequences, view.decodeKvTokens, view.decodeTokens, view.splitFactor, view.maxBatchedTokens]
          if (arm.chunk.paceNs !== undefined) seen.push(view.leastSlackNs)
          if (arm.chunk.readsCandidates) {
            seen.push(...view.remaining.slice(0, view.candidates), ...view.prefix.slice(0, view.candidates))
          }
          return noted(decisions.chunk, seen, arm.chunk.prefillTokens(view))
        },
        ...(hold && { hold: (view) => noted(decisions.chunk, engineNumbers(view), hold(view) ? 1 : 0) === 1 }),
      },
      split: {
        ...arm.split,
        plan(batch, machine, out) {
          decisions.split.push([...batch.lengths.slice(0, batch.n), batch.totalTokens])
          arm.split.plan(batch, machine, out)
        },
      },
    },
  }
}
