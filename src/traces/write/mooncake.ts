/**
 * Mooncake JSON lines out: timestamp (ms, its fraction kept), input_length, output_length, hash_ids; sessions by session_id, with `delay` (ms
 * after the end of the turn before), in the place of a timestamp for requests that are released by it. Tokens per block, for which the form has no key
 * of its own, are the `block_size` of the first row with blocks where the numbers of ids do not tell them.
 */
import { UserError } from '../../errors.js'
import { NS_PER_MS } from '../../units.js'
import { fittingBlockTokens } from '../blockSize.js'
import { blockCountOf } from '../blocks.js'
import type { Workload } from '../workload.js'
import type { Piece } from './file.js'

const PIECE_LENGTH = 1 << 20

export function* mooncakePieces(workload: Workload, path: string): Generator<Piece> {
  const { count, arrivalNs, isl, osl, waitNs } = workload
  const sessions = linearSessions(workload, path)
  let untold = untoldBlockTokens(workload)
  let piece = ''
  for (let i = 0; i < count; i++) {
    piece += '{'
    if (sessions !== null && sessions[i] >= 0) piece += `"session_id":"${sessions[i]}",`
    const isReleased = Number.isNaN(arrivalNs[i])
    const wait = waitNs?.[i] ?? 0
    if (!isReleased) piece += `"timestamp":${milliseconds(arrivalNs[i])}`
    if (isReleased || wait > 0) piece += `${isReleased ? '' : ','}"delay":${milliseconds(wait)}`
    piece += `,"input_length":${isl[i]},"output_length":${osl[i]}`
    if (untold !== null && blockCountOf(workload, i) > 0) {
      piece += `,"block_size":${untold}`
      untold = null
    }
    piece += workload.runOffset === null ? '}\n' : `,"hash_ids":[${idList(workload, i)}]}\n`
    if (piece.length < PIECE_LENGTH) continue
    yield piece
    piece = ''
  }
  if (piece !== '') yield piece
}

/** Tokens per block, unless a reader can tell them; null without blocks. */
function untoldBlockTokens(workload: Workload): number | null {
  if (workload.runOffset === null) return null
  const fitting = fittingBlockTokens(workload)
  return fitting.length === 1 && fitting[0] === workload.blockTokens ? null : workload.blockTokens
}

/** Whole ns as ms without superfluous zeros. */
function milliseconds(timeNs: number): string {
  const whole = Math.floor(timeNs / NS_PER_MS)
  const fraction = timeNs - whole * NS_PER_MS
  return fraction === 0 ? String(whole) : `${whole}.${String(fraction).padStart(6, '0').replace(/0+$/, '')}`
}

function idList({ runOffset, runCount, runFirst, runLength }: Workload, i: number): string {
  if (runOffset === null || runCount === null || runFirst === null || runLength === null) return ''
  const ids: number[] = []
  for (let run = runOffset[i]; run < runOffset[i] + runCount[i]; run++)
    for (let k = 0; k < runLength[run]; k++) ids.push(runFirst[run] + k)
  return ids.join(',')
}

/** Session of each request, when every request waits for the one before it in its session and for no other; throws when some do not. */
function linearSessions(workload: Workload, path: string): Int32Array | null {
  const { count, session, parent, arrivalNs } = workload
  const found = session ?? (parent === null ? null : chainsOf(parent))
  if (found === null) return null
  const latest = new Map<number, number>()
  for (let i = 0; i < count; i++) {
    const before = found[i] < 0 ? -1 : (latest.get(found[i]) ?? -1)
    const waitsFor = parent?.[i] ?? -1
    if (waitsFor !== before) {
      const says =
        waitsFor >= 0
          ? `request ${i} waits for request ${waitsFor}`
          : `request ${i}, which comes after request ${before}, waits for none`
      throw new UserError({
        where: path,
        message: `in Mooncake's form a request waits for the one before it in its session; ${says}`,
        hint: `write a .swt or .parquet trace${arrivalNs.some(Number.isNaN) ? ' instead' : ', or add --drop sessions'}`,
      })
    }
    latest.set(found[i], i)
  }
  return found
}

/** A number for each chain of requests that continue one another, -1 for a request alone. */
function chainsOf(parent: Int32Array): Int32Array {
  const chain = new Int32Array(parent.length).fill(-1)
  let chains = 0
  for (let i = 0; i < parent.length; i++) {
    if (parent[i] < 0) continue
    if (chain[parent[i]] < 0) chain[parent[i]] = chains++
    chain[i] = chain[parent[i]]
  }
  return chain
}
