/** Moves of decoding sequences from rank to rank within an engine (docs/SEMANTICS.md, "Migration"). The copy is a transfer: see transfers.ts. */
import { PolicyError } from '../errors.js'
import { decodingBlocks, prefillBlocks, residentBlocks, takeBlocks } from './blocks.js'
import { type Boundary, bringUpToDate } from './boundaryViews.js'
import type { Core } from './core.js'
import { stopDecoding } from './decodeSet.js'
import { enterPhase, PHASE_STALL } from './requests.js'
import { leaveRunning } from './runningList.js'
import { MIGRATED_BYTES, MIGRATIONS } from './scalars.js'
import { TRANSFERRING } from './slots.js'
import { pushTransfer } from './transferHeap.js'
import { land } from './transfers.js'

/** Asks the policy if a sequence decodes on engine `e`, and begins the moves it wants. Returns whether it was asked. */
export function migrate(core: Core, boundary: Boundary, e: number, nowNs: number): boolean {
  const s = core.state
  const first = s.rankStart[e]
  let decoding = 0
  for (let g = first; g < s.rankStart[e + 1]; g++) decoding += s.decodeCount[g]
  if (decoding === 0) return false
  const { moves } = boundary
  const view = boundary.migrateViews[e]
  bringUpToDate(core, e, view)
  moves.count = 0
  core.arm.rank.migrate?.(view, moves)
  if (moves.count === 0) return true
  const slots = checkedSlots(core, e, boundary)
  for (let i = 0; i < moves.count; i++) move(core, e, slots[i], first + moves.from[i], first + moves.to[i], nowNs)
  return true
}

/** The sequences that are to move, after a check of all moves. Allocates: moves are rare. */
function checkedSlots(core: Core, e: number, { moves, oracle }: Boundary): number[] {
  const s = core.state
  const first = s.rankStart[e]
  const ranks = s.rankStart[e + 1] - first
  const { count, from, sequence, to } = moves
  const taken = new Set<number>()
  const refuse = (i: number, why: string): never => {
    throw new PolicyError(core.arm.rank.info, `wants to move sequence ${sequence[i]} of rank ${from[i]} to rank ${to[i]}, ${why}`)
  }
  if (!(count >= 0 && count <= from.length && Number.isInteger(count)))
    throw new PolicyError(core.arm.rank.info, `wants ${count} moves; at most ${from.length} are made before a step`)
  const chosen: number[] = []
  for (let i = 0; i < count; i++) {
    const isRank = (rank: number) => rank >= 0 && rank < ranks
    if (!isRank(from[i]) || !isRank(to[i]) || from[i] === to[i]) refuse(i, `and the engine has ranks 0 to ${ranks - 1}`)
    const decoding = s.decodeCount[first + from[i]]
    if (!(sequence[i] >= 0 && sequence[i] < decoding)) refuse(i, `and ${decoding} decode there`)
    for (const rank of oracle === null ? [from[i], to[i]] : []) {
      if (s.moving[first + rank] === 1 || taken.has(rank)) refuse(i, `and rank ${rank} takes part in another move`)
      taken.add(rank)
    }
    let slot = s.runningHead[first + from[i]]
    for (let before = sequence[i]; before > 0; before--) slot = s.slots.next[slot]
    if (chosen.includes(slot)) refuse(i, 'which moves already')
    chosen.push(slot)
  }
  return chosen
}

/** Moves a sequence if the other rank has a place and blocks for it: it stalls until its KV is there, and holds blocks at both ends. */
function move(core: Core, e: number, slot: number, from: number, to: number, nowNs: number): void {
  const s = core.state
  const { slots } = s
  const engine = core.engines[e]
  if (s.decodeCount[to] + s.prefillingCount[to] + s.incoming[to] >= engine.maxNumSeqs) return
  const tokens = slots.base[slot] + s.tokenClock[e] - engine.draftTokens
  const target = slots.target[slot]
  const sharedHere = slots.shared[slot]
  slots.target[slot] = tokens
  const found = residentBlocks(s, engine, to, slot)
  if (!takeBlocks(s, engine, to, slot, prefillBlocks(s, engine, slot, tokens), found)) {
    slots.target[slot] = target
    return
  }
  slots.held[slot] = decodingBlocks(s, e, engine, slot)
  stopDecoding(s, e, engine, from, slot, nowNs)
  leaveRunning(s, from, slot)
  slots.source[slot] = from
  slots.sourceShared[slot] = sharedHere
  slots.done[slot] = tokens
  s.prefilledTokens[from] += tokens
  slots.rank[slot] = to
  s.queuedTokens[to] += tokens
  s.incoming[to]++
  slots.migrations[slot]++
  enterPhase(slots, slot, PHASE_STALL, nowNs)
  const isFree = core.boundary?.oracle !== null
  if (nowNs >= core.window.fromNs && nowNs < core.window.toNs) {
    s.scalars[MIGRATIONS]++
    if (!isFree) s.scalars[MIGRATED_BYTES] += (tokens - found * engine.blockSize) * engine.kvBytesPerToken
  }
  if (isFree) {
    land(core, slot, nowNs)
    return
  }
  s.moving[from] = 1
  s.moving[to] = 1
  slots.state[slot] = TRANSFERRING
  slots.flowShare[slot] = 0
  pushTransfer(s, slot, nowNs + core.fabric.latencyNs)
}
