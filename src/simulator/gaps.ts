/**
 * Largest gap between the tokens of each request without a look at every request in every step. Between two moments at which somebody
 * begins to decode, all sequences of an engine see the same steps: such a segment is its longest step. A sequence that ends
 * asks for the largest of the segments since it began. Closed segments wait in a deque of falling maxima: one that a later
 * segment exceeds can be nobody's answer.
 *
 * All of an engine lies side by side in `state.gaps`: the open segment, its longest step, the number of closed segments, and these as
 * pairs (segment, longest step).
 */
import { DECODING } from './slots.js'
import type { State } from './state.js'

const OPEN = 0
/** The longest step of the open segment, ns. */
export const OPEN_MAX = 1
const CLOSED = 2
const PAIRS = 3

/** Closed segments that there is room for at first; grows by doubling. */
const FIRST_ROOM = 64
export const FIRST_GAP_STRIDE = PAIRS + 2 * FIRST_ROOM

/** The segment of sequences that begin to decode now, at a step end that has been counted. */
export function openSegment(s: State, e: number): number {
  const { gaps } = s
  const start = e * s.gapStride[0]
  const maxNs = gaps[start + OPEN_MAX]
  if (maxNs === 0) return gaps[start]
  const first = start + PAIRS
  // a count, told to be a whole number so that indices stay whole
  let at = first + 2 * (gaps[start + CLOSED] | 0)
  while (at > first && gaps[at - 1] <= maxNs) at -= 2
  if (at === start + s.gapStride[0]) {
    makeRoom(s, e)
    return openSegment(s, e)
  }
  gaps[at] = gaps[start]
  gaps[at + 1] = maxNs
  gaps[start + CLOSED] = (at + 2 - first) >> 1
  gaps[start + OPEN_MAX] = 0
  return ++gaps[start]
}

/** Longest step of engine `e` in the segments from `segment` on, ns. */
export function largestGapNs(s: State, e: number, segment: number): number {
  const { gaps } = s
  const start = e * s.gapStride[0]
  const openNs = gaps[start + OPEN_MAX]
  const closed = gaps[start + CLOSED] | 0
  let low = 0
  let high = closed
  while (low < high) {
    const middle = (low + high) >> 1
    if (gaps[start + PAIRS + 2 * middle] < segment) low = middle + 1
    else high = middle
  }
  if (low === closed) return openNs
  const closedNs = gaps[start + PAIRS + 2 * low + 1]
  return closedNs > openNs ? closedNs : openNs
}

/** Drops the segments that ended before every sequence of the engine began, and doubles the room if more than half remain. */
function makeRoom(s: State, e: number): void {
  const { state, segment, next } = s.slots
  const stride = s.gapStride[0]
  const start = e * stride
  let oldest = s.gaps[start + OPEN]
  for (let g = s.rankStart[e]; g < s.rankStart[e + 1]; g++)
    for (let slot = s.runningHead[g]; slot >= 0; slot = next[slot])
      if (state[slot] === DECODING && segment[slot] >= 0 && segment[slot] < oldest) oldest = segment[slot]
  const end = start + PAIRS + 2 * s.gaps[start + CLOSED]
  let first = start + PAIRS
  while (first < end && s.gaps[first] < oldest) first += 2
  s.gaps.copyWithin(start + PAIRS, first, end)
  s.gaps[start + CLOSED] = (end - first) / 2
  if (4 * s.gaps[start + CLOSED] <= stride - PAIRS) return
  const wider = PAIRS + 2 * (stride - PAIRS)
  const gaps = new Float64Array((s.gaps.length / stride) * wider)
  for (let from = 0, to = 0; from < s.gaps.length; from += stride, to += wider) gaps.set(s.gaps.subarray(from, from + stride), to)
  s.gapStride[0] = wider
  s.gaps = gaps
}
