/** What is seen of a policy from decision to decision: prompts that are never served, long requests that are never cut. */
import {
  type ChunkPolicy,
  type LeverName,
  type RankPolicy,
  SPLIT_COUNT,
  SPLIT_GRID,
  SPLIT_PER_REQUEST,
  SPLIT_SIZE,
  type SplitBatch,
  type SplitDecision,
  type SplitPolicy,
} from '../levers/lever.js'
import type { SplitMachine } from '../levers/split/machine.js'
import { HOOKS } from '../policies/index.js'
import { frozen } from './frozen.js'

/** Decisions in a row, for each rank, that may keep all prompts waiting. */
const PATIENCE = 256
/** A request this long, in tiles, that holds this share of the tokens while the GPU has this share of its slots free, is to be cut. */
const LONG_TILES = 64
const LONE_SHARE = 0.5
const FREE_SHARE = 0.5

/** Moves back and forth that are no balancing: so many in a row, each so soon after the last. */
const MOST_RETURNS = 4
const SOON_STEPS = 16

/** The policy, with clock and chance frozen while it decides, and faults told to `tell`. `places`: ranks of all engines. */
export function watched<P extends { readonly info: { readonly shapeAware: boolean; readonly oracle?: true } }>(
  lever: LeverName,
  policy: P,
  places: number,
  tell: (fault: string) => void,
): P {
  const made = { ...policy } as Record<string, unknown>
  for (const { name } of HOOKS[lever]) {
    const method = made[name]
    if (typeof method === 'function') made[name] = (...args: unknown[]) => frozen(() => method.apply(policy, args) as unknown)
  }
  if (lever === 'chunk') patient(made as unknown as Mutable<ChunkPolicy>, places, tell)
  // moves of an oracle are free
  if (lever === 'rank' && !policy.info.oracle) steady(made as unknown as Mutable<RankPolicy>, tell)
  if (lever === 'split' && policy.info.shapeAware) cutting(made as unknown as Mutable<SplitPolicy>, tell)
  return made as P
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

function patient(policy: Mutable<ChunkPolicy>, places: number, tell: (fault: string) => void): void {
  const { prefillTokens, hold } = policy
  const count = (what: string) => {
    let row = 0
    return (waits: boolean): void => {
      row = waits ? row + 1 : 0
      if (row === PATIENCE * places) tell(`LAW-61 ${row} decisions in a row ${what}`)
    }
  }
  const zero = count('give no token to the prompts that wait')
  policy.prefillTokens = (view) => {
    const tokens = prefillTokens(view)
    zero(tokens === 0)
    return tokens
  }
  if (hold === undefined) return
  const held = count('hold the prompts of an engine')
  policy.hold = (view) => {
    const answer = hold(view)
    held(answer)
    return answer
  }
}

/** Moves between the same two ranks, each back where the last one came from. */
function steady(policy: Mutable<RankPolicy>, tell: (fault: string) => void): void {
  const { migrate } = policy
  if (migrate === undefined) return
  const last = new Map<number, { from: number; to: number; step: number; returns: number }>()
  policy.migrate = (view, out) => {
    migrate(view, out)
    for (let i = 0; i < out.count; i++) {
      const [from, to] = [out.from[i], out.to[i]]
      const before = last.get(view.engine)
      const isReturn = before?.from === to && before.to === from && view.step - before.step <= SOON_STEPS
      const returns = isReturn ? before.returns + 1 : 0
      last.set(view.engine, { from, to, step: view.step, returns })
      if (returns === MOST_RETURNS)
        tell(`LAW-64 ${returns} moves in a row went back between ranks ${from} and ${to}, each within ${SOON_STEPS} steps`)
    }
  }
}

function cutting(policy: Mutable<SplitPolicy>, tell: (fault: string) => void): void {
  const { plan } = policy
  policy.plan = (batch, machine, out) => {
    plan(batch, machine, out)
    const longest = batch.lengths[batch.n - 1]
    const isLone = longest >= LONE_SHARE * batch.totalTokens && batch.n * machine.headGroups <= FREE_SHARE * machine.slots
    if (isLone && longest >= LONG_TILES * machine.tileTokens && isWhole(batch, machine, out))
      tell(
        `LAW-63 calls itself shape-aware and leaves a request of ${longest} tokens whole beside ${batch.n - 1} others on ${machine.slots} slots`,
      )
  }
}

/** Whether the decision leaves the longest request in one piece. */
function isWhole({ n, lengths }: SplitBatch, { tileTokens }: SplitMachine, { kind, value, pieces }: SplitDecision): boolean {
  if (kind === SPLIT_COUNT || kind === SPLIT_GRID) return value < 2
  if (kind === SPLIT_SIZE) return Math.ceil(value / tileTokens) * tileTokens >= lengths[n - 1]
  return kind === SPLIT_PER_REQUEST && pieces[n - 1] < 2
}
