/**
 * Requests whose context is spread over several ranks (docs/SEMANTICS.md, "Spans"). A *lane* is an aligned group of 2^c ranks of an engine
 * together with its span class c: all requests of degree 2^c whose home lies in the group. The KV of a lane lies evenly on its ranks, so
 * what state.ts keeps of the unspanned decoding sequences of a rank is kept once a lane, and a step costs nothing per sequence.
 *
 * Lanes share the numbers of the ranks: those of an engine with R ranks are fewer than R. Class 0, one rank, has no lanes.
 */
import type { EngineConfig } from './config.js'
import type { State } from './state.js'

export interface Lanes {
  /** Requests of a degree above 1 in each engine, waiting ones included: while there are none its steps begin as ever. */
  readonly present: Int32Array
  /** Admissions so far: those of all requests are numbered, to tell the most recent one. */
  readonly admissions: Float64Array
  // --- ranks
  /** Requests that hold KV here and have their home elsewhere. */
  readonly guests: Int32Array
  /** Decoding sequences of a degree above 1 that have their home here, and their further ranks: sum of degree - 1. */
  readonly spanned: Int32Array
  readonly links: Int32Array
  /** Within the beginning of a step: somebody was preempted for this rank, or from its list. */
  readonly crowded: Uint8Array
  // --- lanes
  /** Members in the batch, in order of admission. */
  readonly head: Int32Array
  readonly tail: Int32Array
  /** Decoding members: how many, the sum of their bases, and the bases in ascending order. */
  readonly count: Int32Array
  readonly baseSum: Float64Array
  readonly sortedStart: Int32Array
  readonly sortedBases: Int32Array
  /** Histogram of base mod (block size x degree). */
  readonly residueStart: Int32Array
  readonly residues: Int32Array
  /** Tokens computed of the prefilling members. */
  readonly prefilled: Float64Array
}

/** The largest class whose groups fill an engine of so many ranks: its ranks are a multiple of 2^class. */
export const largestClass = (ranks: number): number => 31 - Math.clz32(ranks & -ranks)

/** The class of a degree, which is a power of two. */
export const classOf = (degree: number): number => 31 - Math.clz32(degree)

export function createLanes(engines: readonly EngineConfig[], rankStart: Int32Array): Lanes {
  const ranks = rankStart[engines.length]
  const sortedStart = new Int32Array(ranks + 1)
  const residueStart = new Int32Array(ranks + 1)
  engines.forEach((engine, e) => {
    let lane = rankStart[e]
    for (let spanClass = 1; spanClass <= largestClass(engine.ranks); spanClass++)
      for (const end = lane + (engine.ranks >> spanClass); lane < end; lane++) {
        sortedStart[lane + 1] = engine.maxNumSeqs
        residueStart[lane + 1] = engine.blockSize << spanClass
      }
  })
  for (let lane = 0; lane < ranks; lane++) {
    sortedStart[lane + 1] += sortedStart[lane]
    residueStart[lane + 1] += residueStart[lane]
  }
  const counts = () => new Int32Array(ranks)
  return {
    present: new Int32Array(engines.length),
    admissions: new Float64Array(1),
    guests: counts(),
    spanned: counts(),
    links: counts(),
    crowded: new Uint8Array(ranks),
    head: counts().fill(-1),
    tail: counts().fill(-1),
    count: counts(),
    baseSum: new Float64Array(ranks),
    sortedStart,
    sortedBases: new Int32Array(sortedStart[ranks]),
    residueStart,
    residues: new Int32Array(residueStart[ranks]),
    prefilled: new Float64Array(ranks),
  }
}

/** The lane of class >= 1 that rank g of engine e belongs to. */
export function laneOf(s: State, e: number, g: number, spanClass: number): number {
  const first = s.rankStart[e]
  const ranks = s.rankStart[e + 1] - first
  return first + ranks - (ranks >> (spanClass - 1)) + ((g - first) >> spanClass)
}

/** The first rank of the group of class >= 1 that rank g of engine e belongs to. */
export function groupStart(s: State, e: number, g: number, spanClass: number): number {
  const first = s.rankStart[e]
  return first + (((g - first) >> spanClass) << spanClass)
}
