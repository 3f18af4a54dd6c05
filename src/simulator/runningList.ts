/** The batch of a rank, in order of admission: decoding sequences and then, because prompts are served in order, the prefilling ones. */
import { append, unlink } from './slotList.js'
import { delist, enlist } from './spans.js'
import type { State } from './state.js'

/** The request becomes the newest of the rank. */
export function appendRunning(s: State, g: number, slot: number): void {
  append(s.slots.next, s.slots.previous, s.runningHead, s.runningTail, g, slot)
  if (s.lanes !== null) enlist(s, s.lanes, g, slot)
}

/** A sequence that was prefilled elsewhere goes before the requests that prefill here. */
export function insertDecoding(s: State, g: number, slot: number): void {
  const after = s.firstPrefilling[g]
  if (after < 0) {
    appendRunning(s, g, slot)
    return
  }
  const { next, previous } = s.slots
  const before = previous[after]
  next[slot] = after
  previous[slot] = before
  previous[after] = slot
  if (before < 0) s.runningHead[g] = slot
  else next[before] = slot
  if (s.lanes !== null) enlist(s, s.lanes, g, slot)
}

export function leaveRunning(s: State, g: number, slot: number): void {
  unlink(s.slots.next, s.slots.previous, s.runningHead, s.runningTail, g, slot)
  if (s.lanes !== null && s.slots.spanClass[slot] > 0) delist(s, s.lanes, g, slot)
}
