/**
 * From a recorded part to the traffic of a replicate. A real trace is too thin for a rack, so copies of it are superposed; each copy is made
 * of whole minutes drawn with replacement, because copies of one file are not new traffic. Where a trace has sessions, whole sessions are
 * drawn instead and begin at random, some of them before the traffic does. Pure: everything comes from named streams.
 */
import { lowerBound } from '../collections/search.js'
import { UserError } from '../errors.js'
import { stream } from '../rng.js'
import { NS_PER_S } from '../units.js'
import { type Copies, createCopies } from './copies.js'
import { closedSessions, hasSessions, sendingTimes, startAtOnce, startsOf, type Units, unitsOf } from './sessions.js'
import type { Workload } from './workload.js'

/** Length of a resampled block; a part shorter than 8 blocks is cut into 8. */
const BLOCK_NS = 60 * NS_PER_S
const FEWEST_BLOCKS = 8
/** Share of the requests that a last block which is not whole may hold and be left out: twice what it holds at most where arrivals are steady. */
const MOST_LEFT_OUT = 2 / FEWEST_BLOCKS

/** Requests that the traffic of one run may have: their columns take gigabytes, and beyond 2^27 they cannot be put in order. */
const MOST_REQUESTS = 2 ** 26

/** Throws UserError where so many requests are to be drawn that no machine would hold them. */
export function requireFew({
  part,
  ratePerS,
  durationNs,
  e2eNs,
  stretch,
}: Omit<TrafficRequest, 'seed' | 'replicate' | 'mode'>): void {
  const units = unitsOf(part)
  const livesNs = units.areSessions ? livesOf(units, sendingTimes(part, units, e2eNs, stretch)) : new Float64Array(0)
  const lifeNs = livesNs.reduce((sum, ns) => sum + ns / units.count, 0)
  const requests = (((ratePerS * (durationNs + lifeNs)) / NS_PER_S) * part.count) / units.count
  if (requests <= MOST_REQUESTS) return
  throw new UserError({
    where: 'workload.load',
    message: `one run would have about ${Number(requests.toPrecision(3)).toLocaleString('en-US')} requests, more than the ${MOST_REQUESTS.toLocaleString('en-US')} that it can: warm-up, window, what follows it and what is under way at the beginning grow with the time that a request takes at this load`,
    hint: 'ask for a lower rate, or give more engines',
  })
}

/**
 * The requests that arrive in [from, to) of the trace's time span (fractions), times from the start of that part; sessions go whole to the
 * part in which they begin. Those that all come at once are divided by their number.
 */
export function splitInTime(workload: Workload, from: number, to: number): Workload {
  const units = unitsOf(workload)
  const starts = startsOf(workload, units)
  const first = starts[0]
  const spanNs = starts[units.count - 1] - first
  const isTimeless = spanNs === 0
  const bound = (share: number) => (isTimeless ? Math.round(share * units.count) : lowerBound(starts, first + share * spanNs))
  const high = to >= 1 ? units.count : bound(to)
  const copies = createCopies(workload, units, Math.ceil((to - from) * workload.count))
  for (let unit = bound(from); unit < high; unit++) copies.add(unit, Math.floor(starts[unit] - first - from * spanNs), 0)
  return copies.workload()
}

export interface TrafficRequest {
  readonly part: Workload
  /** Requests per second; of a part with sessions, sessions per second. */
  readonly ratePerS: number
  readonly durationNs: number
  readonly seed: number
  readonly replicate: number
  /** `draw`: minutes (sessions) from the whole part; `mix`: all copies draw from one bootstrap resample of these. */
  readonly mode: 'draw' | 'mix'
  /** Estimate of how long a request of a session takes; tells how far the sessions are that are under way at time 0. */
  readonly e2eNs: number
  /** The factor by which the times will be sped up, waits and `e2eNs` not; default 1. */
  readonly stretch?: number
}

export interface Traffic {
  readonly workload: Workload
  /** How often the most used minute or session is there at most. */
  readonly copies: number
  /** Rows of sessions that began before time 0. */
  readonly begunBefore: Int32Array
}

/** Blocks of the part: first unit of each, and their common length. */
interface Blocks {
  readonly start: Int32Array
  readonly lengthNs: number
  /** Blocks that may be drawn, after the bootstrap of mode `mix`. */
  readonly pool: Int32Array
}

