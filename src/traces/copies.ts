/**
 * Units of a workload (sessions, or requests alone) put together anew: more than once, at other times. Who waits for whom, classes, tenants
 * and shapes are those of the source. Prefix blocks are shared within one world only: a prompt that is played twice is not a prompt sent twice.
 * Of a session that began before time 0 only what is sent from then on is there.
 */
import { grown } from '../collections/grow.js'
import { UserError } from '../errors.js'
import { type BlockColumns, blockIdLimit } from './blocks.js'
import { countOutOfOrder, pick, timeOrder } from './columns.js'
import { denseIds } from './denseBlocks.js'
import { settled } from './relations.js'
import type { Units } from './sessions.js'
import type { Workload } from './workload.js'

const MOST_BLOCKS = 2 ** 31

export interface Copies {
  /**
   * Adds a unit that begins at `startNs` (whole ns); what it recorded later comes as much later. Two requests share prefix blocks as their sources
   * do when they were added in the same `world`, else not at all. A world holds each unit once.
   */
  add(unit: number, startNs: number, world: number): void
  /**
   * Adds what is left at time 0 of a unit that began `ageNs` before; `sentNs`: when each row of the part is sent, after the beginning of its unit.
   * What was sent before time 0 is left out. Who waited for nothing else arrives when it is sent; the others wait for the rest.
   */
  addRest(unit: number, ageNs: number, world: number, sentNs: Float64Array): void
  /** Requests added so far, with those left out. */
  readonly count: number
  /** Everything added, in order of time; equal times in the order of adding. */
  workload(): Workload
  /** The same, with the rows that `addRest` added. */
  traffic(): { workload: Workload; begunBefore: Int32Array }
}

export function createCopies(part: Workload, units: Units, expected: number): Copies {
  const { offset } = units
  let rows = new Int32Array(Math.max(16, expected))
  // the time of a row; of one that waits, that of the last row before it in its unit, or the one given
  let timeNs = new Float64Array(rows.length)
  let worlds = new Int32Array(rows.length)
  let isRest = new Uint8Array(rows.length)
  let count = 0
  const push = (row: number, atNs: number, world: number, rest: number): void => {
    if (count === rows.length) {
      rows = grown(rows)
      timeNs = grown(timeNs)
      worlds = grown(worlds)
      isRest = grown(isRest)
    }
    rows[count] = row
    timeNs[count] = atNs
    worlds[count] = world
    isRest[count++] = rest
  }
  const traffic = () =>
    assemble(part, units, {
      rows: rows.subarray(0, count),
      timeNs: timeNs.subarray(0, count),
      worlds: worlds.subarray(0, count),
      isRest: isRest.subarray(0, count),
    })
  return {
    add(unit, startNs, world) {
      const originNs = part.arrivalNs[units.rows[offset[unit]]]
      let latestNs = startNs
      for (let at = offset[unit]; at < offset[unit + 1]; at++) {
        const row = units.rows[at]
        const recordedNs = part.arrivalNs[row]
        if (!Number.isNaN(recordedNs)) latestNs = startNs + (recordedNs - originNs)
        push(row, latestNs, world, 0)
      }
    },
    addRest(unit, ageNs, world, sentNs) {
      for (let at = offset[unit]; at < offset[unit + 1]; at++) {
        const row = units.rows[at]
        push(row, Math.floor(sentNs[row] - ageNs), world, 1)
      }
    },
    get count() {
      return count
    },
    workload: () => traffic().workload,
    traffic,
  }
}

interface Entries {
  readonly rows: Int32Array
  /** Below 0: sent before the workload begins, so left out of it. */
  readonly timeNs: Float64Array
  readonly worlds: Int32Array
  readonly isRest: Uint8Array
}

function assemble(part: Workload, units: Units, entries: Entries): { workload: Workload; begunBefore: Int32Array } {
  const { timeNs } = entries
  const isInOrder = countOutOfOrder(timeNs) === 0
  const all = isInOrder ? Uint32Array.from(entries.rows, (_, i) => i) : timeOrder(timeNs)
  let leftOut = 0
  while (leftOut < all.length && timeNs[all[leftOut]] < 0) leftOut++
  const order = all.subarray(leftOut)
  const rows = order.map((entry) => entries.rows[entry])
  const isWaiting = (i: number): boolean => Number.isNaN(part.arrivalNs[rows[i]])
  const linked = relations(part, units, order, rows, entries.rows.length)
  if (leftOut > 0) waitForTheRest(linked, isWaiting)
  const arrivalNs = Float64Array.from(order, (entry, i) =>
    isWaiting(i) && linked.parent !== null && linked.parent[i] >= 0 ? Number.NaN : timeNs[entry],
  )
  const worlds = part.runFirst === null ? null : pick(entries.worlds, order)
  const workload = {
    ...part,
    count: rows.length,
    arrivalNs,
    isl: pick(part.isl, rows),
    osl: pick(part.osl, rows),
    classId: pick(part.classId, rows),
    tenant: pick(part.tenant, rows),
    waitNs: pick(part.waitNs, rows),
    joinCount: pick(part.joinCount, rows),
    ...linked,
    ...(worlds === null ? {} : renamedBlocks(part, rows, worlds)),
  }
  return {
    workload: leftOut > 0 ? settled(workload).workload : workload,
    begunBefore: Int32Array.from(order.keys()).filter((i) => entries.isRest[order[i]] === 1),
  }
}

