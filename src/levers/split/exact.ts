/**
 * The exact form of the SM-level model: list scheduling of the pieces on P slots, every running piece streaming at
 * r(n) = min(b, BW / n), or below it where the machine has a knee. It costs O(N log P) for N pieces, so it is the oracle of the fast form
 * (model.ts), not the hot path.
 */
import { SPLIT_GRID, SPLIT_LAUNCHES, SPLIT_PAYLOAD, type SplitBatch, type SplitDecision } from '../lever.js'
import type { SplitMachine } from './machine.js'
import { createPayloadRanges, cutPayload } from './payload.js'
import { exitBytes, mergeNs, overheadBytes, pieceCount, tileBytes, tilesOf } from './pieces.js'

/** A machine whose CTAs slow each other down before the memory is full. The fast form has the sharp knee alone. */
export interface ExactMachine extends SplitMachine {
  /** k of r(n) = (b^-k + (BW / n)^-k)^(-1/k), above 0; absent: infinite, r(n) = min(b, BW / n). Measured on a GPU: 1.1 to 2.2 (docs/decisions/0003-split-model.md). */
  readonly knee?: number
}

/** Time that each of `running` pieces takes for a byte, ns. */
export function nsPerByte(running: number, machine: ExactMachine): number {
  const alone = 1 / machine.ctaBandwidth
  const together = running / machine.bandwidth
  // asked for by name: a policy's machine is under guard, and has no knee to be read
  const knee = 'knee' in machine ? machine.knee : undefined
  const sharp = alone > together ? alone : together
  if (knee === undefined) return sharp
  const other = alone > together ? together : alone
  return sharp * (1 + (other / sharp) ** knee) ** (1 / knee)
}

/**
 * Time until the last of `tasks` (bytes, in launch order) is done, ns. All running pieces share one rate, so a virtual clock counts
 * the bytes done by each of them since the start: a piece launched at v ends at v + bytes, whatever the others do. A heap holds
 * the ends of the running pieces.
 */
export function exactMakespanNs(tasks: ArrayLike<number>, machine: ExactMachine): number {
  const first = Math.min(machine.slots, tasks.length)
  const ends = new Float64Array(first)
  for (let j = 0; j < first; j++) ends[j] = tasks[j]
  ends.sort()
  let virtual = 0
  let timeNs = 0
  const full = nsPerByte(first, machine)
  for (let next = first; next < tasks.length; next++) {
    const end = ends[0]
    timeNs += (end - virtual) * full
    virtual = end
    replaceFirst(ends, end + tasks[next])
  }
  ends.sort()
  for (let j = 0; j < first; j++) {
    // equal pieces end together, and powers are dear
    if (ends[j] === virtual) continue
    timeNs += (ends[j] - virtual) * nsPerByte(first - j, machine)
    virtual = ends[j]
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
  machine: ExactMachine,
  order?: ArrayLike<number>,
): number {
  if (decision.kind === SPLIT_PAYLOAD) return payloadNs(batch, decision.value, machine, order)
  const launches = decision.kind === SPLIT_LAUNCHES ? decision.launches : 1
  let timeNs = 0
  for (let launch = 0; launch < launches; launch++) timeNs += launchNs(batch, decision, launch, machine, order)
  return timeNs
}

/** One kernel of the decision. */
function launchNs(
  batch: SplitBatch,
  decision: SplitDecision,
  launch: number,
  machine: ExactMachine,
  order: ArrayLike<number> | undefined,
): number {
  const overhead = overheadBytes(machine)
  const tile = tileBytes(machine)
  const exit = exitBytes(machine)
  const { headGroups } = machine
  let tasks = new Float64Array(256)
  let count = 0
  let largest = 0
  let split = 0
  for (let i = 0; i < batch.n; i++) {
    const index = order === undefined ? i : order[i]
    if (decision.kind === SPLIT_LAUNCHES && decision.launchOf[index] !== launch) continue
    const tiles = tilesOf(batch.lengths[index], machine)
    const pieces = pieceCount(decision, batch, index, machine)
    if (pieces > largest) largest = pieces
    if (pieces > 1) split += pieces
    const short = Math.floor(tiles / pieces)
    const longer = tiles - short * pieces
    const surplus = decision.kind === SPLIT_GRID ? Math.max(0, Math.floor(decision.value) - pieces) : 0
    const end = count + headGroups * (pieces + surplus)
    if (end > tasks.length) {
      const more = new Float64Array(2 * end)
      more.set(tasks)
      tasks = more
    }
    while (count < end) {
      tasks.fill(overhead + tile * (short + 1), count, count + longer)
      tasks.fill(overhead + tile * short, count + longer, count + pieces)
      tasks.fill(exit, count + pieces, count + pieces + surplus)
      count += pieces + surplus
    }
  }
  if (count === 0) return 0
  const launched = tasks.subarray(0, count)
  if (decision.longestFirst) launched.sort().reverse()
  return machine.launchNs + exactMakespanNs(launched, machine) + mergeNs(largest, split, machine)
}

function payloadNs(
  batch: SplitBatch,
  overheadTiles: number,
  machine: ExactMachine,
  order: ArrayLike<number> | undefined,
): number {
  const tiles = Array.from({ length: batch.n }, (_, i) => tilesOf(batch.lengths[order === undefined ? i : order[i]], machine))
  const out = createPayloadRanges(machine.slots)
  cutPayload(tiles, batch.n, overheadTiles, Math.max(1, Math.floor(machine.slots / machine.headGroups)), out)
  const tasks: number[] = []
  for (let range = 0; range < out.ranges; range++) {
    const bytes = out.tiles[range] * tileBytes(machine) + out.stretches[range] * overheadBytes(machine)
    for (let group = 0; group < machine.headGroups; group++) tasks.push(bytes)
  }
  return machine.launchNs + exactMakespanNs(tasks, machine) + mergeNs(out.largest, out.split, machine)
}

/** Puts `value` in the place of the smallest entry of a heap. A sorted array is a heap. */
function replaceFirst(heap: Float64Array, value: number): void {
  const size = heap.length
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= size) break
    if (child + 1 < size && heap[child + 1] < heap[child]) child++
    if (heap[child] >= value) break
    heap[at] = heap[child]
    at = child
  }
  heap[at] = value
}
