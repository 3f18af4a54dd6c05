/**
 * A trace thinned or superposed to another rate. Sessions stay whole, and so do chains of prompts that continue each other, since prefix reuse
 * would be lost with the prompt that is continued.
 */
import { UserError } from '../../errors.js'
import { stream } from '../../rng.js'
import { NS_PER_S } from '../../units.js'
import { createCopies } from '../copies.js'
import { startsOf, type Units, unitsOf } from '../sessions.js'
import { inferredLinks } from '../statistics/chains.js'
import type { Workload } from '../workload.js'

/**
 * `factor` (above 0) times the traffic: whole copies, and of one more copy the share that is left. Every copy but the first is moved round the span of the
 * trace by a time of its own, and has prefix blocks of its own: a prompt that is played twice is not a prompt sent twice. Draws from the
 * streams `trace/sample/copy-<k>`. Throws UserError for a factor that is no finite number above 0.
 */
export function sampled(workload: Workload, factor: number, seed: number | string): Workload {
  if (!(factor > 0 && factor < Number.POSITIVE_INFINITY))
    throw new UserError({ where: 'sampled', message: `a trace cannot be taken ${factor} times`, hint: 'give a number above 0' })
  const units = unitsOf(workload)
  const chain = chainsOf(workload, units)
  const starts = startsOf(workload, units)
  const spanNs = spanOf(starts)
  const copies = createCopies(workload, units, Math.ceil(factor * workload.count))
  for (let copy = 0; copy < factor; copy++) {
    const rng = stream(seed, `trace/sample/copy-${copy}`)
    const shiftNs = copy === 0 ? 0 : Math.floor(rng.uniform() * spanNs)
    // one draw a chain, in the order of their first requests
    const isKept: boolean[] = []
    for (let unit = 0; unit < units.count; unit++) {
      isKept[chain[unit]] ??= rng.uniform() < factor - copy
      if (isKept[chain[unit]]) copies.add(unit, (starts[unit] + shiftNs) % spanNs, copy)
    }
  }
  return copies.workload()
}

/** Requests, or sessions of a trace with sessions, per second: what a `factor` multiplies. Null where all start at one time. */
export function startsPerS(workload: Workload): number | null {
  const starts = startsOf(workload, unitsOf(workload))
  return starts[starts.length - 1] === starts[0] ? null : (starts.length * NS_PER_S) / spanOf(starts)
}

/** A copy follows on another one a mean gap after its last start. */
const spanOf = (starts: Float64Array): number => {
  const lastNs = starts[starts.length - 1]
  return lastNs + Math.max(1, Math.round((lastNs - starts[0]) / Math.max(1, starts.length - 1)))
}

/**
 * Number of the chain of each unit: prompts that continue each other, by their prefix blocks. A session is a chain of its own. Prompts that share
 * what many share are no chain, however long that is: they are a stretch of the traffic, and would be kept or left out together.
 */
function chainsOf(workload: Workload, units: Units): Int32Array {
  const links = units.areSessions ? null : inferredLinks(workload, Number.POSITIVE_INFINITY)
  return links?.session ?? Int32Array.from({ length: units.count }, (_, unit) => unit)
}
