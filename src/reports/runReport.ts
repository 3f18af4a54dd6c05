/** What a report of one arm is made from. */
import type { ComparisonResult, ResultIdentity } from '../experiments/result.js'
import type { ArmSpec } from '../levers/lever.js'

/** Who, what and how sure: printed at the top of every output. */
export type RunMeta = ResultIdentity & {
  readonly arm: ArmSpec
}

/** Everything the HTML of one run is drawn from; plain data. */
export interface RunReport {
  readonly meta: RunMeta
  readonly picture: ComparisonResult['pictures']['arms'][number]
  /** How the load was offered; then what else there is to know. */
  readonly notes: readonly string[]
}
