/** What is told of the sessions of a trace, in the terminal and on the page alike. */
import type { SessionStatistics, TraceDistribution } from '../../traces/index.js'

/** Names and values of the samples that the trace has. */
export function sessionSamples(sessions: SessionStatistics): [string, TraceDistribution][] {
  const samples: [string, TraceDistribution | null][] = [
    ['requests', sessions.requestsPerSession],
    ['first context', sessions.firstContext],
    ['last context', sessions.lastContext],
    ['largest context', sessions.largestContext],
    ['growth per step', sessions.growth],
    ['wait of the client, s', sessions.waitS],
    ['gap between arrivals, s', sessions.gapS],
  ]
  return samples.flatMap(([name, sample]) => (sample === null ? [] : [[name, sample]]))
}
