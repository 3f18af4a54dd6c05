/** Sessions of a trace: how many requests, how the context grows from one to the next, how long clients wait, what runs beside. */
import { NS_PER_S } from '../../units.js'
import type { Workload } from '../workload.js'
import { inferredLinks } from './chains.js'
import { distributionOf, type TraceDistribution } from './distribution.js'

/** A step whose context keeps less of the previous one is a reset (compaction, new topic). */
export const RESET_BELOW = 0.7

export interface SessionStatistics {
  /** `recorded` in the trace, or `inferred` from prefix blocks. */
  readonly source: 'recorded' | 'inferred'
  readonly sessions: number
  /** Share (0..1) of the requests that have another one in their session. */
  readonly inSessions: number
  /** Requests of the main thread; sub-agents are counted apart. Contexts and steps are those of the main thread too. */
  readonly requestsPerSession: TraceDistribution
  readonly firstContext: TraceDistribution
  readonly lastContext: TraceDistribution
  readonly largestContext: TraceDistribution
  readonly outputPerSession: TraceDistribution
  /** Tokens by which the context is longer than that of the previous request, resets left out; null without a step. */
  readonly growth: TraceDistribution | null
  readonly steps: number
  readonly resets: number
  /** Median share (0..1) of the context that is left after a reset. */
  readonly leftAfterReset: number | null
  /** Recorded waits of clients between an answer and the next request, s; null when the trace has none. See `knowsWait`. */
  readonly waitS: TraceDistribution | null
  /** Between the arrivals of a request and of the next, s; null where they have none. */
  readonly gapS: TraceDistribution | null
  /** Requests that more than one request continues, and requests that wait for more than one. */
  readonly forks: number
  readonly joins: number
  /** Threads that come back to the main one; one that ends with its session is not told from it. */
  readonly subAgents: number
  readonly subAgentRequests: number
}

/** Who continues whom: `previous` is an earlier row or -1, `session` a number for each session. */
export interface Links {
  readonly previous: Int32Array
  readonly session: Int32Array
}

/** A request continues its parent; in a trace without parents, the request of its session before it. */
function recordedLinks({ session, parent, count }: Workload): Links | null {
  if (parent === null && (session === null || session.every((number) => number < 0))) return null
  const previous = parent ?? new Int32Array(count).fill(-1)
  const ownSession = session?.slice() ?? new Int32Array(count).fill(-1)
  const latest = new Map<number, number>()
  // a request of no session is one of its own
  let next = ownSession.reduce((most, number) => Math.max(most, number + 1), 0)
  for (let i = 0; i < count; i++) {
    if (ownSession[i] < 0) ownSession[i] = previous[i] >= 0 ? ownSession[previous[i]] : next++
    if (parent !== null) continue
    previous[i] = latest.get(ownSession[i]) ?? -1
    latest.set(ownSession[i], i)
  }
  return { previous, session: withoutGaps(ownSession) }
}

/** The same sessions, numbered from 0 on: a window of a trace has lost some of them, which must not count as empty ones. */
function withoutGaps(session: Int32Array): Int32Array {
  const known = new Map<number, number>()
  return session.map((number) => {
    const dense = known.get(number) ?? known.size
    known.set(number, dense)
    return dense
  })
}

interface SubAgents {
  /** 1 for the requests of a sub-agent. */
  readonly marked: Uint8Array
  readonly threads: number
}

/**
 * The requests of sub-agents. A thread that comes back by `joins` is a sub-agent from where it leaves the line of the request that it
 * joins: both lines are followed back to where they meet.
 */
export function subAgents({ joins, count }: Workload, previous: Int32Array): SubAgents {
  const marked = new Uint8Array(count)
  let threads = 0
  for (let i = 0; joins !== null && i < count; i++) {
    if (joins[i] < 0) continue
    threads++
    let beside = i
    let main = previous[joins[i]]
    while (beside !== main && beside >= 0) {
      if (beside > main) {
        marked[beside] = 1
        beside = previous[beside]
      } else main = previous[main]
    }
  }
  return { marked, threads }
}

/** What sessions are made of: one value a session, or one a step with the session it is of. Contexts and steps are those of main threads. */
export interface SessionSamples {
  readonly source: SessionStatistics['source']
  /** Requests of each session, sub-agents included. */
  readonly size: Int32Array
  readonly requests: Int32Array
  readonly firstContext: Int32Array
  readonly lastContext: Int32Array
  readonly largestContext: Int32Array
  readonly output: Float64Array
  /** Tokens by which a context is longer than the one before, resets left out. */
  readonly growth: SteppedSample
  /** Share (0..1) of the context that a reset leaves. */
  readonly left: SteppedSample
  readonly waitS: SteppedSample
  readonly gapS: SteppedSample
}