function blocksOf(part: Workload, units: Units, seed: number, replicate: number, mode: 'draw' | 'mix'): Blocks {
  if (part.count === 0) throw new RangeError('traffic of a part without requests')
  const rng = stream(seed, `mix/replicate-${replicate}`)
  const drawn = (count: number, isEmpty: (block: number) => boolean = () => false) => {
    const pool = Int32Array.from({ length: count }, (_, b) => (mode === 'mix' ? rng.integer(count) : b))
    // a mix of blocks without a request would be no traffic; some block has one
    while (pool.every(isEmpty)) for (let b = 0; b < count; b++) pool[b] = rng.integer(count)
    return pool
  }
  // every session is a block: its requests belong together, and nothing else does; so is every request where all come at once
  if (units.areSessions || startAtOnce(part))
    return { start: Int32Array.from({ length: units.count + 1 }, (_, u) => u), lengthNs: 0, pool: drawn(units.count) }
  const spanNs = part.arrivalNs[part.count - 1] + 1
  const wholeNs = Math.max(1, Math.min(BLOCK_NS, Math.floor(spanNs / FEWEST_BLOCKS)))
  const whole = Math.max(1, Math.floor(spanNs / wholeNs))
  const left = part.count - lowerBound(part.arrivalNs, whole * wholeNs)
  // a last block that is not whole is left out, unless it holds too much: then all are a little shorter, and none is left out
  const isKept = left > MOST_LEFT_OUT * part.count
  const count = isKept ? whole + 1 : whole
  const lengthNs = isKept ? Math.ceil(spanNs / count) : wholeNs
  const start = Int32Array.from({ length: count + 1 }, (_, b) => lowerBound(part.arrivalNs, b * lengthNs))
  return { start, lengthNs, pool: drawn(count, (block) => start[block] === start[block + 1]) }
}

/**
 * Traffic at `ratePerS` on [0, durationNs): whole copies, and a last one thinned request by request; or sessions that begin as a Poisson process
 * and have always done so: the rest of those under way at time 0 is there too, so that turns come at their mean rate from the beginning.
 */
export function offeredTraffic(request: TrafficRequest): Traffic {
  const { part, durationNs, seed, replicate } = request
  const units = unitsOf(part)
  const blocks = blocksOf(part, units, seed, replicate, request.mode)
  requireFew(request)
  if (units.areSessions) return sessionTraffic(request, units, blocks)
  const recordedPerS = meanRatePerS(blocks)
  const ratio = request.ratePerS / recordedPerS
  // the record itself is one copy, whatever the last bit of a quotient says
  const copies = Math.abs(ratio - Math.round(ratio)) < 1e-9 ? Math.round(ratio) : ratio
  const traffic = createCopies(part, units, Math.ceil((request.ratePerS * durationNs * 1.2) / NS_PER_S) + 64)
  let worlds = 0
  for (let copy = 0; copy < copies; copy++) {
    const rng = stream(seed, `traffic/replicate-${replicate}/copy-${copy}`)
    const keep = copies - copy
    const uses = createUses(blocks)
    for (let at = -Math.floor(rng.uniform() * blocks.lengthNs); at < durationNs; at += blocks.lengthNs) {
      const block = blocks.pool[rng.integer(blocks.pool.length)]
      const world = worlds + uses.of(block)
      for (let row = blocks.start[block]; row < blocks.start[block + 1]; row++) {
        if (keep < 1 && rng.uniform() >= keep) continue
        const time = at + part.arrivalNs[row] - block * blocks.lengthNs
        if (time < 0 || time >= durationNs) continue
        traffic.add(row, Math.floor(time), world)
      }
    }
    worlds += uses.most()
  }
  return { ...traffic.traffic(), copies }
}

function sessionTraffic(request: TrafficRequest, units: Units, blocks: Blocks): Traffic {
  const { part, ratePerS, durationNs, seed, replicate } = request
  const rng = stream(seed, `sessions/replicate-${replicate}`)
  const uses = createUses(blocks)
  const traffic = createCopies(part, units, part.count)
  addUnderWay(traffic, request, units, blocks, uses)
  const meanGapNs = NS_PER_S / ratePerS
  for (let atNs = rng.exponential() * meanGapNs; atNs < durationNs; atNs += rng.exponential() * meanGapNs) {
    const unit = blocks.pool[rng.integer(blocks.pool.length)]
    traffic.add(unit, Math.floor(atNs), uses.of(unit))
  }
  return { ...traffic.traffic(), copies: uses.most() }
}

/**
 * Sessions under way at time 0. Of sessions that begin as a Poisson process their number is Poisson, its mean the rate times the mean life; a session is
 * among them as often as its life is long, at an age that is uniform on its life. A life ends when the last request is sent.
 */
