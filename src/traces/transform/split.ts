/** A trace cut into parts, for tuning on one and judging on another. Every request is in exactly one part; sessions are in one part whole. */
import { shuffled, stream } from '../../rng.js'
import { createCopies } from '../copies.js'
import { splitInTime } from '../load.js'
import { unitsOf } from '../sessions.js'
import type { Workload } from '../workload.js'

/** Consecutive stretches of time, by shares that add up to 1; times count from the start of each. */
export function splitByTime(workload: Workload, shares: readonly number[]): Workload[] {
  let from = 0
  return shares.map((share, part) => {
    const to = part === shares.length - 1 ? 1 : from + share
    const cut = splitInTime(workload, from, to)
    from = to
    return cut
  })
}

/**
 * Whole tenants: drawn in random order (stream `trace/split`), each goes to the part that lacks most of its share of the requests. Times stay as they
 * are. A session belongs to the tenant of its first request; requests of no tenant are together one tenant.
 */
export function splitByTenant(workload: Workload, shares: readonly number[], seed: number | string): Workload[] {
  const units = unitsOf(workload)
  const tenantOf = (unit: number): number => workload.tenant?.[units.rows[units.offset[unit]]] ?? -1
  const requests = new Map<number, number>()
  for (let unit = 0; unit < units.count; unit++) {
    const tenant = tenantOf(unit)
    requests.set(tenant, (requests.get(tenant) ?? 0) + units.offset[unit + 1] - units.offset[unit])
  }
  const lacking = shares.map((share) => share * workload.count)
  const partOf = new Map<number, number>()
  const tenants = [...requests.keys()].sort((a, b) => a - b)
  for (const tenant of shuffled(tenants, stream(seed, 'trace/split'))) {
    const part = lacking.indexOf(Math.max(...lacking))
    partOf.set(tenant, part)
    lacking[part] -= requests.get(tenant) as number
  }
  return shares.map((share, part) => {
    const copies = createCopies(workload, units, Math.ceil(share * workload.count))
    for (let unit = 0; unit < units.count; unit++) {
      if (partOf.get(tenantOf(unit)) === part) copies.add(unit, workload.arrivalNs[units.rows[units.offset[unit]]], 0)
    }
    return copies.workload()
  })
}
