/**
 * YAML to Plan. Reading order: load.ts (the whole way), schema.ts (keys), rules.ts and engineRules.ts (what fits together), resolve.ts
 * (defaults), cluster.ts (the simulator's numbers).
 */

export { policyProblems } from './armProblems.js'
export { cautionsOf } from './cautions.js'
export { clusterConfig, evidenceOfPlan, timingRequest } from './cluster.js'
export { describePlan, placementOf, planJson } from './describe.js'
export { loadScenario, scenarioFromDefaults } from './load.js'
export type { Plan } from './plan.js'
export { simulatedOf, simulatedWords } from './simulated.js'
export { type SupportRow, supportRows } from './support.js'
export { resolvedYaml } from './yaml.js'
