/** Heap of the stepping engines by (due time, engine index): at most one entry an engine. */
import type { State } from './state.js'

export function pushStep(s: State, e: number): void {
  rise(s, e, s.heapSize[0]++)
}

/** Engine `e`, which is in the heap, is due earlier than before. */
export const hastenStep = (s: State, e: number): void => rise(s, e, s.heap.indexOf(e))

function rise(s: State, e: number, from: number): void {
  const { heap, dueNs } = s
  const time = dueNs[e]
  let at = from
  while (at > 0) {
    const parent = (at - 1) >> 1
    const other = heap[parent]
    if (dueNs[other] < time || (dueNs[other] === time && other < e)) break
    heap[at] = other
    at = parent
  }
  heap[at] = e
}

/** Removes and returns the engine whose step ends first. The heap must not be empty. */
export function popStep(s: State): number {
  const { heap, dueNs } = s
  const top = heap[0]
  const size = --s.heapSize[0]
  if (size === 0) return top
  const e = heap[size]
  const time = dueNs[e]
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= size) break
    let c = heap[child]
    if (child + 1 < size) {
      const d = heap[child + 1]
      if (dueNs[d] < dueNs[c] || (dueNs[d] === dueNs[c] && d < c)) {
        child++
        c = d
      }
    }
    if (time < dueNs[c] || (time === dueNs[c] && e < c)) break
    heap[at] = c
    at = child
  }
  heap[at] = e
  return top
}
