/** From the rows of a file to a workload: what the options decide, order of release, ticks, and the first arrival at time 0. */
import { UserError } from '../errors.js'
import { stream } from '../rng.js'
import { NS_PER_S } from '../units.js'
import { fittingBlockTokens, USUAL_BLOCK_TOKENS } from './blockSize.js'
import { countOutOfOrder, pickRequests } from './columns.js'
import { applyContextLimit } from './contextLimit.js'
import { denseBlocks } from './denseBlocks.js'
import { applyDuplicates } from './duplicates.js'
import { longestGap } from './gaps.js'
import type { ReadOptions } from './options.js'
import { inReleaseOrder, isInReleaseOrder, settled } from './relations.js'
import type { SkipLog } from './report.js'
import { startAtOnce, unitsOf } from './sessions.js'
import { detectTick, spreadTicks } from './ticks.js'
import { plural } from './words.js'
import type { Workload } from './workload.js'

export interface Normalised {
  readonly workload: Workload
  readonly outOfOrder: number
  readonly duplicates: number
  readonly tickNs: number | null
  readonly longestGapNs: number | null
  readonly notes: readonly string[]
}

/** `raw` in the order of the file; `isOurs`: it was normalised once, so its order and its ticks are wanted. */
export function normalise(raw: Workload, path: string, options: ReadOptions, skips: SkipLog, isOurs: boolean): Normalised {
  const notes: string[] = []
  const note = (sentence: string | null): void => {
    if (sentence !== null) notes.push(sentence)
  }
  const { workload: ordered, outOfOrder } = isOurs ? { workload: raw, outOfOrder: 0 } : inOrder(raw, path, options, skips, note)
  let workload = withBlockSize(ordered, path, options, note)
  const { workload: distinct, duplicates, note: said } = applyDuplicates(workload, path, options.duplicates ?? 'keep', skips)
  note(said)
  workload = applyContextLimit(distinct, path, options, skips, note)
  if (options.window !== undefined) workload = inWindow(workload, options.window, path, skips)
  const tickNs = isOurs ? null : detectTick(workload.arrivalNs.filter((time) => !Number.isNaN(time)))
  if (tickNs === null) note(oneTime(workload))
  else if (options.keepTicks) note(`Arrivals keep their ticks of ${seconds(tickNs)} s: those of a tick come at once.`)
  else workload = spread(workload, tickNs, path, options, note)
  if (!isOurs || options.window !== undefined) workload = fromZero(workload)
  const isPart = options.blockNumbers !== undefined
  if (!isPart && (skips.count > 0 || options.overLimit === 'clip')) workload = { ...workload, ...denseBlocks(workload) }
  const gap = longestGap(workload.arrivalNs)
  note(gap.note)
  return { workload, outOfOrder, duplicates, tickNs, longestGapNs: gap.ns, notes }
}

function inOrder(
  raw: Workload,
  path: string,
  options: ReadOptions,
  skips: SkipLog,
  note: (sentence: string) => void,
): { workload: Workload; outOfOrder: number } {
  const outOfOrder = countOutOfOrder(raw.arrivalNs)
  if (outOfOrder > 0 && options.order === 'fail') {
    throw new UserError({
      where: path,
      message: `${plural(outOfOrder, 'row is', 'rows are')} out of order in time`,
      hint: 'sort the file, or let the rows be sorted (order: sort)',
    })
  }
  if (outOfOrder === 0 && isInReleaseOrder(raw)) return { workload: raw, outOfOrder }
  const cutOff = raw.arrivalNs.filter((timeNs, i) => !Number.isNaN(timeNs) && (raw.parent?.[i] ?? -1) >= raw.count).length
  if (cutOff > 0)
    note(
      `${plural(cutOff, 'request names one', 'requests name one')} beyond the limit of requests as the one before it: left out.`,
    )
  const { workload, relationsLost } = inReleaseOrder(raw)
  if (outOfOrder > 0) note(`${plural(outOfOrder, 'row was', 'rows were')} out of order in time and sorted.`)
  if (relationsLost > 0)
    note(
      `${plural(relationsLost, 'request names one that comes', 'requests name one that comes')} later as the one before it: left out.`,
    )
  skips.leaveOut(raw.count - workload.count, 'waits for a request that is not in the file, or was skipped')
  if (workload.count === 0) {
    throw new UserError({
      where: path,
      message: 'every request waits for another one that is not in the file, or was skipped',
      hint: 'give the whole trace: a session needs its first request',
    })
  }
  return { workload, outOfOrder }
}

/** Tokens per block: the user's, else what the file says, else inferred. */
function withBlockSize(workload: Workload, path: string, options: ReadOptions, note: (sentence: string) => void): Workload {
  if (workload.runFirst === null && options.blockTokens !== undefined) {
    throw new UserError({
      where: path,
      message: 'the size of prefix blocks has no effect: the trace has no ids of prefix blocks',
      hint: 'leave it out',
    })
  }
  if (workload.runFirst === null) return workload
  if (options.blockTokens !== undefined) {
    note(`Prefix blocks of ${options.blockTokens} tokens, as asked for.`)
    return { ...workload, blockTokens: options.blockTokens }
  }
  if (workload.blockTokens > 0) return workload
  const fitting = fittingBlockTokens(workload)
  const [blockTokens = USUAL_BLOCK_TOKENS, ...others] = fitting
  const why = blockTokens === USUAL_BLOCK_TOKENS ? 'by custom' : 'the first size that fits'
  const fit = others.length === 0 ? 'no block size' : `those of ${others.join(', ')} too`
  note(
    `Prefix blocks of ${blockTokens} tokens, ${fitting.length === 1 ? 'from the numbers of ids' : `${why}: the numbers of ids fit ${fit}`}.`,
  )
  return { ...workload, blockTokens }
}

