/** Ids for the blocks of answers, where a later prompt of the session goes on from one. */
import { createBlockBuilder } from './blocks.js'
import type { Workload } from './workload.js'

/**
 * The workload with the blocks of each answer named as the next request of the session names them: the one that continues it (`parent`), or,
 * where nobody says so, the next of the same session. It must begin with the whole blocks of the prompt; a request that nobody continues keeps
 * its own ids. Null when no request is continued.
 */
export function withAnswerBlocks(workload: Workload): Workload | null {
  const { runOffset, runCount, runFirst, runLength, blockTokens, isl, osl, count } = workload
  if (runOffset === null || runCount === null || runFirst === null || runLength === null) return null
  const next = continuations(workload)
  const builder = createBlockBuilder()
  let continued = 0
  const pushLeading = (row: number, blocks: number): void => {
    let left = blocks
    for (let run = runOffset[row]; run < runOffset[row] + runCount[row] && left > 0; run++) {
      builder.pushRun(runFirst[run], Math.min(left, runLength[run]))
      left -= runLength[run]
    }
  }
  const goesOn = (row: number, child: number, blocks: number): boolean => {
    let [a, b, atA, atB] = [runOffset[row], runOffset[child], 0, 0]
    for (let left = blocks; left > 0; ) {
      if (b === runOffset[child] + runCount[child] || a === runOffset[row] + runCount[row]) return false
      if (runFirst[a] + atA !== runFirst[b] + atB) return false
      const common = Math.min(runLength[a] - atA, runLength[b] - atB, left)
      left -= common
      atA += common
      atB += common
      if (atA === runLength[a]) [a, atA] = [a + 1, 0]
      if (atB === runLength[b]) [b, atB] = [b + 1, 0]
    }
    return true
  }
  for (let row = 0; row < count; row++) {
    builder.next()
    const child = next[row]
    const isContinued = child >= 0 && goesOn(row, child, Math.floor(isl[row] / blockTokens))
    if (isContinued) continued++
    if (isContinued) pushLeading(child, Math.ceil((isl[row] + osl[row]) / blockTokens))
    else pushLeading(row, Number.POSITIVE_INFINITY)
  }
  const columns = builder.columns()
  return continued === 0 || columns === null ? null : { ...workload, ...columns }
}

/** The first request that continues each one, -1 for none. */
function continuations({ parent, session, count }: Workload): Int32Array {
  const next = new Int32Array(count).fill(-1)
  const latest = new Map<number, number>()
  for (let row = 0; row < count; row++) {
    let before = parent === null ? -1 : parent[row]
    if (parent === null && session !== null && session[row] >= 0) {
      before = latest.get(session[row]) ?? -1
      latest.set(session[row], row)
    }
    if (before >= 0 && next[before] < 0) next[before] = row
  }
  return next
}
