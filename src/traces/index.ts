/** Traces in and out, and their statistics. */

export { withAnswerBlocks } from './answers.js'
export { blockCountOf, blockIdsOf } from './blocks.js'
export { workloadFault } from './contract.js'
export { uniformWorkload } from './generate/uniform.js'
export { traceHash } from './hash.js'
export { PRESETS } from './presetNames.js'
export { type ReadOptions, type ReadResult, readTrace } from './read.js'
export type { TraceReport } from './report.js'
export { type ComparisonLine, compareTraces, type TraceComparison } from './statistics/compare.js'
export {
  idealHitRate,
  type PrefixStatistics,
  type SessionStatistics,
  statisticsWarnings,
  type TraceDistribution,
  type TracePictures,
  type TraceStatistics,
  tracePictures,
  traceStatistics,
} from './statistics/index.js'
export { shapesOnly, type Workload } from './workload.js'
export { type WriteOptions, writeCsv, writeTrace, writeWorkload } from './write/index.js'
