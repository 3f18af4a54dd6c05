import { NS_PER_S } from '../../units.js'
import type { PoolPolicy, RolesView } from '../lever.js'
import { leastOf, requestsOf } from '../rank/choose.js'

export interface AdaptiveRolesOptions {
  /** Shortest time from one change to the next, s. */
  readonly dwell: number
  /** Time over which demand is averaged, s. */
  readonly memory: number
  /** How far beyond half an engine the balance must be off, engines. */
  readonly hysteresis: number
}

/** Places of the state: time of the last request, averages of the work of both phases (in GPUs), time of the last change. */
const LAST = 0
const PREFILL = 1
const DECODE = 2
const CHANGED = 3

/**
 * The share of the GPUs that prefill should have is its share of the work: an engine of prefill has work while it holds a request, an engine of decode by
 * its fullest resource, places or KV blocks; what waits counts as further engines' work. Requests go to the engine with the fewest.
 */
export function adaptiveRoles({ dwell, memory, hysteresis }: AdaptiveRolesOptions): PoolPolicy {
  const state = new Float64Array(4)
  return {
    info: {
      lever: 'pool',
      name: `adaptive-roles(dwell=${dwell},memory=${memory},hysteresis=${hysteresis})`,
      shapeAware: true,
      hooks: ['switchRole', 'route'],
      inputs: ['requests, places and KV blocks of every engine', 'roles, and which engines drain'],
      signalAge: 'now',
      complexity: 'O(engines)',
      wins: 'traffic whose ratio of input to output drifts over minutes, against a ratio of pools fixed for another',
      loses: 'a ratio that fits already; short bursts, as an engine serves nobody new while it drains',
      source:
        'flow balance of prefill and decode with hysteresis, dwell and draining, as in DOPD and Arrow; demand is read off the engines, not predicted',
    },
    state,
    route: (view) => leastOf(view, requestsOf),
    switchRole(view) {
      const { nowNs } = view
      const weight = 1 - Math.exp(-(nowNs - state[LAST]) / (memory * NS_PER_S))
      state[LAST] = nowNs
      let prefillWork = 0
      let decodeWork = 0
      let prefillGpus = 0
      let gpus = 0
      let draining = 0
      for (let engine = 0; engine < view.count; engine++) {
        const isDecode = view.role(engine) === 'decode'
        const size = view.gpus(engine)
        const work = size * (isDecode ? decodeLoad(view, engine) : prefillLoad(view, engine))
        if (isDecode) decodeWork += work
        else {
          prefillWork += work
          prefillGpus += size
        }
        gpus += size
        if (view.isDraining(engine)) draining++
      }
      state[PREFILL] += weight * (prefillWork - state[PREFILL])
      state[DECODE] += weight * (decodeWork - state[DECODE])
      const all = state[PREFILL] + state[DECODE]
      if (draining > 0 || all === 0 || nowNs - state[CHANGED] < dwell * NS_PER_S) return -1
      const missing = (gpus * state[PREFILL]) / all - prefillGpus
      const engine = lightest(view, missing > 0 ? 'decode' : 'prefill')
      if (engine < 0 || Math.abs(missing) <= (0.5 + hysteresis) * view.gpus(engine)) return -1
      state[CHANGED] = nowNs
      return engine
    },
  }
}

const waitingLoad = (view: RolesView, engine: number): number => view.waiting(engine) / view.places(engine)

const prefillLoad = (view: RolesView, engine: number): number =>
  (view.running(engine) + view.waiting(engine) > 0 ? 1 : 0) + waitingLoad(view, engine)

const decodeLoad = (view: RolesView, engine: number): number =>
  Math.max(view.running(engine) / view.places(engine), 1 - view.freeBlocks(engine) / view.blocks(engine)) +
  waitingLoad(view, engine)

/** The engine of a role that drains soonest, by its requests; -1 when none may switch. */
function lightest(view: RolesView, role: 'prefill' | 'decode'): number {
  let best = -1
  let fewest = Number.POSITIVE_INFINITY
  for (let engine = 0; engine < view.count; engine++) {
    const requests = view.running(engine) + view.waiting(engine)
    if (view.role(engine) !== role || !view.maySwitch(engine) || requests >= fewest) continue
    best = engine
    fewest = requests
  }
  return best
}
