/** Coarse clocks: traces whose arrivals were recorded in ticks of a second or more. */
import type { Rng } from '../rng.js'
import { NS_PER_S } from '../units.js'

/** A gap may miss its multiple of the tick by this much a tick (Mooncake's ticks are 2.999 to 3.001 and 3.049 to 3.057 s). */
const JITTER_NS = 0.05 * NS_PER_S
const MOST_JITTER_NS = 0.2 * NS_PER_S
/** Below this many requests a tick on average, equal times prove nothing. */
const LEAST_PER_TICK = 1.5

/**
 * Length of the ticks in ns: the median gap between different times, when it is a second or more, every other gap is a multiple of it
 * or of a second, and requests share their times; null for a fine clock. `timeNs` must be sorted.
 */
export function detectTick(timeNs: Float64Array): number | null {
  const gaps: number[] = []
  for (let i = 1; i < timeNs.length; i++) {
    const gap = timeNs[i] - timeNs[i - 1]
    if (gap === 0) continue
    if (gap < NS_PER_S - JITTER_NS) return null
    gaps.push(gap)
  }
  if (gaps.length === 0 || timeNs.length < LEAST_PER_TICK * (gaps.length + 1)) return null
  const tick = gaps.sort((a, b) => a - b)[gaps.length >> 1]
  return gaps.every((gap) => isMultiple(gap, tick) || isMultiple(gap, NS_PER_S)) ? tick : null
}

function isMultiple(gap: number, of: number): boolean {
  const times = Math.max(1, Math.round(gap / of))
  return Math.abs(gap - times * of) <= Math.min(JITTER_NS * times, MOST_JITTER_NS)
}

/** New times, each uniform over the tick that begins at the recorded one (or up to the next one when that is nearer); unsorted. */
export function spreadTicks(timeNs: Float64Array, tickNs: number, rng: Rng): Float64Array {
  const spread = new Float64Array(timeNs.length)
  let start = 0
  while (start < timeNs.length) {
    let end = start + 1
    while (end < timeNs.length && timeNs[end] === timeNs[start]) end++
    const lengthNs = end < timeNs.length ? Math.min(tickNs, timeNs[end] - timeNs[start]) : tickNs
    for (let i = start; i < end; i++) spread[i] = timeNs[start] + Math.floor(rng.uniform() * lengthNs)
    start = end
  }
  return spread
}
