/** Prefix blocks as they come in and what caching them came to: the two ends of prefixCache.ts. */
import { grown } from '../collections/grow.js'
import { UserError } from '../errors.js'
import type { Workload } from '../traces/workload.js'
import type { PrefixCache } from './prefixCache.js'
import type { State } from './state.js'

/** Refuses columns whose blocks cannot be cached: of sizes that do not fit the engines, or with ids that do not name prefixes. */
export function admitBlocks(cache: PrefixCache, columns: Workload, start: number): void {
  const { blockTokens } = columns
  if (columns.runFirst === null || blockTokens === 0) return
  for (const { name, prefixCaching, blockSize } of cache.engines) {
    if (!prefixCaching || blockTokens % blockSize === 0 || blockSize % blockTokens === 0) continue
    throw new UserError({
      where: `engines.${name}.block_size`,
      message: `the trace's prefix blocks of ${blockTokens} tokens are neither a multiple of ${blockSize} tokens nor a divisor`,
      hint: `set block_size to ${blockTokens}, or to a part or a multiple of it`,
    })
  }
  if (cache.traceBlocks[0] !== 0 && cache.traceBlocks[0] !== blockTokens)
    throw new UserError({
      where: 'feed',
      message: `prefix blocks of ${blockTokens} tokens follow such of ${cache.traceBlocks[0]} tokens`,
      hint: 'feed requests of one trace',
    })
  refuseUnchained(cache, columns, start)
  cache.setTraceBlocks(blockTokens)
}

/** An id names the whole prefix up to it, so that one block alone can stand before it, in all columns that were fed. */
function refuseUnchained(
  { chains }: PrefixCache,
  { runOffset, runCount, runFirst, runLength, count }: Workload,
  start: number,
): void {
  if (runOffset === null || runCount === null || runFirst === null || runLength === null) return
  let { before } = chains
  for (let i = 0; i < count; i++) {
    let previous = -1
    for (let run = runOffset[i]; run < runOffset[i] + runCount[i]; run++) {
      const end = runFirst[run] + runLength[run]
      if (end > before.length) before = grown(before, Math.max(end, before.length * 2))
      for (let id = runFirst[run]; id < end; id++) {
        if (before[id] === 0) before[id] = previous + 2
        else if (before[id] !== previous + 2)
          throw new UserError({
            where: `request ${start + i}`,
            message: `prefix block ${id} follows block ${previous} here and block ${before[id] - 2} in an earlier request (-1: none), so its id does not name a whole prefix`,
            hint: 'number the blocks by everything up to them, or set enable_prefix_caching: false',
          })
        previous = id
      }
    }
  }
  chains.before = before
}

/** Blocks evicted by now, those included whose eviction is put off. */
export function evictedBlocks({ prefix, freeBlocks }: State): number {
  if (prefix === null) return 0
  let blocks = 0
  for (let g = 0; g < freeBlocks.length; g++) blocks += prefix.evicted[g] + Math.max(0, prefix.idle[g] - freeBlocks[g])
  return blocks
}
