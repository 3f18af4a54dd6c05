/**
 * From a recorded part to the traffic of a replicate. A real trace is too thin for a rack, so copies of it are superposed; each copy is made
 * of whole minutes drawn with replacement, because copies of one file are not new traffic. Pure: everything comes from named streams.
 */
import { stream } from '../rng.js'
import { NS_PER_S } from '../units.js'
import { shapesOnly, type Workload } from './workload.js'

/** Length of a resampled block; a part shorter than 8 blocks is cut into 8. */
const BLOCK_NS = 60 * NS_PER_S
const FEWEST_BLOCKS = 8

/** The requests that arrive in [from, to) of the trace's time span (fractions), times from the start of that part. */
export function splitInTime(workload: Workload, from: number, to: number): Workload {
  const first = workload.arrivalNs[0]
  const spanNs = workload.arrivalNs[workload.count - 1] - first
  const low = lowerBound(workload.arrivalNs, first + from * spanNs)
  const high = to >= 1 ? workload.count : lowerBound(workload.arrivalNs, first + to * spanNs)
  const part = shapesOnly(
    workload.arrivalNs.slice(low, high).map((t) => Math.floor(t - first - from * spanNs)),
    workload.isl.slice(low, high),
    workload.osl.slice(low, high),
    workload.provenance,
  )
  return { ...part, classId: workload.classId?.slice(low, high) ?? null, tenant: workload.tenant?.slice(low, high) ?? null }
}

function lowerBound(sorted: Float64Array, value: number): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (sorted[middle] < value) low = middle + 1
    else high = middle
  }
  return low
}

export interface TrafficRequest {
  readonly part: Workload
  readonly ratePerS: number
  readonly durationNs: number
  readonly seed: number
  readonly replicate: number
  /** `draw`: minutes from the whole part; `mix`: all copies draw from one bootstrap resample of its minutes. */
  readonly mode: 'draw' | 'mix'
}

/** Blocks of the part: first row of each, and their common length. */
interface Blocks {
  readonly start: Int32Array
  readonly lengthNs: number
  /** Blocks that may be drawn, after the bootstrap of mode `mix`. */
  readonly pool: Int32Array
}

function blocksOf(part: Workload, seed: number, replicate: number, mode: 'draw' | 'mix'): Blocks {
  if (part.count === 0) throw new RangeError('traffic of a part without requests')
  const spanNs = part.arrivalNs[part.count - 1] + 1
  const lengthNs = Math.max(1, Math.min(BLOCK_NS, Math.floor(spanNs / FEWEST_BLOCKS)))
  // a last block that is not whole is left out
  const count = Math.max(1, Math.floor(spanNs / lengthNs))
  const start = Int32Array.from({ length: count + 1 }, (_, b) => lowerBound(part.arrivalNs, b * lengthNs))
  const rng = stream(seed, `mix/replicate-${replicate}`)
  const pool = Int32Array.from({ length: count }, (_, b) => (mode === 'mix' ? rng.integer(count) : b))
  return { start, lengthNs, pool }
}

/** Traffic at `ratePerS` on [0, durationNs): whole copies, and a last one thinned request by request. */
export function offeredTraffic(request: TrafficRequest): { workload: Workload; copies: number } {
  const { part, durationNs, seed, replicate } = request
  const blocks = blocksOf(part, seed, replicate, request.mode)
  const recordedPerS = meanRatePerS(part, blocks)
  const copies = request.ratePerS / recordedPerS
  const expected = Math.ceil((request.ratePerS * durationNs * 1.2) / NS_PER_S) + 64
  let times = new Float64Array(expected)
  let rows = new Int32Array(expected)
  let count = 0
  for (let copy = 0; copy < copies; copy++) {
    const rng = stream(seed, `traffic/replicate-${replicate}/copy-${copy}`)
    const keep = copies - copy
    for (let at = -Math.floor(rng.uniform() * blocks.lengthNs); at < durationNs; at += blocks.lengthNs) {
      const block = blocks.pool[rng.integer(blocks.pool.length)]
      for (let row = blocks.start[block]; row < blocks.start[block + 1]; row++) {
        if (keep < 1 && rng.uniform() >= keep) continue
        const time = at + part.arrivalNs[row] - block * blocks.lengthNs
        if (time < 0 || time >= durationNs) continue
        if (count === times.length) {
          times = grown(times, new Float64Array(count * 2))
          rows = grown(rows, new Int32Array(count * 2))
        }
        times[count] = Math.floor(time)
        rows[count++] = row
      }
    }
  }
  return { workload: sortedRows(part, times.subarray(0, count), rows.subarray(0, count)), copies: Math.ceil(copies) }
}

