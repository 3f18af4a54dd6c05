/** Experiments: reading order compare.ts (the whole way), tune.ts, job.ts (one simulation), rows.ts and statistics.ts (what is concluded). */
export { type CompareOptions, type CompareOutput, type CompareProgress, compare } from './compare.js'
export { type Job, type JobContext, type Outcome, pictureOf, runJob } from './job.js'
export { comparisonJson, sixDigits } from './json.js'
export type { ArmResult, ComparisonResult, ComparisonRow, Evidence, Reading } from './result.js'
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
export { armOn } from './tune.js'
