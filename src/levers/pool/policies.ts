import type { PoolPolicy } from '../lever.js'
import { leastOf, nextInTurn, requestsOf } from '../rank/choose.js'

/** Engines in turn, each phase for itself. */
export function roundRobin(): PoolPolicy {
  const state = new Float64Array(2)
  return {
    info: {
      lever: 'pool',
      name: 'round-robin',
      shapeAware: false,
      hooks: ['route'],
      inputs: [],
      signalAge: 'now',
      complexity: 'O(1)',
      wins: 'equal requests on equal engines',
      loses: 'bursts and mixed lengths',
      source: 'the usual default of routers',
    },
    state,
    route: (view, _, phase) => nextInTurn(state, phase === 'decode' ? 1 : 0, view.count),
  }
}

/** The engine with the fewest requests, running or waiting. */
export function leastLoaded(): PoolPolicy {
  return {
    info: {
      lever: 'pool',
      name: 'least-loaded',
      shapeAware: false,
      hooks: ['route'],
      inputs: ['requests of every engine'],
      signalAge: 'now',
      complexity: 'O(engines)',
      wins: 'capacity, when KV memory binds',
      loses: 'nothing known on equal engines with fresh signals',
      source: 'least outstanding requests, as in common load balancers',
    },
    route: (view) => leastOf(view, requestsOf),
  }
}
