/** Sessions that a trace does not name, inferred from its prefix blocks. */
import { blockIdLimit, blockIdsOf } from '../blocks.js'
import type { Workload } from '../workload.js'
import type { Links } from './sessions.js'

/** A shared beginning of fewer blocks is a system prompt. */
const FEWEST_BLOCKS = 2

/**
 * A request continues the latest one whose blocks, all but its last (which is seldom full), are at least two and its prefix, when it is longer
 * than that one. This is the rule of the published statistics. null without prefix blocks or when nobody continues anybody.
 */
export function inferredLinks(workload: Workload): Links | null {
  const { isl, count, runFirst } = workload
  if (runFirst === null) return null
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
    if (ids.length > FEWEST_BLOCKS) latestWith[ids[ids.length - 2]] = i
  }
  return sessions === count ? null : { previous, session }
}
