/** From a trace to a recipe of traffic like it. What is fitted and what is left out is said in the recipe's note and in `notes`. */
import { grouped } from '../../collections/grouped.js'
import { UserError } from '../../errors.js'
import { NS_PER_S } from '../../units.js'
import { pickRequests } from '../columns.js'
import type { PrefixSpec } from '../generate/prefixes.js'
import type { Recipe, StreamRecipe } from '../generate/recipe.js'
import type { Provenance, Workload } from '../workload.js'
import { type FittedArrivals, fitArrivals, toMs } from './arrivals.js'
import { fitLengths } from './lengths.js'
import { fitPrefixes } from './prefixes.js'
import { fitSessions } from './sessions.js'

export { drawAlike } from './nearest.js'

export interface Fit {
  readonly recipe: Recipe
  /** Sentences for the user: how much was fitted, and what was not. */
  readonly notes: readonly string[]
}

/** Of fewer requests nothing can be fitted. */
const FEWEST_REQUESTS = 50
/** Tenants with fewer requests are fitted together; so many have a stream of their own at most. */
const FEWEST_OF_CLIENT = 500
const MOST_CLIENTS = 16

/** `ratePerS` is needed where all sessions begin at one time: their recordings then do not say when. Throws UserError for traces without a rate. */
export function fitRecipe(workload: Workload, ratePerS?: number): Fit {
  const { count, arrivalNs, isl, osl, provenance } = workload
  if (count < FEWEST_REQUESTS)
    throw new UserError({
      where: provenance.name,
      message: `a trace of ${count} requests is too short to fit anything to it`,
      hint: `give one of ${FEWEST_REQUESTS} or more`,
    })
  const inSessions = arrivalNs.some(Number.isNaN)
  const begun = inSessions ? rootsOf(workload) : workload
  const period = { fromNs: begun.arrivalNs[0], toNs: begun.arrivalNs[begun.count - 1] }
  const notes: string[] = []
  if (workload.classId !== null) notes.push('Classes are not fitted: requests of all are taken together.')
  if (!inSessions && workload.session !== null) notes.push(sessionsNote(workload))
  const fitted = workload.runFirst === null ? null : fitPrefixes(begun)
  const prefixes = fitted === null || !inSessions ? fitted : systemAlone(fitted)
  const clients = inSessions || prefixes !== null ? [begun] : clientsOf(begun)
  if (clients.length > 1)
    notes.push(`${clients.length} streams: the tenants with most requests have one each, the others are one together.`)
  else if (workload.tenant !== null) notes.push('Tenants are not fitted: requests of all are taken together.')
  const streams = clients.map((client, at): [string, StreamRecipe] => {
    const name = clients.length === 1 ? 'like' : `like-${at + 1}`
    const arrivals =
      period.toNs > period.fromNs ? fitArrivals(client.arrivalNs, period) : poissonAt(ratePerS, provenance, inSessions)
    const steps = arrivals.profile?.until_s.length ?? 1
    notes.push(
      `${clients.length === 1 ? 'The' : `${name}: the`} rate changes in ${steps} steps; between them gaps are ${arrivals.arrivals.law}. ${client.count} arrivals were seen.`,
    )
    const stream = {
      ...arrivals,
      ...(inSessions ? { session: fitSessions(workload) } : { lengths: fitLengths(client, period.fromNs) }),
      ...(prefixes === null ? {} : { prefixes }),
    }
    return [name, stream]
  })
  const contextLimit = streams[0][1].session?.context_limit
  const durationS = toMs((period.toNs - period.fromNs) / NS_PER_S)
  return {
    recipe: {
      note: `fitted to ${provenance.name}: its rate in steps, its laws of gaps, lengths and prefix reuse`,
      ...(inSessions || durationS === 0 ? { requests: count } : { duration_s: durationS }),
      max_tokens: contextLimit ?? isl.reduce((most, tokens, i) => Math.max(most, tokens + osl[i]), 2),
      ...(inSessions || prefixes !== null ? { block_tokens: workload.blockTokens || DEFAULT_BLOCK_TOKENS } : {}),
      streams: Object.fromEntries(streams),
    },
    notes,
  }
}

/** Of sessions whose requests all have times of their own. */
const sessionsNote = ({ runFirst }: Workload): string =>
  `Sessions are ${runFirst === null ? 'not fitted' : 'fitted as prompts that continue earlier ones'}: every request has a time of its own. They are not compared.`

/** Sessions always have blocks; a trace of sessions that has none gets these. */
const DEFAULT_BLOCK_TOKENS = 64

/** Requests that come at a time of their own. */
function rootsOf(workload: Workload): Workload {
  const roots = Uint32Array.from({ length: workload.count }, (_, i) => i).filter((i) => !Number.isNaN(workload.arrivalNs[i]))
  return pickRequests(
    workload,
    roots,
    Float64Array.from(roots, (row) => workload.arrivalNs[row]),
  )
}

/** Sessions have their history in the place of reuse. */
const systemAlone = ({ system }: PrefixSpec): PrefixSpec | null => (system === undefined ? null : { system })

/**
 * The requests of each tenant that has enough of them, most first, and those of all others: what a client sends in a burst resembles itself, in a way
 * that no law of the whole traffic tells.
 */
function clientsOf(workload: Workload): Workload[] {
  const { tenant, count } = workload
  if (tenant === null) return [workload]
  const rowsOf = grouped(tenant.keys(), (row) => tenant[row])
  const own = [...rowsOf.values()].filter((rows) => rows.length >= FEWEST_OF_CLIENT && atTwoTimes(workload, rows))
  own.sort((a, b) => b.length - a.length || a[0] - b[0])
  const alone = own.slice(0, MOST_CLIENTS)
  const taken = new Uint8Array(count)
  for (const rows of alone) for (const row of rows) taken[row] = 1
  const others = Array.from({ length: count }, (_, row) => row).filter((row) => taken[row] === 0)
  // too few others, or others that all come at one time, are no stream: they go with the smallest client
  const isStream = others.length >= FEWEST_OF_CLIENT && atTwoTimes(workload, others)
  if (others.length > 0 && !isStream && alone.length > 0)
    alone[alone.length - 1] = [...alone[alone.length - 1], ...others].sort((a, b) => a - b)
  else if (others.length > 0) alone.push(others)
  return alone.map((rows) =>
    pickRequests(
      workload,
      Uint32Array.from(rows),
      Float64Array.from(rows, (row) => workload.arrivalNs[row]),
    ),
  )
}

const atTwoTimes = ({ arrivalNs }: Workload, rows: readonly number[]): boolean =>
  arrivalNs[rows[rows.length - 1]] > arrivalNs[rows[0]]

function poissonAt(ratePerS: number | undefined, { name }: Provenance, inSessions: boolean): FittedArrivals {
  if (ratePerS !== undefined) return { rate_per_s: ratePerS, arrivals: { law: 'poisson' } }
  throw new UserError({
    where: name,
    message: `all ${inSessions ? 'sessions begin' : 'requests arrive'} at one time, so the trace does not say how they come`,
    hint: `give a rate: --rate 1 for Poisson arrivals, one ${inSessions ? 'session' : 'request'} a second`,
  })
}
