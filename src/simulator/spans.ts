/** Spanned requests on the ranks of their lanes: blocks and places taken and given, decoding sets, what a rank attends to, who is preempted. See lanes.ts. */
import { insertBase, modulo, removeBase } from './bases.js'
import type { EngineConfig } from './config.js'
import { groupStart, type Lanes, laneOf, largestClass } from './lanes.js'
import { append, unlink } from './slotList.js'
import type { State } from './state.js'

/** Decoding sequences whose home is rank g, of any degree. */
export const decodingAtHome = ({ decodeCount, lanes }: State, g: number): number =>
  lanes === null ? decodeCount[g] : decodeCount[g] + lanes.spanned[g]

/** Requests of the batch of rank g and in transfer to it. */
export const runningOn = (s: State, g: number): number => decodingAtHome(s, g) + s.prefillingCount[g] + s.incoming[g]

/** Places under max_num_seqs that are taken on rank g: by those that run there, and by those that have KV here and their home elsewhere. */
export const placesTaken = (s: State, g: number): number => runningOn(s, g) + (s.lanes === null ? 0 : s.lanes.guests[g])

/** Takes `total` blocks and a place on every rank of the lane of a request whose home is g, or nothing when one of them lacks either. */
export function takeSpan(s: State, { maxNumSeqs }: EngineConfig, g: number, slot: number, total: number): boolean {
  const lanes = s.lanes as Lanes
  const spanClass = s.slots.spanClass[slot]
  const first = groupStart(s, s.engineOf[g], g, spanClass)
  const end = first + (1 << spanClass)
  for (let r = first; r < end; r++) if (total > s.freeBlocks[r] || placesTaken(s, r) >= maxNumSeqs) return false
  for (let r = first; r < end; r++) {
    s.freeBlocks[r] -= total
    if (r !== g) lanes.guests[r]++
  }
  s.slots.shared[slot] = 0
  return true
}

/** Gives back what `takeSpan` and growth took: `total` blocks and the place on every rank. */
export function giveSpan(s: State, g: number, slot: number, total: number): void {
  const lanes = s.lanes as Lanes
  const spanClass = s.slots.spanClass[slot]
  const first = groupStart(s, s.engineOf[g], g, spanClass)
  for (let r = first; r < first + (1 << spanClass); r++) {
    s.prefix?.settle(r, s.freeBlocks[r])
    s.freeBlocks[r] += total
    if (r !== g) lanes.guests[r]--
  }
}

/** A request of any degree joins the batch of its home as the most recent one. */
export function enlist(s: State, lanes: Lanes, g: number, slot: number): void {
  const { admission, spanClass, laneNext, lanePrevious } = s.slots
  admission[slot] = ++lanes.admissions[0]
  if (spanClass[slot] === 0) return
  append(laneNext, lanePrevious, lanes.head, lanes.tail, laneOf(s, s.engineOf[g], g, spanClass[slot]), slot)
}

/** A spanned request leaves the batch of its home. */
export function delist(s: State, lanes: Lanes, g: number, slot: number): void {
  const { spanClass, laneNext, lanePrevious } = s.slots
  unlink(laneNext, lanePrevious, lanes.head, lanes.tail, laneOf(s, s.engineOf[g], g, spanClass[slot]), slot)
}

/** The most recent request that holds KV on rank g: of its own list, or one with KV here that was admitted later; -1 = none. */
export function mostRecent(s: State, lanes: Lanes, e: number, g: number): number {
  const { admission } = s.slots
  let latest = s.runningTail[g]
  for (let spanClass = largestClass(s.rankStart[e + 1] - s.rankStart[e]); spanClass > 0; spanClass--) {
    const slot = lanes.tail[laneOf(s, e, g, spanClass)]
    if (slot >= 0 && (latest < 0 || admission[slot] > admission[latest])) latest = slot
  }
  return latest
}

// --- decoding sequences

export function joinLane(s: State, e: number, engine: EngineConfig, g: number, slot: number, base: number): void {
  const lanes = s.lanes as Lanes
  const spanClass = s.slots.spanClass[slot]
  const lane = laneOf(s, e, g, spanClass)
  insertBase(lanes.sortedBases, lanes.sortedStart[lane], lanes.count[lane]++, base)
  lanes.baseSum[lane] += base
  count(s, lanes, e, engine, g, slot, base, 1)
}

export function leaveLane(s: State, e: number, engine: EngineConfig, g: number, slot: number): void {
  const lanes = s.lanes as Lanes
  const base = s.slots.base[slot]
  const lane = laneOf(s, e, g, s.slots.spanClass[slot])
  removeBase(lanes.sortedBases, lanes.sortedStart[lane], --lanes.count[lane], base)
  lanes.baseSum[lane] -= base
  count(s, lanes, e, engine, g, slot, base, -1)
}

