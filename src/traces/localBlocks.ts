/** Local ids of prefix blocks, such as those of one session, into the dense ids of a workload. */
import type { RequestRows } from './requestRows.js'

/** Local ids below this are looked up in a table, larger ones in a map. */
const MOST_IN_TABLE = 1 << 20
const FIRST_CAPACITY = 1 << 12

export interface LocalBlocks {
  /** Forgets the local ids: from now on they name other blocks. */
  newScope(): void
  /** Lets the local id stand for a block that exists already, unless it has one. */
  alias(local: number, dense: number): void
  /** A new block that no local id names yet. */
  fresh(): number
  /** Appends the blocks `local`, `local + 1`, ... to the request added last. */
  push(rows: RequestRows, local: number, length: number): void
}

export function createLocalBlocks(): LocalBlocks {
  let table = new Int32Array(FIRST_CAPACITY).fill(-1)
  let large = new Map<number, number>()
  let highest = -1
  let next = 0
  const reach = (id: number): void => {
    if (id < table.length) return
    const wider = new Int32Array(2 ** Math.ceil(Math.log2(id + 1))).fill(-1)
    wider.set(table)
    table = wider
  }
  return {
    newScope() {
      table.fill(-1, 0, highest + 1)
      highest = -1
      large = new Map()
    },
    alias(local, dense) {
      if (local >= MOST_IN_TABLE) {
        if (!large.has(local)) large.set(local, dense)
        return
      }
      reach(local)
      highest = Math.max(highest, local)
      if (table[local] < 0) table[local] = dense
    },
    fresh: () => next++,
    push(rows, local, length) {
      const end = local + length
      if (end > MOST_IN_TABLE) {
        for (let id = local; id < end; id++) {
          const dense = large.get(id) ?? next
          if (dense === next) large.set(id, next++)
          rows.pushBlocks(dense, 1)
        }
        return
      }
      reach(end)
      highest = Math.max(highest, end)
      let first = 0
      let run = 0
      for (let id = local; id < end; id++) {
        let dense = table[id]
        if (dense < 0) {
          dense = next++
          table[id] = dense
        }
        if (run > 0 && dense === first + run) run++
        else {
          if (run > 0) rows.pushBlocks(first, run)
          first = dense
          run = 1
        }
      }
      if (run > 0) rows.pushBlocks(first, run)
    },
  }
}
