/**
 * From a recipe to traffic. Every purpose has a random stream of its own, named after the kind of traffic and the purpose (arrivals, lengths,
 * prefixes, waits), so that a change of one leaves the draws of the others as they are.
 */
import { EventHeap } from '../../collections/eventHeap.js'
import { UserError } from '../../errors.js'
import { type Rng, stream } from '../../rng.js'
import { NS_PER_S } from '../../units.js'
import { NO_NAMES, type Workload } from '../workload.js'
import { gapsOf } from './arrivals.js'
import { createBlockIds } from './chains.js'
import { lawOf } from './laws.js'
import { shapesOf } from './lengths.js'
import { begunLater, driftSteps, LATEST_S, paced, productOf, profileSteps, type Steps } from './pace.js'
import { type BlockMaker, createPrefixes, zipfShares } from './prefixes.js'
import { MOST_REQUESTS, type Recipe, type StreamRecipe } from './recipe.js'
import { createRows, type Rows } from './rows.js'
import { createSessions } from './sessions.js'

export type Seed = number | string

/** Gaps of a client are never more regular than this. */
const LEAST_CV = 0.05

/** One client of one stream: when its next request or session comes, and what is then written. */
interface Source {
  nextS(): number
  emit(timeS: number, rows: Rows): void
}

/** Draws the traffic of a recipe. `name` is the name of the trace. Time 0 is its first arrival. */
export function synthesise(recipe: Recipe, seed: Seed, name: string): Workload {
  refuseTooMany(recipe)
  const maker: BlockMaker = { ids: createBlockIds(), blockTokens: recipe.block_tokens ?? 1 }
  const streams = Object.entries(recipe.streams)
  const sessions = createCounter()
  const tenants = createCounter()
  const tenantNames: string[] = []
  const sources = streams.flatMap(([streamName, one], classId) => {
    const known = tenants.count
    const made = sourcesOf(streamName, one, { classId, maker, sessions, tenants, seed, longest: recipe.max_tokens })
    for (let client = known; client < tenants.count; client++) tenantNames.push(`${streamName}-${client - known + 1}`)
    return made
  })
  const rows = createRows()
  merge(sources, recipe, rows)
  const names = {
    class: streams.length > 1 ? streams.map(([streamName]) => streamName) : null,
    tenant: tenantNames.length > 0 ? tenantNames : NO_NAMES.tenant,
  }
  const note = `${recipe.note === undefined ? '' : `${recipe.note}; `}drawn by a generator, not a recording`
  return rows.workload(names, recipe.block_tokens ?? 0, { name, format: 'generated', note })
}

/** All sources in order of time; the first arrival is always written. */
function merge(sources: readonly Source[], { requests, duration_s: durationS }: Recipe, rows: Rows): void {
  const heap = new EventHeap()
  for (const [at, source] of sources.entries()) heap.push(source.nextS(), 0, at)
  const startS = heap.peekTime()
  while (
    rows.count === 0 ||
    (requests !== undefined ? rows.count < requests : heap.peekTime() - startS <= (durationS as number))
  ) {
    const timeS = heap.peekTime()
    if (timeS > LATEST_S) throw tooSlow(rows.count)
    const at = heap.pop()
    sources[at].emit(timeS, rows)
    heap.push(sources[at].nextS(), 0, at)
  }
}

function refuseTooMany({ streams, duration_s: durationS = 0 }: Recipe): void {
  const expected = durationS * Object.values(streams).reduce((sum, one) => sum + one.rate_per_s, 0)
  if (expected <= MOST_REQUESTS) return
  throw new UserError({
    where: 'duration_s',
    message: `about ${Number(expected.toPrecision(3)).toLocaleString('en')} requests would be drawn; ${MOST_REQUESTS.toLocaleString('en')} are the most`,
    hint: 'take a shorter time, or a lower rate',
  })
}

const tooSlow = (count: number): UserError =>
  new UserError({
    where: 'rate_per_s',
    message: `after ${count} requests the next one is more than ${Math.floor(LATEST_S / 86_400)} days from the start, the longest that a trace can be`,
    hint: 'raise the rate, or draw fewer requests',
  })

