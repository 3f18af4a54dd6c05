/** One step of an engine: who takes part, what it costs, what has happened when it ends. Hot: nothing is allocated here. */
import { logBin } from '../collections/logHistogram.js'
import { PolicyError } from '../errors.js'
import { CHUNK_CANDIDATES } from '../levers/lever.js'
import type { Core } from './core.js'
import { joinDecode, leaveDecode, leaveWheel } from './decodeSet.js'
import {
  complete,
  enqueueHead,
  enterPhase,
  leaveQueue,
  PHASE_DECODE,
  PHASE_PREFILL,
  PHASE_QUEUE,
  PHASE_STALL,
  patienceEnds,
} from './requests.js'
import { splitFactor } from './splitFactor.js'
import {
  DECODE_SEQUENCES,
  DECODING,
  GATING_ATTENTION_PS,
  INPUT_TOKENS,
  MAX_ATTENTION_PS,
  OUTPUT_TOKENS,
  PREEMPTIONS,
  PREFILLING,
  STEP_PS,
  STEPS,
  WHEEL,
} from './state.js'

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
  const planningPs = core.arm.split.planningPs

  let busy = false
  let anyDecode = false
  let rankPsMax = 0
  let gatingAttention = 0
  let attentionSum = 0
  let attentionMax = 0
  let tokensSum = 0
  let tokensMax = 0
  let freeMin = engine.numGpuBlocks
  let decodeTotal = 0
  for (let g = firstRank; g < endRank; g++) {
    const preempted = s.decodeCount[g] > 0 && growDecode(core, e, g, nowNs)
    const n = s.decodeCount[g]
    let tokens = n
    let emitting = n
    let prefillPs = 0
    if (s.firstPrefilling[g] >= 0 || s.waitingHead[g] >= 0) {
      schedulePrefill(core, e, g, n, preempted, nowNs)
      const { chunk, done, target, next } = s.slots
      for (let slot = s.firstPrefilling[g]; slot >= 0 && chunk[slot] > 0; slot = next[slot]) {
        tokens += chunk[slot]
        if (done[slot] + chunk[slot] === target[slot]) emitting++
        prefillPs += timer.prefillPs(chunk[slot], done[slot])
      }
    }
    if (s.freeBlocks[g] < freeMin) freeMin = s.freeBlocks[g]
    if (n === 0) s.factorCount[g] = 0
    if (tokens === 0) continue
    busy = true
    let attention = prefillPs
    let rankPs = localPs[tokens] + headPs[emitting < lastHead ? emitting : lastHead]
    if (n > 0) {
      anyDecode = true
      decodeTotal += n
      const kvTokens = s.baseSum[g] + n * (clock + 1)
      const kernelPs = Math.round(timer.kernelPs(n, kvTokens) * splitFactor(core, e, g, n, kvTokens))
      attention += kernelPs
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
  const stepPs = engine.tables.hostPs + rankPsMax + sharedPs[tokensSum] + exchangePs[tokensMax] + (anyDecode ? planningPs : 0)
  s.stepping[e] = 1
  s.pendingStepPs[e] = stepPs
  s.pendingGatingPs[e] = gatingAttention
  s.pendingMeanPs[e] = attentionSum / (endRank - firstRank)
  s.pendingMaxPs[e] = attentionMax
  s.pendingKvUse[e] = 1 - freeMin / engine.numGpuBlocks
  s.pendingDecode[e] = decodeTotal
  const restPs = s.clockPs[e] + stepPs
  const wholeNs = Math.floor(restPs / 1000)
  s.clockNs[e] += wholeNs
  s.clockPs[e] = restPs - wholeNs * 1000
  return true
}

/** Takes the blocks that this step's tokens of the decoding sequences need. Returns whether somebody was preempted for it. */
function growDecode(core: Core, e: number, g: number, nowNs: number): boolean {
  const s = core.state
  const at = s.residueStart[g] + s.residue[e]
  let preempted = false
  while (s.residues[at] > s.freeBlocks[g]) {
    preempt(core, e, g, nowNs)
    preempted = true
  }
  s.freeBlocks[g] -= s.residues[at]
  return preempted
}

/** The most recently admitted request of the rank loses its blocks and its progress and goes back to the head of the queue. */
function preempt(core: Core, e: number, g: number, nowNs: number): void {
  const s = core.state
  const { slots } = s
  const { blockSize } = core.engines[e]
  const slot = s.runningTail[g]
  if (slots.state[slot] === DECODING) {
    const clock = s.tokenClock[e]
    leaveDecode(s, g, slot, blockSize)
    leaveWheel(s, g, slot)
    s.freeBlocks[g] += Math.ceil((slots.base[slot] + clock) / blockSize)
    slots.emitted[slot] = slots.osl[slot] - (slots.finishKey[slot] - clock)
  } else {
    s.freeBlocks[g] += slots.held[slot]
    s.queuedTokens[g] -= slots.target[slot] - slots.done[slot]
    s.prefilledTokens[g] -= slots.done[slot]
    s.prefillingCount[g]--
    if (s.firstPrefilling[g] === slot) s.firstPrefilling[g] = -1
  }
  leaveRunning(core, g, slot)
  slots.target[slot] = slots.isl[slot] + slots.emitted[slot]
  slots.done[slot] = 0
  slots.chunk[slot] = 0
  slots.held[slot] = 0
  slots.preemptions[slot]++
  enterPhase(slots, slot, PHASE_STALL, nowNs)
  enqueueHead(s, g, slot)
  if (nowNs >= core.window.fromNs && nowNs < core.window.toNs) s.scalars[PREEMPTIONS]++
}

/** Asks the chunk lever, then gives chunks to the prefilling and the waiting requests, first come first served. */
function schedulePrefill(core: Core, e: number, g: number, n: number, preempted: boolean, nowNs: number): void {
  const s = core.state
  const engine = core.engines[e]
  const { blockSize } = engine
  let budget = askChunk(core, e, g, n)
  const { target, done, chunk, held, next } = s.slots

  for (let slot = s.firstPrefilling[g]; slot >= 0 && budget > 0; slot = next[slot]) {
    const left = target[slot] - done[slot]
    const c = left < budget ? left : budget
    const need = Math.ceil((done[slot] + c) / blockSize) - held[slot]
    while (need > s.freeBlocks[g]) {
      const victim = s.runningTail[g]
      preempt(core, e, g, nowNs)
      if (victim === slot) return
      preempted = true
    }
    s.freeBlocks[g] -= need
    held[slot] += need
    chunk[slot] = c
    budget -= c
  }

  if (preempted) return
  let running = s.decodeCount[g] + s.prefillingCount[g]
  while (budget > 0 && running < engine.maxNumSeqs) {
    const slot = s.waitingHead[g]
    if (slot < 0) return
    const c = target[slot] < budget ? target[slot] : budget
    const need = Math.ceil(c / blockSize)
    if (need > s.freeBlocks[g]) return
    admit(core, g, slot, nowNs)
    s.freeBlocks[g] -= need
    held[slot] = need
    chunk[slot] = c
    budget -= c
    running++
  }
}

function askChunk(core: Core, e: number, g: number, n: number): number {
  const s = core.state
  const view = core.chunkView
  const policy = core.arm.chunk
  view.decodeSequences = n
  view.decodeKvTokens = n > 0 ? s.baseSum[g] + n * (s.tokenClock[e] + 1) : 0
  view.splitFactor = s.factor[g]
  view.maxBatchedTokens = core.engines[e].maxNumBatchedTokens
  view.timer = core.timers[e]
  if (policy.readsCandidates) {
    const { target, done, next } = s.slots
    let count = 0
    for (let slot = s.firstPrefilling[g]; slot >= 0 && count < CHUNK_CANDIDATES; slot = next[slot], count++) {
      view.remaining[count] = target[slot] - done[slot]
      view.prefix[count] = done[slot]
    }
    for (let slot = s.waitingHead[g]; slot >= 0 && count < CHUNK_CANDIDATES; slot = next[slot], count++) {
      view.remaining[count] = target[slot]
      view.prefix[count] = 0
    }
    view.candidates = count
  }
  const answer = policy.prefillTokens(view)
  if (!Number.isInteger(answer) || answer < (n === 0 ? 1 : 0))
    throw new PolicyError(
      policy.info.name,
      `prefillTokens returned ${answer} with ${n} decoding sequences; a whole number >= ${n === 0 ? 1 : 0} is due`,
    )
  const room = view.maxBatchedTokens - n
  return answer < room ? answer : room
}

/** The request leaves the queue and joins the running list as its newest member. */
function admit(core: Core, g: number, slot: number, nowNs: number): void {
  const s = core.state
  const { slots } = s
  leaveQueue(s, g, slot)
  if (slots.phase[slot] === PHASE_QUEUE) {
    enterPhase(slots, slot, PHASE_PREFILL, nowNs)
    if (core.timeoutNs !== Number.POSITIVE_INFINITY) patienceEnds(s, slot)
  }
  const tail = s.runningTail[g]
  slots.next[slot] = -1
  slots.previous[slot] = tail
  if (tail < 0) s.runningHead[g] = slot
  else slots.next[tail] = slot
  s.runningTail[g] = slot
  if (s.firstPrefilling[g] < 0) s.firstPrefilling[g] = slot
  s.prefillingCount[g]++
  slots.state[slot] = PREFILLING
}

function leaveRunning(core: Core, g: number, slot: number): void {
  const s = core.state
  const { next, previous } = s.slots
  const before = previous[slot]
  const after = next[slot]
  if (before < 0) s.runningHead[g] = after
  else next[before] = after
  if (after < 0) s.runningTail[g] = before
  else previous[after] = before
}

/** Ends the step of engine `e`, whose end stamp is `nowNs`. */
export function endStep(core: Core, e: number, nowNs: number): void {
  const s = core.state
  const { blockSize } = core.engines[e]
  const clock = ++s.tokenClock[e]
  s.residue[e] = s.residue[e] === 0 ? blockSize - 1 : s.residue[e] - 1
  const bucketOf = clock & (WHEEL - 1)
  let emitted = s.pendingDecode[e]
  let prefilled = 0
  for (let g = s.rankStart[e]; g < s.rankStart[e + 1]; g++) {
    const bucket = g * WHEEL + bucketOf
    if (s.wheel[bucket] >= 0) finishDue(core, g, bucket, clock, blockSize, nowNs)
    if (s.firstPrefilling[g] < 0) continue
    const { target, done, chunk, next } = s.slots
    for (let slot = s.firstPrefilling[g]; slot >= 0 && chunk[slot] > 0; ) {
      const after = next[slot]
      const c = chunk[slot]
      prefilled += c
      done[slot] += c
      chunk[slot] = 0
      s.queuedTokens[g] -= c
      s.prefilledTokens[g] += c
      if (done[slot] === target[slot]) {
        emitted++
        s.firstPrefilling[g] = after
        finishPrefill(core, e, g, slot, blockSize, nowNs)
      }
      slot = after
    }
  }
  if (nowNs >= core.window.fromNs && nowNs < core.window.toNs) measure(core, e, emitted, prefilled)
}

/** Completes the sequences of the bucket whose last token this step emitted; the others stay. */
function finishDue(core: Core, g: number, bucket: number, clock: number, blockSize: number, nowNs: number): void {
  const s = core.state
  const { wheelNext, finishKey, base } = s.slots
  let before = -1
  for (let slot = s.wheel[bucket]; slot >= 0; ) {
    const after = wheelNext[slot]
    if (finishKey[slot] === clock) {
      if (before < 0) s.wheel[bucket] = after
      else wheelNext[before] = after
      leaveDecode(s, g, slot, blockSize)
      leaveRunning(core, g, slot)
      s.freeBlocks[g] += Math.ceil((base[slot] + clock) / blockSize)
      complete(core, slot, nowNs)
    } else before = slot
    slot = after
  }
}

/** The prompt (or what a preemption made of it) is computed: a token is emitted. */
function finishPrefill(core: Core, e: number, g: number, slot: number, blockSize: number, nowNs: number): void {
  const s = core.state
  const { slots } = s
  s.prefillingCount[g]--
  s.prefilledTokens[g] -= slots.done[slot]
  if (slots.emitted[slot] === 0) slots.firstTokenNs[slot] = nowNs
  const emitted = ++slots.emitted[slot]
  const left = slots.osl[slot] - emitted
  enterPhase(slots, slot, PHASE_DECODE, nowNs)
  if (left > 0) {
    joinDecode(s, e, g, slot, slots.target[slot], left, blockSize)
    return
  }
  s.freeBlocks[g] += slots.held[slot]
  leaveRunning(core, g, slot)
  complete(core, slot, nowNs)
}

/** Counts the pending step of engine `e`, which ends now, into the statistics. */
function measure(core: Core, e: number, emitted: number, prefilled: number): void {
  const s = core.state
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
  const kvUsePs = s.pendingKvUse[e] * stepPs
  s.engineBusyPs[e] += stepPs
  s.engineTokens[e] += emitted
  // fractions are summed engine by engine, so that the sum does not depend on how steps of engines interleave
  s.engineKvUsePs[e] += kvUsePs
  s.engineMeanPs[e] += s.pendingMeanPs[e]
  if (decoding > 0) s.itl[logBin(stepPs / 1000)] += decoding
}
