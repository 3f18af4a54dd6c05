/** Routing by what prefix caches hold, for the levers rank and pool alike: a fixed weight of computing against holding, or one that adapts. */

import { stream } from '../../rng.js'
import { NS_PER_MS } from '../../units.js'
import type { Parameter } from '../entry.js'
import type { LoadView, PolicyInfo, PoolPolicy, RankPolicy, RequestView } from '../lever.js'
import { leastCostPlace, softmaxPlace } from './softmax.js'

/** Arguments of the policies, in the order of the options. */
export const KV_AWARE: readonly Parameter[] = [
  { name: 'w', unit: 'tokens held for a token computed', named: true, min: 0, max: 1000, otherwise: 1 },
  { name: 'age', unit: 'ms', named: true, min: 0, max: 600_000, otherwise: 0 },
  { name: 'temperature', unit: 'of the range of costs', named: true, min: 0, max: 100, otherwise: 0 },
]

export interface KvAwareOptions {
  /** Weight of a token to be computed against one that is resident, in [0, 1000]. */
  readonly w: number
  /** Period at which the index of prefix caches is updated, ms; 0 = every block is known at once. */
  readonly age: number
  /**
   * How freely dearer places are chosen, in [0, 100]: chances go with exp(-(cost - least) / (greatest - least) / temperature), and 0 always takes
   * the cheapest.
   */
  readonly temperature: number
}

/** The weight of `kv-adaptive` stays within [1 / MOST_WEIGHT, MOST_WEIGHT]. */
const MOST_WEIGHT = 1000
/** Largest relative change of the weight by one request: it follows a change of traffic within some hundred requests. */
const ADAPTATION = 0.05

/** Places of `state`: draws made so far, present weight. */
const DRAWS = 0
const WEIGHT = 1

const SOURCE = 'cost of the KV router of NVIDIA Dynamo: overlap weight x tokens to prefill + active tokens'

const infoOf = (lever: 'rank' | 'pool', { w, age, temperature }: KvAwareOptions): PolicyInfo => ({
  lever,
  name: `kv-aware(w=${w},age=${age}${temperature > 0 ? `,temperature=${temperature}` : ''})`,
  shapeAware: true,
  hooks: [lever === 'pool' ? 'route' : 'place'],
  inputs: ['leading tokens of the prompt in the prefix cache of every place', 'queued and KV tokens of every place'],
  signalAge: age === 0 ? 'now' : age * NS_PER_MS,
  complexity: 'O(places x runs of the prompt)',
  needs: { prefixCaches: 'weighs what prefix caches hold' },
  wins: 'sessions of many turns and prompts with long common beginnings',
  loses: 'one hot prefix: with a large w all who share it herd on the place that has it, unless a temperature spreads them',
  source: temperature > 0 ? `${SOURCE}, drawn by softmax` : `${SOURCE}, smallest first`,
})

const adaptiveInfoOf = (lever: 'rank' | 'pool', { age, temperature }: Omit<KvAwareOptions, 'w'>): PolicyInfo => ({
  ...infoOf(lever, { w: 1, age, temperature }),
  name: `kv-adaptive(age=${age}${temperature > 0 ? `,temperature=${temperature}` : ''})`,
  wins: 'sessions of many turns, where nobody knows the weight that fits the traffic',
  loses:
    'its weight comes late where traffic changes within a hundred requests; a token computed costs more than one held, which it does not know',
  source: `${SOURCE}; the weight follows until tokens saved by caches equal tokens held more than elsewhere`,
})

/** Tokens that the place would have to compute, those that wait there included. */
const toCompute = (view: LoadView, request: RequestView, place: number): number =>
  view.queuedTokens(place) + request.inputTokens - view.matchedTokens(place)

type Choice = (view: LoadView, request: RequestView) => number

/**
 * One choice per request; `state` holds how many were drawn, and a weight where it adapts. Each draw has a random stream of its own, named and numbered,
 * so that their number is all that needs remembering.
 */
function chooser(state: Float64Array, { lever, name }: PolicyInfo, temperature: number, adapts: boolean, run: string): Choice {
  // ranks and engines may be chosen by policies of one name: their draws are not the same
  const draw = () => stream(run, `${lever}/${name}/${state[DRAWS]++}`).uniform()
  // as many numbers as there are places, so that nothing is asked twice
  let compute = new Float64Array(64)
  let costs = new Float64Array(64)
  return (view, request) => {
    const { count } = view
    if (count > costs.length) {
      compute = new Float64Array(count)
      costs = new Float64Array(count)
    }
    let lightest = 0
    let leastHeld = view.kvTokens(0)
    for (let place = 0; place < count; place++) {
      const held = view.kvTokens(place)
      compute[place] = toCompute(view, request, place)
      costs[place] = state[WEIGHT] * compute[place] + held
      if (held < leastHeld) {
        lightest = place
        leastHeld = held
      }
    }
    const chosen = temperature > 0 ? softmaxPlace(costs, count, temperature, draw()) : leastCostPlace(costs, count)
    if (adapts) {
      const saved = compute[lightest] - compute[chosen]
      const heldMore = view.kvTokens(chosen) - leastHeld
      const size = Math.abs(saved) + heldMore
      if (size > 0) {
        const weight = state[WEIGHT] * (1 + (ADAPTATION * (saved - heldMore)) / size)
        state[WEIGHT] = Math.min(MOST_WEIGHT, Math.max(1 / MOST_WEIGHT, weight))
      }
    }
    return chosen
  }
}

/** The rank with the least cost of computing what its cache lacks and of what it holds. `run`: see `createArm`, here and below. */
export function kvAwareRank(options: KvAwareOptions, run: string): RankPolicy {
  const info = infoOf('rank', options)
  const state = Float64Array.of(0, options.w)
  return { info, state, place: chooser(state, info, options.temperature, false, run) }
}

/** The engine with the least cost, by the best of its caches. */
export function kvAwarePool(options: KvAwareOptions, run: string): PoolPolicy {
  const info = infoOf('pool', options)
  const state = Float64Array.of(0, options.w)
  return { info, state, route: chooser(state, info, options.temperature, false, run) }
}

/** As `kvAwareRank`, the weight rising while caches save more tokens than the choice of them makes places hold, and falling otherwise. */
export function kvAdaptiveRank(options: Omit<KvAwareOptions, 'w'>, run: string): RankPolicy {
  const info = adaptiveInfoOf('rank', options)
  const state = Float64Array.of(0, 1)
  return { info, state, place: chooser(state, info, options.temperature, true, run) }
}

export function kvAdaptivePool(options: Omit<KvAwareOptions, 'w'>, run: string): PoolPolicy {
  const info = adaptiveInfoOf('pool', options)
  const state = Float64Array.of(0, 1)
  return { info, state, route: chooser(state, info, options.temperature, true, run) }
}
