/** The decoding sequences of a rank, kept so that a step costs nothing per sequence. See state.ts for `base`. */
import { insertBase, modulo, removeBase } from './bases.js'
import type { EngineConfig } from './config.js'
import { largestGapNs } from './gaps.js'
import { DECODING } from './slots.js'
import { joinLane, leaveLane } from './spans.js'
import { type State, WHEEL } from './state.js'

/**
 * `slot` begins to decode with this length (KV tokens and drafts) and `left` > 0 tokens still to emit. The token clock is that between
 * steps. A sequence whose whole life is reserved has no residue: it never needs a block.
 */
export function joinDecode(
  s: State,
  e: number,
  engine: EngineConfig,
  g: number,
  slot: number,
  length: number,
  left: number,
): void {
  const { slots } = s
  const clock = s.tokenClock[e]
  const base = length - clock
  slots.state[slot] = DECODING
  slots.joinedStep[slot] = s.stepCount[e]
  slots.base[slot] = base
  const finish = clock + left
  slots.finishKey[slot] = finish
  const bucket = g * WHEEL + (finish & (WHEEL - 1))
  slots.wheelNext[slot] = s.wheel[bucket]
  s.wheel[bucket] = slot

  if (slots.spanClass[slot] > 0) {
    joinLane(s, e, engine, g, slot, base)
    return
  }
  insertBase(s.sortedBases, s.sortedStart[g], s.decodeCount[g]++, base)
  s.baseSum[g] += base
  if (engine.kvReservation === 'grow') s.residues[s.residueStart[g] + modulo(base, engine.blockSize)]++
  s.changed[g] = 1
}

/** Takes a sequence out of the sorted bases, the sum and the residues; the wheel is the caller's business. */
export function leaveDecode(s: State, e: number, engine: EngineConfig, g: number, slot: number): void {
  if (s.slots.spanClass[slot] > 0) {
    leaveLane(s, e, engine, g, slot)
    return
  }
  const base = s.slots.base[slot]
  removeBase(s.sortedBases, s.sortedStart[g], --s.decodeCount[g], base)
  s.baseSum[g] -= base
  if (engine.kvReservation === 'grow') s.residues[s.residueStart[g] + modulo(base, engine.blockSize)]--
  s.changed[g] = 1
}

/** Takes a sequence out of its bucket before its time. */
function leaveWheel(s: State, g: number, slot: number): void {
  const { wheelNext, finishKey } = s.slots
  const bucket = g * WHEEL + (finishKey[slot] & (WHEEL - 1))
  if (s.wheel[bucket] === slot) {
    s.wheel[bucket] = wheelNext[slot]
    return
  }
  let before = s.wheel[bucket]
  while (wheelNext[before] !== slot) before = wheelNext[before]
  wheelNext[before] = wheelNext[slot]
}

/** A sequence stops before its last token, at the end of a step or its beginning: it leaves the decoding set, and its gap begins. */
export function stopDecoding(s: State, e: number, engine: EngineConfig, g: number, slot: number, nowNs: number): void {
  const { slots } = s
  leaveDecode(s, e, engine, g, slot)
  leaveWheel(s, g, slot)
  slots.emitted[slot] = slots.osl[slot] - (slots.finishKey[slot] - s.tokenClock[e])
  if (slots.segment[slot] < 0) return
  slots.maxGapNs[slot] = Math.max(slots.maxGapNs[slot], largestGapNs(s, e, slots.segment[slot]))
  slots.lastTokenNs[slot] = nowNs
}
