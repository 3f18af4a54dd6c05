/** Prefix blocks of a workload, kept as runs of consecutive ids: a context of a million tokens is thousands of blocks but few runs. */
import { grown } from '../collections/grow.js'
import type { Workload } from './workload.js'

const FIRST_RUNS = 1 << 12

/** The block columns of a workload. */
export type BlockColumns = Pick<Workload, 'runOffset' | 'runCount' | 'runFirst' | 'runLength'>

/** Collects the blocks of requests in the order of their rows. */
export interface BlockBuilder {
  /** The blocks pushed from now on belong to the next request. */
  next(): void
  /** Appends block `id`. */
  push(id: number): void
  /** Appends blocks `first`, `first + 1`, ... */
  pushRun(first: number, length: number): void
  /** The columns of all requests so far; null when none has a block. */
  columns(): BlockColumns | null
}

export function createBlockBuilder(): BlockBuilder {
  const offsets: number[] = []
  let runFirst = new Int32Array(FIRST_RUNS)
  let runLength = new Int32Array(FIRST_RUNS)
  let runs = 0
  const grow = (): void => {
    runFirst = grown(runFirst)
    runLength = grown(runLength)
  }
  const pushRun = (first: number, length: number): void => {
    if (length === 0) return
    const last = runs - 1
    if (runs > offsets[offsets.length - 1] && runFirst[last] + runLength[last] === first) {
      runLength[last] += length
      return
    }
    if (runs === runFirst.length) grow()
    runFirst[runs] = first
    runLength[runs++] = length
  }
  return {
    next: () => {
      offsets.push(runs)
    },
    push: (id) => pushRun(id, 1),
    pushRun,
    columns: () =>
      runs === 0
        ? null
        : {
            runOffset: Float64Array.from(offsets),
            runCount: Int32Array.from(offsets, (start, i) => (offsets[i + 1] ?? runs) - start),
            runFirst: runFirst.slice(0, runs),
            runLength: runLength.slice(0, runs),
          },
  }
}

/** Number of prefix blocks of request `i`, 0 without ids. */
export function blockCountOf(workload: Workload, i: number): number {
  const { runOffset, runCount, runLength } = workload
  if (runOffset === null || runCount === null || runLength === null) return 0
  let blocks = 0
  for (let run = runOffset[i]; run < runOffset[i] + runCount[i]; run++) blocks += runLength[run]
  return blocks
}

/** Ids of the prefix blocks of request `i`, in order. Allocates: for tests and small work; loops over runs where speed matters. */
export function blockIdsOf(workload: Workload, i: number): Int32Array {
  const { runOffset, runCount, runFirst, runLength } = workload
  if (runOffset === null || runCount === null || runFirst === null || runLength === null) return new Int32Array(0)
  const ids = new Int32Array(blockCountOf(workload, i))
  let at = 0
  for (let run = runOffset[i]; run < runOffset[i] + runCount[i]; run++)
    for (let k = 0; k < runLength[run]; k++) ids[at++] = runFirst[run] + k
  return ids
}

/** The workload with its runs in the order of its requests, each once and none unused, as a file keeps them. */
export function withPackedRuns(workload: Workload): Workload {
  const { count, runOffset, runCount, runFirst, runLength } = workload
  if (runOffset === null || runCount === null || runFirst === null || runLength === null) return workload
  let runs = 0
  let packed = true
  for (let i = 0; i < count; i++) {
    packed &&= runOffset[i] === runs
    runs += runCount[i]
  }
  if (packed && runs === runFirst.length) return workload
  const offset = new Float64Array(count)
  const first = new Int32Array(runs)
  const length = new Int32Array(runs)
  let at = 0
  for (let i = 0; i < count; i++) {
    offset[i] = at
    first.set(runFirst.subarray(runOffset[i], runOffset[i] + runCount[i]), at)
    length.set(runLength.subarray(runOffset[i], runOffset[i] + runCount[i]), at)
    at += runCount[i]
  }
  return { ...workload, runOffset: offset, runFirst: first, runLength: length }
}

/** One more than the largest block id, 0 without ids: the length of a table by id. */
export function blockIdLimit({ runFirst, runLength }: BlockColumns): number {
  let limit = 0
  if (runFirst === null || runLength === null) return limit
  for (let run = 0; run < runFirst.length; run++) limit = Math.max(limit, runFirst[run] + runLength[run])
  return limit
}
