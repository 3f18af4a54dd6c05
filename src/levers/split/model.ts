/**
 * The SM-level model of one decode attention kernel, in the fast form that the simulator uses: launch + makespan + merge, in ns.
 * Read pieces.ts (how requests are cut), makespan.ts (how long the pieces take), then this file; exact.ts is the oracle.
 */
import { SPLIT_COUNT, SPLIT_SIZE, type SplitBatch, type SplitDecision, type SplitPolicy } from '../lever.js'
import type { SplitMachine } from './machine.js'
import { fastMakespanNs, type PieceSizes } from './makespan.js'
import { mergeNs, overheadBytes, tileBytes } from './pieces.js'

/** Bins by which pieces of unsorted sizes are put in order; the error is below one bin of the range of sizes. */
const SIZE_BINS = 32

export interface SplitModel {
  /** Counts the tiles of a batch; the calls below speak of this batch until the next `load`. */
  load(batch: SplitBatch): void
  /** Kernel time of the loaded batch, ns. `pieces` is read for SPLIT_PER_REQUEST only. */
  timeNs(kind: SplitDecision['kind'], value: number, longestFirst: boolean, pieces: Int32Array): number
}

export interface SplitEvaluator {
  /** Time of the policy's decision on the actual lengths over time of the occupancy rule on as many sequences of the mean length. */
  factor(policy: SplitPolicy, batch: SplitBatch): number
  /** Kernel time of a decision, ns (fast form). */
  attentionNs(batch: SplitBatch, decision: SplitDecision): number
}

/** Pieces per request of the shipped occupancy rule: fill the slots once, never below two tiles a piece, one count for all. */
export function occupancyCount(sequences: number, longestTokens: number, machine: SplitMachine): number {
  const byLength = Math.ceil(longestTokens / (2 * machine.tileTokens))
  const bySlots = Math.floor(machine.slots / (sequences * machine.headGroups))
  return Math.max(1, Math.min(byLength, bySlots))
}

/** No schedule beats it: all bytes at full bandwidth plus the launch, ns; at least one CTA per head group and request. */
export function floorNs(batch: SplitBatch, machine: SplitMachine): number {
  const rate = Math.min(machine.bandwidth, machine.ctaBandwidth * machine.slots)
  let tiles = 0
  for (let i = 0; i < batch.n; i++) tiles += Math.max(1, Math.ceil(batch.lengths[i] / machine.tileTokens))
  const bytes = machine.headGroups * (tiles * tileBytes(machine) + batch.n * overheadBytes(machine))
  return machine.launchNs + bytes / rate
}

/** Graham's bound of a launch, ns: W / R + longest piece / b; merge and launch come on top. */
export function grahamNs(totalBytes: number, longestBytes: number, machine: SplitMachine): number {
  const rate = Math.min(machine.bandwidth, machine.ctaBandwidth * machine.slots)
  return totalBytes / rate + longestBytes / machine.ctaBandwidth
}

