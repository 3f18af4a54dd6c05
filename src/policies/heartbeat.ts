/**
 * What a thread that runs a user's policy tells its parent, in shared memory: a policy that never answers cannot stop itself, and by then
 * nothing else of its thread is heard.
 */
import { LEVERS, type LeverName } from '../levers/lever.js'
import { HOOK_NAMES } from './hooks.js'

/** Doubles: decisions begun; 1 inside one; lever; hook; numbers read in it; then the last of these. */
const DECISIONS = 0
const INSIDE = 1
const LEVER = 2
const HOOK = 3
const READS = 4
const FIRST_READ = 5
const KEPT_READS = 8
export const HEARTBEAT = FIRST_READ + KEPT_READS

let beat: Float64Array = new Float64Array(HEARTBEAT)

/** All later decisions of this thread are told in `shared` (HEARTBEAT doubles). */
export function beatInto(shared: Float64Array): void {
  beat = shared
}

export function beginDecision(lever: number, hook: number): void {
  beat[DECISIONS]++
  beat[LEVER] = lever
  beat[HOOK] = hook
  beat[READS] = 0
  beat[INSIDE] = 1
}

export function endDecision(): void {
  beat[INSIDE] = 0
}

export function noteRead(value: number): void {
  beat[FIRST_READ + (beat[READS] % KEPT_READS)] = value
  beat[READS]++
}

/** The decision under way, as the parent sees it; null between decisions. */
export interface Decision {
  readonly number: number
  readonly lever: LeverName
  readonly hook: string
  /** The last numbers that the policy read, the latest last. */
  readonly reads: readonly number[]
}

export function decisionUnderWay(shared: Float64Array): Decision | null {
  if (shared[INSIDE] !== 1) return null
  const count = shared[READS]
  const kept = Math.min(count, KEPT_READS)
  return {
    number: shared[DECISIONS],
    lever: LEVERS[shared[LEVER]],
    hook: HOOK_NAMES[shared[HOOK]],
    reads: Array.from({ length: kept }, (_, i) => shared[FIRST_READ + ((count - kept + i) % KEPT_READS)]),
  }
}
