/**
 * The levers. Reading order: `lever.ts` (what a policy sees and fills), one policy of each folder (`split/fixedCount.ts`,
 * `split/lengthAware.ts`, `chunk/equalTime.ts`, `rank/least.ts`), `catalogue.ts` (names), and for the science of the split lever
 * `split/pieces.ts`, `split/makespan.ts`, `split/model.ts`, with the exact oracle in `split/exact.ts`.
 */
export {
  createArm,
  POLICIES,
  type PolicyOf,
  parsePolicy,
  SHAPE_AWARE_ARM,
  STATIC_ARM,
  staticArm,
  staticBudget,
} from './catalogue.js'
export * from './lever.js'
export { createSplitDecision } from './split/decision.js'
export { type ExactMachine, exactAttentionNs, exactMakespanNs, nsPerByte } from './split/exact.js'
export type { SplitMachine } from './split/machine.js'
export {
  createSplitEvaluator,
  createSplitModel,
  floorNs,
  grahamNs,
  occupancyCount,
  type SplitEvaluator,
  type SplitModel,
} from './split/model.js'
