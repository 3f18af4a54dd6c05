/** Who takes part in a step of a rank: decoding sequences first, then chunks of prompts, then arrivals by transfer (docs/SEMANTICS.md, "A step begins"). */
import { PolicyError } from '../errors.js'
import { CHUNK_CANDIDATES } from '../levers/lever.js'
import { cachedBlocks, decodingBlocks, giveBlocks, prefillBlocks, takeBlocks } from './blocks.js'
import type { Core } from './core.js'
import { stopDecoding } from './decodeSet.js'
import { enqueueHead, enterPhase, leaveQueue, PHASE_PREFILL, PHASE_QUEUE, PHASE_STALL, patienceEnds } from './requests.js'
import { appendRunning, leaveRunning } from './runningList.js'
import { PREEMPTIONS } from './scalars.js'
import { DECODING, PREFILLING } from './slots.js'
import { addPrefilled, attendedSequences, attendedTokens, placesTaken } from './spans.js'
import { admitTransfer } from './transfers.js'

/** Takes the blocks that this step's tokens of the decoding sequences need. Returns whether somebody was preempted for it. */
export function growDecode(core: Core, e: number, g: number, nowNs: number): boolean {
  const s = core.state
  const need = s.residues[s.residueStart[g] + s.residue[e]]
  if (s.gain[e] > 1 || need > s.freeBlocks[g]) return growTight(core, e, g, nowNs)
  s.freeBlocks[g] -= need
  return false
}

/** The same for any gain, and where somebody may have to go. */
function growTight(core: Core, e: number, g: number, nowNs: number): boolean {
  const s = core.state
  let preempted = false
  let need = blocksToGrow(core, e, g)
  while (need > s.freeBlocks[g]) {
    preempt(core, e, s.runningTail[g], nowNs)
    preempted = true
    need = blocksToGrow(core, e, g)
  }
  s.freeBlocks[g] -= need
  return preempted
}

/** New blocks for the tokens that the decoding sequences gain: a sequence needs one with every multiple of the block size it passes. */
export function blocksToGrow(core: Core, e: number, g: number): number {
  const s = core.state
  const first = s.residueStart[g]
  let residue = s.residue[e]
  let need = s.residues[first + residue]
  for (let token = 1; token < s.gain[e]; token++) {
    residue = residue === 0 ? core.engines[e].blockSize - 1 : residue - 1
    need += s.residues[first + residue]
  }
  return need
}

/** A request of the batch loses its blocks and its progress and goes back to the head of the queue of its rank. */
export function preempt(core: Core, e: number, slot: number, nowNs: number): void {
  const s = core.state
  const { slots } = s
  const engine = core.engines[e]
  const g = slots.rank[slot]
  if (slots.state[slot] === DECODING) {
    stopDecoding(s, e, engine, g, slot, nowNs)
    giveBlocks(s, engine, g, slot, decodingBlocks(s, e, engine, slot))
  } else {
    giveBlocks(s, engine, g, slot, slots.held[slot])
    s.queuedTokens[g] -= slots.target[slot] - slots.done[slot]
    addPrefilled(s, g, slot, -slots.done[slot])
    s.prefillingCount[g]--
    if (s.firstPrefilling[g] === slot) s.firstPrefilling[g] = -1
  }
  leaveRunning(s, g, slot)
  slots.target[slot] = slots.isl[slot] + slots.emitted[slot]
  slots.done[slot] = 0
  slots.chunk[slot] = 0
  slots.held[slot] = 0
  slots.shared[slot] = 0
  slots.preemptions[slot]++
  enterPhase(slots, slot, PHASE_STALL, nowNs)
  enqueueHead(s, g, slot)
  if (nowNs >= core.window.fromNs && nowNs < core.window.toNs) s.scalars[PREEMPTIONS]++
}

/**
 * Asks the chunk lever, then gives chunks to the prefilling and the waiting requests and admits transfers, first come first served. Where prompts
 * are held none is begun.
 */
