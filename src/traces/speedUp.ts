/** A trace with its clock sped up, or slowed down. */
import { UserError } from '../errors.js'
import { LATEST_NS } from '../units.js'
import { lastArrivalNs } from './sessions.js'
import type { Workload } from './workload.js'

const LEAST_DIGITS = 3

/** Throws UserError when the last arrival, `factor` (> 0) times as early, comes at 2^53 ns or later. */
export function requireSpeed(workload: Workload, factor: number): void {
  const lastNs = lastArrivalNs(workload)
  if (lastNs / factor < LATEST_NS) return
  throw new UserError({
    where: 'workload.load.speed_up',
    message: `at ${factor} times the recorded rate ${workload.provenance.name} lasts longer than 104 days (2^53 ns), the longest time that is simulated`,
    hint: `${leastAbove(lastNs / LATEST_NS)} is the smallest factor for this trace`,
  })
}

/** The next number above `value` (> 0) of few digits. */
function leastAbove(value: number): number {
  const exponent = Math.floor(Math.log10(value)) - (LEAST_DIGITS - 1)
  return Number(`${Math.floor(value / 10 ** exponent) + 1}e${exponent}`)
}
