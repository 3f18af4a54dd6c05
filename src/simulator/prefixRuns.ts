/**
 * Prefix blocks of the requests in flight: for each a list of runs of the trace's consecutive block ids, in recycled cells, and the walk
 * along such a list in blocks of an engine. A context of a million tokens is a handful of runs.
 */
import { grown } from '../collections/grow.js'
import type { Workload } from '../traces/workload.js'

export class PrefixRuns {
  /** Cells: first trace id and trace blocks of a run, and the next cell of the list (-1: the last). */
  first = new Int32Array(0)
  length = new Int32Array(0)
  next = new Int32Array(0)
  /** First cell of the list of free ones. */
  free = Int32Array.of(-1)
  // --- the walk: the present run in blocks of the engine
  /** Engine id of the first block of the present run, and the blocks of it. */
  id = 0
  blocks = 0
  /** Difference of the ids of neighbours in a run. */
  stride = 1
  #cell = -1
  #parts = 1
  /** Trace blocks before the present cell. */
  #before = 0

  /** Copies the ids of row `row` of `input`; -1 = it has none. */
  hold({ runOffset, runCount, runFirst, runLength }: Workload, row: number): number {
    if (runOffset === null || runCount === null || runFirst === null || runLength === null) return -1
    let list = -1
    let last = -1
    for (let run = runOffset[row]; run < runOffset[row] + runCount[row]; run++) {
      if (last >= 0 && this.first[last] + this.length[last] === runFirst[run]) {
        this.length[last] += runLength[run]
        continue
      }
      const cell = this.#take()
      this.first[cell] = runFirst[run]
      this.length[cell] = runLength[run]
      if (last < 0) list = cell
      else this.next[last] = cell
      last = cell
    }
    return list
  }

  drop(list: number): void {
    if (list < 0) return
    let last = list
    while (this.next[last] >= 0) last = this.next[last]
    this.next[last] = this.free[0]
    this.free[0] = list
  }

  /**
   * Begins a walk along `list`. An engine block is the trace block that holds its last token, or one of the `parts` parts of that; with
   * larger engine blocks it is every `stride`-th trace block.
   */
  start(list: number, parts: number, stride: number): void {
    this.#cell = list
    this.#parts = parts
    this.stride = stride
    this.#before = 0
  }

  /** Begins a walk at block number `from` of the list; false where it has none. */
  seek(list: number, parts: number, stride: number, from: number): boolean {
    this.start(list, parts, stride)
    for (let left = from; this.advance(); left -= this.blocks) {
      if (left >= this.blocks) continue
      this.id += left * stride
      this.blocks -= left
      return true
    }
    return false
  }

  /** Goes on to the next run; false at the end of the list. */
  advance(): boolean {
    while (this.#cell >= 0) {
      const cell = this.#cell
      const length = this.length[cell]
      // the first trace block of the run that ends an engine block
      const skipped = this.stride - 1 - (this.#before % this.stride)
      this.id = (this.first[cell] + skipped) * this.#parts
      this.blocks = skipped < length ? (1 + Math.floor((length - 1 - skipped) / this.stride)) * this.#parts : 0
      this.#before += length
      this.#cell = this.next[cell]
      if (this.blocks > 0) return true
    }
    return false
  }

  #take(): number {
    if (this.free[0] < 0) this.#grow()
    const cell = this.free[0]
    this.free[0] = this.next[cell]
    this.next[cell] = -1
    return cell
  }

  #grow(): void {
    const old = this.next.length
    const capacity = Math.max(64, old * 2)
    for (const key of ['first', 'length', 'next'] as const) this[key] = grown(this[key], capacity)
    for (let cell = old; cell < capacity; cell++) this.next[cell] = cell + 1 < capacity ? cell + 1 : -1
    this.free[0] = old
  }
}