export function scheduleQueue(
  core: Core,
  e: number,
  g: number,
  n: number,
  preempted: boolean,
  isHeld: boolean,
  nowNs: number,
): void {
  const s = core.state
  const { target, done, chunk, held, next, source } = s.slots
  const first = s.waitingHead[g]
  let budget = s.firstPrefilling[g] >= 0 || (first >= 0 && source[first] < 0 && !isHeld) ? askChunk(core, e, g, n) : 0
  const engine = core.engines[e]
  const waitsForTransfers = engine.role === 'prefill'
  let crowded = preempted

  for (let slot = s.firstPrefilling[g]; slot >= 0 && budget > 0; slot = next[slot]) {
    const left = target[slot] - done[slot]
    const c = left < budget ? left : budget
    const need = prefillBlocks(s, engine, slot, done[slot] + c) - held[slot]
    while (need > s.freeBlocks[g]) {
      const victim = s.runningTail[g]
      if (victim === slot && waitsForTransfers) return
      preempt(core, e, victim, nowNs)
      if (victim === slot) return
      crowded = true
    }
    s.freeBlocks[g] -= need
    held[slot] += need
    chunk[slot] = c
    budget -= c
  }

  if (crowded) return
  let running = placesTaken(s, g)
  while (running < engine.maxNumSeqs) {
    const slot = s.waitingHead[g]
    if (slot < 0) return
    if (source[slot] >= 0) {
      if (!admitTransfer(core, e, g, slot, nowNs)) return
    } else {
      if (budget === 0 || isHeld) return
      const shared = cachedBlocks(s, engine, g, slot)
      const hit = shared * engine.blockSize
      const left = target[slot] - hit
      const c = left < budget ? left : budget
      const total = prefillBlocks(s, engine, slot, hit + c)
      if (!takeBlocks(s, engine, g, slot, total, shared)) return
      admit(core, g, slot, hit, nowNs)
      if (engine.hostBlocks > 0) countLoad(core, g, slot, engine.blockSize)
      held[slot] = total
      chunk[slot] = c
      budget -= c
    }
    running++
  }
}

function askChunk(core: Core, e: number, g: number, n: number): number {
  const s = core.state
  const engine = core.engines[e]
  const view = core.chunkView
  const policy = core.arm.chunk
  const { lanes } = s
  const attended = lanes === null ? n : attendedSequences(s, lanes, e, g)
  view.decodeSequences = attended
  view.decodeKvTokens =
    lanes === null ? (n > 0 ? s.baseSum[g] + n * (s.tokenClock[e] + 1) : 0) : attendedTokens(s, lanes, e, g, s.tokenClock[e] + 1)
  view.decodeTokens = n * (engine.draftTokens + 1)
  view.splitFactor = s.factor[g]
  view.maxBatchedTokens = engine.maxNumBatchedTokens
  view.timer = core.timers[e]
  if (policy.readsCandidates) {
    const { target, done, next, source } = s.slots
    let count = 0
    for (let slot = s.firstPrefilling[g]; slot >= 0 && count < CHUNK_CANDIDATES; slot = next[slot], count++) {
      view.remaining[count] = target[slot] - done[slot]
      view.prefix[count] = done[slot]
    }
    for (let slot = s.waitingHead[g]; slot >= 0 && source[slot] < 0 && count < CHUNK_CANDIDATES; slot = next[slot], count++) {
      const hit = cachedBlocks(s, engine, g, slot) * engine.blockSize
      view.remaining[count] = target[slot] - hit
      view.prefix[count] = hit
    }
    view.candidates = count
  }
  const answer = policy.prefillTokens(view)
  if (!Number.isInteger(answer) || answer < (attended === 0 ? 1 : 0))
    throw new PolicyError(
      policy.info,
      `prefillTokens returned ${answer} with ${attended} decoding sequences; a whole number >= ${attended === 0 ? 1 : 0} is due`,
    )
  const room = view.maxBatchedTokens - view.decodeTokens
  return answer < room ? answer : room
}

/** What was found in the second tier is loaded within the step that begins. */
function countLoad({ state: s }: Core, g: number, slot: number, blockSize: number): void {
  if (s.prefix === null || s.slots.shared[slot] === 0) return
  const tokens = s.prefix.matchedHost * blockSize
  s.loadTokens[g] += tokens
  if (s.slots.preemptions[slot] === 0) s.slots.loaded[slot] = tokens
}

/** The request leaves the queue and joins the running list as its newest member, `hit` tokens of its prompt computed before. */
function admit(core: Core, g: number, slot: number, hit: number, nowNs: number): void {
  const s = core.state
  const { slots } = s
  leaveQueue(s, g, slot)
  if (slots.phase[slot] === PHASE_QUEUE) {
    enterPhase(slots, slot, PHASE_PREFILL, nowNs)
    if (core.timeoutNs !== Number.POSITIVE_INFINITY) patienceEnds(s, slot)
  }
  appendRunning(s, g, slot)
  if (s.firstPrefilling[g] < 0) s.firstPrefilling[g] = slot
  s.prefillingCount[g]++
  slots.state[slot] = PREFILLING
  if (hit === 0) return
  slots.done[slot] = hit
  s.queuedTokens[g] -= hit
  s.prefilledTokens[g] += hit
  if (slots.preemptions[slot] === 0) slots.cached[slot] = hit
}