interface SourceContext {
  readonly classId: number
  readonly maker: BlockMaker
  readonly sessions: Counter
  readonly tenants: Counter
  readonly seed: Seed
  readonly longest: number
}

interface Counter {
  readonly count: number
  take(): number
}

function createCounter(): Counter {
  let count = 0
  return {
    get count() {
      return count
    },
    take: () => count++,
  }
}

function sourcesOf(name: string, one: StreamRecipe, context: SourceContext): Source[] {
  const { seed } = context
  const write = writerOf(name, one, context)
  const { clients } = one
  if (clients === undefined) {
    const nextS = arrivalsOf(name, one, one.rate_per_s, seed)
    return [{ nextS, emit: write(stream(seed, `${name}/lengths`), 1, -1) }]
  }
  const rng = stream(seed, `${name}/clients`)
  const cv = clients.cv === undefined ? null : lawOf(clients.cv)
  return zipfShares(clients.count, clients.zipf).map((share, k) => {
    const u = rng.uniform()
    const factor = Math.exp((clients.length_sigma ?? 0) * rng.normal())
    const shiftS = rng.uniform() * (clients.shift_s ?? 0)
    const arrivals = cv === null ? one.arrivals : ({ law: 'gamma', cv: Math.max(LEAST_CV, cv.quantile(u)) } as const)
    const nextS = arrivalsOf(`${name}/client-${k}`, { ...one, arrivals }, one.rate_per_s * share, seed, shiftS)
    return { nextS, emit: write(stream(seed, `${name}/client-${k}/lengths`), factor, context.tenants.take()) }
  })
}

function arrivalsOf(name: string, { arrivals, profile, drift }: StreamRecipe, ratePerS: number, seed: Seed, shiftS = 0) {
  const gaps = gapsOf(arrivals, ratePerS, stream(seed, `${name}/arrivals`))
  const steps: Steps[] = []
  if (profile !== undefined) steps.push(begunLater(profileSteps(profile), shiftS))
  if (drift !== undefined) steps.push(driftSteps(drift, stream(seed, `${name}/drift`)))
  return paced(gaps, steps.length === 0 ? null : steps.reduce(productOf))
}

/** What is written at an arrival: a request, or a whole session. */
function writerOf(name: string, one: StreamRecipe, context: SourceContext) {
  const { classId, maker, sessions, seed, longest } = context
  const prefixes = one.prefixes === undefined ? null : createPrefixes(one.prefixes, maker, seed, name)
  if (one.lengths !== undefined) {
    const lengths = one.lengths
    return (rng: Rng, factor: number, tenant: number) => {
      const draw = shapesOf(lengths, longest, factor)
      return (timeS: number, rows: Rows): void => {
        const shape = draw(rng, timeS)
        const chain = prefixes?.chainOf(timeS, shape.isl) ?? null
        const alone = { session: -1, parent: -1, waitNs: 0, joins: -1 }
        rows.push({ arrivalNs: Math.floor(timeS * NS_PER_S), ...shape, classId, tenant, chain, ...alone })
      }
    }
  }
  const draw = createSessions(one.session as NonNullable<StreamRecipe['session']>, maker)
  let drawn = 0
  return (_rng: Rng, _factor: number, tenant: number) =>
    (timeS: number, rows: Rows): void => {
      const ownName = `${name}/session-${drawn++}`
      const rngs = { lengths: stream(seed, `${ownName}/lengths`), waits: stream(seed, `${ownName}/waits`) }
      const session = sessions.take()
      const first = rows.count
      const inTrace = (row: number): number => (row < 0 ? -1 : first + row)
      for (const { parent, joins, ...row } of draw(prefixes?.system() ?? null, rngs)) {
        const arrivalNs = parent < 0 ? Math.floor(timeS * NS_PER_S) : Number.NaN
        rows.push({ ...row, arrivalNs, classId, tenant, session, parent: inTrace(parent), joins: inTrace(joins) })
      }
    }
}