export interface SteppedSample {
  readonly values: Float64Array
  readonly session: Int32Array
}

/** null when no request belongs to a session and prefix blocks show none. */
export function sessionSamples(
  workload: Workload,
): (SessionSamples & { readonly links: Links; readonly aside: SubAgents }) | null {
  const recorded = recordedLinks(workload)
  const links = recorded ?? inferredLinks(workload)
  if (links === null) return null
  const { previous, session } = links
  const { isl, osl, arrivalNs, waitNs, count } = workload
  const aside = subAgents(workload, previous)
  const isKnown = knowsWait(workload)
  const sessions = session.reduce((most, number) => Math.max(most, number + 1), 0)
  const perSession = (): Int32Array => new Int32Array(sessions)
  const [size, requests, firstContext, lastContext, largestContext] = [1, 2, 3, 4, 5].map(perSession)
  const output = new Float64Array(sessions)
  const [growth, left, waitS, gapS] = [1, 2, 3, 4].map(() => steps())
  for (let i = 0; i < count; i++) {
    const own = session[i]
    const before = previous[i]
    size[own]++
    if (waitNs !== null && before >= 0 && isKnown(i)) waitS.push(waitNs[i] / NS_PER_S, own)
    if (aside.marked[i] === 1) continue
    if (requests[own]++ === 0) firstContext[own] = isl[i]
    lastContext[own] = isl[i]
    largestContext[own] = Math.max(largestContext[own], isl[i])
    output[own] += osl[i]
    if (before < 0) continue
    if (isl[i] < RESET_BELOW * isl[before]) left.push(isl[i] / isl[before], own)
    else growth.push(isl[i] - isl[before], own)
    const gapNs = arrivalNs[i] - arrivalNs[before]
    if (!Number.isNaN(gapNs)) gapS.push(gapNs / NS_PER_S, own)
  }
  return {
    source: recorded === null ? 'inferred' : 'recorded',
    ...{ size, requests, firstContext, lastContext, largestContext, output },
    ...{ growth: growth.sample(), left: left.sample(), waitS: waitS.sample(), gapS: gapS.sample() },
    links,
    aside,
  }
}

/** Whether the wait of a request is known: of one that came at a time of its own it is 0 too where the file tells no waits. */
function knowsWait({ arrivalNs, waitNs }: Workload): (row: number) => boolean {
  const isTimed = (row: number): boolean => !Number.isNaN(arrivalNs[row])
  const timedHave = waitNs?.some((ns, row) => ns > 0 && isTimed(row)) ?? false
  return (row) => timedHave || !isTimed(row)
}

function steps() {
  const values: number[] = []
  const session: number[] = []
  return {
    push: (value: number, own: number): void => {
      values.push(value)
      session.push(own)
    },
    sample: (): SteppedSample => ({ values: Float64Array.from(values), session: Int32Array.from(session) }),
  }
}

/** null when no request belongs to a session and prefix blocks show none. */
export function sessionStatistics(workload: Workload): SessionStatistics | null {
  const samples = sessionSamples(workload)
  if (samples === null) return null
  const { source, links, aside, size, growth, left } = samples
  const children = new Int32Array(workload.count)
  for (const previous of links.previous) if (previous >= 0) children[previous]++
  return {
    source,
    sessions: size.length,
    inSessions: size.reduce((sum, requests) => sum + (requests > 1 ? requests : 0), 0) / workload.count,
    requestsPerSession: distributionOf(samples.requests),
    firstContext: distributionOf(samples.firstContext),
    lastContext: distributionOf(samples.lastContext),
    largestContext: distributionOf(samples.largestContext),
    outputPerSession: distributionOf(samples.output),
    growth: distributionOrNull(growth),
    steps: growth.values.length + left.values.length,
    resets: left.values.length,
    leftAfterReset: distributionOrNull(left)?.p50 ?? null,
    waitS: distributionOrNull(samples.waitS),
    gapS: distributionOrNull(samples.gapS),
    forks: children.filter((n) => n > 1).length,
    joins: workload.joinCount?.filter((n) => n > 1).length ?? 0,
    subAgents: aside.threads,
    subAgentRequests: aside.marked.reduce((sum, mark) => sum + mark, 0),
  }
}

const distributionOrNull = ({ values }: SteppedSample): TraceDistribution | null =>
  values.length === 0 ? null : distributionOf(values)
