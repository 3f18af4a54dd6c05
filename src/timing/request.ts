import type { SystemSpec } from '../hardware/system.js'
import type { EngineRole } from '../models/model.js'
import type { OperatorRequest } from '../models/operators.js'
import { type Constants, type MoePath, NEUTRAL, type Profile } from './calibration.js'

/** What the price of a step depends on. */
export interface TimingRequest extends OperatorRequest {
  readonly system: SystemSpec
  /** Sequences, tokens of a step (both per rank) and tokens of one sequence. */
  readonly maxNumSeqs: number
  readonly maxNumBatchedTokens: number
  readonly maxModelLen: number
  readonly role: EngineRole
  /** Draft tokens verified per sequence in a decode step (multi-token prediction). */
  readonly draftTokens: number
  readonly profile: Profile
  readonly moePath: MoePath
  readonly constants: Constants
  /** false: shared experts run after the routed ones instead of beside them (ablations). Default true. */
  readonly overlap?: boolean
}

/** The plain sum of operators of an engine that serves both phases. */
export const PLAIN_TIMING = {
  role: 'aggregated',
  draftTokens: 0,
  profile: 'generic',
  moePath: 'auto',
  constants: NEUTRAL,
} as const satisfies Partial<TimingRequest>
