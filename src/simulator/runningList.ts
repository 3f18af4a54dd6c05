/** The batch of a rank, in order of admission: decoding sequences and then, because prompts are served in order, the prefilling ones. */
import type { State } from './state.js'

/** The request becomes the newest of the rank. */
export function appendRunning(s: State, g: number, slot: number): void {
  const { next, previous } = s.slots
  const tail = s.runningTail[g]
  next[slot] = -1
  previous[slot] = tail
  if (tail < 0) s.runningHead[g] = slot
  else next[tail] = slot
  s.runningTail[g] = slot
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
}

export function leaveRunning(s: State, g: number, slot: number): void {
  const { next, previous } = s.slots
  const before = previous[slot]
  const after = next[slot]
  if (before < 0) s.runningHead[g] = after
  else next[before] = after
  if (after < 0) s.runningTail[g] = before
  else previous[after] = before
}