/** Requests per second of the blocks that may be drawn. */
function meanRatePerS(part: Workload, blocks: Blocks): number {
  let requests = 0
  for (const block of blocks.pool) requests += blocks.start[block + 1] - blocks.start[block]
  if (requests === 0) return part.count / (part.arrivalNs[part.count - 1] / NS_PER_S + 1)
  return requests / ((blocks.pool.length * blocks.lengthNs) / NS_PER_S)
}

function grown<T extends Float64Array | Int32Array>(old: T, fresh: T): T {
  fresh.set(old)
  return fresh
}

/** The given rows of the part at the given times, in order of time; equal times keep the order of the copies. */
function sortedRows(part: Workload, times: Float64Array, rows: Int32Array): Workload {
  const order = new Uint32Array(times.length)
  for (let i = 0; i < order.length; i++) order[i] = i
  order.sort((a, b) => times[a] - times[b] || a - b)
  return rowsAt(
    part,
    order.length,
    (i) => times[order[i]],
    (i) => rows[order[i]],
  )
}

function rowsAt(part: Workload, count: number, timeOf: (i: number) => number, rowOf: (i: number) => number): Workload {
  const arrivalNs = new Float64Array(count)
  const isl = new Int32Array(count)
  const osl = new Int32Array(count)
  const classId = part.classId === null ? null : new Uint16Array(count)
  const tenant = part.tenant === null ? null : new Int32Array(count)
  for (let i = 0; i < count; i++) {
    const row = rowOf(i)
    arrivalNs[i] = timeOf(i)
    isl[i] = part.isl[row]
    osl[i] = part.osl[row]
    if (classId !== null && part.classId !== null) classId[i] = part.classId[row]
    if (tenant !== null && part.tenant !== null) tenant[i] = part.tenant[row]
  }
  return { ...shapesOnly(arrivalNs, isl, osl, part.provenance), classId, tenant }
}

/** `count` shapes for a closed loop, in blocks as above; all arrival times are 0. */
export function closedLoopTraffic(request: {
  readonly part: Workload
  readonly count: number
  readonly seed: number
  readonly replicate: number
  readonly mode: 'draw' | 'mix'
}): Workload {
  const { part, count, seed, replicate } = request
  const blocks = blocksOf(part, seed, replicate, request.mode)
  const rng = stream(seed, `shapes/replicate-${replicate}`)
  // a block without requests would be drawn in vain, for ever if there are no others
  const pool = blocks.pool.filter((block) => blocks.start[block + 1] > blocks.start[block])
  if (pool.length === 0) throw new RangeError('no request lies in a whole block of the part')
  const rows = new Int32Array(count)
  for (let filled = 0; filled < count; ) {
    const block = pool[rng.integer(pool.length)]
    for (let row = blocks.start[block]; row < blocks.start[block + 1] && filled < count; row++) rows[filled++] = row
  }
  return rowsAt(
    part,
    count,
    () => 0,
    (i) => rows[i],
  )
}

/** The trace end to end until it has `count` requests, its clock sped up by `speedUp`. */
export function repeatTo(workload: Workload, count: number, speedUp = 1): Workload {
  const last = workload.arrivalNs[workload.count - 1]
  // the pause between two passes is the mean gap
  const periodNs = last + Math.max(1, Math.round(last / Math.max(1, workload.count - 1)))
  return rowsAt(
    workload,
    count,
    (i) => Math.floor((workload.arrivalNs[i % workload.count] + Math.floor(i / workload.count) * periodNs) / speedUp),
    (i) => i % workload.count,
  )
}
