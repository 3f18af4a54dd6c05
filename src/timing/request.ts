import type { SystemSpec } from '../hardware/system.js'
import type { OperatorRequest } from '../models/operators.js'

/** What the price of a step depends on. */
export interface TimingRequest extends OperatorRequest {
  readonly system: SystemSpec
  /** Sequences, tokens of a step (both per rank) and tokens of one sequence. */
  readonly maxNumSeqs: number
  readonly maxNumBatchedTokens: number
  readonly maxModelLen: number
}
