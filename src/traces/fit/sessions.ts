/** Sessions of a trace as a recipe: how many steps, how contexts begin, grow and begin anew, answers, waits, and what forks and joins. */
import { NS_PER_S } from '../../units.js'
import type { LawsByBin } from '../generate/lengths.js'
import type { SessionSpec } from '../generate/sessions.js'
import { type Units, unitsOf } from '../sessions.js'
import { quantile } from '../statistics/distribution.js'
import { RESET_BELOW, subAgents } from '../statistics/sessions.js'
import type { Workload } from '../workload.js'
import { binEdges, binOf } from './lengths.js'
import { tableOf } from './table.js'

/** Bins of the number of steps. */
const STEP_BINS = 8
/** Share of the longest context from which on a context is full. */
const AT_LIMIT = 0.9
const WHOLE = { nearest: 0.5, unit: 1 } as const
const SECONDS = { nearest: 0.01 } as const
const digits = (value: number): number => Number(value.toPrecision(4))

/** A number and the steps of the main thread that it was seen in. */
interface ByThread {
  readonly value: number
  readonly steps: number
}

/** What is seen of the sessions, one entry for each occurrence. */
interface Seen {
  readonly steps: number[]
  readonly first: ByThread[]
  /** Tokens added beyond the answer. */
  readonly added: ByThread[]
  /** Share of the context that is left, of those begun anew. */
  readonly left: number[]
  readonly waitS: number[]
  readonly threads: number[]
  readonly threadSteps: number[]
  readonly threadFirst: number[]
}

/** `workload` has requests that wait for their parents. */
export function fitSessions(workload: Workload): SessionSpec {
  const units = unitsOf(workload)
  const seen: Seen = { steps: [], first: [], added: [], left: [], waitS: [], threads: [], threadSteps: [], threadFirst: [] }
  const { isl, osl, parent } = workload
  const ofSubagent = parent === null ? new Uint8Array(workload.count) : subAgents(workload, parent).marked
  const longest = isl.reduce((most, tokens, i) => Math.max(most, tokens + osl[i]), 2)
  for (let unit = 0; unit < units.count; unit++) look(workload, units, unit, { ofSubagent, longest }, seen)
  const edges = binEdges(Int32Array.from(seen.steps), STEP_BINS)
  const table = (values: readonly number[]) => (values.length === 0 ? 0 : tableOf(values, WHOLE))
  return {
    context_limit: longest + 1,
    steps: table(seen.steps),
    first_context: tableBySteps(seen.first, edges),
    added: tableBySteps(seen.added, edges),
    output: table(Array.from(osl)),
    wait_s: seen.waitS.length === 0 ? 0 : tableOf(seen.waitS, SECONDS),
    reset: {
      chance: digits(seen.left.length / Math.max(1, seen.left.length + seen.added.length)),
      keeps:
        seen.left.length === 0
          ? 1
          : digits(
              quantile(
                seen.left.sort((a, b) => a - b),
                0.5,
              ),
            ),
    },
    ...(seen.threads.length === 0
      ? {}
      : {
          subagents: {
            share: digits(seen.threads.length / units.count),
            count: table(seen.threads),
            steps: table(seen.threadSteps),
            first_context: table(seen.threadFirst),
          },
        }),
  }
}

function look(
  { isl, osl, parent, waitNs, joins }: Workload,
  { rows, offset }: Units,
  unit: number,
  { ofSubagent, longest }: { readonly ofSubagent: Uint8Array; readonly longest: number },
  seen: Seen,
): void {
  let steps = 0
  let threads = 0
  for (let at = offset[unit]; at < offset[unit + 1]; at++) steps += ofSubagent[rows[at]] === 0 ? 1 : 0
  for (let at = offset[unit]; at < offset[unit + 1]; at++) {
    const row = rows[at]
    const before = parent === null ? -1 : parent[row]
    if (before >= 0) seen.waitS.push((waitNs?.[row] ?? 0) / NS_PER_S)
    if (ofSubagent[row] === 1) {
      if (joins !== null && joins[row] >= 0) {
        threads++
        seen.threadSteps.push(lengthOfThread(row, parent, ofSubagent))
      }
      if (before < 0 || ofSubagent[before] === 0) seen.threadFirst.push(isl[row])
      continue
    }
    if (before < 0) seen.first.push({ value: isl[row], steps })
    else if (isl[row] < RESET_BELOW * isl[before]) {
      // beginning anew at the limit is what the recipe does by itself
      if (isl[before] < AT_LIMIT * longest) seen.left.push(isl[row] / isl[before])
    } else seen.added.push({ value: Math.max(0, isl[row] - isl[before] - osl[before]), steps })
  }
  if (steps > 0) seen.steps.push(steps)
  if (threads > 0) seen.threads.push(threads)
}

function tableBySteps(seen: readonly ByThread[], edges: readonly number[]): LawsByBin {
  const bins: number[][] = edges.slice(1).map(() => [])
  for (const { value, steps } of seen) bins[binOf(edges, steps)].push(value)
  return { edges, laws: bins.map((values) => (values.length === 0 ? 0 : tableOf(values, WHOLE))) }
}

function lengthOfThread(last: number, parent: Int32Array | null, ofSubagent: Uint8Array): number {
  let steps = 0
  for (let row = last; row >= 0 && ofSubagent[row] === 1; row = parent?.[row] ?? -1) steps++
  return steps
}
