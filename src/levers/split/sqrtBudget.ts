import { SPLIT_PER_REQUEST, type SplitPolicy } from '../lever.js'
import { nameOf, orderText, splitInfo } from './info.js'
import { overheadBytes, tileBytes, tilesOf } from './pieces.js'
import { devicePlanPs, sortPs } from './planning.js'

/**
 * Pieces in all e = sqrt(scale (a / c) W P), shared in proportion to length, where W tiles cost a each and every piece costs c: with e pieces on
 * P slots that reduce together, a W / e + c e / P is least there. a / c is the machine's: bytes of a tile over bytes of a partial
 * result and of the fixed time of a CTA. `scale` in [0.01, 100].
 */
export function sqrtBudget(scale: number, longestFirst = false): SplitPolicy {
  return {
    info: splitInfo({
      name: nameOf('sqrt-budget', [], { scale: scale === 1 ? undefined : scale, order: orderText(longestFirst, false) }),
      shapeAware: true,
      inputs: ['KV length of every sequence'],
      complexity: 'O(n)',
      wins: 'few sequences and short contexts, where the merge costs most',
      loses: 'heavy mixtures: pieces are alike only in proportion, and the number of waves is not looked at',
      source: 'square-root split budget of aiter',
    }),
    planningPs: (n) => devicePlanPs(n, 0) + (longestFirst ? sortPs(n) : 0),
    plan(batch, machine, out) {
      let tiles = 0
      for (let i = 0; i < batch.n; i++) tiles += tilesOf(batch.lengths[i], machine)
      const work = tiles * machine.headGroups
      const ratio = tileBytes(machine) / (overheadBytes(machine) + machine.partialBytes)
      const perTile = Math.sqrt((scale * ratio * machine.slots) / work)
      out.kind = SPLIT_PER_REQUEST
      out.value = 1
      out.longestFirst = longestFirst
      for (let i = 0; i < batch.n; i++) out.pieces[i] = Math.max(1, Math.round(perTile * tilesOf(batch.lengths[i], machine)))
    },
  }
}
