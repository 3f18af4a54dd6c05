/** Traces in and out, and their statistics. */

export { withAnswerBlocks } from './answers.js'
export { createSimulatedTrace } from './asSimulated.js'
export { blockCountOf, blockIdLimit, blockIdsOf } from './blocks.js'
export { workloadFault } from './contract.js'
export { type UniformLengths, uniformWorkload } from './generate/uniform.js'
export { traceHash } from './hash.js'
export { closedLoopTraffic, offeredTraffic, repeatTo, splitInTime } from './load.js'
export { PRESETS, type PresetName } from './presetNames.js'
export { presetWorkload } from './presets.js'
export { type ReadOptions, type ReadResult, readTrace } from './read.js'
export type { SkippedRow, TraceReport } from './report.js'
export { closedSessions, hasSessions, lastArrivalNs, type SessionShape, sessionShape } from './sessions.js'
export { type CompareOptions, type ComparisonLine, compareTraces, type TraceComparison } from './statistics/compare.js'
export {
  type Distribution,
  idealHitRate,
  indexOfDispersion,
  type PrefixStatistics,
  quantile,
  type SessionStatistics,
  statisticsWarnings,
  type TracePictures,
  type TraceStatistics,
  tracePictures,
  traceStatistics,
} from './statistics/index.js'
export { type Provenance, shapesOnly, type Workload } from './workload.js'
export { type WriteOptions, writeCsv, writeTrace, writeWorkload } from './write/index.js'
