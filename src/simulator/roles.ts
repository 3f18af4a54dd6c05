/** Engines that change between prefill and decode (docs/SEMANTICS.md, "Roles that change"): asked, drained, switched. Rare, so it may allocate. */
import { PolicyError } from '../errors.js'
import type { RolesView } from '../levers/lever.js'
import type { SplitEvaluator } from '../levers/split/model.js'
import type { StepTimer } from '../timing/stepTimer.js'
import type { EngineConfig } from './config.js'
import type { Core } from './core.js'
import { settleServed } from './quiet.js'
import { DECODE_WAITING, NOW, ROLE_CHANGES, WAITING_TOTAL } from './scalars.js'
import { createPool, type Pool, runningIn, signalAgeNs, waitingIn } from './views.js'

/** What an engine is in one of its roles. */
export interface Form {
  readonly engine: EngineConfig
  readonly timer: StepTimer
  readonly evaluator: SplitEvaluator
}

/** Pools of the engines that take new work: those that drain belong to none. */
export function poolsOf(core: Omit<Core, 'entryPool' | 'decodePool'>): { entryPool: Pool; decodePool: Pool } {
  const { engines, state, arm } = core
  const taking = engines.map((_, e) => e).filter((e) => state.draining[e] === 0)
  const settle = (e: number): void => settleServed(core as Core, e)
  const pool = (isDecode: boolean): Pool =>
    createPool(
      state,
      taking.filter((e) => (engines[e].role === 'decode') === isDecode),
      engines,
      signalAgeNs(arm.pool),
      settle,
    )
  return { entryPool: pool(false), decodePool: pool(true) }
}

/** Null where no engine may switch. */
export function createRolesView(core: Core): RolesView | null {
  const { engines, state: s, otherForms } = core
  if (otherForms.every((form) => form === null)) return null
  const over = (e: number, read: (g: number) => number): number => {
    let sum = 0
    for (let g = s.rankStart[e]; g < s.rankStart[e + 1]; g++) sum += read(g)
    return sum
  }
  const role = (e: number) => (engines[e].role === 'decode' ? 'decode' : 'prefill')
  return {
    get nowNs() {
      return s.scalars[NOW]
    },
    count: engines.length,
    role,
    isDraining: (e) => s.draining[e] === 1,
    maySwitch(e) {
      if (otherForms[e] === null || s.draining[e] === 1) return false
      const { engines: left } = role(e) === 'decode' ? core.decodePool : core.entryPool
      return left.length > 1
    },
    gpus: (e) => engines[e].gpus,
    places: (e) => engines[e].maxNumSeqs * engines[e].ranks,
    running: (e) => runningIn(s, e),
    waiting: (e) => waitingIn(s, e),
    queuedTokens: (e) => over(e, (g) => s.queuedTokens[g]) + s.queuedTokens[s.queueStart + e],
    blocks: (e) => engines[e].numGpuBlocks * engines[e].ranks,
    freeBlocks(e) {
      settleServed(core, e)
      return over(e, (g) => s.freeBlocks[g])
    },
  }
}

/** A request is about to be routed: the pool lever may tell an engine to change its role, and those that hold nothing any more do so. */
export function reviseRoles(core: Core, view: RolesView): void {
  const { state: s, arm } = core
  const told = arm.pool.switchRole === undefined ? -1 : arm.pool.switchRole(view, core.requestView)
  if (told !== -1) {
    if (!(Number.isInteger(told) && told >= 0 && told < view.count && view.maySwitch(told)))
      throw new PolicyError(
        arm.pool.info,
        `switchRole returned ${told}; allowed are -1 and engines that may switch, do not drain and leave another one to their role`,
      )
    s.draining[told] = 1
    Object.assign(core, poolsOf(core))
  }
  for (let e = 0; e < view.count; e++) if (s.draining[e] === 1 && isEmpty(core, e)) changeRole(core, e)
}

/** Whoever waits on an engine that does not step waits for blocks, and so somebody holds them. */
function isEmpty(core: Core, e: number): boolean {
  const s = core.state
  if (s.stepping[e] === 1) return false
  const { numGpuBlocks } = core.engines[e]
  for (let g = s.rankStart[e]; g < s.rankStart[e + 1]; g++) if (s.freeBlocks[g] < numGpuBlocks) return false
  return true
}

function changeRole(core: Core, e: number): void {
  const { state: s, window } = core
  takeOtherForm(core, e)
  const isDecode = core.engines[e].role === 'decode'
  s.decodes[e] = isDecode ? 1 : 0
  s.draining[e] = 0
  const counted = isDecode ? DECODE_WAITING : WAITING_TOTAL
  s.waitingScalar[s.queueStart + e] = counted
  for (let g = s.rankStart[e]; g < s.rankStart[e + 1]; g++) s.waitingScalar[g] = counted
  const nowNs = s.scalars[NOW]
  if (nowNs >= window.fromNs && nowNs < window.toNs) s.scalars[ROLE_CHANGES]++
  Object.assign(core, poolsOf(core))
}

function takeOtherForm(core: Core, e: number): void {
  const { engines, timers, evaluators, otherForms } = core
  const next = otherForms[e] as Form
  otherForms[e] = { engine: engines[e], timer: timers[e], evaluator: evaluators[e] }
  engines[e] = next.engine
  timers[e] = next.timer
  evaluators[e] = next.evaluator
}

/** Brings the engines into the roles that a restored state says they have. */
export function restoreRoles(core: Core): void {
  core.engines.forEach(({ role }, e) => {
    if ((role === 'decode') !== (core.state.decodes[e] === 1)) takeOtherForm(core, e)
  })
  Object.assign(core, poolsOf(core))
}
