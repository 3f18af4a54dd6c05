import { SPLIT_COUNT, SPLIT_SIZE, type SplitBatch, type SplitPolicy } from '../lever.js'
import { nameOf, orderText, splitInfo } from './info.js'
import type { SplitMachine } from './machine.js'
import { tilesOf } from './pieces.js'
import { hostPlanPs, sortPs } from './planning.js'

/** Per sequence: a dozen steps of the search, each a division and an addition on the host. */
const PLAN_NS_PER_SEQUENCE = 20

/** One piece size for all: the smallest whose pieces are all resident at once. With more head groups than slots nothing is split. */
export function residentChunk(longestFirst = false): SplitPolicy {
  return {
    info: splitInfo({
      name: nameOf('resident-chunk', [], { order: orderText(longestFirst, false) }),
      shapeAware: true,
      inputs: ['KV length of every sequence'],
      complexity: 'O(n log L)',
      wins: 'mixed lengths while sequences x head groups is below the slots',
      loses:
        'stops splitting at one sequence and head group per slot, where long tails return; pieces too small for few sequences',
      source: "FlashInfer's decode planner: binary search of the KV chunk size",
    }),
    planningPs: (n) => hostPlanPs(n, PLAN_NS_PER_SEQUENCE) + (longestFirst ? sortPs(n) : 0),
    plan(batch, machine, out) {
      out.longestFirst = longestFirst
      out.kind = SPLIT_COUNT
      out.value = 1
      if (batch.n * machine.headGroups >= machine.slots) return
      let low = 1
      let high = tilesOf(batch.lengths[batch.n - 1], machine)
      while (low < high) {
        const middle = (low + high) >> 1
        if (machine.headGroups * piecesOf(batch, middle, machine) <= machine.slots) high = middle
        else low = middle + 1
      }
      out.kind = SPLIT_SIZE
      out.value = low * machine.tileTokens
    },
  }
}

function piecesOf(batch: SplitBatch, tilesPerPiece: number, machine: SplitMachine): number {
  let pieces = 0
  for (let i = 0; i < batch.n; i++) pieces += Math.ceil(tilesOf(batch.lengths[i], machine) / tilesPerPiece)
  return pieces
}
