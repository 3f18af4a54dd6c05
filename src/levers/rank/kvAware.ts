import type { LoadView, PolicyInfo, PoolPolicy, RankPolicy, RequestView } from '../lever.js'
import { leastOf } from './choose.js'

export interface KvAwareOptions {
  /** Weight of a token to be computed against one that is resident, in [0, 1000]. */
  readonly w: number
  /** Period at which the index of prefix caches is updated, ms; 0 = every block is known at once. */
  readonly age: number
}

const NS_PER_MS = 1e6

/** Tokens that the place would have to compute, those that wait there included, times w, plus the KV tokens that it holds. */
const costOf = (w: number, request: RequestView) => (view: LoadView, place: number) =>
  w * (view.queuedTokens(place) + request.inputTokens - view.matchedTokens(place)) + view.kvTokens(place)

const infoOf = (lever: 'rank' | 'pool', { w, age }: KvAwareOptions): PolicyInfo => ({
  lever,
  name: `kv-aware(w=${w},age=${age})`,
  shapeAware: true,
  hooks: [lever === 'pool' ? 'route' : 'place'],
  inputs: ['leading tokens of the prompt in the prefix cache of every place', 'queued and KV tokens of every place'],
  signalAge: age === 0 ? 'now' : age * NS_PER_MS,
  complexity: 'O(places x runs of the prompt)',
  wins: 'sessions of many turns and prompts with long common beginnings',
  loses: 'one hot prefix: with a large w all who share it herd on the place that has it',
  source: 'cost of the KV router of NVIDIA Dynamo: overlap weight x tokens to prefill + active tokens, smallest first',
})

/** The rank with the least cost of computing what its cache lacks and of what it holds. */
export const kvAwareRank = (options: KvAwareOptions): RankPolicy => ({
  info: infoOf('rank', options),
  place: (view, request) => leastOf(view, costOf(options.w, request)),
})

/** The engine with the least cost, by the best of its caches. */
export const kvAwarePool = (options: KvAwareOptions): PoolPolicy => ({
  info: infoOf('pool', options),
  route: (view, request) => leastOf(view, costOf(options.w, request)),
})
