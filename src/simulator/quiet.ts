/**
 * Quiet steps: while an engine of one rank only decodes, nobody ends, no factor is evaluated and blocks are there, its steps touch nothing
 * but its own KV, clock and statistics. They are planned when a step begins and not served one by one: the engine is due at the first end
 * that is not quiet. Whoever looks at it before (a view, a request that arrives) settles the steps that have ended by then.
 *
 * Within a column of the kernel tables each step costs the same whole ps more than the one before, so the end of the j-th is a sum in
 * closed form, and all numbers are those that step.ts would have found.
 */
import { logBin } from '../collections/logHistogram.js'
import { kernelColumn, kernelGrowthPs } from '../timing/stepTimer.js'
import type { Core } from './core.js'
import { hastenStep, pushStep } from './engineHeap.js'
import { OPEN_MAX } from './gaps.js'
import {
  DECODE_SEQUENCES,
  EVENTS,
  GATING_ATTENTION_PS,
  MAX_ATTENTION_PS,
  NOW,
  OTHER_EVENTS,
  OTHER_NS,
  OUTPUT_TOKENS,
  SERVING,
  STEP_PS,
  STEPS,
} from './scalars.js'
import { factorExpiry, isFar } from './splitFactor.js'
import { type State, WHEEL } from './state.js'

/** Sum of `count` numbers that begin with `first` and grow by `growth`; whole, and exact below 2^53. */
const sumOf = (count: number, first: number, growth: number): number => count * first + (growth * count * (count - 1)) / 2

/** Engine `e` has begun a step: it joins the heap, due at the end of the quiet steps that will follow. */
export function queueStep(core: Core, e: number): void {
  const s = core.state
  const most = quietSteps(core, e)
  s.dueNs[e] = s.clockNs[e]
  if (most > 0) {
    const steps = price(core, e, most)
    s.quietSteps[e] = steps
    s.quietSince[e] = s.scalars[EVENTS]
    s.dueNs[e] += Math.floor((s.clockPs[e] + sumOf(steps, s.quietPs[e], s.quietGrowthPs[e])) / 1000)
  }
  pushStep(s, e)
}

/** How many quiet steps can follow the pending one, one after the other. */
function quietSteps(core: Core, e: number): number {
  const s = core.state
  const g = s.rankStart[e]
  const n = s.decodeCount[g]
  if (n === 0 || s.rankStart[e + 1] - g > 1 || s.firstPrefilling[g] >= 0 || s.waitingHead[g] >= 0 || s.arrivedHead[g] >= 0)
    return 0
  const { draftTokens, blockSize } = core.engines[e]
  if (draftTokens > 0 || s.freshHead[g] >= 0) return 0
  const { wheel, residues } = s
  const clock = s.tokenClock[e]
  // the pending step has a factor that suits n; how long does it hold?
  const most = factorExpiry(s, g) - s.stepCount[e] - 1
  const firstResidue = s.residueStart[g]
  const firstBucket = g * WHEEL
  let free = s.freeBlocks[g]
  let residue = s.residue[e]
  let steps = 0
  while (steps < most) {
    residue = residue === 0 ? blockSize - 1 : residue - 1
    free -= residues[firstResidue + residue]
    if (free < 0 || wheel[firstBucket + ((clock + steps + 1) & (WHEEL - 1))] >= 0) break
    steps++
  }
  // 32 x drift - prediction is convex in the number of steps: what is near at both ends is near between them
  const count = s.factorCount[g]
  const kvTokens = s.baseSum[g] + n * (clock + 1)
  const predicted = s.factorTokens[g] + count * (clock - s.factorClock[g])
  if (steps === 0 || isFar(kvTokens + n, predicted + count)) return 0
  return isFar(kvTokens + n * steps, predicted + count * steps) ? 1 : steps
}

