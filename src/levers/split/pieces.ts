/**
 * How a decision cuts requests. Every split kernel walks the KV in whole tiles, and spreads the tiles of one request evenly over its
 * pieces: of t tiles in m pieces, t mod m pieces have one tile more than the others. The exact and the fast model share these rules.
 */
import { SPLIT_COUNT, SPLIT_GRID, SPLIT_SIZE, type SplitBatch, type SplitDecision } from '../lever.js'
import type { SplitMachine } from './machine.js'

/** Time for which a CTA of a captured grid that finds nothing to do holds its slot, ns: it starts, reads one length and leaves. Judgement. */
const EXIT_NS = 500

/** Whole KV tiles of a request of `length` > 0 tokens. */
export function tilesOf(length: number, machine: SplitMachine): number {
  return Math.max(1, Math.ceil(length / machine.tileTokens))
}

/** Tiles of a piece where a grid of `count` CTAs per request is cut for the longest request. */
export function gridPieceTiles(longestTiles: number, count: number): number {
  return Math.ceil(longestTiles / Math.max(1, Math.floor(count)))
}

/** Pieces of request `index` under `decision`: at least 1, never more than its tiles. Not for SPLIT_PAYLOAD, whose ranges span requests. */
export function pieceCount(decision: SplitDecision, batch: SplitBatch, index: number, machine: SplitMachine): number {
  const tiles = tilesOf(batch.lengths[index], machine)
  if (decision.kind === SPLIT_SIZE) {
    const tilesPerPiece = Math.max(1, Math.ceil(decision.value / machine.tileTokens))
    return Math.ceil(tiles / tilesPerPiece)
  }
  if (decision.kind === SPLIT_GRID) {
    return Math.ceil(tiles / gridPieceTiles(tilesOf(batch.lengths[batch.n - 1], machine), decision.value))
  }
  const wanted = decision.kind === SPLIT_COUNT ? decision.value : decision.pieces[index]
  return Math.min(tiles, Math.max(1, Math.floor(wanted)))
}

/** Bytes that stand for the fixed time of one CTA: o x b. */
export function overheadBytes(machine: SplitMachine): number {
  return machine.ctaOverheadNs * machine.ctaBandwidth
}

/** Bytes that stand for the time of a CTA that exits early. */
export function exitBytes(machine: SplitMachine): number {
  return EXIT_NS * machine.ctaBandwidth
}

/** Bytes of one KV tile of one head group. */
export function tileBytes(machine: SplitMachine): number {
  return machine.tileTokens * machine.bytesPerToken
}

/**
 * Time of the merge pass, ns: a fixed part, plus the slower of one request's reduction and of all partial results
 * through HBM. 0 when nothing is split. `largest` is the largest number of pieces of a request, `split` the sum of the pieces of
 * the requests that are cut (per head group).
 */
export function mergeNs(largest: number, split: number, machine: SplitMachine): number {
  if (split === 0) return 0
  const alone = (largest * machine.partialBytes) / (machine.mergeBandwidth ?? machine.ctaBandwidth)
  const together = (machine.headGroups * split * machine.partialBytes) / machine.bandwidth
  return machine.mergeFixedNs + (alone > together ? alone : together)
}