/** Who waited for a request that was left out waits for the first of those that join it, in the parent's place. */
function waitForTheRest({ parent, joins }: Pick<Workload, 'parent' | 'joins'>, isWaiting: (i: number) => boolean): void {
  if (parent === null || joins === null) return
  for (let i = 0; i < joins.length; i++) {
    if (joins[i] < 0 || parent[joins[i]] >= 0 || !isWaiting(joins[i])) continue
    parent[joins[i]] = i
    joins[i] = -1
  }
}

/** Sessions get new numbers; parents and joins the new rows of the same copy of their unit, which was added row by row; -1: left out. */
function relations(part: Workload, units: Units, order: Uint32Array, rows: Uint32Array, entryCount: number) {
  const { session, parent, joins } = part
  if (!units.areSessions) return { session, parent, joins }
  const place = new Int32Array(part.count)
  for (let u = 0; u < units.count; u++)
    for (let at = units.offset[u]; at < units.offset[u + 1]; at++) place[units.rows[at]] = at - units.offset[u]
  const rowOf = new Int32Array(entryCount).fill(-1)
  for (let i = 0; i < order.length; i++) rowOf[order[i]] = i
  /** The entry of source row `other` in the copy that holds the entry of new row i. */
  const entryOf = (i: number, other: number): number => order[i] - place[rows[i]] + place[other]
  const moved = (column: Int32Array | null): Int32Array | null =>
    column === null ? null : Int32Array.from(rows, (row, i) => (column[row] < 0 ? -1 : rowOf[entryOf(i, column[row])]))
  return {
    session: session === null ? null : renumberedSessions(session, rows, entryOf),
    parent: moved(parent),
    joins: moved(joins),
  }
}

function renumberedSessions(session: Int32Array, rows: Uint32Array, entryOf: (i: number, other: number) => number): Int32Array {
  const firstRow = new Map<number, number>()
  for (let row = 0; row < session.length; row++) if (!firstRow.has(session[row])) firstRow.set(session[row], row)
  const numbers = new Map<number, number>()
  return Int32Array.from(rows, (row, i) => {
    if (session[row] < 0) return -1
    const entry = entryOf(i, firstRow.get(session[row]) as number)
    const number = numbers.get(entry) ?? numbers.size
    numbers.set(entry, number)
    return number
  })
}

/** New dense ids: equal ids of one world stay equal, ids of different worlds differ. Works on runs, never on single blocks. */
function renamedBlocks(part: Workload, rows: Uint32Array, worlds: Int32Array): BlockColumns {
  const { runOffset, runCount, runFirst, runLength } = part as { [K in keyof BlockColumns]: NonNullable<BlockColumns[K]> }
  const newCount = pick(runCount, rows)
  // a world and a block in one whole number
  const idsOfWorld = blockIdLimit(part)
  let latestWorld = 0
  for (const world of worlds) if (world > latestWorld) latestWorld = world
  if ((latestWorld + 1) * idsOfWorld > Number.MAX_SAFE_INTEGER) throw tooManyBlocks(`more than ${MOST_BLOCKS}`)
  const newOffset = new Float64Array(rows.length)
  let runs = 0
  for (let i = 0; i < rows.length; i++) {
    newOffset[i] = runs
    runs += newCount[i]
  }
  const from = new Float64Array(runs)
  const length = new Int32Array(runs)
  for (let i = 0, to = 0; i < rows.length; i++)
    for (let run = runOffset[rows[i]]; run < runOffset[rows[i]] + newCount[i]; run++) {
      from[to] = worlds[i] * idsOfWorld + runFirst[run]
      length[to++] = runLength[run]
    }
  const used = denseIds(from, length)
  if (used.count > MOST_BLOCKS) throw tooManyBlocks(`${used.count}, more than ${MOST_BLOCKS}`)
  const first = new Int32Array(runs)
  for (let run = 0; run < runs; run++) first[run] = used.newId(from[run])
  return { runOffset: newOffset, runCount: newCount, runFirst: first, runLength: length }
}

const tooManyBlocks = (number: string): UserError =>
  new UserError({
    where: 'workload.load',
    message: `the copies of the trace have too many different prefix blocks: ${number}`,
    hint: 'ask for a lower rate or fewer requests',
  })
