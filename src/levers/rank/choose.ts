import type { LoadView } from '../lever.js'

/** The place with the least cost, the lowest index on ties. */
export function leastOf(view: LoadView, cost: (view: LoadView, place: number) => number): number {
  let best = 0
  let bestCost = cost(view, 0)
  for (let place = 1; place < view.count; place++) {
    const placeCost = cost(view, place)
    if (placeCost < bestCost) {
      best = place
      bestCost = placeCost
    }
  }
  return best
}

/** Requests of a place, running or waiting. */
export function requestsOf(view: Pick<LoadView, 'running' | 'waiting'>, place: number): number {
  return view.running(place) + view.waiting(place)
}

/** KV tokens of a place, resident or on their way. */
export function tokensOf(view: Pick<LoadView, 'kvTokens' | 'queuedTokens'>, place: number): number {
  return view.kvTokens(place) + view.queuedTokens(place)
}

/** Next in turn; `state[slot]` is the place of the last request + 1. */
export function nextInTurn(state: Float64Array, slot: number, count: number): number {
  const place = state[slot] % count
  state[slot] = place + 1
  return place
}
