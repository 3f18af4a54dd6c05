/** What routing policies see: load columns only. No view reaches a request's output length or a slot. */
import type { LoadView } from '../levers/lever.js'
import type { State } from './state.js'

/** Load of the ranks of engine `e`; place = rank within the engine. */
export function engineLoadView(s: State, e: number): LoadView {
  const { decodeCount, prefillingCount, incoming, waitingCount, queuedTokens, freeBlocks, tokenClock, baseSum, prefilledTokens } =
    s
  const first = s.rankStart[e]
  return {
    engine: e,
    count: s.rankStart[e + 1] - first,
    running: (place) => decodeCount[first + place] + prefillingCount[first + place] + incoming[first + place],
    waiting: (place) => waitingCount[first + place],
    kvTokens: (place) => baseSum[first + place] + decodeCount[first + place] * tokenClock[e] + prefilledTokens[first + place],
    queuedTokens: (place) => queuedTokens[first + place],
    freeBlocks: (place) => freeBlocks[first + place],
  }
}

/** The engines that can serve a phase, in index order, and their load. */
export interface Pool {
  readonly engines: readonly number[]
  readonly view: LoadView
}

/** Place = position among `engines`. Sums over the ranks of each. */
export function createPool(s: State, engines: readonly number[]): Pool {
  const perEngine = engines.map((e) => engineLoadView(s, e))
  const total = (place: number, read: (view: LoadView, rank: number) => number): number => {
    const view = perEngine[place]
    let sum = 0
    for (let rank = 0; rank < view.count; rank++) sum += read(view, rank)
    return sum
  }
  const view: LoadView = {
    count: engines.length,
    running: (place) => total(place, (view, rank) => view.running(rank)),
    waiting: (place) => total(place, (view, rank) => view.waiting(rank)),
    kvTokens: (place) => total(place, (view, rank) => view.kvTokens(rank)),
    queuedTokens: (place) => total(place, (view, rank) => view.queuedTokens(rank)),
    freeBlocks: (place) => total(place, (view, rank) => view.freeBlocks(rank)),
  }
  return { engines, view }
}
