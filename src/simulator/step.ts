/** One step of an engine: what it costs, and what has happened when it ends. Who takes part is decided in schedule.ts. Hot: nothing is allocated here. */
import { logBin } from '../collections/logHistogram.js'
import { decodingBlocks, giveBlocks, shareBlocks } from './blocks.js'
import { decideAtBoundary } from './boundary.js'
import type { Core } from './core.js'
import { joinDecode, leaveDecode } from './decodeSet.js'
import { largestGapNs, OPEN_MAX, openSegment } from './gaps.js'
import { complete, enterPhase, PHASE_DECODE } from './requests.js'
import { leaveRunning } from './runningList.js'
import {
  DECODE_SEQUENCES,
  GATING_ATTENTION_PS,
  INPUT_TOKENS,
  MAX_ATTENTION_PS,
  OUTPUT_TOKENS,
  PREFILL_GATING_PS,
  PREFILL_INPUT_TOKENS,
  PREFILL_MAX_PS,
  PREFILL_STEP_PS,
  PREFILL_STEPS,
  STEP_PS,
  STEPS,
} from './scalars.js'
import { growDecode, scheduleQueue } from './schedule.js'
import { sharedCallPs } from './sharedCall.js'
import { DECODING } from './slots.js'
import { beginSpannedStep } from './spanStep.js'
import { addPrefilled } from './spans.js'
import { splitFactor } from './splitFactor.js'
import { WHEEL } from './state.js'
import { hostLoadPs, setOff } from './stepClock.js'
import { lookAtEngine } from './stepView.js'
import { joinArrived, routeToDecode } from './transfers.js'

/** Begins a step of engine `e` at its clock (stamp `nowNs`). Returns false when it has nothing to do; else the caller queues its end. */
export function beginStep(core: Core, e: number, nowNs: number): boolean {
  const s = core.state
  const engine = core.engines[e]
  const timer = core.timers[e]
  const { localPs, headPs, decodeRowsPs, sharedPs, exchangePs } = engine.tables
  const lastHead = headPs.length - 1
  const clock = s.tokenClock[e]
  const firstRank = s.rankStart[e]
  const endRank = s.rankStart[e + 1]
  const { planningPs } = core
  const verified = engine.draftTokens + 1
  if (verified > 1) s.gain[e] = (s.clockRest[e] + engine.tokensPer1024Steps) >> 10
  s.beganNs[e] = nowNs
  const { boundary } = core
  const placingPs = boundary !== null && endRank - firstRank > 1 ? decideAtBoundary(core, boundary, e, nowNs) : 0
  const isHeld = core.stepViews !== null && lookAtEngine(core, e, core.stepViews[e], nowNs)
  if (s.lanes !== null && s.lanes.present[e] > 0) return beginSpannedStep(core, e, s.lanes, isHeld, nowNs)

  let busy = false
  let planningPsMax = 0
  let rankPsMax = 0
  let gatingAttention = 0
  let attentionSum = 0
  let attentionMax = 0
  let tokensSum = 0
  let tokensMax = 0
  let freeMin = engine.numGpuBlocks
  let decodeTotal = 0
  for (let g = firstRank; g < endRank; g++) {
    if (s.arrivedHead[g] >= 0) joinArrived(core, e, g)
    const preempted = s.decodeCount[g] > 0 && growDecode(core, e, g, nowNs)
    const n = s.decodeCount[g]
    let tokens = n * verified
    let emitting = tokens
    let prefillPs = 0
    let chunks = 0
    if (s.firstPrefilling[g] >= 0 || s.waitingHead[g] >= 0) {
      scheduleQueue(core, e, g, n, preempted, isHeld, nowNs)
      const { chunk, done, target, next } = s.slots
      for (let slot = s.firstPrefilling[g]; slot >= 0 && chunk[slot] > 0; slot = next[slot]) {
        tokens += chunk[slot]
        if (done[slot] + chunk[slot] === target[slot]) emitting++
        prefillPs += timer.prefillPs(chunk[slot], done[slot])
        chunks++
      }
      if (chunks > 1) prefillPs = sharedCallPs(s.slots, timer, s.firstPrefilling[g], prefillPs, chunks)
    }
    if (s.freeBlocks[g] < freeMin) freeMin = s.freeBlocks[g]
    if (n === 0) s.factorCount[g] = 0
    if (tokens === 0) continue
    busy = true
    let attention = prefillPs
    let rankPs = localPs[tokens] + headPs[emitting < lastHead ? emitting : lastHead]
    if (n > 0) {
      if (planningPs[n] > planningPsMax) planningPsMax = planningPs[n]
      decodeTotal += n
      const kvTokens = s.baseSum[g] + n * (clock + 1)
      attention += timer.attentionPs(n, kvTokens, splitFactor(core, e, g, n, kvTokens))
      rankPs += decodeRowsPs[n]
    }
    rankPs += attention
    if (rankPs > rankPsMax) {
      rankPsMax = rankPs
      gatingAttention = attention
    }
    attentionSum += attention
    if (attention > attentionMax) attentionMax = attention
    tokensSum += tokens
    if (tokens > tokensMax) tokensMax = tokens
  }
  if (!busy) {
    s.stepping[e] = 0
    return false
  }
  const { hostPs } = engine.tables
  const loadPs = engine.hostBlocks > 0 ? hostLoadPs(s, engine, firstRank, endRank) : 0
  const stepPs = hostPs + loadPs + rankPsMax + sharedPs[tokensSum] + exchangePs[tokensMax] + planningPsMax + placingPs
  s.pendingGatingPs[e] = gatingAttention
  s.pendingMeanPs[e] = attentionSum / (endRank - firstRank)
  s.pendingMaxPs[e] = attentionMax
  s.pendingUsed[e] = engine.numGpuBlocks - freeMin
  s.pendingDecode[e] = decodeTotal
  setOff(s, e, stepPs)
  return true
}

