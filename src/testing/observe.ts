/** An arm that decides as another one does and writes down every question it was asked, with the answer. */

import type { Arm, RankPolicy } from '../levers/lever.js'
import { assignNumbers, migrateNumbers } from './boundaryPolicies.js'
import { engineNumbers, roleNumbers, viewNumbers } from './policies.js'

/** One entry a call: what was seen, and the decision last. Split decisions keep what was seen alone. */
export interface Decisions {
  pool: number[][]
  /** Of the pool lever, where engines may change their roles. */
  roles: number[][]
  rank: number[][]
  span: number[][]
  chunk: number[][]
  /** Of the chunk lever, where it looks at whole engines. */
  hold: number[][]
  split: number[][]
  /** Questions at step boundaries, with all that the policy filled in. */
  assign: number[][]
  migrate: number[][]
}

/** The levers and hooks that are written down, in the order of their decisions. */
export const OBSERVED = ['roles', 'pool', 'rank', 'span', 'assign', 'migrate', 'hold', 'chunk', 'split'] as const

export function observed(arm: Arm): { arm: Arm; decisions: Decisions } {
  const decisions: Decisions = {
    pool: [],
    roles: [],
    rank: [],
    span: [],
    chunk: [],
    hold: [],
    split: [],
    assign: [],
    migrate: [],
  }
  const noted = (log: number[][], seen: number[], answer: number): number => {
    log.push([...seen, answer])
    return answer
  }
  const { hold } = arm.chunk
  const { switchRole } = arm.pool
  return {
    decisions,
    arm: {
      ...arm,
      pool: {
        ...arm.pool,
        route: (view, request, phase) =>
          noted(decisions.pool, viewNumbers(view, request, phase), arm.pool.route(view, request, phase)),
        ...(switchRole && {
          switchRole: (view, request) => noted(decisions.roles, roleNumbers(view), switchRole(view, request)),
        }),
      },
      rank: observedRank(arm.rank, decisions),
      span: {
        ...arm.span,
        degree: (view, request) => noted(decisions.span, viewNumbers(view, request, 'prefill'), arm.span.degree(view, request)),
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
        ...(hold && { hold: (view) => noted(decisions.hold, engineNumbers(view), hold(view) ? 1 : 0) === 1 }),
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

function observedRank(policy: RankPolicy, { rank, assign, migrate }: Decisions): RankPolicy {
  const copy = { ...policy }
  if (policy.place !== undefined)
    copy.place = (view, request) => {
      const answer = policy.place?.(view, request) ?? Number.NaN
      rank.push([...viewNumbers(view, request, 'prefill'), answer])
      return answer
    }
  if (policy.assign !== undefined)
    copy.assign = (view, out, oracle) => {
      const seen = assignNumbers(view)
      policy.assign?.(view, out, oracle)
      assign.push([...seen, ...out.slice(0, view.waiting)])
    }
  if (policy.migrate !== undefined)
    copy.migrate = (view, out) => {
      const seen = migrateNumbers(view)
      policy.migrate?.(view, out)
      const moves = [out.from, out.sequence, out.to].flatMap((column) => [...column.slice(0, out.count)])
      migrate.push([...seen, ...moves])
    }
  return copy
}
