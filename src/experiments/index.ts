/** Experiments: reading order compare.ts (the whole way), tune.ts, job.ts (one simulation), rows.ts and statistics.ts (what is concluded). */
export { type CompareOutput, compare } from './compare.js'
export { type ExperimentOptions, type ExperimentProgress, withExperiment } from './experiment.js'
export { armOn, FAMILIES, type Family, familyGrid } from './families.js'
export { type Job, type JobContext, type Outcome, pictureOf, runJob } from './job.js'
export { comparisonJson, sixDigits } from './json.js'
export { findOperatingPoint, type OperatingPoint } from './operatingPoint.js'
export { runReplicates } from './replicates.js'
export type { ArmResult, ComparisonResult, ComparisonRow, Evidence, Reading } from './result.js'
export { comparisonRows, type Readings } from './rows.js'
export {
  type ArrivalShape,
  arrivalShape,
  capacitySize,
  EFFORTS,
  type Effort,
  probeJob,
  requireHalves,
  TAIL,
  windowS,
} from './sizing.js'
export { mixInterval, type PairedRatio, pairedRatio } from './statistics.js'
export { type Tuned, tuneFamily } from './tune.js'
