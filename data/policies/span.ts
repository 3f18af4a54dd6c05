/**
 * A policy of the span lever: over how many ranks the context of one request is spread. Try it:
 *
 *   shapewise run scenarios/azure-conv.yaml --arm mine=span:./FILE
 *   shapewise check ./FILE
 */
import type { LoadView, RequestView, SpanPolicy } from 'shapewise'

/** Called for every simulation: a fresh policy. */
export default function makePolicy(): SpanPolicy {
  return {
    info: {
      lever: 'span',
      name: 'my-span',
      shapeAware: false,
      hooks: ['degree'],
      inputs: [],
      signalAge: 'now',
      complexity: 'O(1)',
      wins: 'say where you expect it to win',
      loses: 'say where you expect it to lose',
      source: 'say where the idea comes from',
    },

    /** Ranks that share the context: a power of two that divides view.count. */
    degree(_view: LoadView, _request: RequestView): number {
      return 1
    },
  }
}
