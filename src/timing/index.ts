export { type Constants, type MoePath, NEUTRAL, PROFILES, type Profile, tokensPer1024Steps } from './calibration.js'
export {
  type Calibration,
  calibrationSchema,
  constantsOf,
  drawsOf,
  type FittedConstant,
  loadCalibration,
} from './calibrationFile.js'
export { evidenceOf, explainStep, weakestEvidence } from './explain.js'
export { moePathMatters, moePathsOf } from './profiles.js'
export { PLAIN_TIMING, type TimingRequest } from './request.js'
export { EVIDENCE_KINDS, type Evidence, kernelsDigest } from './slices.js'
export { spanPrices } from './span.js'
export { splitMachine, splitMachineOf } from './split.js'
export { loadSplitConstants } from './splitConstants.js'
export { createStepTimer, promptsPs, type StepTables, type StepTimer } from './stepTimer.js'
export { buildStepTables } from './tables.js'
