/**
 * Largest gap between the tokens of each request without a look at every request in every step. Between two moments at which somebody
 * begins to decode, all sequences of an engine see the same steps: such a segment is its longest step. A sequence that ends
 * asks for the largest of the segments since it began. Closed segments wait in a deque of falling maxima: one that a later
 * segment exceeds can be nobody's answer.
 */
import { DECODING, type State } from './state.js'

/** The segment of sequences that begin to decode now, at a step end that has been counted. */
export function openSegment(s: State, e: number): number {
  if (s.segmentMaxNs[e] === 0) return s.segment[e]
  let capacity = s.gapCapacity[0]
  const maxNs = s.segmentMaxNs[e]
  let at = e * capacity + s.gapTail[e]
  while (at > e * capacity && s.gapMaxima[at - 1] <= maxNs) at--
  if (at === (e + 1) * capacity) {
    makeRoom(s, e)
    capacity = s.gapCapacity[0]
    at = e * capacity + s.gapTail[e]
  }
  s.gapSegments[at] = s.segment[e]
  s.gapMaxima[at] = maxNs
  s.gapTail[e] = at + 1 - e * capacity
  s.segmentMaxNs[e] = 0
  return ++s.segment[e]
}

/** Longest step of engine `e` in the segments from `segment` on. */
export function largestGapNs(s: State, e: number, segment: number): number {
  const { gapSegments, gapMaxima } = s
  const openNs = s.segmentMaxNs[e]
  const first = e * s.gapCapacity[0]
  const last = first + s.gapTail[e] - 1
  if (last < first || gapSegments[last] < segment) return openNs
  let low = first
  let high = last
  while (low < high) {
    const middle = (low + high) >> 1
    if (gapSegments[middle] < segment) low = middle + 1
    else high = middle
  }
  return gapMaxima[low] > openNs ? gapMaxima[low] : openNs
}

/** Drops the segments that ended before every sequence of the engine began, and doubles all deques if more than half remain. */
function makeRoom(s: State, e: number): void {
  const { state, segment, next } = s.slots
  let oldest = s.segment[e]
  for (let g = s.rankStart[e]; g < s.rankStart[e + 1]; g++)
    for (let slot = s.runningHead[g]; slot >= 0; slot = next[slot])
      if (state[slot] === DECODING && segment[slot] >= 0 && segment[slot] < oldest) oldest = segment[slot]
  const engines = s.segment.length
  const capacity = s.gapCapacity[0]
  const start = e * capacity
  const end = start + s.gapTail[e]
  let first = start
  while (first < end && s.gapSegments[first] < oldest) first++
  s.gapSegments.copyWithin(start, first, end)
  s.gapMaxima.copyWithin(start, first, end)
  s.gapTail[e] = end - first
  if (2 * s.gapTail[e] <= capacity) return
  const segments = new Int32Array(2 * s.gapSegments.length)
  const maxima = new Float64Array(2 * s.gapSegments.length)
  for (let engine = 0; engine < engines; engine++) {
    const from = engine * capacity
    segments.set(s.gapSegments.subarray(from, from + capacity), 2 * from)
    maxima.set(s.gapMaxima.subarray(from, from + capacity), 2 * from)
  }
  s.gapCapacity[0] = 2 * capacity
  s.gapSegments = segments
  s.gapMaxima = maxima
}
