import { SPLIT_COUNT, type SplitPolicy } from '../lever.js'
import { nameOf, orderText, splitInfo } from './info.js'
import type { SplitMachine } from './machine.js'
import { tilesOf } from './pieces.js'
import { orderPlanPs } from './planning.js'

/** Nothing is split when the batch fills this share of the slots, or when the longest request has so few tiles. */
const FULL_SHARE = 0.8
const FEW_TILES = 4
/** The smallest count is taken whose last wave is filled this well compared with the best count's. */
const GOOD_SHARE = 0.85
const MOST_PIECES = 128

/** One count for all: the smallest one that fills the waves of a launch nearly as well as the best one does. */
export function waveEfficiency(longestFirst = false): SplitPolicy {
  return {
    info: splitInfo({
      name: nameOf('wave-efficiency', [], { order: orderText(longestFirst, false) }),
      shapeAware: false,
      inputs: longestFirst ? ['sequences', 'longest length', 'order of lengths'] : ['sequences', 'longest length'],
      complexity: longestFirst ? 'O(128 + n log n)' : 'O(128)',
      wins: 'equal lengths that are far below or above a full wave',
      loses: 'mixed lengths; stops splitting at 80 % of the slots; ignores what a piece and a merge cost',
      source: 'FlashAttention-2 and 3 split heuristic (without variable lengths)',
    }),
    planningPs: orderPlanPs(longestFirst),
    plan(batch, machine, out) {
      out.kind = SPLIT_COUNT
      out.value = efficientCount(batch.n * machine.headGroups, tilesOf(batch.lengths[batch.n - 1], machine), machine)
      out.longestFirst = longestFirst
    },
  }
}

function efficientCount(tasks: number, longestTiles: number, { slots }: SplitMachine): number {
  if (tasks >= FULL_SHARE * slots || longestTiles <= FEW_TILES) return 1
  const most = Math.min(MOST_PIECES, slots, longestTiles)
  const efficiency = (count: number): number => {
    // a count that shortens no piece only adds work
    if (count > 1 && Math.ceil(longestTiles / count) === Math.ceil(longestTiles / (count - 1))) return 0
    const waves = (tasks * count) / slots
    return waves / Math.ceil(waves)
  }
  let best = 0
  for (let count = 1; count <= most; count++) best = Math.max(best, efficiency(count))
  let count = 1
  while (count < most && efficiency(count) < GOOD_SHARE * best) count++
  return count
}
