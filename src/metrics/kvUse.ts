/** How full the KV memory is. */
import type { StepStatistics } from './records.js'

/** Share of KV blocks in use on the fullest rank of an engine, in the mean while the engine steps; of the engine where that is most. null without steps. */
export function fullestKvUse({ engineKvUsePs, engineBusyPs }: StepStatistics): number | null {
  let most: number | null = null
  for (let e = 0; e < engineBusyPs.length; e++)
    if (engineBusyPs[e] > 0) most = Math.max(most ?? 0, engineKvUsePs[e] / engineBusyPs[e])
  return most
}
