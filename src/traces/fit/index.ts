/** From a trace to a recipe of traffic like it. What is fitted and what is left out is said in the recipe's note and in `notes`. */
import { UserError } from '../../errors.js'
import { NS_PER_S } from '../../units.js'
import { pickRequests } from '../columns.js'
import type { PrefixSpec } from '../generate/prefixes.js'
import type { Recipe, StreamRecipe } from '../generate/recipe.js'
import type { Workload } from '../workload.js'
import { type FittedArrivals, fitArrivals } from './arrivals.js'
import { fitLengths } from './lengths.js'
import { fitPrefixes } from './prefixes.js'
import { fitSessions } from './sessions.js'

export interface Fit {
  readonly recipe: Recipe
  /** Sentences for the user: how much was fitted, and what was not. */
  readonly notes: readonly string[]
}

/** Of fewer requests nothing can be fitted. */
const FEWEST_REQUESTS = 50

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
  const arrivals = arrivalsOf(begun, inSessions, ratePerS)
  const notes = [
    `The rate changes in ${arrivals.profile?.until_s.length ?? 1} steps; between them gaps are ${arrivals.arrivals.law}. ${begun.count} arrivals were seen.`,
  ]
  if (workload.tenant !== null || workload.classId !== null)
    notes.push('Classes and tenants are not fitted: all requests are of one kind.')
  if (!inSessions && workload.session !== null)
    notes.push('Sessions are fitted as prompts that continue earlier ones: every request has a time of its own.')
  const fitted = workload.runFirst === null ? null : fitPrefixes(begun)
  const prefixes = fitted === null || !inSessions ? fitted : systemAlone(fitted)
  const stream: StreamRecipe = {
    ...arrivals,
    ...(inSessions ? { session: fitSessions(workload) } : { lengths: fitLengths(isl, osl, arrivalNs) }),
    ...(prefixes === null ? {} : { prefixes }),
  }
  const spanS = (begun.arrivalNs[begun.count - 1] - begun.arrivalNs[0]) / NS_PER_S
  return {
    recipe: {
      note: `fitted to ${provenance.name}: its rate in steps, its laws of gaps, lengths and prefix reuse`,
      ...(inSessions ? { requests: count } : { duration_s: Number(spanS.toFixed(3)) }),
      max_tokens: stream.session?.context_limit ?? isl.reduce((most, tokens, i) => Math.max(most, tokens + osl[i]), 2),
      ...(inSessions || prefixes !== null ? { block_tokens: workload.blockTokens || DEFAULT_BLOCK_TOKENS } : {}),
      streams: { like: stream },
    },
    notes,
  }
}

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

function arrivalsOf(
  { arrivalNs, count, provenance }: Workload,
  inSessions: boolean,
  ratePerS: number | undefined,
): FittedArrivals {
  if (arrivalNs[count - 1] > arrivalNs[0]) return fitArrivals(arrivalNs)
  if (ratePerS !== undefined) return { rate_per_s: ratePerS, arrivals: { law: 'poisson' } }
  throw new UserError({
    where: provenance.name,
    message: `all ${inSessions ? 'sessions begin' : 'requests arrive'} at one time, so the trace does not say how they come`,
    hint: `give a rate: --rate 1 for Poisson arrivals, one ${inSessions ? 'session' : 'request'} a second`,
  })
}