/** The first requests in the order of the file. */
export function firstRequests(workload: Workload, limit: number): Workload {
  if (workload.count <= limit) return workload
  const order = Uint32Array.from({ length: limit }, (_, i) => i)
  return settled(pickRequests(workload, order, workload.arrivalNs.slice(0, limit))).workload
}

/** The requests that arrive in the window, and those that wait for them and for nobody outside. */
function inWindow(workload: Workload, window: NonNullable<ReadOptions['window']>, path: string, skips: SkipLog): Workload {
  const { count, arrivalNs, parent, joins } = workload
  if (startAtOnce(workload))
    throw new UserError({
      where: path,
      message: 'a window of time has no effect: everything starts at one time',
      hint: 'leave it out',
    })
  const first = arrivalNs[0]
  const inside = new Uint8Array(count)
  const joinedFromOutside = new Uint8Array(count)
  const kept = new Uint32Array(count)
  let remaining = 0
  for (let i = 0; i < count; i++) {
    const at = (arrivalNs[i] - first) / NS_PER_S
    const waitsInside = inside[parent?.[i] ?? i] === 1 && joinedFromOutside[i] === 0
    inside[i] = (Number.isNaN(at) ? waitsInside : at >= window.fromS && at < window.toS) ? 1 : 0
    if (inside[i] === 1) kept[remaining++] = i
    else if (joins !== null && joins[i] >= 0) joinedFromOutside[joins[i]] = 1
  }
  if (remaining === 0) {
    throw new UserError({
      where: path,
      message: `no request arrives from ${window.fromS} s ${Number.isFinite(window.toS) ? `to ${window.toS} s` : 'on'} after the first one`,
      hint: `the last one arrives after ${((arrivalNs.findLast((time) => !Number.isNaN(time)) ?? first) - first) / NS_PER_S} s`,
    })
  }
  skips.leaveOut(count - remaining, 'outside the window of time')
  const order = kept.subarray(0, remaining)
  const times = Float64Array.from(order, (row) => arrivalNs[row])
  return settled(pickRequests(workload, order, times)).workload
}

function spread(
  workload: Workload,
  tickNs: number,
  path: string,
  options: ReadOptions,
  note: (sentence: string) => void,
): Workload {
  const tick = seconds(tickNs)
  if (!options.spreadTicks) {
    throw new UserError({
      where: path,
      message: `arrivals come in ticks of ${tick} s: a recorder's coarse clock, which makes bursts that never were, or bursts that are real`,
      hint: 'say which: workload.spread_ticks=true spreads each tick uniformly over its length, =false keeps the bursts (trace commands: --spread-ticks, --keep-ticks)',
    })
  }
  note(`Arrivals of each ${tick} s tick were spread uniformly over it.`)
  const recorded = workload.arrivalNs.filter((time) => !Number.isNaN(time))
  const fine = spreadTicks(recorded, tickNs, stream(options.seed ?? 1, 'trace/spread-ticks'))
  let next = 0
  const arrivalNs = workload.arrivalNs.map((time) => (Number.isNaN(time) ? time : fine[next++]))
  keepTurns(workload, arrivalNs)
  return inReleaseOrder({ ...workload, arrivalNs }).workload
}

/** Requests of a session that were recorded at one time keep their order: their new times are dealt to them in order of time. */
function keepTurns(recorded: Workload, spreadNs: Float64Array): void {
  const { count, offset, rows, areSessions } = unitsOf(recorded)
  if (!areSessions) return
  for (let unit = 0; unit < count; unit++) {
    const turns = rows.subarray(offset[unit], offset[unit + 1]).filter((row) => !Number.isNaN(spreadNs[row]))
    for (let from = 0, to = 0; from < turns.length; from = to) {
      while (to < turns.length && recorded.arrivalNs[turns[to]] === recorded.arrivalNs[turns[from]]) to++
      const inTick = turns.subarray(from, to)
      const times = Float64Array.from(inTick, (row) => spreadNs[row]).sort()
      inTick.forEach((row, i) => {
        spreadNs[row] = times[i]
      })
    }
  }
}

const seconds = (ns: number): string => (ns / NS_PER_S).toFixed(3)

function oneTime(workload: Workload): string | null {
  if (!startAtOnce(workload)) return null
  return workload.arrivalNs.some(Number.isNaN)
    ? 'All sessions start at the same time: only closed-loop load or a rate of sessions makes sense.'
    : 'All requests arrive at the same time: only closed-loop load makes sense.'
}

function fromZero(workload: Workload): Workload {
  const first = workload.arrivalNs[0]
  return first === 0 ? workload : { ...workload, arrivalNs: workload.arrivalNs.map((timeNs) => timeNs - first) }
}