/** Ends the step of engine `e`, whose end stamp is `nowNs`. */
export function endStep(core: Core, e: number, nowNs: number): void {
  const s = core.state
  const engine = core.engines[e]
  const gain = s.gain[e]
  const before = s.tokenClock[e]
  const after = before + gain
  s.stepCount[e]++
  s.tokenClock[e] = after
  if (engine.draftTokens > 0) s.clockRest[e] = (s.clockRest[e] + engine.tokensPer1024Steps) & 1023
  let residue = s.residue[e] - gain
  while (residue < 0) residue += engine.blockSize
  s.residue[e] = residue
  const gapNs = nowNs - s.beganNs[e]
  const longest = e * s.gapStride[0] + OPEN_MAX
  if (gapNs > s.gaps[longest]) s.gaps[longest] = gapNs
  let decoded = s.pendingDecode[e] * gain
  let ended = 0
  let prefilled = 0
  for (let g = s.rankStart[e]; g < s.rankStart[e + 1]; g++) {
    if (s.freshHead[g] >= 0) firstDecodeStep(core, e, g, nowNs)
    for (let clock = before + 1; clock <= after; clock++)
      if (s.wheel[g * WHEEL + (clock & (WHEEL - 1))] >= 0) decoded -= finishDue(core, e, g, clock, nowNs)
    if (core.leaverCount > 0) releaseLeavers(core, e, g, nowNs)
    if (s.firstPrefilling[g] < 0) continue
    const { target, done, chunk, next } = s.slots
    for (let slot = s.firstPrefilling[g]; slot >= 0 && chunk[slot] > 0; ) {
      const following = next[slot]
      const c = chunk[slot]
      prefilled += c
      done[slot] += c
      chunk[slot] = 0
      s.queuedTokens[g] -= c
      addPrefilled(s, g, slot, c)
      shareBlocks(s, engine, g, slot, done[slot])
      if (done[slot] === target[slot]) {
        ended++
        s.firstPrefilling[g] = following
        finishPrefill(core, e, g, slot, nowNs)
      }
      slot = following
    }
  }
  if (nowNs >= core.window.fromNs && nowNs < core.window.toNs) measure(core, e, decoded, ended, prefilled)
}

/** Sequences that came by transfer have decoded for the first time. */
function firstDecodeStep(core: Core, e: number, g: number, nowNs: number): void {
  const s = core.state
  const { slots } = s
  for (let slot = s.freshHead[g]; slot >= 0; slot = slots.arrivedNext[slot]) {
    if (slots.state[slot] !== DECODING) continue
    deliver(core, slot, nowNs)
    slots.segment[slot] = openSegment(s, e)
  }
  s.freshHead[g] = -1
}

/** A token reaches the client after a time that no segment covers: the first one, or the first after a transfer or a preemption. */
function deliver(core: Core, slot: number, nowNs: number): void {
  const { firstTokenNs, lastTokenNs, maxGapNs } = core.state.slots
  const isFirst = Number.isNaN(firstTokenNs[slot])
  if (isFirst) firstTokenNs[slot] = nowNs
  else if (nowNs - lastTokenNs[slot] > maxGapNs[slot]) maxGapNs[slot] = nowNs - lastTokenNs[slot]
}

/**
 * Completes the sequences whose last token is due at this value of the token clock; the others of the bucket stay. Returns the tokens
 * that the step's gain would have given them beyond their last.
 */
