/** Statistics of a trace, as published for the public ones: lengths, burstiness of arrivals, prefix reuse. */
import type { Workload } from '../workload.js'
import { type ArrivalStatistics, arrivalStatistics } from './arrivals.js'
import { type ShapeCluster, shapeClusters } from './clusters.js'
import { distributionOf, type TraceDistribution } from './distribution.js'
import { type PrefixStatistics, prefixStatistics } from './prefixes.js'
import { type SessionStatistics, sessionStatistics } from './sessions.js'
import { type ShapeStatistics, shapeStatistics } from './shapes.js'

export { gapCv, indexOfDispersion } from './arrivals.js'
export type { TraceDistribution } from './distribution.js'
export { type TracePictures, tracePictures } from './pictures.js'
export { idealHitRate, type PrefixStatistics } from './prefixes.js'
export type { SessionStatistics } from './sessions.js'
export { statisticsWarnings } from './warnings.js'

/** Sizes of the LRU caches that published statistics name, tokens. */
export const LRU_TOKENS: readonly number[] = [1e6, 3e6, 10e6, 30e6]

export interface StatisticsOptions {
  /** Sizes of LRU prefix caches, tokens. Default: 1, 3, 10 and 30 million. */
  readonly lruTokens?: readonly number[]
}

export interface TraceStatistics {
  readonly count: number
  readonly isl: TraceDistribution
  readonly osl: TraceDistribution
  readonly arrivals: ArrivalStatistics
  readonly shapes: ShapeStatistics
  readonly clusters: readonly ShapeCluster[]
  /** null without prefix blocks. */
  readonly prefixes: PrefixStatistics | null
  /** null without sessions, named or inferred. */
  readonly sessions: SessionStatistics | null
}

/** Lengths in tokens, gaps and rates in s, prefix reuse and sessions of a workload. */
export function traceStatistics(workload: Workload, { lruTokens = LRU_TOKENS }: StatisticsOptions = {}): TraceStatistics {
  return {
    count: workload.count,
    isl: distributionOf(workload.isl),
    osl: distributionOf(workload.osl),
    arrivals: arrivalStatistics(workload.arrivalNs),
    shapes: shapeStatistics(workload.isl, workload.osl),
    clusters: shapeClusters(workload.isl, workload.osl),
    prefixes: prefixStatistics(workload, lruTokens),
    sessions: sessionStatistics(workload),
  }
}
