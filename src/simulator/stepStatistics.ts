/** Sums over steps: what a simulation counts beside its records. */
import type { StepStatistics } from '../metrics/records.js'
import type { Core } from './core.js'
import { evictedBlocks } from './prefixInput.js'
import { settleAll } from './quiet.js'
import {
  DECODE_SEQUENCES,
  GATING_ATTENTION_PS,
  INPUT_TOKENS,
  MAX_ATTENTION_PS,
  MIGRATED_BYTES,
  MIGRATIONS,
  NOW,
  OUTPUT_TOKENS,
  PREEMPTIONS,
  PREFILL_GATING_PS,
  PREFILL_INPUT_TOKENS,
  PREFILL_MAX_PS,
  PREFILL_STEP_PS,
  PREFILL_STEPS,
  ROLE_CHANGES,
  STEP_PS,
  STEPS,
} from './scalars.js'

export function statistics(core: Core): StepStatistics {
  const { state: s, engines } = core
  settleAll(core, s.scalars[NOW] - 1)
  const { scalars } = s
  const engineKvUsePs = s.engineUsedPs.map((usedPs, e) => usedPs / engines[e].numGpuBlocks)
  const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0)
  return {
    steps: scalars[STEPS],
    outputTokens: scalars[OUTPUT_TOKENS],
    inputTokens: scalars[INPUT_TOKENS],
    stepPs: scalars[STEP_PS],
    gatingAttentionPs: scalars[GATING_ATTENTION_PS],
    meanAttentionPs: sum(s.engineMeanPs),
    maxAttentionPs: scalars[MAX_ATTENTION_PS],
    decodeSequences: scalars[DECODE_SEQUENCES],
    prefillSteps: scalars[PREFILL_STEPS],
    prefillStepPs: scalars[PREFILL_STEP_PS],
    prefillInputTokens: scalars[PREFILL_INPUT_TOKENS],
    prefillGatingPs: scalars[PREFILL_GATING_PS],
    prefillMeanPs: sum(s.enginePrefillMeanPs),
    prefillMaxPs: scalars[PREFILL_MAX_PS],
    kvUsePs: sum(engineKvUsePs),
    preemptions: scalars[PREEMPTIONS],
    migrations: scalars[MIGRATIONS],
    migratedBytes: scalars[MIGRATED_BYTES],
    roleChanges: scalars[ROLE_CHANGES],
    evictedBlocks: evictedBlocks(s),
    itl: s.itl.slice(),
    engineBusyPs: s.engineBusyPs.slice(),
    engineTokens: s.engineTokens.slice(),
    engineKvUsePs,
  }
}

const COUNTED = [
  STEPS,
  OUTPUT_TOKENS,
  INPUT_TOKENS,
  STEP_PS,
  GATING_ATTENTION_PS,
  MAX_ATTENTION_PS,
  DECODE_SEQUENCES,
  PREFILL_STEPS,
  PREFILL_STEP_PS,
  PREFILL_INPUT_TOKENS,
  PREFILL_GATING_PS,
  PREFILL_MAX_PS,
  PREEMPTIONS,
  MIGRATIONS,
  MIGRATED_BYTES,
  ROLE_CHANGES,
]

/** The sums begin anew with the steps that end from now on. */
export function forgetStatistics(core: Core): void {
  const { state: s } = core
  settleAll(core, s.scalars[NOW] - 1)
  for (const counter of COUNTED) s.scalars[counter] = 0
  s.engineMeanPs.fill(0)
  s.enginePrefillMeanPs.fill(0)
  s.engineUsedPs.fill(0)
  s.engineBusyPs.fill(0)
  s.engineTokens.fill(0)
  s.itl.fill(0)
  if (core.sessions !== null) core.sessions.notSent = 0
  if (s.prefix === null) return
  // what was let go before is evicted before
  for (let g = 0; g < s.freeBlocks.length; g++) s.prefix.settle(g, s.freeBlocks[g])
  s.prefix.evicted.fill(0)
}
