/**
 * The exact form of the SM-level model: list scheduling of the pieces on P slots, every running piece streaming at
 * r(n) = min(b, BW / n). It costs O(N log P) for N pieces, so it is the oracle of the fast form (model.ts), not the hot path.
 */
import type { SplitBatch, SplitDecision } from '../lever.js'
import type { SplitMachine } from './machine.js'
import { mergeNs, overheadBytes, pieceCount, tileBytes, tilesOf } from './pieces.js'

/**
 * Time until the last of `tasks` (bytes, in launch order) is done, ns. All running pieces share one rate, so a virtual clock counts
 * the bytes done by each of them since the start: a piece launched at v ends at v + bytes, whatever the others do. A heap holds
 * the ends of the running pieces.
 */
export function exactMakespanNs(tasks: ArrayLike<number>, machine: SplitMachine): number {
  const { slots, bandwidth, ctaBandwidth } = machine
  const ends: number[] = []
  let next = 0
  let virtual = 0
  let timeNs = 0
  while (next < tasks.length || ends.length > 0) {
    while (next < tasks.length && ends.length < slots) push(ends, virtual + tasks[next++])
    const running = ends.length
    const end = pop(ends)
    timeNs += (end - virtual) * Math.max(1 / ctaBandwidth, running / bandwidth)
    virtual = end
  }
  return timeNs
}

/**
 * Attention kernel of a batch under a decision, ns: launch, makespan of the pieces, merge. In arrival order the requests are
 * launched as `order` lists them (indices into the batch; the order of the batch when absent), head group by head group.
 */
export function exactAttentionNs(
  batch: SplitBatch,
  decision: SplitDecision,
  machine: SplitMachine,
  order?: ArrayLike<number>,
): number {
  const tasks: number[] = []
  const overhead = overheadBytes(machine)
  const tile = tileBytes(machine)
  let largest = 0
  let split = 0
  for (let i = 0; i < batch.n; i++) {
    const index = order === undefined ? i : order[i]
    const tiles = tilesOf(batch.lengths[index], machine)
    const pieces = pieceCount(decision, batch, index, machine)
    if (pieces > largest) largest = pieces
    if (pieces > 1) split += pieces
    const short = Math.floor(tiles / pieces)
    const longer = tiles - short * pieces
    for (let group = 0; group < machine.headGroups; group++) {
      for (let p = 0; p < pieces; p++) tasks.push(overhead + tile * (p < longer ? short + 1 : short))
    }
  }
  if (decision.longestFirst) tasks.sort((a, b) => b - a)
  return machine.launchNs + exactMakespanNs(tasks, machine) + mergeNs(largest, split, machine)
}

function push(heap: number[], value: number): void {
  let at = heap.length
  heap.push(value)
  while (at > 0) {
    const parent = (at - 1) >> 1
    if (heap[parent] <= value) break
    heap[at] = heap[parent]
    at = parent
  }
  heap[at] = value
}

function pop(heap: number[]): number {
  const top = heap[0]
  const last = heap.pop() as number
  const size = heap.length
  if (size === 0) return top
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= size) break
    if (child + 1 < size && heap[child + 1] < heap[child]) child++
    if (heap[child] >= last) break
    heap[at] = heap[child]
    at = child
  }
  heap[at] = last
  return top
}
