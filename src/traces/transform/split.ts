/** A trace cut into parts, for tuning on one and judging on another. Every request is in exactly one part; sessions are in one part whole. */
import { UserError } from '../../errors.js'
import { shuffled, stream } from '../../rng.js'
import { createCopies } from '../copies.js'
import { splitInTime } from '../load.js'
import { unitsOf } from '../sessions.js'
import type { Workload } from '../workload.js'

/** How far shares written with a few digits may be from 1 together: 0.333,0.333,0.333. */
const ROUNDING = 1e-3

/** Why a trace cannot be cut by these shares, or null. */
export function sharesFault(shares: readonly number[]): string | null {
  const wrong = shares.find((share) => !(share > 0 && share <= 1))
  if (wrong !== undefined) return `${wrong} is no share of a trace`
  const sum = shares.reduce((total, share) => total + share, 0)
  return Math.abs(sum - 1) < ROUNDING ? null : `the shares add up to ${Number(sum.toPrecision(4))}`
}

function requireShares(shares: readonly number[]): void {
  const fault = sharesFault(shares)
  if (fault !== null) throw new UserError({ where: 'shares', message: fault, hint: 'give shares above 0 that add up to 1' })
}

/** Consecutive stretches of time, by shares that add up to 1 (else UserError); times count from the start of each. */
export function splitByTime(workload: Workload, shares: readonly number[]): Workload[] {
  requireShares(shares)
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
 * are. A session belongs to the tenant of its first request; requests of no tenant are together one tenant. Throws UserError for shares that do not add up to 1.
 */
export function splitByTenant(workload: Workload, shares: readonly number[], seed: number | string): Workload[] {
  requireShares(shares)
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