/** Prices quiet steps after the pending one. Returns how many of `most` > 0 cost the same more than the one before. */
function price(core: Core, e: number, most: number): number {
  const s = core.state
  const g = s.rankStart[e]
  const n = s.decodeCount[g]
  const { tables } = core.engines[e]
  const { kernelColumns, kernelSlopePs, headPs, keyTokenPs = 0 } = tables
  const kvTokens = s.baseSum[g] + n * (s.tokenClock[e] + 2)
  const mean = (kvTokens / n) | 0
  const column = kernelColumn(mean, kernelColumns)
  const attentionPs = core.timers[e].attentionPs(n, kvTokens, s.factor[g])
  const growthPs = kernelGrowthPs(n, kernelSlopePs[n * kernelColumns + column], s.factor[g]) + n * keyTokenPs
  // whole numbers of ps, so it does not matter that step.ts adds them in another order
  const rankPs = tables.localPs[n] + headPs[n < headPs.length - 1 ? n : headPs.length - 1] + tables.decodeRowsPs[n] + attentionPs
  const stepPs = tables.hostPs + rankPs + tables.sharedPs[n] + tables.exchangePs[n] + core.planningPs[n]
  s.quietAttentionPs[e] = attentionPs
  s.quietPs[e] = stepPs
  s.quietGrowthPs[e] = growthPs
  let steps = most
  if (column < kernelColumns - 1 && (2 << column) - mean < steps) steps = (2 << column) - mean
  if (growthPs < 0) steps = 1
  return steps
}

/** A stepping engine has been given work by the event that is being served: the steps that end before it are its last quiet ones. */
export function wake(core: Core, e: number): void {
  const s = core.state
  if (s.quietSteps[e] === 0) return
  settleServed(core, e)
  s.quietSteps[e] = 0
  s.dueNs[e] = s.clockNs[e]
  hastenStep(s, e)
}

/**
 * Settles the quiet steps of an engine that end before the event that is being served. Step ends of one time go by engine index, and before
 * all else of that time; but a step that began with such an event may end, in less than a ns, at the same time.
 */
export function settleServed(core: Core, e: number): void {
  const { quietSteps: planned, quietSince, scalars } = core.state
  if (planned[e] === 0) return
  const isServed = e < scalars[SERVING] || (scalars[OTHER_NS] === scalars[NOW] && quietSince[e] < scalars[OTHER_EVENTS])
  settle(core, e, isServed ? scalars[NOW] : scalars[NOW] - 1, Number.POSITIVE_INFINITY)
}

export function settleAll(core: Core, horizonNs: number): void {
  for (let e = 0; e < core.engines.length; e++) settle(core, e, horizonNs, Number.POSITIVE_INFINITY)
}

/**
 * Ends the pending step and begins the next planned one, as long as the one to end does so at or before `horizonNs`, and at most `limit`
 * times. Returns how often.
 */
export function settle(core: Core, e: number, horizonNs: number, limit: number): number {
  const s = core.state
  const { fromNs, toNs } = core.window
  let settled = 0
  while (s.quietSteps[e] > 0 && settled < limit && s.clockNs[e] <= horizonNs) {
    // at once those whose ends lie on the same side of the window's edges
    const endNs = s.clockNs[e]
    const edgeNs = endNs < fromNs ? fromNs : endNs < toNs ? toNs : Number.POSITIVE_INFINITY
    const lastNs = edgeNs - 1 < horizonNs ? edgeNs - 1 : horizonNs
    const most = s.quietSteps[e] < limit - settled ? s.quietSteps[e] : limit - settled
    const steps = stepsUntil(s, e, lastNs - endNs, most)
    account(core, e, steps, endNs >= fromNs && endNs < toNs)
    move(core, e, steps)
    settled += steps
  }
  return settled
}

/** The most steps, at least 1 and at most `most`, such that the last to end does so within `roomNs` from the end of the pending one. */
function stepsUntil(s: State, e: number, roomNs: number, most: number): number {
  let low = 1
  let high = most
  if (s.dueNs[e] - s.clockNs[e] <= roomNs) return most
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (Math.floor((s.clockPs[e] + sumOf(middle - 1, s.quietPs[e], s.quietGrowthPs[e])) / 1000) > roomNs) high = middle - 1
    else low = middle
  }
  return low
}

