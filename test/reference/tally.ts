/** Statistics of the steps that ended in the measure window, summed one step at a time. */
import { LOG_HISTOGRAM_BINS, logBin } from '../../src/collections/logHistogram.js'
import type { StepStatistics } from '../../src/metrics/records.js'
import { PS_PER_NS } from '../../src/units.js'
import type { Step } from './engine.js'

export function emptyStatistics(engines: number): StepStatistics {
  return {
    steps: 0,
    outputTokens: 0,
    inputTokens: 0,
    stepPs: 0,
    gatingAttentionPs: 0,
    meanAttentionPs: 0,
    maxAttentionPs: 0,
    decodeSequences: 0,
    prefillSteps: 0,
    prefillStepPs: 0,
    prefillInputTokens: 0,
    prefillGatingPs: 0,
    prefillMeanPs: 0,
    prefillMaxPs: 0,
    kvUsePs: 0,
    preemptions: 0,
    migrations: 0,
    migratedBytes: 0,
    roleChanges: 0,
    evictedBlocks: 0,
    itl: new Float64Array(LOG_HISTOGRAM_BINS),
    engineBusyPs: new Float64Array(engines),
    engineTokens: new Float64Array(engines),
    engineKvUsePs: new Float64Array(engines),
  }
}

export function addStep(statistics: StepStatistics, engine: number, step: Step): void {
  const total = step.attentionPs.reduce((sum, value) => sum + value, 0)
  statistics.steps++
  statistics.outputTokens += step.outputTokens
  statistics.inputTokens += step.inputTokens
  statistics.stepPs += step.durationPs
  statistics.gatingAttentionPs += step.gatingAttentionPs
  statistics.meanAttentionPs += total / step.attentionPs.length
  statistics.maxAttentionPs += Math.max(...step.attentionPs)
  statistics.decodeSequences += step.decodeSequences
  if (step.isPrefill) {
    statistics.prefillSteps++
    statistics.prefillStepPs += step.durationPs
    statistics.prefillInputTokens += step.inputTokens
    statistics.prefillGatingPs += step.gatingAttentionPs
    statistics.prefillMeanPs += total / step.attentionPs.length
    statistics.prefillMaxPs += Math.max(...step.attentionPs)
  }
  statistics.kvUsePs += step.durationPs * step.usedShare
  statistics.itl[logBin(step.durationPs / PS_PER_NS / step.gain)] += step.decodedTokens
  statistics.engineBusyPs[engine] += step.durationPs
  statistics.engineTokens[engine] += step.outputTokens
  statistics.engineKvUsePs[engine] += step.durationPs * step.usedShare
}
