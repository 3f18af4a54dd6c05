/** Heap of the stepping engines by (end stamp, engine index): at most one entry an engine. */
import type { State } from './state.js'

export function pushStep(s: State, e: number): void {
  const { heap, clockNs } = s
  const time = clockNs[e]
  let at = s.heapSize[0]++
  while (at > 0) {
    const parent = (at - 1) >> 1
    const other = heap[parent]
    if (clockNs[other] < time || (clockNs[other] === time && other < e)) break
    heap[at] = other
    at = parent
  }
  heap[at] = e
}

/** Removes and returns the engine whose step ends first. The heap must not be empty. */
export function popStep(s: State): number {
  const { heap, clockNs } = s
  const top = heap[0]
  const size = --s.heapSize[0]
  if (size === 0) return top
  const e = heap[size]
  const time = clockNs[e]
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= size) break
    let c = heap[child]
    if (child + 1 < size) {
      const d = heap[child + 1]
      if (clockNs[d] < clockNs[c] || (clockNs[d] === clockNs[c] && d < c)) {
        child++
        c = d
      }
    }
    if (time < clockNs[c] || (time === clockNs[c] && e < c)) break
    heap[at] = c
    at = child
  }
  heap[at] = e
  return top
}
