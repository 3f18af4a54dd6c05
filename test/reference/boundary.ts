/** Step boundaries of the reference simulator: what rank policies see and decide before an engine of several ranks begins a step. */
import type { AssignView, BoundaryView, MigrateView } from '../../src/levers/lever.js'
import type { FabricConfig } from '../../src/simulator/config.js'
import type { Engine } from './engine.js'
import type { Rank } from './rank.js'
import type { Request } from './request.js'

export interface BoundaryOutcome {
  /** Whether the policy was asked anything. */
  readonly isAsked: boolean
  /** Moves begun, and their bytes. */
  readonly migrations: number
  readonly bytes: number
}

/** Requests whose copy begins are handed to `depart`. */
export function decideAtBoundary(
  engine: Engine,
  fabric: FabricConfig,
  nowNs: number,
  depart: (request: Request) => void,
): BoundaryOutcome {
  const { migrate, assign } = engine.arm.rank
  if (engine.ranks.length === 1) return { isAsked: false, migrations: 0, bytes: 0 }
  const isMigrating = migrate !== undefined && engine.ranks.some((rank) => rank.decoding.size > 0)
  const bytes = isMigrating ? moveAll(engine, fabric, nowNs, depart) : []
  const isAssigning = assign !== undefined && assignAll(engine, nowNs)
  return { isAsked: isMigrating || isAssigning, migrations: bytes.length, bytes: bytes.reduce((sum, some) => sum + some, 0) }
}

function boundaryView(engine: Engine): BoundaryView {
  const { ranks, config, answers } = engine
  return {
    loads: {
      count: ranks.length,
      running: (rank) => ranks[rank].batchSize(),
      waiting: (rank) => ranks[rank].waiting.length,
      kvTokens: (rank) => ranks[rank].kvTokens(),
      queuedTokens: (rank) => ranks[rank].queuedTokens(),
      freeBlocks: (rank) => ranks[rank].freeBlocks(),
    },
    engine: engine.index,
    places: (rank) => config.maxNumSeqs - ranks[rank].batchSize(),
    step: engine.stepNumber,
    stepNs: (engine.last?.durationPs ?? 0) / 1000,
    attentionNs: (engine.last?.gatingAttentionPs ?? 0) / 1000,
    meanAnswerTokens: answers.length === 0 ? 0 : answers.reduce((sum, tokens) => sum + tokens, 0) / answers.length,
  }
}

/** Bytes of each move made. */
function moveAll(engine: Engine, fabric: FabricConfig, nowNs: number, depart: (request: Request) => void): number[] {
  const { ranks, config, arm } = engine
  const isFree = arm.rank.info.oracle === true
  const most = ranks.length * (isFree ? 4 : 1)
  const columns = { kvTokens: new Float64Array(4096), emitted: new Float64Array(4096), stepsHere: new Float64Array(4096) }
  const isMoving = (rank: Rank) =>
    [...rank.held, ...rank.incoming].some((request) => request.source !== null && ranks.includes(request.source))
  const view: MigrateView = {
    ...boundaryView(engine),
    isMoving: (rank) => isMoving(ranks[rank]),
    list(rank) {
      const decoders = ranks[rank].decoders()
      decoders.forEach((request, i) => {
        columns.kvTokens[i] = request.length
        columns.emitted[i] = request.emitted
        columns.stepsHere[i] = request.stepsHere
      })
      return decoders.length
    },
    ...columns,
    kvBytesPerToken: config.kvBytesPerToken,
    portBytesPerNs: fabric.nvlinkBytesPerNs,
    latencyNs: fabric.latencyNs,
  }
  const moves = { count: 0, from: new Int32Array(most), sequence: new Int32Array(most), to: new Int32Array(most) }
  arm.rank.migrate?.(view, moves)
  const lists = ranks.map((rank) => rank.decoders())
  const bytes: number[] = []
  for (let i = 0; i < moves.count; i++) {
    const [from, to] = [ranks[moves.from[i]], ranks[moves.to[i]]]
    const request = lists[moves.from[i]][moves.sequence[i]]
    if (to.batchSize() >= config.maxNumSeqs || !to.takeFrom(from, request, nowNs)) continue
    const tokens = request.target - request.shared.length * config.blockSize
    bytes.push(isFree ? 0 : tokens * config.kvBytesPerToken)
    request.rank = moves.to[i]
    if (isFree) to.receive(request, nowNs)
    else depart(request)
  }
  return bytes
}

/** Whether the policy was asked. */
function assignAll(engine: Engine, nowNs: number): boolean {
  const { ranks, config, arm } = engine
  const room = (rank: Rank) => config.maxNumSeqs - rank.batchSize() - rank.waiting.length
  const places = ranks.reduce((sum, rank) => sum + Math.max(0, room(rank)), 0)
  const listed = engine.queue.slice(0, places)
  if (listed.length === 0) return false
  const view: AssignView = {
    ...boundaryView(engine),
    waiting: listed.length,
    inputTokens: Float64Array.from(listed, (request) => request.isl),
    classId: Int32Array.from(listed, (request) => request.classId),
    tenant: Int32Array.from(listed, (request) => request.tenant),
    waitedNs: Float64Array.from(listed, (request) => nowNs - request.arrivalNs),
  }
  const out = new Int32Array(listed.length).fill(-1)
  const oracle = { outputTokens: Float64Array.from(listed, (request) => request.osl) }
  arm.rank.assign?.(view, out, arm.rank.info.oracle ? oracle : null)
  listed.forEach((request, i) => {
    if (out[i] < 0) return
    request.rank = out[i]
    ranks[out[i]].waiting.push(request)
  })
  engine.queue = engine.queue.filter((request) => request.rank < 0)
  return true
}
