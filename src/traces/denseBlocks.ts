/** Renumbers prefix blocks so that their ids are dense again, after some of the requests that used them are gone. */
import type { BlockColumns } from './blocks.js'

/** Runs with new ids in the order of the old ones; runs that follow each other still do. Only runs of requests count. */
export function denseBlocks({ runOffset, runCount, runFirst, runLength }: BlockColumns): BlockColumns {
  if (runOffset === null || runCount === null || runFirst === null || runLength === null)
    return { runOffset, runCount, runFirst, runLength }
  const used = usedRuns(runOffset, runCount)
  const order = used.slice().sort((a, b) => runFirst[a] - runFirst[b])
  const newFirst = new Map<number, number>()
  let oldEnd = 0
  let shift = 0
  for (const run of order) {
    if (runFirst[run] > oldEnd) shift += runFirst[run] - oldEnd
    newFirst.set(runFirst[run], runFirst[run] - shift)
    oldEnd = Math.max(oldEnd, runFirst[run] + runLength[run])
  }
  const place = new Float64Array(runOffset.length)
  let runs = 0
  for (let i = 0; i < runOffset.length; i++) {
    place[i] = runs
    runs += runCount[i]
  }
  const first = new Int32Array(runs)
  const length = new Int32Array(runs)
  for (let i = 0; i < runOffset.length; i++) {
    for (let k = 0; k < runCount[i]; k++) {
      first[place[i] + k] = newFirst.get(runFirst[runOffset[i] + k]) as number
      length[place[i] + k] = runLength[runOffset[i] + k]
    }
  }
  return { runOffset: place, runCount, runFirst: first, runLength: length }
}

function usedRuns(runOffset: Float64Array, runCount: Int32Array): Float64Array {
  let total = 0
  for (const count of runCount) total += count
  const used = new Float64Array(total)
  let at = 0
  for (let i = 0; i < runOffset.length; i++) for (let k = 0; k < runCount[i]; k++) used[at++] = runOffset[i] + k
  return used
}
