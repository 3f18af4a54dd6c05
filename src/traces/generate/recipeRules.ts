/** What must fit together in a recipe, beyond the form of its keys. */
import { suggest } from '../../suggest.js'
import { type Problem, showPath } from '../../yaml/issues.js'
import type { Path } from '../../yaml/text.js'
import { burstSizes, type MmppState } from './arrivals.js'
import { type LawSpec, lawOf, meanOf } from './laws.js'
import { type MixedLengths, publishedNames } from './lengths.js'
import { LATEST_S } from './pace.js'
import { zipfShares } from './prefixes.js'
import type { Recipe, StreamRecipe } from './recipe.js'

const MOST_STREAMS = 1000
/** Changes of state for each request, of all clients together: with more, nothing of the states is left in the traffic, and drawing them does not end. */
const MOST_CHANGES = 10_000
/** Changes of state until every client has sent its first request, or could send none within a trace: all are drawn before anything else. */
const MOST_FIRST_CHANGES = 10_000_000

const problem = (path: Path, what: string, hint: string): Problem => ({
  path,
  message: `${showPath(path) || 'recipe'}: ${what}`,
  hint,
})

export function recipeProblems(recipe: Recipe): Problem[] {
  const problems: Problem[] = []
  const { requests, duration_s: duration, block_tokens: blockTokens, streams } = recipe
  if ((requests === undefined) === (duration === undefined)) {
    const got = requests === undefined ? 'neither' : 'both'
    problems.push(problem([], `needs exactly one of requests and duration_s, got ${got}`, 'for example requests: 10000'))
  }
  if (Object.keys(streams).length > MOST_STREAMS)
    problems.push(problem(['streams'], `more than ${MOST_STREAMS} streams`, 'use clients: for many alike'))
  const blocks = Object.values(streams).some(({ session, prefixes }) => session !== undefined || prefixes !== undefined)
  if (blocks && blockTokens === undefined)
    problems.push(problem([], 'sessions and prefixes need block_tokens', 'for example block_tokens: 64'))
  if (!blocks && blockTokens !== undefined)
    problems.push(problem(['block_tokens'], 'has no effect without sessions or prefixes', 'remove it'))
  for (const [name, one] of Object.entries(streams)) problems.push(...streamProblems(['streams', name], one, recipe.max_tokens))
  return problems
}

function streamProblems(path: Path, one: StreamRecipe, maxTokens: number): Problem[] {
  const problems: Problem[] = []
  const { lengths, session, prefixes, profile, clients } = one
  if ((lengths === undefined) === (session === undefined)) {
    const got = lengths === undefined ? 'neither' : 'both'
    problems.push(
      problem(path, `needs exactly one of lengths and session, got ${got}`, 'for example lengths: {table: azure-conv}'),
    )
  }
  if (lengths !== undefined) problems.push(...lengthProblems([...path, 'lengths'], lengths))
  if (session !== undefined) {
    for (const key of ['documents', 'reuse'] as const) {
      if (prefixes?.[key] !== undefined)
        problems.push(problem([...path, 'prefixes', key], 'has no effect in sessions, which have their history', 'remove it'))
    }
    if ((session.growth === undefined) === (session.added === undefined))
      problems.push(
        problem([...path, 'session'], 'needs exactly one of growth and added', 'for example growth: {lognormal: [6.5, 1]}'),
      )
    for (const key of ['first_context', 'growth', 'added'] as const) {
      const given = session[key]
      if (typeof given === 'object' && 'edges' in given)
        problems.push(...binProblems([...path, 'session', key], given.edges, { laws: given.laws }))
    }
    if (session.context_limit > maxTokens)
      problems.push(problem([...path, 'session', 'context_limit'], `is above max_tokens, ${maxTokens}`, 'raise max_tokens too'))
    if (clients?.length_sigma !== undefined)
      problems.push(problem([...path, 'clients', 'length_sigma'], 'has no effect on sessions', 'remove it'))
  }
  problems.push(...arrivalProblems([...path, 'arrivals'], one))
  if (profile !== undefined) problems.push(...profileProblems([...path, 'profile'], profile))
  if (clients?.cv !== undefined && one.arrivals.law !== 'poisson')
    problems.push(problem([...path, 'clients', 'cv'], 'takes the place of arrivals, which are given too', 'keep one of them'))
  if (clients?.shift_s !== undefined && profile === undefined)
    problems.push(problem([...path, 'clients', 'shift_s'], 'has no effect without a profile', 'remove it, or give profile'))
  problems.push(...prefixProblems([...path, 'prefixes'], prefixes))
  return problems
}

/** Gaps that are all 0 have no rate. */
function arrivalProblems(path: Path, one: StreamRecipe): Problem[] {
  const { arrivals } = one
  const none = (law: LawSpec): boolean => meanOf(lawOf(law)) === 0
  const hint = 'give times above 0; their proportions matter, the rate sets their level'
  if (arrivals.law === 'table' && none(arrivals.gaps)) return [problem([...path, 'gaps'], 'the gaps are 0 in the mean', hint)]
  if (
    arrivals.law === 'bursts' &&
    none(arrivals.silence_s) &&
    (none(arrivals.gap_s) || meanOf(burstSizes(arrivals.requests)) === 1)
  )
    return [problem([...path, 'silence_s'], 'the gaps and the silences are 0 in the mean', hint)]
  return arrivals.law === 'mmpp' ? stateProblems([...path, 'states'], arrivals.states, one) : []
}

