/** Rank policies made for tests that decide at step boundaries, by a hash of all they see. */
import type { AssignView, BoundaryView, MigrateView, Moves, RankPolicy } from '../levers/lever.js'
import { scramble } from './policies.js'

function boundaryNumbers({ loads, places, ...view }: BoundaryView): number[] {
  const numbers = [view.engine, view.step, view.stepNs, view.attentionNs, view.meanAnswerTokens]
  for (let rank = 0; rank < loads.count; rank++) {
    numbers.push(loads.running(rank), loads.waiting(rank), loads.kvTokens(rank), loads.queuedTokens(rank))
    numbers.push(loads.freeBlocks(rank), places(rank))
  }
  return numbers
}

/** All that `assign` sees. */
export function assignNumbers(view: AssignView): number[] {
  const columns = [view.inputTokens, view.classId, view.tenant, view.waitedNs]
  return [...boundaryNumbers(view), view.waiting, ...columns.flatMap((column) => [...column.slice(0, view.waiting)])]
}

/** All that `migrate` sees. */
export function migrateNumbers(view: MigrateView): number[] {
  const numbers = [...boundaryNumbers(view), view.kvBytesPerToken, view.portBytesPerNs, view.latencyNs]
  for (let rank = 0; rank < view.loads.count; rank++) {
    const count = view.list(rank)
    numbers.push(view.isMoving(rank) ? 1 : 0, count)
    for (const column of [view.kvTokens, view.emitted, view.stepsHere]) numbers.push(...column.slice(0, count))
  }
  return numbers
}

export interface BoundaryKnobs {
  readonly assigns: boolean
  readonly moves: boolean
  /** Moves are those of an oracle. */
  readonly isFree: boolean
  readonly planningPs: number
}

/** The policy with hooks that decide by a hash; `assign` takes the place of `place`. */
export function atBoundary(policy: RankPolicy, { assigns, moves, isFree, planningPs }: BoundaryKnobs): RankPolicy {
  return {
    ...policy,
    info: isFree && moves ? { ...policy.info, oracle: true } : policy.info,
    planningPs,
    ...(assigns ? { place: undefined, assign: scrambledAssign } : {}),
    ...(moves ? { migrate: isFree ? scrambledFreeMoves : scrambledMoves } : {}),
  }
}

function scrambledAssign(view: AssignView, out: Int32Array): void {
  const { count } = view.loads
  const room = Array.from({ length: count }, (_, rank) => view.places(rank) - view.loads.waiting(rank))
  let hash = scramble(assignNumbers(view))
  const isEmpty = room.every((_, rank) => view.loads.running(rank) + view.loads.waiting(rank) === 0)
  for (let i = 0; i < view.waiting; i++) {
    hash = scramble([hash, i])
    const rank = hash % count
    if (room[rank] <= 0 || (hash % 5 === 0 && !isEmpty)) continue
    out[i] = rank
    room[rank]--
  }
  if (isEmpty && out.slice(0, view.waiting).every((rank) => rank < 0)) out[0] = room.findIndex((free) => free > 0)
}

function scrambledMoves(view: MigrateView, out: Moves): void {
  const { count } = view.loads
  let hash = scramble(migrateNumbers(view))
  const taken = new Set<number>()
  for (let from = 0; from < count; from++) if (view.isMoving(from)) taken.add(from)
  for (let from = 0; from < count; from++) {
    const sequences = view.list(from)
    hash = scramble([hash, from])
    const to = (hash >>> 8) % count
    if (sequences === 0 || hash % 3 === 0 || to === from || taken.has(from) || taken.has(to)) continue
    taken.add(from).add(to)
    addMove(out, from, hash % sequences, to)
  }
}

function scrambledFreeMoves(view: MigrateView, out: Moves): void {
  const { count } = view.loads
  let hash = scramble(migrateNumbers(view))
  for (let from = 0; from < count; from++) {
    const sequences = view.list(from)
    for (let sequence = 0; sequence < sequences && out.count < out.from.length; sequence++) {
      hash = scramble([hash, from, sequence])
      const to = (hash >>> 8) % count
      if (hash % 3 !== 0 && to !== from) addMove(out, from, sequence, to)
    }
  }
}

function addMove(out: Moves, from: number, sequence: number, to: number): void {
  out.from[out.count] = from
  out.sequence[out.count] = sequence
  out.to[out.count++] = to
}
