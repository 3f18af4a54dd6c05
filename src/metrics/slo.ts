/** The limits that users set, request by request. */
import type { SloPlan } from '../scenario/plan.js'
import { NS_PER_MS } from '../units.js'
import type { Records } from './records.js'

/** Whether there is a limit at all. */
export const isLimited = ({ ttftMs, tpotMs, gapMs, e2eMs }: SloPlan): boolean =>
  ttftMs !== null || tpotMs !== null || gapMs !== null || e2eMs !== null

/** Whether a completed request met every limit; those that did not complete met none. OSL 1 has neither TPOT nor gap and meets both. */
export function createSloTest(slo: SloPlan): (records: Records, row: number) => boolean {
  const ttftNs = (slo.ttftMs ?? Number.POSITIVE_INFINITY) * NS_PER_MS
  const tpotNs = (slo.tpotMs ?? Number.POSITIVE_INFINITY) * NS_PER_MS
  const gapNs = (slo.gapMs ?? Number.POSITIVE_INFINITY) * NS_PER_MS
  const e2eNs = (slo.e2eMs ?? Number.POSITIVE_INFINITY) * NS_PER_MS
  return (records, row) => {
    const firstNs = records.firstTokenNs[row]
    const endNs = records.endNs[row]
    const gaps = records.osl[row] - 1
    if (firstNs - records.arrivalNs[row] > ttftNs || endNs - records.arrivalNs[row] > e2eNs) return false
    return gaps < 1 || (endNs - firstNs <= tpotNs * gaps && records.maxGapNs[row] <= gapNs)
  }
}