/** States that change far more often than requests come are none. */
function stateProblems(path: Path, states: readonly MmppState[], { rate_per_s: ratePerS, clients }: StreamRecipe): Problem[] {
  const cycleS = states.reduce((sum, { dwell_s }) => sum + dwell_s, 0)
  const perS = states.length / cycleS
  const rates = clients === undefined ? [ratePerS] : zipfShares(clients.count, clients.zipf).map((share) => share * ratePerS)
  const each = (rates.length * perS) / ratePerS
  const first = rates.reduce((sum, rate) => sum + perS * Math.min(1 / rate, LATEST_S), 0)
  // at a rate for which no trace is long enough, that is what is wrong
  const isOften = each > MOST_CHANGES && ratePerS * LATEST_S >= 1
  if (!isOften && first <= MOST_FIRST_CHANGES) return []
  const often = Number((isOften ? each : first).toPrecision(2)).toLocaleString('en')
  const what = `the states change about ${often} times ${isOften ? 'for each request' : 'before every client has sent one'}, too often to be drawn`
  return [problem(path, what, 'give longer dwell_s, or law: poisson')]
}

function lengthProblems(path: Path, lengths: NonNullable<StreamRecipe['lengths']>): Problem[] {
  if ('table' in lengths) {
    const names = publishedNames()
    return names.includes(lengths.table)
      ? []
      : [problem([...path, 'table'], `unknown table '${lengths.table}'`, suggest(lengths.table, names))]
  }
  if ('kinds' in lengths) return mixProblems(path, lengths)
  const { osl, rho } = lengths
  if (typeof osl !== 'object' || !('edges' in osl)) return []
  const problems = binProblems([...path, 'osl'], osl.edges, { laws: osl.laws })
  if (rho !== undefined) problems.push(problem([...path, 'rho'], 'has no effect with an osl by bins of isl', 'remove it'))
  return problems
}

function mixProblems(path: Path, { kinds, until_s: untilS, shares }: MixedLengths): Problem[] {
  const problems = kinds.flatMap((kind, k) => lengthProblems([...path, 'kinds', k], kind))
  problems.push(...stepProblems([...path, 'until_s'], untilS))
  if (shares.length !== untilS.length)
    problems.push(
      problem([...path, 'shares'], `${shares.length} lists for ${untilS.length} steps`, 'give one list for each step'),
    )
  for (const [step, list] of shares.entries()) {
    const sum = list.reduce((total, share) => total + share, 0)
    if (list.length !== kinds.length || Math.abs(sum - 1) > 1e-3)
      problems.push(problem([...path, 'shares', step], 'is not one share for each kind, adding up to 1', 'correct the list'))
  }
  return problems
}

function stepProblems(path: Path, untilS: readonly number[]): Problem[] {
  return untilS.every((end, i) => end > (untilS[i - 1] ?? 0))
    ? []
    : [problem(path, 'the ends of the steps do not ascend from 0', 'give ends such as [3600, 7200]')]
}

function profileProblems(path: Path, { until_s: untilS, factors }: NonNullable<StreamRecipe['profile']>): Problem[] {
  const problems: Problem[] = []
  if (untilS.length !== factors.length)
    problems.push(problem(path, `${untilS.length} ends and ${factors.length} factors`, 'give one factor for each step'))
  problems.push(...stepProblems([...path, 'until_s'], untilS))
  if (factors.every((factor) => factor === 0)) problems.push(problem([...path, 'factors'], 'all are 0', 'give one above 0'))
  return problems
}

function prefixProblems(path: Path, prefixes: StreamRecipe['prefixes']): Problem[] {
  const problems: Problem[] = []
  const system = prefixes?.system
  if (system !== undefined && 'shares' in system) {
    if (system.shares.length !== system.tokens.length)
      problems.push(problem([...path, 'system'], 'as many tokens as shares are needed', 'give one for each prompt'))
    if (system.shares.reduce((sum, share) => sum + share, 0) > 1 + 1e-6)
      problems.push(problem([...path, 'system', 'shares'], 'add up to more than 1', 'give shares of all requests'))
  }
  const reuse = prefixes?.reuse
  if (reuse !== undefined) {
    const { edges, chance, share, continues } = reuse
    problems.push(...binProblems([...path, 'reuse'], edges, { chance, share, continues }))
    for (const [key, values] of Object.entries({ chance, continues }))
      if (values.some((value) => value > 1))
        problems.push(problem([...path, 'reuse', key], 'holds a probability above 1', 'give 0 to 1'))
  }
  return problems
}

/** Bins between ascending edges, one entry in every list for each. */
function binProblems(path: Path, edges: readonly number[], lists: Record<string, readonly unknown[]>): Problem[] {
  const problems: Problem[] = []
  if (edges.some((edge, i) => i > 0 && edge < edges[i - 1]))
    problems.push(problem([...path, 'edges'], 'do not ascend', 'sort them'))
  for (const [key, values] of Object.entries(lists)) {
    if (values.length !== edges.length - 1)
      problems.push(problem([...path, key], `${values.length} entries for ${edges.length - 1} bins`, 'give one for each bin'))
  }
  return problems
}
