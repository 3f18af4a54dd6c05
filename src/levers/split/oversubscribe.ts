import { SPLIT_GRID, type SplitPolicy } from '../lever.js'
import { nameOf, splitInfo } from './info.js'

export interface GridLimits {
  /** Fewest tokens of a piece of the longest request, [1, 2^20]. */
  readonly tokens: number
  /** Most waves of CTAs, (0, 64]. */
  readonly waves: number
  /** Most pieces of a request: the size of the captured grid, [1, 512]. */
  readonly max: number
}

/** One grid for all, cut for the longest request even when it is several waves; CTAs that find no tokens exit at once. */
export function oversubscribe({ tokens, waves, max }: GridLimits): SplitPolicy {
  return {
    info: splitInfo({
      name: nameOf('oversubscribe', [], {
        waves,
        tokens: tokens === 256 ? undefined : tokens,
        max: max === 64 ? undefined : max,
      }),
      shapeAware: true,
      inputs: ['sequences', 'longest length'],
      complexity: 'O(1)',
      wins: 'a long request among short ones, within a captured graph',
      loses: 'large batches: surplus CTAs hold slots, and equal lengths get several waves of small pieces',
      source: 'over-subscription with early exit in FlashInfer for trtllm-gen MLA; its three limits, with values of our own',
    }),
    planningPs: 0,
    plan(batch, machine, out) {
      const byLength = Math.ceil(batch.lengths[batch.n - 1] / tokens)
      const byWaves = Math.floor((waves * machine.slots) / (batch.n * machine.headGroups))
      out.kind = SPLIT_GRID
      out.value = Math.max(1, Math.min(max, byLength, byWaves))
      out.longestFirst = false
    },
  }
}
