/** Ranks for the requests of an engine's queue, at a step boundary. */
import { PolicyError } from '../errors.js'
import { type Boundary, bringUpToDate } from './boundaryViews.js'
import type { Core } from './core.js'
import { enqueueTail, leaveQueue } from './requests.js'

/** Asks the policy if somebody waits in the queue of engine `e` and a rank has room. Returns whether it was asked. */
export function assignQueue(core: Core, boundary: Boundary, e: number, nowNs: number): boolean {
  const s = core.state
  const { slots } = s
  const queue = s.queueStart + e
  const ranks = s.rankStart[e + 1] - s.rankStart[e]
  let room = 0
  let isEmpty = true
  for (let rank = 0; rank < ranks; rank++) {
    const free = roomOf(core, e, rank)
    if (free > 0) room += free
    if (free < core.engines[e].maxNumSeqs) isEmpty = false
  }
  const most = Math.min(room, s.waitingCount[queue])
  if (most === 0) return false
  const { assigned, oracle } = boundary
  const view = boundary.assignViews[e]
  bringUpToDate(core, e, view)
  view.waiting = most
  let slot = s.waitingHead[queue]
  for (let i = 0; i < most; i++, slot = slots.next[slot]) {
    view.inputTokens[i] = slots.isl[slot]
    view.classId[i] = slots.classId[slot]
    view.tenant[i] = slots.tenant[slot]
    view.waitedNs[i] = nowNs - slots.arrivalNs[slot]
    if (oracle !== null) oracle.outputTokens[i] = slots.osl[slot]
  }
  assigned.fill(-1, 0, most)
  core.arm.rank.assign?.(view, assigned, oracle)
  let given = 0
  slot = s.waitingHead[queue]
  for (let i = 0; i < most; i++) {
    const following = slots.next[slot]
    const rank = assigned[i]
    if (rank !== -1) {
      if (!(rank >= 0 && rank < ranks)) refuse(core, `assigned request ${slots.request[slot]} to rank ${rank} of ${ranks}`)
      if (roomOf(core, e, rank) <= 0) refuse(core, `assigned request ${slots.request[slot]} to rank ${rank}, which has no place`)
      const g = s.rankStart[e] + rank
      leaveQueue(s, queue, slot)
      s.queuedTokens[queue] -= slots.target[slot]
      slots.rank[slot] = g
      enqueueTail(s, g, slot)
      given++
    }
    slot = following
  }
  if (isEmpty && given === 0) refuse(core, `assigned none of ${most} requests although no rank of the engine has one`)
  return true
}

/** Places of a rank less the requests that wait for one. */
function roomOf({ state: s, engines }: Core, e: number, rank: number): number {
  const g = s.rankStart[e] + rank
  return engines[e].maxNumSeqs - s.decodeCount[g] - s.prefillingCount[g] - s.incoming[g] - s.waitingCount[g]
}

function refuse({ arm }: Core, sentence: string): never {
  throw new PolicyError(arm.rank.info, sentence)
}
