/**
 * YAML to Plan. Reading order: load.ts (the whole way), schema.ts (keys), rules.ts and engineRules.ts (what fits together), resolve.ts
 * (defaults), cluster.ts (the simulator's numbers).
 */

export { nearest, suggest } from '../suggest.js'
export { clusterConfig, timingRequest } from './cluster.js'
export { describePlan, gpusOfPlan, placementOf, planJson } from './describe.js'
export { layoutName, parseLayout } from './layout.js'
export { type DefaultsSource, loadScenario, type ScenarioSource, scenarioFromDefaults } from './load.js'
export type { EnginePlan, LoadPlan, Plan, SloPlan, WorkloadPlan } from './plan.js'
export { type Simulated, simulatedOf, simulatedWords } from './simulated.js'
export { type SupportRow, supportRows } from './support.js'
export { resolvedYaml } from './yaml.js'
