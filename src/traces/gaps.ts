/** Long silences in a trace: the recording stopped, or nobody came. */
import { NS_PER_S } from '../units.js'

/** A silence is told of from this length on, when it is also this many times the mean of the other gaps. */
const LEAST_NS = 60 * NS_PER_S
const TIMES_OTHERS = 30

export function longestGap(arrivalNs: Float64Array): { ns: number | null; note: string | null } {
  let previous = Number.NaN
  let first = Number.NaN
  let longest = Number.NaN
  let after = 0
  let gaps = 0
  for (const time of arrivalNs) {
    if (Number.isNaN(time)) continue
    if (Number.isNaN(first)) first = time
    else {
      gaps++
      if (!(time - previous <= longest)) {
        longest = time - previous
        after = previous
      }
    }
    previous = time
  }
  if (gaps === 0) return { ns: null, note: null }
  const others = gaps === 1 ? 0 : (previous - first - longest) / (gaps - 1)
  const least = Math.max(LEAST_NS, TIMES_OTHERS * others)
  if (longest < least) return { ns: longest, note: null }
  let silences = 0
  let last = Number.NaN
  for (const time of arrivalNs) {
    if (Number.isNaN(time)) continue
    if (time - last >= least) silences++
    last = time
  }
  const seconds = (ns: number): string => `${Math.round(ns / NS_PER_S)} s`
  const more = silences === 1 ? '' : ` (${silences - 1} more of ${seconds(least)} or longer)`
  return { ns: longest, note: `Nothing arrives for ${seconds(longest)} after ${seconds(after - first)}${more}.` }
}
