/** Requests that are longer than the model's context. */
import { UserError } from '../errors.js'
import type { ReadOptions } from './options.js'
import { withoutRequests } from './relations.js'
import type { SkipLog } from './report.js'
import type { Workload } from './workload.js'

/** What `contextLimit` and `overLimit` make of the requests whose input and output exceed the limit together. */
export function applyContextLimit(
  workload: Workload,
  path: string,
  options: ReadOptions,
  skips: SkipLog,
  note: (sentence: string) => void,
): Workload {
  const { contextLimit: limit, overLimit = 'drop' } = options
  if (limit === undefined) return workload
  const { isl, osl, count } = workload
  const over = new Uint8Array(count)
  let found = 0
  for (let i = 0; i < count; i++) {
    if (isl[i] + osl[i] <= limit) continue
    over[i] = 1
    found++
  }
  if (found === 0) return workload
  const share = `${found} of ${count} requests (${((100 * found) / count).toFixed(1)} %)`
  if (overLimit === 'fail') {
    throw new UserError({
      where: path,
      message: `${share} need more than ${limit} tokens of context`,
      hint: 'drop them (over_limit: drop), cut their input, and an output that leaves it no token (over_limit: clip), or raise the limit',
    })
  }
  if (overLimit === 'clip') {
    const outputs = osl.filter((tokens) => tokens >= limit).length
    const cut = outputs === 0 ? '' : `, and the output of ${outputs} of them to ${limit - 1}`
    note(`${share} needed more than ${limit} tokens of context: their input was cut${cut}.`)
    return clipped(workload, limit, over)
  }
  if (found === count) {
    throw new UserError({
      where: path,
      message: `all ${count} requests need more than ${limit} tokens of context`,
      hint: 'cut their input, and an output that leaves it no token (over_limit: clip), or raise the limit',
    })
  }
  skips.leaveOut(found, `more than ${limit} tokens of context`)
  note(`${share} need more than ${limit} tokens of context.`)
  return withoutRequests(workload, over)
}

/** Output is kept up to the limit less one token; the input is cut to what remains, and with it its prefix blocks. */
function clipped(workload: Workload, limit: number, over: Uint8Array): Workload {
  const osl = workload.osl.map((tokens, i) => (over[i] === 1 ? Math.min(tokens, limit - 1) : tokens))
  const isl = workload.isl.map((tokens, i) => (over[i] === 1 ? Math.min(tokens, limit - osl[i]) : tokens))
  return { ...workload, isl, osl, ...cutBlocks(workload, isl, over) }
}

/** Runs of blocks, those of the marked requests ended where their new input ends. New runs are appended; the old ones stay for others. */
function cutBlocks(workload: Workload, isl: Int32Array, over: Uint8Array): Partial<Workload> {
  const { runOffset, runCount, runFirst, runLength, blockTokens } = workload
  if (runOffset === null || runCount === null || runFirst === null || runLength === null) return {}
  const firsts = [...runFirst]
  const lengths = [...runLength]
  const offsets = runOffset.slice()
  const counts = runCount.slice()
  for (let i = 0; i < isl.length; i++) {
    if (over[i] === 0) continue
    let left = Math.ceil(isl[i] / blockTokens)
    const from = offsets[i]
    const runs = counts[i]
    offsets[i] = firsts.length
    counts[i] = 0
    for (let run = from; run < from + runs && left > 0; run++) {
      const length = Math.min(left, lengths[run])
      firsts.push(firsts[run])
      lengths.push(length)
      counts[i]++
      left -= length
    }
  }
  return { runOffset: offsets, runCount: counts, runFirst: Int32Array.from(firsts), runLength: Int32Array.from(lengths) }
}
