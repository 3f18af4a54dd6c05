/**
 * Types that the functions of the library take or give, under them those that these are made of: whatever a signature names can be imported.
 */
export type { FaultyPolicy } from './errors.js'
export type { Attribution, LeverTerms, Term } from './experiments/attribution/attribute.js'
export type { ExperimentProgress } from './experiments/experiment.js'
export type { GapRow } from './experiments/oracles.js'
export type {
  AblationResult,
  ArmResult,
  AttentionByRole,
  ComparisonRow,
  OracleResult,
  Reading,
  ResultIdentity,
  SeriesPoint,
  TuningRecord,
} from './experiments/result.js'
export type { Effort } from './experiments/sizing.js'
export type { Tried } from './experiments/tried.js'
export type { MeasuredSystem, Sourced, SystemSpec } from './hardware/system.js'
export type { EngineLimits } from './levers/catalogue.js'
export type { Entry, Parameter } from './levers/entry.js'
export type { GpuRates, TokenCost } from './metrics/cost.js'
export type { LatencyCurves } from './metrics/summarise.js'
export type {
  AttentionOfSteps,
  Distribution,
  PrefixCacheSummary,
  SaturationVerdict,
  SessionSummary,
  StepsByRole,
  StepsOfRole,
} from './metrics/summary.js'
export type { EngineRole, ModelSpec, Parallelism, Precision, SparseIndexer } from './models/model.js'
export type { ExchangeKernel, GemmType, KvPrecision, MoeKernel, OperatorGroup } from './models/operator.js'
export type { KernelChoice, OperatorRequest } from './models/operators.js'
export type { RunMeta } from './reports/runReport.js'
export type { TableOptions } from './reports/terminalTable.js'
export type { DefaultsSource, ScenarioSource } from './scenario/load.js'
export type { LoadMethod, SessionReplay } from './scenario/loadKeys.js'
export type { ArmInput } from './scenario/overrides.js'
export type { EnginePlan, LoadPlan, SloPlan, WorkloadPlan } from './scenario/plan.js'
export type { ReadKeys } from './scenario/readKeys.js'
export type { Simulated } from './scenario/simulated.js'
export type { EvidenceShares, SupportRequest } from './scenario/support.js'
export type { FabricConfig } from './simulator/config.js'
export type { SeriesSample, SimulateOptions, SimulationOptions } from './simulator/simulation.js'
export type { Constants, MoePath, Profile } from './timing/calibration.js'
export type { BatchOfRank, ExplainedOperator, ExplainedStep } from './timing/explain.js'
export type { TimingRequest } from './timing/request.js'
export type { Evidence } from './timing/slices.js'
export type { SpanPrices } from './timing/span.js'
export type { SharedCall, StepTables, StepTimer } from './timing/stepTimer.js'
export type { ColumnChoice } from './traces/csvHeader.js'
export type { Fit } from './traces/fit/index.js'
export type { FormatName } from './traces/formats/catalogue.js'
export type { ArrivalSpec, MmppState } from './traces/generate/arrivals.js'
export type { Bounds, LawSpec, Lognormal, TableSpec } from './traces/generate/laws.js'
export type { LawsByBin, LengthSpec, MixedLengths, PlainLengths } from './traces/generate/lengths.js'
export type { DriftSpec, ProfileSpec } from './traces/generate/pace.js'
export type { DocumentSpec, PrefixSpec, SystemPromptSpec } from './traces/generate/prefixes.js'
export type { RecipeChange } from './traces/generate/readRecipe.js'
export type { ClientSpec, StreamRecipe } from './traces/generate/recipe.js'
export type { ReuseSpec } from './traces/generate/reuse.js'
export type { SessionSpec } from './traces/generate/sessions.js'
export type { Seed } from './traces/generate/synth.js'
export type { UniformLengths } from './traces/generate/uniform.js'
export type { SkippedRow, TraceReport } from './traces/report.js'
export type { Numbering } from './traces/requestRows.js'
export type { ArrivalStatistics, DispersionBin } from './traces/statistics/arrivals.js'
export type { ShapeCluster } from './traces/statistics/clusters.js'
export type { ComparisonLine } from './traces/statistics/compare/line.js'
export type { TraceComparisonOptions } from './traces/statistics/compare.js'
export type { TraceDistribution } from './traces/statistics/distribution.js'
export type { StatisticsOptions } from './traces/statistics/index.js'
export type { HitRates, PrefixStatistics } from './traces/statistics/prefixes.js'
export type { SessionStatistics } from './traces/statistics/sessions.js'
export type { Concentration, ShapeStatistics } from './traces/statistics/shapes.js'
export type { ExtraRole } from './traces/table/roles.js'
export type { UnitlessTimes } from './traces/units.js'
export type { Provenance } from './traces/workload.js'
export type { Part } from './traces/write/parts.js'
export type { TargetName } from './traces/write/targets.js'
export type { Path } from './yaml/text.js'
