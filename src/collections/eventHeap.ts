/**
 * Pending events in the total order (timeNs, class, sequence): a binary heap on typed arrays. Ties matter: a heap that leaves
 * equal times unordered would make a run depend on its history. The sequence is given by the heap, in order of creation.
 */
import { grown } from './grow.js'

export class EventHeap {
  #time: Float64Array
  #class: Uint8Array
  #sequence: Float64Array
  #payload: Int32Array
  /** [size, next sequence]: kept in an array so that a snapshot is a copy of arrays. */
  #meta: Float64Array

  constructor(capacity = 64) {
    this.#time = new Float64Array(capacity)
    this.#class = new Uint8Array(capacity)
    this.#sequence = new Float64Array(capacity)
    this.#payload = new Int32Array(capacity)
    this.#meta = new Float64Array(2)
  }

  get size(): number {
    return this.#meta[0]
  }

  /** Time of the next event, Infinity when there is none. */
  peekTime(): number {
    return this.#meta[0] === 0 ? Number.POSITIVE_INFINITY : this.#time[0]
  }

  push(timeNs: number, eventClass: number, payload: number): void {
    this.pushAs(timeNs, eventClass, payload, this.#meta[1]++)
  }

  /** With a sequence of the caller's, for events that are not ordered by their creation. */
  pushAs(timeNs: number, eventClass: number, payload: number, sequence: number): void {
    const size = this.#meta[0]
    if (size === this.#time.length) this.#grow()
    this.#meta[0] = size + 1
    let at = size
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!this.#before(timeNs, eventClass, sequence, parent)) break
      this.#move(parent, at)
      at = parent
    }
    this.#set(at, timeNs, eventClass, sequence, payload)
  }

  /** Removes the next event and returns its payload; -1 when the heap is empty. */
  pop(): number {
    if (this.#meta[0] === 0) return -1
    const payload = this.#payload[0]
    const last = --this.#meta[0]
    const time = this.#time[last]
    const eventClass = this.#class[last]
    const sequence = this.#sequence[last]
    const moved = this.#payload[last]
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= last) break
      if (child + 1 < last && this.#before(this.#time[child + 1], this.#class[child + 1], this.#sequence[child + 1], child))
        child++
      if (!this.#before(this.#time[child], this.#class[child], this.#sequence[child], last)) break
      this.#move(child, at)
      at = child
    }
    if (last > 0) this.#set(at, time, eventClass, sequence, moved)
    return payload
  }

  /** All state, for snapshots. Copies. */
  save(): HeapState {
    const size = this.#meta[0]
    return {
      time: this.#time.slice(0, size),
      class: this.#class.slice(0, size),
      sequence: this.#sequence.slice(0, size),
      payload: this.#payload.slice(0, size),
      next: this.#meta[1],
    }
  }

  restore(state: HeapState): void {
    while (this.#time.length < state.time.length) this.#grow()
    this.#time.set(state.time)
    this.#class.set(state.class)
    this.#sequence.set(state.sequence)
    this.#payload.set(state.payload)
    this.#meta[0] = state.time.length
    this.#meta[1] = state.next
  }

  #before(time: number, eventClass: number, sequence: number, other: number): boolean {
    if (time !== this.#time[other]) return time < this.#time[other]
    if (eventClass !== this.#class[other]) return eventClass < this.#class[other]
    return sequence < this.#sequence[other]
  }

  #move(from: number, to: number): void {
    this.#set(to, this.#time[from], this.#class[from], this.#sequence[from], this.#payload[from])
  }

  #set(at: number, time: number, eventClass: number, sequence: number, payload: number): void {
    this.#time[at] = time
    this.#class[at] = eventClass
    this.#sequence[at] = sequence
    this.#payload[at] = payload
  }

  #grow(): void {
    this.#time = grown(this.#time)
    this.#class = grown(this.#class)
    this.#sequence = grown(this.#sequence)
    this.#payload = grown(this.#payload)
  }
}

export interface HeapState {
  readonly time: Float64Array
  readonly class: Uint8Array
  readonly sequence: Float64Array
  readonly payload: Int32Array
  readonly next: number
}
