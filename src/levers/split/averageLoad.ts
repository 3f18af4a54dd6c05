import { SPLIT_COUNT, SPLIT_PER_REQUEST, type SplitPolicy } from '../lever.js'
import { nameOf, orderText, splitInfo } from './info.js'
import { tilesOf } from './pieces.js'
import { devicePlanPs, sortPs } from './planning.js'

/** A piece may hold this much more than the average of a slot. */
const ROOM = 1.1
/** Batches beyond it are not planned: its planner is one CTA. */
const MOST_SEQUENCES = 992

/** s_i = ceil(n_i / ceil(1.1 H sum n / P)) tiles, longest first. `most` in [1, 512]: pieces that the captured graph has room for. */
export function averageLoad(most: number, longestFirst = true): SplitPolicy {
  return {
    info: splitInfo({
      name: nameOf('average-load', [], { max: most === 128 ? undefined : most, order: orderText(longestFirst, true) }),
      shapeAware: true,
      inputs: ['KV length of every sequence'],
      complexity: 'O(n log n)',
      wins: 'mixed lengths in general, cheaply',
      loses:
        'few short sequences (it ignores what a piece and a merge cost); one piece each beyond 992 sequences; a graph captured with few splits',
      source: 'FlashAttention-3 scheduler metadata for variable lengths; max=32 is the limit of vLLM in CUDA graphs',
    }),
    planningPs: (n) => devicePlanPs(n, 0) + (longestFirst ? sortPs(n) : 0),
    plan(batch, machine, out) {
      out.longestFirst = longestFirst
      out.kind = SPLIT_COUNT
      out.value = 1
      if (batch.n > MOST_SEQUENCES) return
      let tiles = 0
      for (let i = 0; i < batch.n; i++) tiles += tilesOf(batch.lengths[i], machine)
      const perSlot = Math.ceil((ROOM * machine.headGroups * tiles) / machine.slots)
      out.kind = SPLIT_PER_REQUEST
      for (let i = 0; i < batch.n; i++) out.pieces[i] = Math.min(most, Math.ceil(tilesOf(batch.lengths[i], machine) / perSlot))
    },
  }
}
