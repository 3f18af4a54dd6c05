import {
  SPLIT_COUNT,
  SPLIT_PAYLOAD,
  SPLIT_SIZE,
  type SplitBatch,
  type SplitDecision,
  type SplitKind,
  type SplitPolicy,
} from '../lever.js'
import { createSplitDecision } from './decision.js'
import { exactAttentionNs } from './exact.js'
import { lengthAware } from './lengthAware.js'
import type { SplitMachine } from './machine.js'
import { grahamNs } from './model.js'
import { mergeNs, overheadBytes, pieceCount, tileBytes, tilesOf } from './pieces.js'
import { sortedGroups } from './sortedGroups.js'
import { waveRepair } from './waveRepair.js'

const COUNTS = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 18, 20, 24, 28, 32, 40, 48, 64, 96, 128]
/** Target pieces, as multiples of the average work of a slot: 2^-2.5 .. 2^5, eight to an octave, the likely ones first. */
const TARGETS = Array.from({ length: 61 }, (_, i) => 2 ** (-2.5 + i / 8)).sort(
  (a, b) => Math.abs(Math.log(a)) - Math.abs(Math.log(b)),
)
/** Weights of a stretch in ranges of equal payload, as multiples of what one costs on this machine. */
const WEIGHTS = [0.25, 0.5, 1, 1.5]
/** Halvings of the step between two targets around the best one. */
const REFINEMENTS = 4

/**
 * The step oracle: the best partition of a batch that a wide search finds in the exact form of the model, with the planner's whole
 * knowledge of the machine and no planning time. Piece sizes, counts and ranges of equal payload, longest first. (Splitting the
 * request with the longest piece again and again visits just the partitions by piece size, so the search is wide where it matters.)
 */
export function oracleSplit(): SplitPolicy {
  const seeds = [lengthAware(), waveRepair(), sortedGroups(2), sortedGroups(3)]
  return {
    info: {
      lever: 'split',
      name: 'oracle-split',
      shapeAware: true,
      hooks: ['plan'],
      inputs: ['KV length of every sequence'],
      signalAge: 'now',
      complexity: 'O(60 N log P) for N pieces',
      oracle: true,
      wins: 'a bound for every other split policy: the best partition of each batch, found for nothing',
      loses: 'too slow to be shipped; knows the machine as the scorer does',
      source: 'exhaustive search under list scheduling',
    },
    planningPs: 0,
    plan(batch, machine, out) {
      search(batch, machine, out, bestSeed(seeds, batch, machine, out))
    },
    priceNs: (batch, machine, decision) => exactAttentionNs(batch, decision, machine),
  }
}

/** Leaves the best decision of these policies in `out`, launched longest first; returns its time, ns. */
function bestSeed(seeds: readonly SplitPolicy[], batch: SplitBatch, machine: SplitMachine, out: SplitDecision): number {
  const seed = createSplitDecision(batch.n)
  let bestNs = Number.POSITIVE_INFINITY
  for (const policy of seeds) {
    policy.plan(batch, machine, seed)
    seed.longestFirst = true
    const timeNs = exactAttentionNs(batch, seed, machine)
    if (timeNs >= bestNs) continue
    bestNs = timeNs
    out.kind = seed.kind
    out.value = seed.value
    out.longestFirst = true
    out.launches = seed.launches
    out.pieces.set(seed.pieces)
    out.launchOf.set(seed.launchOf)
  }
  return bestNs
}

/** Improves on the decision in `out`, which takes `foundNs`. */
function search(batch: SplitBatch, machine: SplitMachine, out: SplitDecision, foundNs: number): void {
  const tried = createSplitDecision(0)
  tried.longestFirst = true
  let bestNs = foundNs
  const consider = (kind: SplitKind, value: number): void => {
    tried.kind = kind
    tried.value = value
    if (kind !== SPLIT_PAYLOAD && boundNs(batch, tried, machine) >= bestNs) return
    const timeNs = exactAttentionNs(batch, tried, machine)
    if (timeNs >= bestNs) return
    bestNs = timeNs
    out.kind = kind
    out.value = value
  }
  const longestTiles = tilesOf(batch.lengths[batch.n - 1], machine)
  const averageTiles = (machine.headGroups * batch.totalTokens) / machine.slots / machine.tileTokens
  let previous = 0
  let bestTarget = 1
  for (const target of TARGETS) {
    const tiles = Math.ceil(target * averageTiles)
    if (tiles === previous || tiles >= longestTiles) continue
    previous = tiles
    const before = bestNs
    consider(SPLIT_SIZE, tiles * machine.tileTokens)
    if (bestNs < before) bestTarget = target
  }
  for (let step = 2 ** (1 / 16), k = 0; k < REFINEMENTS; k++, step = Math.sqrt(step)) {
    for (const target of [bestTarget / step, bestTarget * step]) {
      const before = bestNs
      consider(SPLIT_SIZE, Math.max(1, Math.ceil(target * averageTiles)) * machine.tileTokens)
      if (bestNs < before) bestTarget = target
    }
  }
  for (const count of COUNTS) if (count <= longestTiles) consider(SPLIT_COUNT, count)
  const stretchTiles = overheadBytes(machine) / tileBytes(machine)
  for (const weight of WEIGHTS) consider(SPLIT_PAYLOAD, Math.max(1, Math.round(weight * stretchTiles)))
}

/** No schedule of these pieces beats it, ns: all bytes at the full rate, or the longest piece alone; launch and merge. */
function boundNs(batch: SplitBatch, decision: SplitDecision, machine: SplitMachine): number {
  const overhead = overheadBytes(machine)
  const tile = tileBytes(machine)
  let bytes = 0
  let longest = 0
  let largest = 0
  let split = 0
  for (let i = 0; i < batch.n; i++) {
    const tiles = tilesOf(batch.lengths[i], machine)
    const pieces = pieceCount(decision, batch, i, machine)
    bytes += machine.headGroups * (tiles * tile + pieces * overhead)
    longest = Math.max(longest, Math.ceil(tiles / pieces) * tile + overhead)
    if (pieces > 1) split += pieces
    if (pieces > largest) largest = pieces
  }
  const streamingNs = Math.max(grahamNs(bytes, 0, machine), longest / machine.ctaBandwidth)
  return machine.launchNs + streamingNs + mergeNs(largest, split, machine)
}
