/** What a rank policy sees and fills at a step boundary of an engine of several ranks: hooks `assign` and `migrate`. */
import type { LoadView } from '../lever.js'

/** What every scheduler of an engine knows when a step is about to begin; the loads are those of its ranks. */
export interface BoundaryView {
  readonly loads: Omit<LoadView, 'matchedTokens' | 'engine'>
  engine: number
  /** Sequences that may still join each rank: max_num_seqs less those running. */
  places(rank: number): number
  /** Steps that the engine has ended; duration of the last one and attention time of its gating rank, ns (0 before the first). */
  step: number
  stepNs: number
  attentionNs: number
  /** Mean length of the answers that completed on the engine so far, tokens; 0 before the first. */
  meanAnswerTokens: number
}

/** The engine's queue at a step boundary, the request that came first first. */
export interface AssignView extends BoundaryView {
  /** Requests listed: no more than there are free places. */
  waiting: number
  readonly inputTokens: Float64Array
  readonly classId: Int32Array
  readonly tenant: Int32Array
  /** Time since the client sent it, ns. */
  readonly waitedNs: Float64Array
}

/** The decoding sequences of an engine at a step boundary. */
export interface MigrateView extends BoundaryView {
  /** Whether KV is on its way from or to the rank: it may take part in no other move. */
  isMoving(rank: number): boolean
  /** Lists the decoding sequences of a rank in the columns below, in order of admission; returns how many. */
  list(rank: number): number
  /** KV tokens that a move would copy; tokens emitted so far; steps since the sequence began to decode on this rank. */
  readonly kvTokens: Float64Array
  readonly emitted: Float64Array
  readonly stepsHere: Float64Array
  /** KV bytes of a token through a port of the rank, bytes a ns of the port, time of a copy before its first byte. */
  kvBytesPerToken: number
  portBytesPerNs: number
  latencyNs: number
}

/** Moves to make, filled in by a policy: sequence `sequence[i]` of the list of rank `from[i]` goes to rank `to[i]`. */
export interface Moves {
  count: number
  readonly from: Int32Array
  readonly sequence: Int32Array
  readonly to: Int32Array
}

/** What oracles alone are given. */
export interface OracleView {
  /** Output lengths of the requests that `assign` lists. */
  readonly outputTokens: Float64Array
}