export function createSplitModel(machine: SplitMachine, maxSequences: number): SplitModel {
  const { headGroups, tileTokens, launchNs } = machine
  const tile = tileBytes(machine)
  const overhead = overheadBytes(machine)
  const tiles = new Float64Array(maxSequences)
  const capacity = Math.max(maxSequences, SIZE_BINS)
  const sizes: PieceSizes = {
    groups: 0,
    bytes: new Float64Array(capacity),
    count: new Float64Array(capacity),
    pieces: 0,
    totalBytes: 0,
    cluster: 1,
  }
  const largestTiles = new Float64Array(maxSequences)
  const cutCount = new Float64Array(maxSequences)
  const binCount = new Float64Array(SIZE_BINS)
  const binTiles = new Float64Array(SIZE_BINS)
  let n = 0
  let totalTiles = 0
  /** Requests of equally many tiles are priced once: `tiles[r]` occurs `same[r]` times, r < runs. */
  const same = new Float64Array(maxSequences)
  let runs = 0

  /** Sizes of unsorted pieces, put in order by bins between the smallest and the largest. */
  function sortIntoBins(entries: number, smallest: number, largest: number): void {
    const { bytes, count } = sizes
    binCount.fill(0)
    binTiles.fill(0)
    const scale = largest > smallest ? (SIZE_BINS - 1) / (largest - smallest) : 0
    for (let i = 0; i < entries; i++) {
      const bin = ((largestTiles[i] - smallest) * scale) | 0
      binCount[bin] += cutCount[i]
      binTiles[bin] += cutCount[i] * largestTiles[i]
    }
    let groups = 0
    for (let bin = 0; bin < SIZE_BINS; bin++) {
      if (binCount[bin] === 0) continue
      bytes[groups] = overhead + (tile * binTiles[bin]) / binCount[bin]
      count[groups++] = binCount[bin] * headGroups
    }
    sizes.groups = groups
  }

  return {
    load(batch) {
      n = batch.n
      totalTiles = 0
      const { lengths } = batch
      runs = 0
      for (let i = 0; i < n; i++) {
        const whole = Math.ceil(lengths[i] / tileTokens)
        totalTiles += whole
        if (runs > 0 && tiles[runs - 1] === whole) same[runs - 1]++
        else {
          tiles[runs] = whole
          same[runs++] = 1
        }
      }
    },
    timeNs(kind, value, longestFirst, pieces) {
      const { bytes, count } = sizes
      let cuts = 0
      let split = 0
      let mostCuts = 0
      let squares = 0
      if (kind === SPLIT_COUNT) {
        // Ascending lengths give ascending pieces: no sorting.
        for (let r = 0; r < runs; r++) {
          const t = tiles[r]
          const m = t < value ? t : value
          const all = same[r] * m
          bytes[r] = overhead + tile * Math.ceil(t / m)
          count[r] = all * headGroups
          cuts += all
          squares += all * m
          if (m > 1) split += all
        }
        mostCuts = tiles[runs - 1] < value ? tiles[runs - 1] : value
        sizes.groups = runs
      } else if (kind === SPLIT_SIZE) {
        const perPiece = Math.max(1, Math.ceil(value / tileTokens))
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
            if (m > mostCuts) mostCuts = m
          }
          const all = same[r] * m
          largestTiles[r] = piece
          cutCount[r] = all
          cuts += all
          squares += all * m
          if (piece < smallest) smallest = piece
          if (piece > largest) largest = piece
        }
        sortIntoBins(runs, smallest, largest)
      } else {
        let smallest = Number.POSITIVE_INFINITY
        let largest = 0
        for (let r = 0, i = 0; r < runs; r++) {
          for (const end = i + same[r]; i < end; i++) {
            const t = tiles[r]
            const m = Math.max(1, Math.min(t, pieces[i]))
            const piece = Math.ceil(t / m)
            if (m > 1) split += m
            if (m > mostCuts) mostCuts = m
            largestTiles[i] = piece
            cutCount[i] = m
            cuts += m
            squares += m * m
            if (piece < smallest) smallest = piece
            if (piece > largest) largest = piece
          }
        }
        sortIntoBins(n, smallest, largest)
      }
      sizes.pieces = cuts * headGroups
      sizes.totalBytes = headGroups * (tile * totalTiles + overhead * cuts)
      sizes.cluster = (headGroups * squares) / cuts
      return launchNs + fastMakespanNs(sizes, longestFirst, machine) + mergeNs(mostCuts, split, machine)
    },
  }
}

export function createSplitEvaluator(machine: SplitMachine, maxSequences: number): SplitEvaluator {
  const model = createSplitModel(machine, maxSequences)
  const decision: SplitDecision = { kind: SPLIT_COUNT, value: 1, longestFirst: false, pieces: new Int32Array(maxSequences) }
  const equal: SplitBatch = { n: 0, lengths: new Float64Array(maxSequences), totalTokens: 0 }
  /** Times of equal lengths by number of sequences, then by tiles. */
  const equalNs: Map<number, number>[] = []

  function equalTimeNs(n: number, mean: number): number {
    equalNs[n] ??= new Map()
    const known = equalNs[n]
    const tiles = Math.ceil(mean / machine.tileTokens)
    let timeNs = known.get(tiles)
    if (timeNs === undefined) {
      equal.n = n
      equal.lengths.fill(tiles * machine.tileTokens, 0, n)
      model.load(equal)
      timeNs = model.timeNs(SPLIT_COUNT, occupancyCount(n, tiles * machine.tileTokens, machine), false, decision.pieces)
      known.set(tiles, timeNs)
    }
    return timeNs
  }

  return {
    factor(policy, batch) {
      const reference = equalTimeNs(batch.n, Math.ceil(batch.totalTokens / batch.n))
      policy.plan(batch, machine, decision)
      model.load(batch)
      return model.timeNs(decision.kind, decision.value, decision.longestFirst, decision.pieces) / reference
    },
    attentionNs(batch, given) {
      model.load(batch)
      return model.timeNs(given.kind, given.value, given.longestFirst, given.pieces)
    },
  }
}
