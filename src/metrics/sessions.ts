/** Results by session: how many came to their end, how long they took, and who took the time. */
import { createSample } from '../collections/sample.js'
import type { MeasureWindow } from '../simulator/config.js'
import type { SessionShape } from '../traces/sessions.js'
import { NS_PER_S } from '../units.js'
import { COMPLETED, IN_TRANSFER, QUEUED, type Records, RUNNING } from './records.js'
import type { Distribution, SessionSummary } from './summary.js'

const PERCENTILES = [0.5, 0.9, 0.95, 0.99]

export interface SessionTally {
  /** These requests have left before: their sessions began before the window. */
  leave(requests: Int32Array): void
  add(records: Records): void
  summary(notSent: number): SessionSummary
}

/** Memory: a few numbers a session, none a request. */
export function createSessionTally({ unitOf, sizes, waitNs, allWait }: SessionShape, window: MeasureWindow): SessionTally {
  const count = sizes.length
  const unanswered = sizes.slice()
  const firstNs = new Float64Array(count).fill(Number.POSITIVE_INFINITY)
  const lastNs = new Float64Array(count)
  const servedNs = new Float64Array(count)
  const waitedNs = new Float64Array(count)
  const gaveUp = new Uint8Array(count)
  return {
    leave(requests) {
      for (const request of requests) firstNs[unitOf[request]] = Number.NEGATIVE_INFINITY
    },
    add(records) {
      for (let row = 0; row < records.count; row++) {
        const request = records.request[row]
        const session = unitOf[request]
        const arrivalNs = records.arrivalNs[row]
        if (arrivalNs < firstNs[session]) firstNs[session] = arrivalNs
        const fate = records.fate[row]
        if (fate === QUEUED || fate === IN_TRANSFER || fate === RUNNING) continue
        if (fate !== COMPLETED) {
          gaveUp[session] = 1
          continue
        }
        const endNs = records.endNs[row]
        unanswered[session]--
        if (endNs > lastNs[session]) lastNs[session] = endNs
        servedNs[session] += endNs - arrivalNs
        waitedNs[session] += waitNs[request]
      }
    },
    summary(notSent) {
      const durations = createSample()
      let begun = 0
      let givenUp = 0
      let served = 0
      let waited = 0
      for (let session = 0; session < count; session++) {
        if (!(firstNs[session] >= window.fromNs && firstNs[session] < window.toNs)) continue
        begun++
        givenUp += gaveUp[session]
        if (unanswered[session] > 0) continue
        durations.add((lastNs[session] - firstNs[session]) / NS_PER_S)
        served += servedNs[session]
        waited += waitedNs[session]
      }
      const [p50, p90, p95, p99] = durations.count > 0 ? durations.quantiles(PERCENTILES) : [null, null, null, null]
      const duration: Distribution = { mean: durations.count > 0 ? durations.mean : null, p50, p90, p95, p99 }
      return {
        begun,
        completed: durations.count,
        gave_up: givenUp,
        requests_not_sent: notSent,
        duration_s: duration,
        waiting_share: allWait && served + waited > 0 ? waited / (served + waited) : null,
      }
    },
  }
}
