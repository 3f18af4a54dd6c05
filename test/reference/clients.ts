/** The clients of the reference simulator: who is sent when somebody has left (docs/SEMANTICS.md, sessions). */
import type { Workload } from '../../src/traces/workload.js'

export class Clients {
  /** Requests that will never be sent. */
  readonly notSent = new Set<number>()
  readonly #answered = new Set<number>()
  readonly #gone = new Set<number>()
  /** For each request those whose end it waits for, and those that wait for its own. */
  readonly #before: number[][]
  readonly #after: number[][]
  /** Requests of each session. */
  readonly #sessions: number[][]

  constructor({ count, arrivalNs, parent, joins }: Workload, isClosed: boolean) {
    const all = Array.from({ length: count }, (_, index) => index)
    const isWaiting = (index: number) => (isClosed ? (parent?.[index] ?? -1) >= 0 : Number.isNaN(arrivalNs[index]))
    const waitsFor = (index: number, other: number) => isWaiting(index) && (parent?.[index] === other || joins?.[other] === index)
    const root = (index: number): number => (isWaiting(index) ? root(parent?.[index] as number) : index)
    // parents stand before and joins after, so in a workload without either nothing is compared
    this.#before = all.map((index) => (parent === null ? [] : all.filter((other) => waitsFor(index, other))))
    this.#after = all.map((index) => (parent === null ? [] : all.filter((other) => this.#before[other].includes(index))))
    const members = new Map<number, number[]>()
    for (const index of all) members.set(root(index), [...(members.get(root(index)) ?? []), index])
    this.#sessions = [...members.values()]
  }

  /** First requests of the sessions, in order. */
  roots(): number[] {
    return this.#sessions.map(([first]) => first)
  }

  /** The requests to send now that `index` has left: their waits begin. */
  leave(index: number, isCompleted: boolean): number[] {
    this.#gone.add(index)
    if (!isCompleted) {
      this.#giveUp(index)
      return []
    }
    this.#answered.add(index)
    return this.#after[index].filter((other) => this.#before[other].every((before) => this.#answered.has(before)))
  }

  #giveUp(index: number): void {
    for (const other of this.#after[index]) {
      if (this.notSent.has(other)) continue
      this.notSent.add(other)
      this.#gone.add(other)
      this.#giveUp(other)
    }
  }

  /** Number of sessions of which nobody is in the system or will come to it. */
  over(): number {
    return this.#sessions.filter((members) => members.every((index) => this.#gone.has(index))).length
  }
}
