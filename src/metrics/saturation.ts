/** Is the system keeping up? A mean over a growing queue means nothing, so every row carries this verdict. */
import type { MeasureWindow } from '../simulator/config.js'
import { NS_PER_S } from '../units.js'
import { COMPLETED, QUEUED, type Records, RUNNING, type StepStatistics } from './records.js'
import type { SaturationVerdict } from './summary.js'

/** Growth of the number in the system over the window, as a share of the window's arrivals: thresholds of our own choice. */
const BACKLOGGED = 0.05
const OVERLOADED = 0.15
/** A window with fewer arrivals than this cannot tell a trend from noise. */
const FEWEST_ARRIVALS = 20

export function saturationVerdict(
  records: Records,
  statistics: StepStatistics,
  window: MeasureWindow,
  endNs: number,
): SaturationVerdict {
  const fromNs = Math.max(window.fromNs, 0)
  const toNs = Math.min(window.toNs, endNs)
  const third = (toNs - fromNs) / 3
  let arrivals = 0
  let early = 0
  let late = 0
  let lost = 0
  let queueNs = 0
  let prefillNs = 0
  let decodeNs = 0
  for (let row = 0; row < records.count; row++) {
    const arrivalNs = records.arrivalNs[row]
    const fate = records.fate[row]
    const leftNs = Number.isNaN(records.endNs[row]) ? Number.POSITIVE_INFINITY : records.endNs[row]
    // presence, integrated over the first and the last third of the window
    early += Math.max(0, Math.min(leftNs, fromNs + third) - Math.max(arrivalNs, fromNs))
    late += Math.max(0, Math.min(leftNs, toNs) - Math.max(arrivalNs, toNs - third))
    if (arrivalNs < window.fromNs || arrivalNs >= window.toNs) continue
    arrivals++
    if (fate !== COMPLETED && fate !== QUEUED && fate !== RUNNING) lost++
    queueNs += records.phaseNs[0][row]
    prefillNs += records.phaseNs[1][row]
    decodeNs += records.phaseNs[4][row]
  }
  const growth = third > 0 && arrivals >= FEWEST_ARRIVALS ? (late - early) / third / arrivals : 0
  const kvUse = statistics.stepPs > 0 ? statistics.kvUsePs / statistics.stepPs : 0
  const label = growth > OVERLOADED || lost > 0.05 * arrivals ? 'overloaded' : growth > BACKLOGGED ? 'backlogged' : 'stable'
  const binding =
    label === 'stable' && queueNs < 0.1 * (prefillNs + decodeNs)
      ? 'none'
      : kvUse > 0.9 || statistics.preemptions > 0.02 * arrivals
        ? 'kv_memory'
        : prefillNs > decodeNs
          ? 'prefill'
          : 'time'
  const span = ((toNs - fromNs) / NS_PER_S).toFixed(1)
  const reason =
    `requests inside grew by ${(growth * 100).toFixed(1)} % of the ${arrivals} arrivals over ${span} s; ` +
    `${lost} turned away; KV of the fullest rank ${(kvUse * 100).toFixed(0)} % used`
  return { label, reason, binding }
}
