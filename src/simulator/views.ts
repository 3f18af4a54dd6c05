/** What routing policies see: load columns only. No view reaches a request's output length or a slot. */
import type { LoadView, PoolPolicy, RankPolicy } from '../levers/lever.js'
import type { EngineConfig } from './config.js'
import { NOW } from './scalars.js'
import { laneTokens, runningOn } from './spans.js'
import type { State } from './state.js'

/**
 * Leading tokens of the request being routed that rank g holds in its cache, in both tiers, as an index shows them that is updated every `ageNs`
 * ns (0: at once).
 */
function matchedTokens({ prefix, freeBlocks, scalars }: State, blockSize: number, g: number, ageNs: number): number {
  if (prefix === null) return 0
  prefix.settle(g, freeBlocks[g])
  const limit = Math.floor((prefix.routedTokens - 1) / blockSize)
  const beforeNs = ageNs > 0 ? Math.floor(scalars[NOW] / ageNs) * ageNs : Number.POSITIVE_INFINITY
  const here = prefix.match(g, prefix.routed, limit, beforeNs)
  return (here + prefix.matchHost(g, prefix.routed, here, limit)) * blockSize
}

/** Age of what a policy knows of prefix caches, ns; 0 = it knows of every block at once. */
export const signalAgeNs = ({ info: { signalAge } }: PoolPolicy | RankPolicy): number => (signalAge === 'now' ? 0 : signalAge)

/** Brings an engine up to the event that is being served: the quiet steps that end before it. */
type Settle = (e: number) => void

/**
 * Load of the ranks of engine `e`; place = rank within the engine. `ageNs`: of what is known of its caches. Quiet steps change nothing but
 * the KV, and with it what is evicted.
 */
export function engineLoadView(
  s: State,
  e: number,
  { blockSize, prefixCaching }: EngineConfig,
  ageNs: number,
  settle: Settle,
): LoadView {
  const { decodeCount, waitingCount, queuedTokens, freeBlocks, tokenClock, baseSum, prefilledTokens } = s
  const { lanes } = s
  const first = s.rankStart[e]
  return {
    engine: e,
    count: s.rankStart[e + 1] - first,
    running: (place) => runningOn(s, first + place),
    waiting: (place) => waitingCount[first + place],
    kvTokens(place) {
      settle(e)
      const own = baseSum[first + place] + decodeCount[first + place] * tokenClock[e] + prefilledTokens[first + place]
      return lanes === null ? own : own + laneTokens(s, lanes, e, first + place)
    },
    queuedTokens: (place) => queuedTokens[first + place],
    freeBlocks(place) {
      settle(e)
      return freeBlocks[first + place]
    },
    matchedTokens(place) {
      if (!prefixCaching) return 0
      settle(e)
      return matchedTokens(s, blockSize, first + place, ageNs)
    },
  }
}

/** Requests that run on the ranks of engine `e`. Asked of every engine for every request, so a loop of its own. */
export function runningIn(s: State, e: number): number {
  let sum = 0
  for (let g = s.rankStart[e]; g < s.rankStart[e + 1]; g++) sum += runningOn(s, g)
  return sum
}

/** Requests that wait at engine `e`: for a rank, or on one. */
export function waitingIn(s: State, e: number): number {
  let sum = s.waitingCount[s.queueStart + e]
  for (let g = s.rankStart[e]; g < s.rankStart[e + 1]; g++) sum += s.waitingCount[g]
  return sum
}

/** The engines that can serve a phase, in index order, and their load. */
export interface Pool {
  readonly engines: readonly number[]
  readonly view: LoadView
}

/** Place = position among `engines`. Sums over the ranks of each; of hits in caches the longest. */
export function createPool(
  s: State,
  engines: readonly number[],
  configs: readonly EngineConfig[],
  ageNs: number,
  settle: Settle,
): Pool {
  const perEngine = engines.map((e) => engineLoadView(s, e, configs[e], ageNs, settle))
  const total = (place: number, read: (view: LoadView, rank: number) => number): number => {
    const view = perEngine[place]
    let sum = 0
    for (let rank = 0; rank < view.count; rank++) sum += read(view, rank)
    return sum
  }
  const view: LoadView = {
    count: engines.length,
    running: (place) => runningIn(s, engines[place]),
    waiting: (place) => waitingIn(s, engines[place]),
    kvTokens: (place) => total(place, (view, rank) => view.kvTokens(rank)),
    queuedTokens: (place) =>
      total(place, (view, rank) => view.queuedTokens(rank)) + s.queuedTokens[s.queueStart + engines[place]],
    freeBlocks: (place) => total(place, (view, rank) => view.freeBlocks(rank)),
    matchedTokens(place) {
      const view = perEngine[place]
      let most = 0
      for (let rank = 0; rank < view.count; rank++) most = Math.max(most, view.matchedTokens(rank))
      return most
    },
  }
  return { engines, view }
}
