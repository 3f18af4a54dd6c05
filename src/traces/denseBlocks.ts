/** Renumbers prefix blocks so that their ids are dense, after some of the requests that used them are gone or others have come. */
import type { BlockColumns } from './blocks.js'

/** New numbers for the members of a union of runs: dense from 0, in the old order, so that runs stay runs. */
export interface DenseIds {
  /** How many different ids the runs hold. */
  readonly count: number
  newId(id: number): number
}

/** Run r holds the ids [first[r], first[r] + length[r]), whole numbers below 2^53. Works on runs, never on single ids. */
export function denseIds(first: ArrayLike<number>, length: ArrayLike<number>): DenseIds {
  const starts = Float64Array.from(first).sort()
  const ends = Float64Array.from(first, (id, run) => id + length[run]).sort()
  const pieceFrom: number[] = []
  const idFrom: number[] = []
  let ids = 0
  let depth = 0
  for (let start = 0, end = 0; end < ends.length; ) {
    if (start < starts.length && starts[start] <= ends[end]) {
      if (depth === 0) {
        pieceFrom.push(starts[start])
        idFrom.push(ids)
      }
      depth++
      start++
      continue
    }
    depth--
    if (depth === 0) ids += ends[end] - pieceFrom[pieceFrom.length - 1]
    end++
  }
  return {
    count: ids,
    newId(id) {
      let low = 0
      let high = pieceFrom.length
      while (low < high) {
        const middle = (low + high) >> 1
        if (pieceFrom[middle] <= id) low = middle + 1
        else high = middle
      }
      return idFrom[low - 1] + id - pieceFrom[low - 1]
    },
  }
}

/** The runs of all requests in the order of the requests, with dense ids; runs of no request are left out. */
export function denseBlocks({ runOffset, runCount, runFirst, runLength }: BlockColumns): BlockColumns {
  if (runOffset === null || runCount === null || runFirst === null || runLength === null)
    return { runOffset, runCount, runFirst, runLength }
  const newOffset = new Float64Array(runOffset.length)
  let runs = 0
  for (let i = 0; i < runOffset.length; i++) {
    newOffset[i] = runs
    runs += runCount[i]
  }
  const first = new Int32Array(runs)
  const length = new Int32Array(runs)
  for (let i = 0; i < runOffset.length; i++) {
    first.set(runFirst.subarray(runOffset[i], runOffset[i] + runCount[i]), newOffset[i])
    length.set(runLength.subarray(runOffset[i], runOffset[i] + runCount[i]), newOffset[i])
  }
  const { newId } = denseIds(first, length)
  return { runOffset: newOffset, runCount, runFirst: first.map(newId), runLength: length }
}
