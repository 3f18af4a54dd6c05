/** What the spread of the constants does to every row: the range of its means over joint draws. */
import type { Constants } from '../timing/index.js'
import type { RowPool } from './pool.js'
import { REQUESTS_PER_PLACE } from './protocol.js'
import type { RowJob } from './runRows.js'
import type { RowSet } from './validate.js'

export interface RowRange {
  readonly tpotMs: readonly [number, number]
  readonly ttftMs: readonly [number, number]
  readonly outputTokSPerGpu: readonly [number, number]
}

const extent = (values: readonly number[]): readonly [number, number] => [Math.min(...values), Math.max(...values)]

/** Smallest and largest mean of each row over the draws, by id; rows that cannot be simulated are absent. */
export async function rowRanges(
  set: RowSet,
  draws: readonly Constants[],
  pool: RowPool,
  seed: number,
  onDone: (done: number, total: number) => void,
): Promise<Map<string, RowRange>> {
  const settings = { seed, requestsPerPlace: REQUESTS_PER_PLACE }
  const jobs = set.rows.flatMap(({ plan }) => draws.map((constants): RowJob => ({ plan, constants, settings })))
  let done = 0
  const answers = await pool.run(jobs, () => onDone(++done, jobs.length))
  const ranges = new Map<string, RowRange>()
  set.rows.forEach(({ plan }, i) => {
    const results = answers
      .slice(i * draws.length, (i + 1) * draws.length)
      .flatMap((answer) => ('refused' in answer ? [] : [answer]))
    if (results.length === 0) return
    ranges.set(plan.id, {
      tpotMs: extent(results.map(({ tpotMs }) => tpotMs)),
      ttftMs: extent(results.map(({ ttftMs }) => ttftMs)),
      outputTokSPerGpu: extent(results.map(({ outputTokSPerGpu }) => outputTokSPerGpu)),
    })
  })
  return ranges
}
