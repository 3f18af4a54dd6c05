/** Requests that name, by id, those they wait for; the names may come later in the file. */
import type { RequestRows } from './requestRows.js'

export interface WaitList {
  name(id: string, row: number): void
  add(row: number, waitsFor: readonly string[]): void
  /**
   * Makes one of those waited for the parent and lets the others join. Returns how many waits could not be kept, because a request can be the
   * parent of many but join only one. A row that waits for an unknown id keeps no time and no parent, so it is never released.
   */
  relate(rows: RequestRows): number
}

export function createWaitList(): WaitList {
  const rowOf = new Map<string, number>()
  const waiting: { row: number; waitsFor: readonly string[] }[] = []
  return {
    name(id, row) {
      rowOf.set(id, row)
    },
    add(row, waitsFor) {
      waiting.push({ row, waitsFor })
    },
    relate(rows) {
      let lost = 0
      for (const { row, waitsFor } of waiting) {
        const before = [...new Set(waitsFor)].map((id) => rowOf.get(id))
        const known = before.filter((other) => other !== undefined)
        if (known.length < before.length) continue
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
