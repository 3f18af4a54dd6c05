/** Sessions that a trace does not name, inferred from its prefix blocks. */
import { blockIdLimit, blockIdsOf } from '../blocks.js'
import type { Workload } from '../workload.js'
import type { Links } from './sessions.js'

/** A shared beginning of fewer blocks is a system prompt. */
const FEWEST_BLOCKS = 2
/** So is one, and what begins it, that prompts go on from in more ways: somebody asks again here and there, but many do not go on from one answer. */
const MOST_WAYS_ON = 8
/** The rule of the published statistics, which know no other system prompts, begins with this many tokens: two of their blocks. */
const PUBLISHED_TOKENS = 1024

/**
 * A request continues the latest one whose blocks, all but its last (which is seldom full), are at least two and its prefix, when it is longer
 * than that one and what they share is no system prompt. Beginnings of `alwaysTokens` and more never are one: the default is the rule of the
 * published statistics, but for shorter system prompts in small blocks. null without prefix blocks or when nobody continues anybody.
 */
export function inferredLinks(workload: Workload, alwaysTokens = PUBLISHED_TOKENS): Links | null {
  const { isl, count, runFirst, blockTokens } = workload
  if (runFirst === null) return null
  const isOfMany = blocksOfMany(workload)
  const canBeContinued = (ids: Int32Array): boolean =>
    ids.length > FEWEST_BLOCKS &&
    ((ids.length - 1) * blockTokens >= alwaysTokens || ids.subarray(-2).every((id) => isOfMany[id] === 0))
  // a block's id names the whole prefix, so the last block that counts stands for all of them
  const latestWith = new Int32Array(blockIdLimit(workload)).fill(-1)
  const previous = new Int32Array(count).fill(-1)
  const session = new Int32Array(count)
  let sessions = 0
  for (let i = 0; i < count; i++) {
    const ids = blockIdsOf(workload, i)
    let k = ids.length - 1
    while (k >= 0 && latestWith[ids[k]] < 0) k--
    const earlier = k < 0 ? -1 : latestWith[ids[k]]
    if (earlier >= 0 && isl[i] > isl[earlier]) previous[i] = earlier
    session[i] = previous[i] < 0 ? sessions++ : session[previous[i]]
    if (canBeContinued(ids)) latestWith[ids[ids.length - 2]] = i
  }
  return sessions === count ? null : { previous, session }
}

/** Marks the blocks that more than `MOST_WAYS_ON` different ones follow, and those before them. */
function blocksOfMany(workload: Workload): Uint8Array {
  const limit = blockIdLimit(workload)
  // an id names its whole prefix, so it follows one block alone
  const before = new Int32Array(limit).fill(-1)
  const waysOn = new Uint32Array(limit)
  const isKnown = new Uint8Array(limit)
  for (let i = 0; i < workload.count; i++) {
    let last = -1
    for (const id of blockIdsOf(workload, i)) {
      if (isKnown[id] === 0) {
        isKnown[id] = 1
        before[id] = last
        if (last >= 0) waysOn[last]++
      }
      last = id
    }
  }
  const isOfMany = new Uint8Array(limit)
  for (let id = 0; id < limit; id++) {
    if (waysOn[id] <= MOST_WAYS_ON) continue
    for (let at = id; at >= 0 && isOfMany[at] === 0; at = before[at]) isOfMany[at] = 1
  }
  return isOfMany
}