function addUnderWay(
  traffic: Copies,
  { part, ratePerS, seed, replicate, e2eNs, stretch }: TrafficRequest,
  units: Units,
  { pool }: Blocks,
  uses: ReturnType<typeof createUses>,
): void {
  const sentNs = sendingTimes(part, units, e2eNs, stretch)
  const lifeNs = livesOf(units, sentNs)
  const untilNs = new Float64Array(pool.length)
  let livesNs = 0
  pool.forEach((unit, k) => {
    livesNs += lifeNs[unit]
    untilNs[k] = livesNs
  })
  const mean = (ratePerS * livesNs) / pool.length / NS_PER_S
  const rng = stream(seed, `sessions/replicate-${replicate}/under-way`)
  for (let at = rng.exponential(); at < mean; at += rng.exponential()) {
    const pointNs = rng.uniform() * livesNs
    const k = lowerBound(untilNs, pointNs)
    traffic.addRest(pool[k], pointNs - (untilNs[k - 1] ?? 0), uses.of(pool[k]), sentNs)
  }
}

/** From the beginning of each unit until its last request is sent, ns; `sentNs`: of each row of the part. */
function livesOf({ count, offset, rows }: Units, sentNs: Float64Array): Float64Array {
  return Float64Array.from({ length: count }, (_, unit) => {
    let lifeNs = 0
    for (let at = offset[unit]; at < offset[unit + 1]; at++) lifeNs = Math.max(lifeNs, sentNs[rows[at]])
    return lifeNs
  })
}

/** Counts how often each block was taken: its second use is another world than the first one, in which the same prompts are new. */
function createUses({ start }: Blocks) {
  const used = new Int32Array(start.length - 1)
  let most = 0
  return {
    of(block: number): number {
      const before = used[block]++
      if (used[block] > most) most = used[block]
      return before
    },
    most: () => most,
  }
}

/** The rate at which traffic of a part without sessions is one copy of it: requests per second of its blocks. */
export const recordedRatePerS = (part: Workload): number => meanRatePerS(blocksOf(part, unitsOf(part), 0, 0, 'draw'))

/** Requests per second of the blocks that may be drawn. */
function meanRatePerS(blocks: Blocks): number {
  let requests = 0
  for (const block of blocks.pool) requests += blocks.start[block + 1] - blocks.start[block]
  return requests / ((blocks.pool.length * blocks.lengthNs) / NS_PER_S)
}

/** Without times: whoever has a parent waits for it, all others are there from the beginning. */
function timeless(part: Workload): Workload {
  const { arrivalNs } = part.parent === null || !part.parent.some((before) => before >= 0) ? part : closedSessions(part)
  return { ...part, arrivalNs: arrivalNs.map((timeNs) => (Number.isNaN(timeNs) ? timeNs : 0)) }
}

/** `count` shapes for a closed loop, in blocks as above; all arrival times are 0. Of sessions whole ones, until there are `count` requests. */
export function closedLoopTraffic(request: {
  readonly part: Workload
  readonly count: number
  readonly seed: number
  readonly replicate: number
  readonly mode: 'draw' | 'mix'
}): Workload {
  const { part, count, seed, replicate } = request
  const units = unitsOf(part)
  const blocks = blocksOf(part, units, seed, replicate, request.mode)
  const rng = stream(seed, `shapes/replicate-${replicate}`)
  // a block without requests would be drawn in vain
  const pool = blocks.pool.filter((block) => blocks.start[block + 1] > blocks.start[block])
  const uses = createUses(blocks)
  const shapes = createCopies(timeless(part), units, count)
  while (shapes.count < count) {
    const block = pool[rng.integer(pool.length)]
    const world = uses.of(block)
    for (let unit = blocks.start[block]; unit < blocks.start[block + 1] && shapes.count < count; unit++)
      shapes.add(unit, 0, world)
  }
  return shapes.workload()
}

/** The trace end to end until it has `count` requests (sessions stay whole): what bench/shape.mjs serves. */
export function repeatTo(workload: Workload, count: number): Workload {
  const units = unitsOf(workload)
  const starts = startsOf(workload, units)
  const last = starts[units.count - 1]
  // the pause between two passes is the mean gap
  const periodNs = last + Math.max(1, Math.round(last / Math.max(1, units.count - 1)))
  const copies = createCopies(workload, units, count)
  for (let at = 0; copies.count < count; at++) {
    const unit = at % units.count
    const pass = Math.floor(at / units.count)
    copies.add(unit, starts[unit] + pass * periodNs, pass)
  }
  return copies.workload()
}

/** Sessions of a workload, or its requests where it has none: what a rate of arrivals counts. */
export const countArrivals = (workload: Workload): number => (hasSessions(workload) ? unitsOf(workload).count : workload.count)

/** Requests of an arrival, in the mean. */
export const requestsPerArrival = (workload: Workload): number => workload.count / countArrivals(workload)
