/**
 * The public library. One simulation: `loadScenario` → `clusterConfig` → `readTrace` → `simulate` → `summarise` (in pieces: `createSimulation`,
 * `createSummariser`); a comparison of arms: `compare`, and `ablate` for where a gain comes from; traces thinned, cut and put together: `sampled`,
 * `splitByTime`, `splitByTenant`, `merged`. Everything below is plain data and plain functions; nothing reads a clock or the environment, and
 * no file but the data of this package and those that a plan, a recipe or a call names.
 */
export { type Fault, PolicyError, UserError } from './errors.js'
export {
  type AblateOptions,
  type AblateOutput,
  ablate,
  ablationJson,
  type CompareOptions,
  type CompareOutput,
  type ComparisonResult,
  compare,
  comparisonJson,
  type ExperimentOptions,
} from './experiments/index.js'
export * from './levers/index.js'
export { FATES, PHASES, type Records, type StepStatistics } from './metrics/records.js'
export { createSummariser, type SummariseOptions, type Summariser, summarise } from './metrics/summarise.js'
export type { Summary } from './metrics/summary.js'
export { ablationHtml } from './reports/html/ablation.js'
export { comparisonHtml } from './reports/html/comparison.js'
export { comparisonTable, runTable } from './reports/terminal.js'
export { ablationTable } from './reports/terminalAblation.js'
export {
  clusterConfig,
  describePlan,
  evidenceOfPlan,
  loadScenario,
  type Plan,
  planJson,
  resolvedYaml,
  type SupportRow,
  scenarioFromDefaults,
  supportRows,
  timingRequest,
} from './scenario/index.js'
export {
  type Advance,
  type ClusterConfig,
  createSimulation,
  type EngineConfig,
  type LoadConfig,
  type MeasureWindow,
  type Simulation,
  type SimulationResult,
  simulate,
} from './simulator/index.js'
export { buildStepTables, createStepTimer, explainStep, splitMachine } from './timing/index.js'
export { fitRecipe } from './traces/fit/index.js'
export { readRecipe } from './traces/generate/readRecipe.js'
export type { Recipe } from './traces/generate/recipe.js'
export { synthesise } from './traces/generate/synth.js'
export { recipeText } from './traces/generate/writeRecipe.js'
export {
  compareTraces,
  type ReadOptions,
  type ReadResult,
  readTrace,
  shapesOnly,
  type TraceComparison,
  type TraceStatistics,
  traceHash,
  traceStatistics,
  uniformWorkload,
  type Workload,
  type WriteOptions,
  workloadFault,
  writeCsv,
  writeTrace,
  writeWorkload,
} from './traces/index.js'
export { type SessionShape, sessionShape } from './traces/sessions.js'
export { type MergeOptions, merged, type NamedWorkload } from './traces/transform/merge.js'
export { sampled } from './traces/transform/sample.js'
export { splitByTenant, splitByTime } from './traces/transform/split.js'
export type * from './types.js'
