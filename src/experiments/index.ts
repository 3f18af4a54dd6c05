/** Experiments: reading order experiment.ts, compare.ts and ablate.ts (the whole way), tune.ts, job.ts (one simulation), rows.ts, attribution/ and statistics.ts (what is concluded). */
export { type AblateOptions, type AblateOutput, ablate } from './ablate.js'
export { type Attribution, attribute, type Term } from './attribution/attribute.js'
export { addOne, dropOne, type Game, interaction, overlap, shapley } from './attribution/game.js'
export { type CompareOptions, type CompareOutput, compare } from './compare.js'
export { type ExperimentOptions, type ExperimentProgress, withExperiment } from './experiment.js'
export { FAMILIES, type Family, familyGrid } from './families.js'
export { type Job, type JobContext, type Outcome, openTraffic, pictureOf, runJob } from './job.js'
export { ablationJson, comparisonJson, sixDigits } from './json.js'
export { findLoad, findOperatingPoint, type OperatingPoint } from './operatingPoint.js'
export { type GapRow, gapRows, oracleArms } from './oracles.js'
export { runReplicates } from './replicates.js'
export type { AblationResult, ArmResult, ComparisonResult, ComparisonRow, Reading } from './result.js'
export { comparisonRows, type Readings } from './rows.js'
export {
  type ArrivalShape,
  arrivalShape,
  capacitySize,
  EFFORTS,
  type Effort,
  probeJob,
  requireHalves,
} from './sizing.js'
export { gapClosed, mixInterval, type PairedRatio, pairedRatio } from './statistics.js'
export { type Tuned, tuneFamily } from './tune.js'
