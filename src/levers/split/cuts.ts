/**
 * How a decision cuts a batch, in the form that the fast makespan wants: sizes of pieces, ascending, with how often each occurs. Requests of
 * equally many tiles are priced once; pieces of unsorted sizes are put in order by bins.
 */
import {
  SPLIT_COUNT,
  SPLIT_GRID,
  SPLIT_LAUNCHES,
  SPLIT_PAYLOAD,
  SPLIT_SIZE,
  type SplitBatch,
  type SplitDecision,
  type SplitKind,
} from '../lever.js'
import type { SplitMachine } from './machine.js'
import type { PieceSizes } from './makespan.js'
import { createPayloadRanges, cutPayload } from './payload.js'
import { exitBytes, gridPieceTiles, overheadBytes, tileBytes } from './pieces.js'

/** Bins by which pieces of unsorted sizes are put in order; the error is below one bin of the range of sizes. */
const SIZE_BINS = 32

export interface Cuts {
  readonly sizes: PieceSizes
  /** Most pieces of a request, and pieces of all requests that have more than one, per head group: what the merge joins. */
  largest: number
  split: number
  /** Counts the tiles of a batch; `cut` speaks of this batch until the next `load`. */
  load(batch: SplitBatch): void
  /** Fills `sizes`, `largest` and `split`. Of SPLIT_LAUNCHES it cuts the requests of kernel `launch`; `decision` gives their counts. */
  cut(kind: SplitKind, value: number, decision: SplitDecision, launch: number): void
}

