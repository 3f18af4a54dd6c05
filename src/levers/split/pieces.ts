/**
 * How a decision cuts requests. Every split kernel walks the KV in whole tiles, and spreads the tiles of one request evenly over its
 * pieces: of t tiles in m pieces, t mod m pieces have one tile more than the others. The exact and the fast model share these rules.
 */
import { SPLIT_COUNT, SPLIT_SIZE, type SplitBatch, type SplitDecision } from '../lever.js'
import type { SplitMachine } from './machine.js'

/** Whole KV tiles of a request of `length` > 0 tokens. */
export function tilesOf(length: number, machine: SplitMachine): number {
  return Math.max(1, Math.ceil(length / machine.tileTokens))
}

/** Pieces of request `index` under `decision`: at least 1, never more than its tiles. */
export function pieceCount(decision: SplitDecision, batch: SplitBatch, index: number, machine: SplitMachine): number {
  const tiles = tilesOf(batch.lengths[index], machine)
  if (decision.kind === SPLIT_SIZE) {
    const tilesPerPiece = Math.max(1, Math.ceil(decision.value / machine.tileTokens))
    return Math.ceil(tiles / tilesPerPiece)
  }
  const wanted = decision.kind === SPLIT_COUNT ? decision.value : decision.pieces[index]
  return Math.min(tiles, Math.max(1, Math.floor(wanted)))
}

/** Bytes that stand for the fixed time of one CTA: o x b. */
export function overheadBytes(machine: SplitMachine): number {
  return machine.ctaOverheadNs * machine.ctaBandwidth
}

/** Bytes of one KV tile of one head group. */
export function tileBytes(machine: SplitMachine): number {
  return machine.tileTokens * machine.bytesPerToken
}

/**
 * Time of the merge pass, ns: a fixed part, plus the slower of one request's reduction by one CTA and of all partial results
 * through HBM. 0 when nothing is split. `largest` is the largest number of pieces of a request, `split` the sum of the pieces of
 * the requests that are cut (per head group).
 */
export function mergeNs(largest: number, split: number, machine: SplitMachine): number {
  if (split === 0) return 0
  const alone = (largest * machine.partialBytes) / machine.ctaBandwidth
  const together = (machine.headGroups * split * machine.partialBytes) / machine.bandwidth
  return machine.mergeFixedNs + (alone > together ? alone : together)
}
