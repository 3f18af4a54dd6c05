/**
 * Quiet stretches: an engine of one rank whose sequences only decode does not touch the rest of the system, and nothing touches it before
 * the next arrival or timeout. Its steps up to then are run here in a tight loop, one by one and with the very same numbers, instead of
 * through the event loop. Anything else (a chunk, an end, a preemption, an evaluation of the split factor) is left to step.ts.
 */
import { logBin } from '../collections/logHistogram.js'
import type { Core } from './core.js'
import { OPEN_MAX } from './gaps.js'
import { factorExpiry, factorSuits, isFar } from './splitFactor.js'
import {
  DECODE_SEQUENCES,
  EVENTS,
  GATING_ATTENTION_PS,
  MAX_ATTENTION_PS,
  NOW,
  OUTPUT_TOKENS,
  STEP_PS,
  STEPS,
  WHEEL,
} from './state.js'

/**
 * Ends and begins steps of engine `e`, whose pending step decodes only, while the pending step ends at or before `horizonNs` and at most
 * `limit` times. Returns how many steps ended. The engine must not be in the heap.
 */
export function runQuiet(core: Core, e: number, horizonNs: number, limit: number): number {
  const s = core.state
  const g = s.rankStart[e]
  const n = s.decodeCount[g]
  if (n === 0 || s.clockNs[e] > horizonNs || s.firstPrefilling[g] >= 0 || s.waitingHead[g] >= 0 || s.arrivedHead[g] >= 0) return 0
  const engine = core.engines[e]
  if (engine.draftTokens > 0 || s.freshHead[g] >= 0 || !factorSuits(s, g, n)) return 0
  const { tables, blockSize, numGpuBlocks } = engine
  const { kernelColumns, kernelBasePs, kernelSlopePs, headPs } = tables
  const { fromNs, toNs } = core.window
  const { itl, residues, wheel } = s
  const head = headPs[n < headPs.length - 1 ? n : headPs.length - 1]
  // The two groupings below are those of step.ts; whole numbers of ps, so the order of addition does not matter.
  const otherRankPs = tables.localPs[n] + head + tables.decodeRowsPs[n]
  const otherPs = tables.hostPs + tables.sharedPs[n] + tables.exchangePs[n] + core.arm.split.planningPs
  const firstResidue = s.residueStart[g]
  const firstBucket = g * WHEEL
  const factor = s.factor[g]
  let clock = s.tokenClock[e]
  const firstStep = s.stepCount[e] - clock
  // the factor holds while the token clock is below this, and the KV is not far from count x clock + this
  const expiryClock = factorExpiry(s, g) - firstStep
  const factorCount = s.factorCount[g]
  const predictedAtZero = s.factorTokens[g] - factorCount * s.factorClock[g]
  let beganNs = s.beganNs[e]
  const longest = e * s.gapStride[0] + OPEN_MAX
  let gapNs = s.gaps[longest]
  let residue = s.residue[e]
  let free = s.freeBlocks[g]
  let kvTokens = s.baseSum[g] + n * (clock + 1)
  let endNs = s.clockNs[e]
  let restPs = s.clockPs[e]
  // The pending step, and the sums of step.ts's `measure`, kept in locals and continued in the same order of addition.
  let stepPs = s.pendingStepPs[e]
  let attention = s.pendingMeanPs[e]
  let kvUse = s.pendingKvUse[e]
  let measured = 0
  let stepSumPs = 0
  let attentionSumPs = 0
  let kvUsePs = s.engineKvUsePs[e]
  let meanPs = s.engineMeanPs[e]
  let ended = 0
  while (ended < limit && endNs <= horizonNs) {
    const nextClock = clock + 1
    const nextResidue = residue === 0 ? blockSize - 1 : residue - 1
    const blocks = residues[firstResidue + nextResidue]
    if (wheel[firstBucket + (nextClock & (WHEEL - 1))] >= 0 || blocks > free) break
    if (nextClock >= expiryClock || isFar(kvTokens + n, predictedAtZero + factorCount * nextClock)) break

    // the pending step ends …
    if (endNs >= fromNs && endNs < toNs) {
      measured++
      stepSumPs += stepPs
      attentionSumPs += attention
      kvUsePs += kvUse * stepPs
      meanPs += attention
      itl[logBin(stepPs / 1000)] += n
    }
    if (endNs - beganNs > gapNs) gapNs = endNs - beganNs
    beganNs = endNs
    ended++
    clock = nextClock
    residue = nextResidue
    // … and the next begins
    free -= blocks
    kvTokens += n
    const mean = (kvTokens / n) | 0
    let column = 31 - Math.clz32(mean)
    if (column >= kernelColumns) column = kernelColumns - 1
    const at = n * kernelColumns + column
    const kernelPs = Math.round(kernelBasePs[at] + kernelSlopePs[at] * (kvTokens - n * (1 << column)))
    attention = Math.round(kernelPs * factor)
    stepPs = otherPs + otherRankPs + attention
    kvUse = 1 - free / numGpuBlocks
    const sumPs = restPs + stepPs
    const wholeNs = Math.floor(sumPs / 1000)
    endNs += wholeNs
    restPs = sumPs - wholeNs * 1000
  }
  if (ended === 0) return 0
  s.stepCount[e] = firstStep + clock
  s.tokenClock[e] = clock
  s.beganNs[e] = beganNs
  s.gaps[longest] = gapNs
  s.residue[e] = residue
  s.freeBlocks[g] = free
  s.clockNs[e] = endNs
  s.clockPs[e] = restPs
  s.pendingStepPs[e] = stepPs
  s.pendingGatingPs[e] = attention
  s.pendingMeanPs[e] = attention
  s.pendingMaxPs[e] = attention
  s.pendingKvUse[e] = kvUse
  s.engineKvUsePs[e] = kvUsePs
  s.engineMeanPs[e] = meanPs
  s.engineBusyPs[e] += stepSumPs
  s.engineTokens[e] += measured * n
  const { scalars } = s
  scalars[NOW] = beganNs
  scalars[EVENTS] += ended
  scalars[STEPS] += measured
  scalars[OUTPUT_TOKENS] += measured * n
  scalars[DECODE_SEQUENCES] += measured * n
  scalars[STEP_PS] += stepSumPs
  scalars[GATING_ATTENTION_PS] += attentionSumPs
  scalars[MAX_ATTENTION_PS] += attentionSumPs
  return ended
}
