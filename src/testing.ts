/**
 * `shapewise/testing`: properties for policies and for programs around the simulator. `checkPolicy` in a test of vitest or node:test,
 * `findFault` for the fault as data; below it the arbitraries, the laws of docs/INVARIANTS.md as functions, and twin runs.
 */
export { cachingScenario, longScenario, type Scenario, scenario, thinScenario, wholeScenario } from './testing/arbitraries.js'
export { plainWorkload, splitBatch } from './testing/batches.js'
export { type CheckOptions, checkPolicy, findFault, type PolicyFault, type PolicyUnderCheck } from './testing/check.js'
export { brokenLaws, type Outcome, outcomeOfFast, withSentinel } from './testing/laws.js'
export { policyFaults, type Stage } from './testing/rules.js'
export { type FastRun, type RequestRow, recordObjects, runFast } from './testing/run.js'
export { SHIPPED, type Shipped } from './testing/shipped.js'
export { type Needs, type SmallScenario, smallScenarios } from './testing/small.js'
export { anySplitMachine, tableShape } from './testing/tables.js'
export { futureLeaks, idleCacheFaults, repetitionFaults, snapshotFaults } from './testing/twins.js'
