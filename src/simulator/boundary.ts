/**
 * Step boundaries of engines with several ranks, for rank policies that decide there: sequences are moved first, then the engine's queue
 * is given to the ranks (docs/SEMANTICS.md, "A step begins").
 */
import { assignQueue } from './assignment.js'
import type { Boundary } from './boundaryViews.js'
import type { Core } from './core.js'
import { migrate } from './migration.js'

/** Asks the rank policy before a step of engine `e`. Returns what its planning costs the step, ps: 0 when there was nothing to ask. */
export function decideAtBoundary(core: Core, boundary: Boundary, e: number, nowNs: number): number {
  const { rank } = core.arm
  const moved = rank.migrate !== undefined && migrate(core, boundary, e, nowNs)
  const assigned = rank.assign !== undefined && assignQueue(core, boundary, e, nowNs)
  return moved || assigned ? (rank.planningPs ?? 0) : 0
}
