/** How the measured stacks spread requests over engines and over the ranks of an engine. */
import { createArm } from '../levers/catalogue.js'
import type { Arm, LoadView } from '../levers/lever.js'
import { nextInTurn } from '../levers/rank/choose.js'
import { stream } from '../rng.js'
import type { RowPlan } from './rowPlan.js'

/** Larger than any step: the engine's own token limit is the budget. */
const UNLIMITED_TOKENS = 2 ** 20

/**
 * Round robin over engines, the emptiest rank of an engine, the whole token budget; and the piece rule that the kernels were measured with,
 * so that the split factor is 1.
 */
const ARM = {
  name: 'measured',
  split: 'occupancy-rule',
  chunk: `fixed-budget(${UNLIMITED_TOKENS})`,
  rank: 'least-requests',
  span: 'one',
  pool: 'round-robin',
}

/** Roles whose ranks are drawn, by profile: see `measuredArm`. */
const DRAWN: Partial<Record<RowPlan['profile'], readonly ('prefill' | 'decode')[]>> = {
  'sglang-2025': ['prefill', 'decode'],
  'sglang-2025-dep24': ['prefill', 'decode'],
  'sglang-2026': ['prefill'],
}

/**
 * The arm of a row. A disaggregated SGLang sends a request to rank `bootstrap_room % dp` of its engines, the room being a random number, so
 * that prefill and decode find each other: loads of ranks differ, and a step takes as long as the fullest one. Releases of 2025 do so for both
 * roles, those of 2026 for prefill alone; their decode ranks take turns (`data_parallel_controller.py`, as far as known to us; trust C). The
 * rooms of the two roles are drawn apart here; the policy `random` draws on all engines.
 */
export function measuredArm(plan: Pick<RowPlan, 'profile' | 'mode' | 'engines'>, seed: number): Arm {
  const arm = createArm(ARM)
  const drawn = plan.mode === 'disagg' ? DRAWN[plan.profile] : undefined
  if (drawn === undefined) return arm
  const rooms = stream(seed, 'rooms')
  // engines are in the order of the plan: prefill first
  const roleOf = plan.engines.flatMap(({ role, count }) => Array.from({ length: count }, () => role))
  const state = new Float64Array(roleOf.length)
  const isDrawn = roleOf.map((role) => role !== 'aggregated' && drawn.includes(role))
  const place = (view: LoadView): number =>
    isDrawn[view.engine ?? 0] ? rooms.integer(view.count) : nextInTurn(state, view.engine ?? 0, view.count)
  return { ...arm, rank: { info: { ...arm.rank.info, name: 'rooms' }, state, place } }
}
