/**
 * What rank policies see and fill at step boundaries. Arms whose rank policy decides on arrival alone have no `Boundary`.
 */
import type { AssignView, BoundaryView, LoadView, MigrateView, Moves, OracleView, RankPolicy } from '../levers/lever.js'
import type { EngineConfig, FabricConfig } from './config.js'
import type { Core } from './core.js'
import type { State } from './state.js'

/** Moves that an oracle may make before a step, for each rank of the engine. */
const FREE_MOVES = 4

/** Preallocated views and outputs. */
export interface Boundary {
  readonly assignViews: readonly Writable<AssignView>[]
  readonly migrateViews: readonly Writable<MigrateView>[]
  /** Null unless the policy is an oracle. */
  readonly oracle: OracleView | null
  readonly assigned: Int32Array
  readonly moves: Moves
}
export type Writable<T> = { -readonly [K in keyof T]: T[K] }

export function createBoundary(
  s: State,
  engines: readonly EngineConfig[],
  { nvlinkBytesPerNs, latencyNs }: FabricConfig,
  rankViews: readonly LoadView[],
  { info, assign, migrate: move }: RankPolicy,
): Boundary | null {
  if (assign === undefined && move === undefined) return null
  const seats = Math.max(...engines.map(({ ranks, maxNumSeqs }) => ranks * maxNumSeqs))
  const sequences = Math.max(...engines.map(({ maxNumSeqs }) => maxNumSeqs))
  const mostMoves = Math.max(...engines.map(({ ranks }) => ranks)) * (info.oracle ? FREE_MOVES : 1)
  const doubles = (length: number) => new Float64Array(length)
  const common = (e: number): BoundaryView => {
    const { matchedTokens: _, ...loads } = rankViews[e]
    const places = (rank: number) => engines[e].maxNumSeqs - loads.running(rank)
    return { loads, engine: e, places, step: 0, stepNs: 0, attentionNs: 0, meanAnswerTokens: 0 }
  }
  const columns = {
    inputTokens: doubles(seats),
    classId: new Int32Array(seats),
    tenant: new Int32Array(seats),
    waitedNs: doubles(seats),
  }
  const listed = { kvTokens: doubles(sequences), emitted: doubles(sequences), stepsHere: doubles(sequences) }
  return {
    assignViews: engines.map((_, e) => ({ ...common(e), waiting: 0, ...columns })),
    migrateViews: engines.map((engine, e) => ({
      ...common(e),
      isMoving: (rank) => s.moving[s.rankStart[e] + rank] === 1,
      list: (rank) => listDecoding(s, e, engine, s.rankStart[e] + rank, listed),
      ...listed,
      kvBytesPerToken: engine.kvBytesPerToken,
      portBytesPerNs: nvlinkBytesPerNs,
      latencyNs,
    })),
    oracle: info.oracle ? { outputTokens: doubles(seats) } : null,
    assigned: new Int32Array(seats),
    moves: { count: 0, from: new Int32Array(mostMoves), sequence: new Int32Array(mostMoves), to: new Int32Array(mostMoves) },
  }
}

/** What every boundary view shows of the engine. */
export function bringUpToDate({ state: s }: Core, e: number, view: Writable<BoundaryView>): void {
  view.step = s.stepCount[e]
  view.stepNs = s.pendingStepPs[e] / 1000
  view.attentionNs = s.pendingGatingPs[e] / 1000
  view.meanAnswerTokens = s.answers[e] === 0 ? 0 : s.answerTokens[e] / s.answers[e]
}

function listDecoding(
  s: State,
  e: number,
  { draftTokens }: EngineConfig,
  g: number,
  { kvTokens, emitted, stepsHere }: Pick<MigrateView, 'kvTokens' | 'emitted' | 'stepsHere'>,
): number {
  const { base, osl, finishKey, joinedStep, next } = s.slots
  const clock = s.tokenClock[e]
  // decoding sequences stand before the prefilling ones
  const count = s.decodeCount[g]
  let slot = s.runningHead[g]
  for (let i = 0; i < count; i++, slot = next[slot]) {
    kvTokens[i] = base[slot] + clock - draftTokens
    emitted[i] = osl[slot] - (finishKey[slot] - clock)
    stepsHere[i] = s.stepCount[e] - joinedStep[slot]
  }
  return count
}
