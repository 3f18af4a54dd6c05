/**
 * A policy of the pool lever: which engine serves a request. It is asked on arrival (phase `prefill`, also where engines serve both phases)
 * and, where decode has engines of its own, again when the prompt is computed (`decode`). Try it:
 *
 *   shapewise run scenarios/demo.yaml --arm mine=pool:./FILE
 *   shapewise compare scenarios/demo.yaml --arm mine=pool:./FILE
 *   shapewise check ./FILE
 */
import type { LoadView, PoolPolicy, RequestView, RoutePhase } from 'shapewise'

/** Called for every simulation: a fresh policy. */
export default function makePolicy(): PoolPolicy {
  return {
    info: {
      lever: 'pool',
      name: 'my-pool',
      shapeAware: true,
      hooks: ['route'],
      inputs: ['tokens to be computed, and tokens held, of every engine'],
      signalAge: 'now',
      complexity: 'O(engines)',
      wins: 'say where you expect it to win',
      loses: 'say where you expect it to lose',
      source: 'say where the idea comes from',
    },
    // What it remembers from decision to decision goes here, so that a snapshot carries it:
    // state: new Float64Array(16),
    // Chance: makePolicy(chance: Chance), and chance(k) is the k-th random number of this run, in [0, 1); k is kept in `state`.

    /** The engine that serves the request in this phase, 0 to view.count - 1. */
    route(view: LoadView, request: RequestView, phase: RoutePhase): number {
      const cost = (engine: number): number => {
        // a prefix that the engine has cached need not be computed there
        const toCompute = phase === 'prefill' ? view.queuedTokens(engine) + request.inputTokens - view.matchedTokens(engine) : 0
        return toCompute + view.kvTokens(engine)
      }
      let best = 0
      for (let engine = 1; engine < view.count; engine++) if (cost(engine) < cost(best)) best = engine
      return best
    },
  }
}