/** One decoding sequence more or less. */
function count(
  s: State,
  lanes: Lanes,
  e: number,
  engine: EngineConfig,
  g: number,
  slot: number,
  base: number,
  sign: 1 | -1,
): void {
  const spanClass = s.slots.spanClass[slot]
  const degree = 1 << spanClass
  lanes.spanned[g] += sign
  lanes.links[g] += sign * (degree - 1)
  if (engine.kvReservation === 'grow') {
    const lane = laneOf(s, e, g, spanClass)
    lanes.residues[lanes.residueStart[lane] + modulo(base, engine.blockSize << spanClass)] += sign
  }
  const first = groupStart(s, e, g, spanClass)
  for (let r = first; r < first + degree; r++) s.changed[r] = 1
}

/** Blocks that the spanned sequences need on rank g for the tokens that each gains in the step that begins. */
export function blocksToGrowLanes(s: State, lanes: Lanes, e: number, engine: EngineConfig, g: number): number {
  let need = 0
  for (let spanClass = largestClass(engine.ranks); spanClass > 0; spanClass--) {
    const lane = laneOf(s, e, g, spanClass)
    if (lanes.count[lane] === 0) continue
    const size = engine.blockSize << spanClass
    for (let token = 0; token < s.gain[e]; token++)
      need += lanes.residues[lanes.residueStart[lane] + modulo(-s.tokenClock[e] - token, size)]
  }
  return need
}

/** Decoding sequences to whose KV rank g attends: its own, and those that have part of their KV here. */
export function attendedSequences(s: State, lanes: Lanes, e: number, g: number): number {
  let n = s.decodeCount[g]
  for (let spanClass = largestClass(s.rankStart[e + 1] - s.rankStart[e]); spanClass > 0; spanClass--)
    n += lanes.count[laneOf(s, e, g, spanClass)]
  return n
}

/** Their KV tokens on rank g when the token clock is `clock`: of each lane its even share, rounded up. */
export function attendedTokens(s: State, lanes: Lanes, e: number, g: number, clock: number): number {
  let tokens = s.baseSum[g] + s.decodeCount[g] * clock
  for (let spanClass = largestClass(s.rankStart[e + 1] - s.rankStart[e]); spanClass > 0; spanClass--) {
    const lane = laneOf(s, e, g, spanClass)
    tokens += Math.ceil((lanes.baseSum[lane] + lanes.count[lane] * clock) / (1 << spanClass))
  }
  return tokens
}

/** KV tokens that lie on rank g beside those of its own unspanned requests. */
export function laneTokens(s: State, lanes: Lanes, e: number, g: number): number {
  let tokens = 0
  for (let spanClass = largestClass(s.rankStart[e + 1] - s.rankStart[e]); spanClass > 0; spanClass--) {
    const lane = laneOf(s, e, g, spanClass)
    const all = lanes.baseSum[lane] + lanes.count[lane] * s.tokenClock[e] + lanes.prefilled[lane]
    tokens += Math.ceil(all / (1 << spanClass))
  }
  return tokens
}

/** Fills in the lengths that rank g attends to, ascending, of all sequences that decode with it; returns their sum. */
export function gatherLengths(s: State, lanes: Lanes, e: number, g: number, clock: number, lengths: Float64Array): number {
  let n = 0
  let sum = 0
  const add = (length: number): void => {
    lengths[n++] = length
    sum += length
  }
  const own = s.sortedStart[g]
  for (let i = 0; i < s.decodeCount[g]; i++) add(s.sortedBases[own + i] + clock)
  for (let spanClass = largestClass(s.rankStart[e + 1] - s.rankStart[e]); spanClass > 0; spanClass--) {
    const lane = laneOf(s, e, g, spanClass)
    const first = lanes.sortedStart[lane]
    for (let i = 0; i < lanes.count[lane]; i++) add(Math.ceil((lanes.sortedBases[first + i] + clock) / (1 << spanClass)))
  }
  lengths.subarray(0, n).sort()
  return sum
}

/** `tokens` more of the prompt of a request are computed (fewer: dropped, or part of a decoding sequence from now on). */
export function addPrefilled(s: State, g: number, slot: number, tokens: number): void {
  const spanClass = s.slots.spanClass[slot]
  if (spanClass === 0) s.prefilledTokens[g] += tokens
  else (s.lanes as Lanes).prefilled[laneOf(s, s.engineOf[g], g, spanClass)] += tokens
}
