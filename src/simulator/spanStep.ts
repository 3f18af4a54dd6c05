/**
 * A step of an engine that has spanned requests, begun rank by rank as in step.ts, but in passes: what one rank takes or frees is felt on
 * others, so all grow before the first prompt is looked at, and prices come last (docs/SEMANTICS.md, "Spans").
 */
import type { Core } from './core.js'
import type { Lanes } from './lanes.js'
import { blocksToGrow, preempt, scheduleQueue } from './schedule.js'
import { sharedCallPs } from './sharedCall.js'
import { attendedSequences, attendedTokens, blocksToGrowLanes, decodingAtHome, mostRecent } from './spans.js'
import { splitFactor } from './splitFactor.js'
import type { State } from './state.js'
import { hostLoadPs, setOff } from './stepClock.js'
import { joinArrived } from './transfers.js'

/** As `beginStep`, which has set the gain and the beginning of the step and asked whether prompts are held. */
export function beginSpannedStep(core: Core, e: number, lanes: Lanes, isHeld: boolean, nowNs: number): boolean {
  const s = core.state
  const firstRank = s.rankStart[e]
  const endRank = s.rankStart[e + 1]
  lanes.crowded.fill(0, firstRank, endRank)
  for (let g = firstRank; g < endRank; g++) if (s.arrivedHead[g] >= 0) joinArrived(core, e, g)
  for (let g = firstRank; g < endRank; g++) makeRoom(core, e, lanes, g, nowNs)
  for (let g = firstRank; g < endRank; g++) s.freeBlocks[g] -= blocksDue(core, e, lanes, g)
  for (let g = firstRank; g < endRank; g++) {
    if (s.firstPrefilling[g] < 0 && s.waitingHead[g] < 0) continue
    scheduleQueue(core, e, g, decodingAtHome(s, g), lanes.crowded[g] === 1, isHeld, nowNs)
  }
  return price(core, e, lanes)
}

/** New blocks on rank g for this step's tokens of all that decode with KV here. */
const blocksDue = (core: Core, e: number, lanes: Lanes, g: number): number =>
  blocksToGrow(core, e, g) + blocksToGrowLanes(core.state, lanes, e, core.engines[e], g)

/** Preempts the most recent requests with KV on rank g until the others can grow. */
function makeRoom(core: Core, e: number, lanes: Lanes, g: number, nowNs: number): void {
  const s = core.state
  while (blocksDue(core, e, lanes, g) > s.freeBlocks[g]) {
    const victim = mostRecent(s, lanes, e, g)
    lanes.crowded[g] = 1
    lanes.crowded[s.slots.rank[victim]] = 1
    preempt(core, e, victim, nowNs)
  }
}

/** Prices the step and sets it off; false when nobody takes part. */
function price(core: Core, e: number, lanes: Lanes): boolean {
  const s = core.state
  const engine = core.engines[e]
  const timer = core.timers[e]
  const firstRank = s.rankStart[e]
  const endRank = s.rankStart[e + 1]
  const verified = engine.draftTokens + 1
  let rankPsMax = 0
  let gatingAttention = 0
  let attentionSum = 0
  let attentionMax = 0
  let tokensSum = 0
  let tokensMax = 0
  let freeMin = engine.numGpuBlocks
  let decodeTotal = 0
  let linksMax = 0
  let planningPsMax = 0
  for (let g = firstRank; g < endRank; g++) {
    const n = decodingAtHome(s, g)
    const attended = attendedSequences(s, lanes, e, g)
    let tokens = n * verified
    let emitting = tokens
    let attention = 0
    let chunks = 0
    const { chunk, done, target, next } = s.slots
    for (let slot = s.firstPrefilling[g]; slot >= 0 && chunk[slot] > 0; slot = next[slot]) {
      tokens += chunk[slot]
      if (done[slot] + chunk[slot] === target[slot]) emitting++
      attention += timer.prefillPs(chunk[slot], done[slot])
      chunks++
    }
    if (chunks > 1) attention = sharedCallPs(s.slots, timer, s.firstPrefilling[g], attention, chunks)
    if (s.freeBlocks[g] < freeMin) freeMin = s.freeBlocks[g]
    if (attended === 0) s.factorCount[g] = 0
    if (tokens === 0 && attended === 0) continue
    let rankPs = spreadPs(s, g, engine.span.tokenPs)
    if (tokens > 0) rankPs += timer.localPs(tokens) + timer.headPs(emitting)
    if (n > 0) rankPs += timer.decodeRowsPs(n)
    if (attended > 0) {
      if (core.planningPs[attended] > planningPsMax) planningPsMax = core.planningPs[attended]
      const kvTokens = attendedTokens(s, lanes, e, g, s.tokenClock[e] + 1)
      attention += timer.attentionPs(attended, kvTokens, splitFactor(core, e, g, attended, kvTokens))
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
    decodeTotal += n
    if (lanes.links[g] > linksMax) linksMax = lanes.links[g]
  }
  if (tokensSum === 0) {
    s.stepping[e] = 0
    return false
  }
  const { hostPs, sharedPs, exchangePs } = engine.tables
  const loadPs = engine.hostBlocks > 0 ? hostLoadPs(s, engine, firstRank, endRank) : 0
  const { layersPs, linkPs } = engine.span
  const spanPs = linksMax === 0 ? 0 : layersPs + Math.round(linksMax * verified * linkPs)
  s.pendingGatingPs[e] = gatingAttention
  s.pendingMeanPs[e] = attentionSum / (endRank - firstRank)
  s.pendingMaxPs[e] = attentionMax
  s.pendingUsed[e] = engine.numGpuBlocks - freeMin
  s.pendingDecode[e] = decodeTotal
  setOff(s, e, hostPs + loadPs + rankPsMax + sharedPs[tokensSum] + exchangePs[tokensMax] + spanPs + planningPsMax)
  return true
}

/** What the chunks of spanned requests on rank g move: their new KV to the further ranks, and from there what stands before them. Whole ps. */
function spreadPs({ slots, firstPrefilling }: State, g: number, tokenPs: number): number {
  const { chunk, done, next, spanClass } = slots
  let total = 0
  for (let slot = firstPrefilling[g]; slot >= 0 && chunk[slot] > 0; slot = next[slot])
    if (spanClass[slot] > 0) total += Math.round((chunk[slot] + done[slot]) * (1 - 2 ** -spanClass[slot]) * tokenPs)
  return total
}
