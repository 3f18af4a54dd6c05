/** Requests that name, by id, those they wait for; the names may come later in the file. */
import type { RequestRows } from './requestRows.js'

/** A request that is left out: whom it waited for (by id, or the row before it), its wait after them, and its own time, NaN for none. */
export interface SkippedRequest {
  readonly waitFor: readonly string[]
  readonly row: number | undefined
  readonly waitNs: number
  readonly timeNs: number
}

export interface WaitList {
  name(id: string, row: number): void
  add(row: number, waitsFor: readonly string[]): void
  /** Who waits for this request waits for those it waited for, its wait added; without any it comes as long after its time. */
  skip(id: string, request: SkippedRequest): void
  /**
   * Makes one of those waited for the parent and lets the others join. Returns how many waits could not be kept, because a request can be the
   * parent of many but join only one. A row that waits for an unknown id keeps no time and no parent, so it is never released.
   */
  relate(rows: RequestRows): number
}

/**
 * Rows whose ends are waited for, and the wait that skipped requests add: the longest, or none beside one that is there and ends later than they
 * would have begun; without rows the time that counts in their place.
 */
interface Release {
  readonly rows: readonly number[]
  readonly waitNs: number
  readonly timeNs: number
}

const atEndOf = (row: number): Release => ({ rows: [row], waitNs: 0, timeNs: Number.NaN })

export function createWaitList(): WaitList {
  const rowOf = new Map<string, number>()
  const waiting: { row: number; waitsFor: readonly string[] }[] = []
  const skipped = new Map<string, SkippedRequest>()
  /** What stands for a skipped request; null when it would never have been sent. */
  const standsFor = new Map<string, Release | null>()

  const together = (ids: readonly string[]): Release | null => {
    const rows = new Set<number>()
    let [waitNs, timeNs] = [0, Number.NaN]
    const isOneThere = ids.some((id) => rowOf.has(id))
    for (const id of ids) {
      const row = rowOf.get(id)
      const release = row === undefined ? standsFor.get(id) : atEndOf(row)
      if (release === undefined || release === null) return null
      for (const other of release.rows) rows.add(other)
      if (!isOneThere) waitNs = Math.max(waitNs, release.waitNs)
      if (!(release.timeNs <= timeNs)) timeNs = release.timeNs
    }
    return { rows: [...rows], waitNs, timeNs }
  }
  const instead = ({ waitFor, row, waitNs, timeNs }: SkippedRequest): Release | null => {
    const before = row !== undefined ? atEndOf(row) : waitFor.length > 0 ? together(waitFor) : null
    if (before !== null) return { ...before, waitNs: before.waitNs + waitNs }
    return Number.isNaN(timeNs) ? null : { rows: [], waitNs: 0, timeNs }
  }
  /** Those that it waited for come first. */
  const settle = (first: string): void => {
    const begun = new Set<string>()
    for (const stack = [first]; stack.length > 0; ) {
      const id = stack[stack.length - 1]
      const request = skipped.get(id)
      if (request === undefined || standsFor.has(id)) stack.pop()
      else if (begun.has(id)) standsFor.set(id, instead(request))
      else {
        begun.add(id)
        stack.push(...request.waitFor.filter((other) => !begun.has(other)))
      }
    }
  }
  return {
    name(id, row) {
      rowOf.set(id, row)
    },
    add(row, waitsFor) {
      waiting.push({ row, waitsFor })
    },
    skip(id, request) {
      skipped.set(id, request)
    },
    relate(rows) {
      for (const id of skipped.keys()) settle(id)
      let lost = 0
      for (const { row, waitsFor } of waiting) {
        const release = together(waitsFor)
        if (release === null) continue
        const { rows: known, timeNs } = release
        const waitNs = rows.waitNs.get(row) + release.waitNs
        rows.waitNs.set(row, known.length === 0 ? 0 : waitNs)
        if (known.length === 0) {
          rows.comeAt(row, timeNs + waitNs)
          continue
        }
        const parent = known.find((other) => rows.joins.get(other) >= 0) ?? known[0]
        rows.parent.set(row, parent)
        for (const other of known) {
          if (other === parent) continue
          if (rows.joins.get(other) >= 0) lost++
          else rows.joins.set(other, row)
        }
      }
      return lost
    },
  }
}
