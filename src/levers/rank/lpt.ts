/** Longest first to the rank that is least loaded by tokens and by requests, whichever is worse. */
import type { AssignView, RankPolicy } from '../lever.js'
import { requestsOf, tokensOf } from './choose.js'

/** Sorting a short queue and a pass over the ranks for each request: an assumption, the middle of the 2 to 10 us that published planners take. */
const PLANNING_PS = 5e6

/** Two-resource LPT: tokens and requests are balanced alike. */
export function lpt(): RankPolicy {
  return {
    info: {
      lever: 'rank',
      name: 'lpt',
      shapeAware: true,
      hooks: ['assign'],
      inputs: ['input tokens of the queue', 'KV and queued tokens of every rank', 'requests of every rank'],
      signalAge: 'now',
      complexity: 'O(n log n + n x ranks) for n requests assigned before a step',
      wins: 'bursts: many requests are dealt at once, the longest first',
      loses: 'requests that come one by one, where it is least loaded; answers of very unequal length',
      source: 'longest processing time first with equal counts, as the expert packing of DeepSeek EPLB, applied to requests',
    },
    planningPs: PLANNING_PS,
    assign: (view, out) => dealLongestFirst(view, out, view.inputTokens),
  }
}

/** Gives every listed request a rank, by falling `size` in tokens. */
export function dealLongestFirst(view: AssignView, out: Int32Array, size: Float64Array): void {
  const { loads, waiting } = view
  const ranks = loads.count
  const tokens = new Float64Array(ranks)
  const requests = new Float64Array(ranks)
  let allTokens = 1
  for (let rank = 0; rank < ranks; rank++) {
    tokens[rank] = tokensOf(loads, rank)
    requests[rank] = requestsOf(loads, rank)
    allTokens += tokens[rank]
  }
  for (let i = 0; i < waiting; i++) allTokens += size[i]
  const allRequests = requests.reduce((sum, count) => sum + count, waiting)
  const room = Array.from(requests, (_, rank) => view.places(rank) - loads.waiting(rank))
  const order = Array.from({ length: waiting }, (_, i) => i).sort((a, b) => size[b] - size[a] || a - b)
  for (const i of order) {
    let best = -1
    let least = Number.POSITIVE_INFINITY
    let leastSum = Number.POSITIVE_INFINITY
    for (let rank = 0; rank < ranks; rank++) {
      if (room[rank] <= 0) continue
      const shareOfTokens = (tokens[rank] + size[i]) / allTokens
      const shareOfRequests = (requests[rank] + 1) / allRequests
      const share = Math.max(shareOfTokens, shareOfRequests)
      const sum = shareOfTokens + shareOfRequests
      if (share < least || (share === least && sum < leastSum)) {
        best = rank
        least = share
        leastSum = sum
      }
    }
    out[i] = best
    room[best]--
    tokens[best] += size[i]
    requests[best]++
  }
}
