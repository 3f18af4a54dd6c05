import { SPLIT_PAYLOAD, type SplitPolicy } from '../lever.js'
import { nameOf, splitInfo } from './info.js'
import { devicePlanPs } from './planning.js'

/** The walk over the requests is serial, in one warp. */
const PLAN_NS_PER_SEQUENCE = 20

/**
 * Contiguous ranges of equal work, one per slot, whatever request they belong to. `overheadTokens` in [1, 2^20]: what beginning and
 * ending a stretch of a request is taken to weigh; FlashMLA takes 5 blocks of 64.
 */
export function payloadRanges(overheadTokens: number): SplitPolicy {
  return {
    info: splitInfo({
      name: nameOf('payload', [overheadTokens]),
      shapeAware: true,
      inputs: ['KV length of every sequence'],
      complexity: 'O(n + slots)',
      wins: 'any mix of lengths: every slot gets the same work, and few requests are cut',
      loses:
        'short equal lengths and few sequences, where it cuts into one piece per slot and the merge costs more than idle slots',
      source: 'FlashMLA scheduler metadata; Stream-K, LeanAttention',
    }),
    planningPs: (n) => devicePlanPs(n, PLAN_NS_PER_SEQUENCE),
    plan(_batch, machine, out) {
      out.kind = SPLIT_PAYLOAD
      out.value = Math.max(1, Math.round(overheadTokens / machine.tileTokens))
      out.longestFirst = false
    },
  }
}