/** Statistics of the pending step and the `steps` - 1 after it, which end now; the blocks of the `steps` that begin are taken. */
function account(core: Core, e: number, steps: number, isMeasured: boolean): void {
  const s = core.state
  const g = s.rankStart[e]
  const n = s.decodeCount[g]
  const { blockSize, numGpuBlocks } = core.engines[e]
  const quietPs = s.quietPs[e]
  const growthPs = s.quietGrowthPs[e]
  const passed = steps - 1
  const passedPs = sumOf(passed, quietPs, growthPs)
  const { residues } = s
  const firstResidue = s.residueStart[g]
  let residue = s.residue[e]
  let free = s.freeBlocks[g]
  let usedPs = s.pendingUsed[e] * s.pendingStepPs[e] + (numGpuBlocks - free) * passedPs
  for (let i = 0; i < steps; i++) {
    residue = residue === 0 ? blockSize - 1 : residue - 1
    const blocks = residues[firstResidue + residue]
    if (blocks === 0) continue
    free -= blocks
    usedPs += blocks * (passedPs - sumOf(i, quietPs, growthPs))
  }
  s.residue[e] = residue
  s.freeBlocks[g] = free
  if (!isMeasured) return
  const { scalars, itl } = s
  const sumPs = s.pendingStepPs[e] + passedPs
  const attentionSumPs = s.pendingMeanPs[e] + sumOf(passed, s.quietAttentionPs[e], growthPs)
  scalars[STEPS] += steps
  scalars[OUTPUT_TOKENS] += steps * n
  scalars[DECODE_SEQUENCES] += steps * n
  scalars[STEP_PS] += sumPs
  scalars[GATING_ATTENTION_PS] += attentionSumPs
  scalars[MAX_ATTENTION_PS] += attentionSumPs
  s.engineBusyPs[e] += sumPs
  s.engineTokens[e] += steps * n
  s.engineUsedPs[e] += usedPs
  s.engineMeanPs[e] += attentionSumPs
  itl[logBin(s.pendingStepPs[e] / 1000)] += n
  if (passed > 0) addRising(itl, n, quietPs, growthPs, passed)
}

/** Adds `count` step times, which rise by `growthPs` from `firstPs` on, with weight `n` each: halved until all are of one bin, as they mostly are. */
function addRising(itl: Float64Array, n: number, firstPs: number, growthPs: number, count: number): void {
  const bin = logBin(firstPs / 1000)
  if (logBin((firstPs + growthPs * (count - 1)) / 1000) === bin) {
    itl[bin] += n * count
    return
  }
  const half = count >> 1
  addRising(itl, n, firstPs, growthPs, half)
  addRising(itl, n, firstPs + growthPs * half, growthPs, count - half)
}

/** Ends the pending step and `steps` - 1 after it: the clock, the largest gap, and the step that is pending now. */
function move(core: Core, e: number, steps: number): void {
  const s = core.state
  const quietPs = s.quietPs[e]
  const growthPs = s.quietGrowthPs[e]
  const endNs = s.clockNs[e]
  const restPs = s.clockPs[e]
  const passed = steps - 1
  const longest = e * s.gapStride[0] + OPEN_MAX
  if (endNs - s.beganNs[e] > s.gaps[longest]) s.gaps[longest] = endNs - s.beganNs[e]
  // from the last back, as long as a step, which may seem 1 ns longer in whole ns, could be the largest gap
  for (let i = passed; i > 0 && Math.floor((quietPs + growthPs * (i - 1)) / 1000) + 1 > s.gaps[longest]; i--) {
    const began = Math.floor((restPs + sumOf(i - 1, quietPs, growthPs)) / 1000)
    const gapNs = Math.floor((restPs + sumOf(i, quietPs, growthPs)) / 1000) - began
    if (gapNs > s.gaps[longest]) s.gaps[longest] = gapNs
  }
  const beganPs = restPs + sumOf(passed, quietPs, growthPs)
  const lastPs = quietPs + growthPs * passed
  const wholeNs = Math.floor((beganPs + lastPs) / 1000)
  const attentionPs = s.quietAttentionPs[e] + growthPs * passed
  s.beganNs[e] = endNs + Math.floor(beganPs / 1000)
  s.clockNs[e] = endNs + wholeNs
  s.clockPs[e] = beganPs + lastPs - wholeNs * 1000
  s.stepCount[e] += steps
  s.tokenClock[e] += steps
  s.quietSteps[e] -= steps
  s.quietPs[e] = lastPs + growthPs
  s.quietAttentionPs[e] = attentionPs + growthPs
  s.pendingStepPs[e] = lastPs
  s.pendingGatingPs[e] = attentionPs
  s.pendingMeanPs[e] = attentionPs
  s.pendingMaxPs[e] = attentionPs
  s.pendingUsed[e] = core.engines[e].numGpuBlocks - s.freeBlocks[s.rankStart[e]]
  s.scalars[EVENTS] += steps
  if (s.beganNs[e] > s.scalars[NOW]) s.scalars[NOW] = s.beganNs[e]
}
