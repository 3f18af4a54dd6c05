import type { SpanPolicy } from '../lever.js'

/** Every request stays whole on one rank. */
export function spanOne(): SpanPolicy {
  return {
    info: {
      lever: 'span',
      name: 'one',
      shapeAware: false,
      hooks: ['degree'],
      inputs: [],
      signalAge: 'now',
      complexity: 'O(1)',
      wins: 'contexts that fit one rank: no traffic between ranks',
      loses: 'contexts of several 100k tokens, which gate the step of all ranks',
      source: 'context parallelism of degree one',
    },
    largest: 1,
    degree: () => 1,
  }
}
