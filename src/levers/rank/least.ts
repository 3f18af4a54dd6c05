import type { RankPolicy } from '../lever.js'
import { leastOf, requestsOf, tokensOf } from './choose.js'

/** The rank with the fewest requests, running or waiting. */
export function leastRequests(): RankPolicy {
  return {
    info: {
      lever: 'rank',
      name: 'least-requests',
      shapeAware: false,
      hooks: ['place'],
      inputs: ['requests of every rank'],
      signalAge: 'now',
      complexity: 'O(ranks)',
      wins: 'short contexts, where the cost of a request hardly depends on its length',
      loses: 'long mixed contexts: counts do not see the tokens',
      source: 'least outstanding requests, as in common load balancers',
    },
    place: (view) => leastOf(view, requestsOf),
  }
}

/** The rank with the fewest KV tokens, those still queued included. */
export function leastKvTokens(): RankPolicy {
  return {
    info: {
      lever: 'rank',
      name: 'least-kv-tokens',
      shapeAware: true,
      hooks: ['place'],
      inputs: ['KV and queued tokens of every rank'],
      signalAge: 'now',
      complexity: 'O(ranks)',
      wins: 'long contexts',
      loses: 'short ones: every sequence costs as much as thousands of tokens whatever its length',
      source: 'total-token balancing of SGLang and vLLM data-parallel routers',
    },
    place: (view) => leastOf(view, tokensOf),
  }
}

/** The rank with the least tokens + w x requests. `weight` in [0, 1e6] tokens: what one sequence costs beside its KV. */
export function leastCost(weight: number): RankPolicy {
  return {
    info: {
      lever: 'rank',
      name: `least-cost(${weight})`,
      shapeAware: true,
      hooks: ['place'],
      inputs: ['KV and queued tokens of every rank', 'requests of every rank'],
      signalAge: 'now',
      complexity: 'O(ranks)',
      wins: 'mixed contexts, once the split inside a GPU is length-aware',
      loses: 'little: a wrong weight falls back to one of the two simple rules',
      source: 'linear cost of one rank: fixed work of a sequence plus its KV; 5000 tokens follow from DeepSeek-R1 on 32 ranks',
    },
    place: (view) => leastOf(view, (v, place) => tokensOf(v, place) + weight * requestsOf(v, place)),
  }
}