export function createCuts(machine: SplitMachine, maxSequences: number): Cuts {
  const { headGroups, tileTokens, slots } = machine
  const tile = tileBytes(machine)
  const overhead = overheadBytes(machine)
  const exit = exitBytes(machine)
  const ranges = Math.max(1, Math.floor(slots / headGroups))
  const capacity = Math.max(maxSequences, SIZE_BINS)
  const sizes: PieceSizes = {
    groups: 0,
    bytes: new Float64Array(capacity),
    count: new Float64Array(capacity),
    pieces: 0,
    totalBytes: 0,
    spreadBytes: 0,
    together: new Float64Array(capacity),
  }
  const tiles = new Float64Array(maxSequences)
  /** `tiles[r]` occurs `same[r]` times, r < runs. */
  const same = new Float64Array(maxSequences)
  let runs = 0
  let n = 0
  let totalTiles = 0
  /** Pieces to be put in order: tiles of the largest of each kind, and how many. */
  const entryTiles = new Float64Array(Math.max(maxSequences, ranges))
  const entryCount = new Float64Array(Math.max(maxSequences, ranges))
  /** Pieces of one request, of each kind. */
  const entryCuts = new Float64Array(Math.max(maxSequences, ranges))
  /** Scratch of `sortIntoBins`, empty between its calls. */
  const binCount = new Float64Array(SIZE_BINS)
  const binTiles = new Float64Array(SIZE_BINS)
  const binCuts = new Float64Array(SIZE_BINS)
  const whole = new Float64Array(maxSequences)
  const payload = createPayloadRanges(ranges)

  function sortIntoBins(entries: number, smallest: number, largest: number): void {
    const { bytes, count, together } = sizes
    const scale = largest > smallest ? (SIZE_BINS - 1) / (largest - smallest) : 0
    for (let i = 0; i < entries; i++) {
      const bin = ((entryTiles[i] - smallest) * scale) | 0
      binCount[bin] += entryCount[i]
      binTiles[bin] += entryCount[i] * entryTiles[i]
      binCuts[bin] += entryCount[i] * entryCuts[i]
    }
    let groups = 0
    for (let bin = 0; bin < SIZE_BINS; bin++) {
      const inBin = binCount[bin]
      if (inBin === 0) continue
      bytes[groups] = overhead + (tile * binTiles[bin]) / inBin
      together[groups] = (headGroups * binCuts[bin]) / inBin
      count[groups++] = inBin * headGroups
      // empty again for the next cut
      binCount[bin] = 0
      binTiles[bin] = 0
      binCuts[bin] = 0
    }
    sizes.groups = groups
  }

  function measure(cuts: number, ofTiles: number): void {
    sizes.pieces = cuts * headGroups
    sizes.totalBytes = headGroups * (tile * ofTiles + overhead * cuts)
  }

  function cutByCount(value: number, self: Cuts): void {
    const { bytes, count, together } = sizes
    let cuts = 0
    let split = 0
    // Ascending lengths give ascending pieces: no sorting.
    for (let r = 0; r < runs; r++) {
      const t = tiles[r]
      const m = t < value ? t : value
      const all = same[r] * m
      bytes[r] = overhead + tile * Math.ceil(t / m)
      count[r] = all * headGroups
      together[r] = m * headGroups
      cuts += all
      if (m > 1) split += all
    }
    self.largest = tiles[runs - 1] < value ? tiles[runs - 1] : value
    self.split = split
    sizes.groups = runs
    measure(cuts, totalTiles)
  }

  function cutBySize(perPiece: number, self: Cuts): number {
    let cuts = 0
    let split = 0
    let most = 1
    let smallest = Number.POSITIVE_INFINITY
    let largest = 0
    for (let r = 0; r < runs; r++) {
      const t = tiles[r]
      let m = 1
      let piece = t
      if (t > perPiece) {
        m = Math.ceil(t / perPiece)
        piece = Math.ceil(t / m)
        split += same[r] * m
        if (m > most) most = m
      }
      const all = same[r] * m
      entryTiles[r] = piece
      entryCount[r] = all
      entryCuts[r] = m
      cuts += all
      if (piece < smallest) smallest = piece
      if (piece > largest) largest = piece
    }
    self.largest = most
    self.split = split
    sortIntoBins(runs, smallest, largest)
    measure(cuts, totalTiles)
    return cuts
  }

  /** As by size. The CTAs that find nothing to do are so short that it does not matter where in the launch they are: bytes for all slots. */
  function cutByGrid(perRequest: number, self: Cuts): void {
    const used = cutBySize(gridPieceTiles(tiles[runs - 1], perRequest), self)
    if (n * perRequest > used) sizes.spreadBytes = (n * perRequest - used) * headGroups * exit
  }

  function cutByRequest({ pieces, launchOf }: SplitDecision, launch: number, self: Cuts): void {
    let cuts = 0
    let ofTiles = 0
    let smallest = Number.POSITIVE_INFINITY
    let largest = 0
    let entries = 0
    for (let r = 0, i = 0; r < runs; r++) {
      for (const end = i + same[r]; i < end; i++) {
        if (launch >= 0 && launchOf[i] !== launch) continue
        const t = tiles[r]
        const m = Math.max(1, Math.min(t, pieces[i]))
        const piece = Math.ceil(t / m)
        if (m > 1) self.split += m
        if (m > self.largest) self.largest = m
        entryTiles[entries] = piece
        entryCuts[entries] = m
        entryCount[entries++] = m
        cuts += m
        ofTiles += t
        if (piece < smallest) smallest = piece
        if (piece > largest) largest = piece
      }
    }
    sortIntoBins(entries, smallest, largest)
    measure(cuts, ofTiles)
  }

  function cutByPayload(overheadTiles: number, self: Cuts): void {
    // Lengths come in order, and requests do not: they are walked in a stride that mixes them.
    const stride = mixingStride(n)
    for (let r = 0, i = 0; r < runs; r++) for (const end = i + same[r]; i < end; i++) whole[(i * stride) % n] = tiles[r]
    cutPayload(whole, n, overheadTiles, ranges, payload)
    let smallest = Number.POSITIVE_INFINITY
    let largest = 0
    let stretches = 0
    for (let k = 0; k < payload.ranges; k++) {
      // a range is one CTA whose stretches after the first stand for tiles of overhead
      const weight = payload.tiles[k] + ((payload.stretches[k] - 1) * overhead) / tile
      entryTiles[k] = weight
      entryCount[k] = 1
      entryCuts[k] = 1
      stretches += payload.stretches[k]
      if (weight < smallest) smallest = weight
      if (weight > largest) largest = weight
    }
    self.largest = payload.largest
    self.split = payload.split
    sortIntoBins(payload.ranges, smallest, largest)
    measure(payload.ranges, totalTiles + ((stretches - payload.ranges) * overhead) / tile)
  }

  return {
    sizes,
    largest: 1,
    split: 0,
    load(batch) {
      const { lengths } = batch
      n = batch.n
      // in locals until the end: a captured variable goes to memory, as a tagged value, each time it is set
      let total = 0
      let kinds = 0
      let last = -1
      for (let i = 0; i < n; i++) {
        const t = Math.ceil(lengths[i] / tileTokens)
        total += t
        if (t === last) same[kinds - 1]++
        else {
          tiles[kinds] = t
          same[kinds++] = 1
          last = t
        }
      }
      totalTiles = total
      runs = kinds
    },
    cut(kind, value, decision, launch) {
      this.largest = 1
      this.split = 0
      sizes.spreadBytes = 0
      if (kind === SPLIT_COUNT) cutByCount(value, this)
      else if (kind === SPLIT_SIZE) cutBySize(Math.max(1, Math.ceil(value / tileTokens)), this)
      else if (kind === SPLIT_PAYLOAD) cutByPayload(value, this)
      else if (kind === SPLIT_GRID) cutByGrid(Math.max(1, Math.floor(value)), this)
      else cutByRequest(decision, kind === SPLIT_LAUNCHES ? launch : -1, this)
    },
  }
}

/** A step through n places that visits each once, near the golden section of n, so that neighbours come from far apart. */
function mixingStride(n: number): number {
  let stride = Math.max(1, Math.round(0.618 * n))
  while (greatestDivisor(stride, n) > 1) stride++
  return stride
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b)
}
