/** Heap of the requests whose transfer has a next event, by (time, request): at most one entry a request, so nothing in it is ever stale. */
import { TRANSFERS } from './scalars.js'
import type { State } from './state.js'

/** Time of the next transfer event, Infinity when there is none. */
export function nextTransferNs(s: State): number {
  return s.scalars[TRANSFERS] === 0 ? Number.POSITIVE_INFINITY : s.slots.transferNs[s.slots.transferHeap[0]]
}

export function pushTransfer(s: State, slot: number, timeNs: number): void {
  s.slots.transferNs[slot] = timeNs
  rise(s, slot, s.scalars[TRANSFERS]++)
}

/** Gives an entry of the heap another time. */
export function moveTransfer(s: State, slot: number, timeNs: number): void {
  const { transferNs, heapAt } = s.slots
  const isEarlier = timeNs < transferNs[slot]
  transferNs[slot] = timeNs
  if (isEarlier) rise(s, slot, heapAt[slot])
  else sink(s, slot, heapAt[slot])
}

/** Removes and returns the request with the next event. The heap must not be empty. */
export function popTransfer(s: State): number {
  const { transferHeap } = s.slots
  const top = transferHeap[0]
  const size = --s.scalars[TRANSFERS]
  if (size > 0) sink(s, transferHeap[size], 0)
  return top
}

function before(s: State, a: number, b: number): boolean {
  const { transferNs, request } = s.slots
  return transferNs[a] < transferNs[b] || (transferNs[a] === transferNs[b] && request[a] < request[b])
}

function put(s: State, slot: number, at: number): void {
  s.slots.transferHeap[at] = slot
  s.slots.heapAt[slot] = at
}

/** Puts `slot` at the free place `at` or above it. */
function rise(s: State, slot: number, at: number): void {
  const { transferHeap } = s.slots
  let place = at
  while (place > 0) {
    const parent = (place - 1) >> 1
    if (!before(s, slot, transferHeap[parent])) break
    put(s, transferHeap[parent], place)
    place = parent
  }
  put(s, slot, place)
}

/** Puts `slot` at the free place `at` or below it. */
function sink(s: State, slot: number, at: number): void {
  const { transferHeap } = s.slots
  const size = s.scalars[TRANSFERS]
  let place = at
  for (;;) {
    let child = 2 * place + 1
    if (child >= size) break
    if (child + 1 < size && before(s, transferHeap[child + 1], transferHeap[child])) child++
    if (before(s, slot, transferHeap[child])) break
    put(s, transferHeap[child], place)
    place = child
  }
  put(s, slot, place)
}