function finishDue(core: Core, e: number, g: number, clock: number, nowNs: number): number {
  const s = core.state
  const engine = core.engines[e]
  const bucket = g * WHEEL + (clock & (WHEEL - 1))
  const { wheelNext, finishKey, segment, maxGapNs } = s.slots
  const beyond = s.tokenClock[e] - clock
  let spared = 0
  let before = -1
  for (let slot = s.wheel[bucket]; slot >= 0; ) {
    const after = wheelNext[slot]
    if (finishKey[slot] === clock) {
      if (before < 0) s.wheel[bucket] = after
      else wheelNext[before] = after
      leaveDecode(s, e, engine, g, slot)
      leaveRunning(s, g, slot)
      const gapNs = largestGapNs(s, e, segment[slot])
      if (gapNs > maxGapNs[slot]) maxGapNs[slot] = gapNs
      spared += beyond
      if (engine.prefixCaching) core.leavers[core.leaverCount++] = slot
      else {
        giveBlocks(s, engine, g, slot, decodingBlocks(s, e, engine, slot))
        complete(core, slot, nowNs)
      }
    } else before = slot
    slot = after
  }
  return spared
}

/** The sequences whose last token came with this step let go of their blocks in order of their index: what goes first is evicted first. */
function releaseLeavers(core: Core, e: number, g: number, nowNs: number): void {
  const s = core.state
  const engine = core.engines[e]
  const { leavers, leaverCount } = core
  const { request, isl, osl } = s.slots
  for (let i = 1; i < leaverCount; i++) {
    const slot = leavers[i]
    let at = i
    for (; at > 0 && request[leavers[at - 1]] > request[slot]; at--) leavers[at] = leavers[at - 1]
    leavers[at] = slot
  }
  for (let i = 0; i < leaverCount; i++) {
    const slot = leavers[i]
    // the last token of an answer is never written
    if (engine.cacheAnswers) shareBlocks(s, engine, g, slot, isl[slot] + osl[slot] - 1)
    giveBlocks(s, engine, g, slot, decodingBlocks(s, e, engine, slot))
    complete(core, slot, nowNs)
  }
  core.leaverCount = 0
}

/** The prompt (or what a preemption made of it) is computed: a token is emitted. */
function finishPrefill(core: Core, e: number, g: number, slot: number, nowNs: number): void {
  const s = core.state
  const engine = core.engines[e]
  const { slots } = s
  s.prefillingCount[g]--
  const emitted = ++slots.emitted[slot]
  const left = slots.osl[slot] - emitted
  if (engine.role === 'prefill' && left > 0) {
    leaveRunning(s, g, slot)
    routeToDecode(core, g, slot, nowNs)
    return
  }
  addPrefilled(s, g, slot, -slots.done[slot])
  deliver(core, slot, nowNs)
  enterPhase(slots, slot, PHASE_DECODE, nowNs)
  if (left > 0) {
    slots.segment[slot] = openSegment(s, e)
    joinDecode(s, e, engine, g, slot, slots.target[slot] + engine.draftTokens, left)
    return
  }
  giveBlocks(s, engine, g, slot, slots.held[slot])
  leaveRunning(s, g, slot)
  complete(core, slot, nowNs)
}

/** Counts the pending step of engine `e`, which ends now, into the statistics: tokens of decoding sequences, prompts ended, tokens prefilled. */
function measure(core: Core, e: number, decoded: number, ended: number, prefilled: number): void {
  const s = core.state
  const emitted = decoded + ended
  const { scalars } = s
  const stepPs = s.pendingStepPs[e]
  const decoding = s.pendingDecode[e]
  scalars[STEPS]++
  scalars[OUTPUT_TOKENS] += emitted
  scalars[INPUT_TOKENS] += prefilled
  scalars[STEP_PS] += stepPs
  scalars[GATING_ATTENTION_PS] += s.pendingGatingPs[e]
  scalars[MAX_ATTENTION_PS] += s.pendingMaxPs[e]
  scalars[DECODE_SEQUENCES] += decoding
  if (core.engines[e].role === 'prefill') {
    scalars[PREFILL_STEPS]++
    scalars[PREFILL_STEP_PS] += stepPs
    scalars[PREFILL_INPUT_TOKENS] += prefilled
    scalars[PREFILL_GATING_PS] += s.pendingGatingPs[e]
    scalars[PREFILL_MAX_PS] += s.pendingMaxPs[e]
    s.enginePrefillMeanPs[e] += s.pendingMeanPs[e]
  }
  s.engineBusyPs[e] += stepPs
  s.engineTokens[e] += emitted
  // summed engine by engine, so that fractions do not depend on how steps of engines interleave
  s.engineUsedPs[e] += s.pendingUsed[e] * stepPs
  s.engineMeanPs[e] += s.pendingMeanPs[e]
  if (decoded > 0) s.itl[logBin(stepPs / 1000 / s.gain[e])] += decoded
}
