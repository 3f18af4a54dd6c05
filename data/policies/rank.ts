/**
 * A policy of the rank lever: which attention rank of an engine holds a request. It sees what a scheduler sees on arrival, never the
 * output length and never the future. (Engines need several ranks, so attention DP, for it to matter.) Try it and look for scenarios that break it:
 *
 *   shapewise run scenarios/azure-conv.yaml --arm mine=rank:./FILE
 *   shapewise compare scenarios/azure-conv.yaml --arm mine=rank:./FILE
 *   shapewise check ./FILE
 */
import type { LoadView, RankPolicy, RequestView } from 'shapewise'

/** Tokens that one request weighs beside its context. */
const REQUEST_TOKENS = 5000

function cost(view: LoadView, rank: number): number {
  const tokens = view.kvTokens(rank) + view.queuedTokens(rank)
  return tokens + REQUEST_TOKENS * (view.running(rank) + view.waiting(rank))
}

/** Called for every simulation: a fresh policy. */
export default function makePolicy(): RankPolicy {
  return {
    info: {
      lever: 'rank',
      name: 'my-rank',
      shapeAware: true,
      hooks: ['place'],
      inputs: ['KV and queued tokens of every rank', 'requests of every rank'],
      signalAge: 'now',
      complexity: 'O(ranks)',
      wins: 'say where you expect it to win',
      loses: 'say where you expect it to lose',
      source: 'say where the idea comes from',
    },
    // What it remembers from decision to decision goes here, so that a snapshot carries it:
    // state: new Float64Array(16),
    // Chance: makePolicy(chance: Chance), and chance(k) is the k-th random number of this run, in [0, 1); k is kept in `state`.

    /** The rank that will hold the request, 0 to view.count - 1. */
    place(view: LoadView, _request: RequestView): number {
      let best = 0
      for (let rank = 1; rank < view.count; rank++) if (cost(view, rank) < cost(view, best)) best = rank
      return best
    },
  }
}
