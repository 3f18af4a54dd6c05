/** Short-horizon balancing of the barrier: ranks wait for the slowest, so requests go where the slowest of the next steps is least. */
import type { AssignView, RankPolicy } from '../lever.js'
import { requestsOf, tokensOf } from './choose.js'

/** A prediction for each rank and each request at the points of the horizon: an assumption, above the 2 to 10 us of simpler planners. */
const PLANNING_PS = 20e6
/** Points of the horizon at which loads are compared. */
const POINTS = 8

/**
 * `horizon` in [1, 4096] steps; `weight` = cost of a sequence beside its KV, tokens. A rank's predicted cost t steps on is
 * (tokens + sequences x (t + weight)) x q^t: each sequence grows by a token a step and, as far as anybody can know, ends in each with the
 * same chance 1 - q = 1 / mean answer. The sum of costs does not depend on the assignment, so least max - mean is least max.
 */
export function barrier(horizon: number, weight: number): RankPolicy {
  return {
    info: {
      lever: 'rank',
      name: `barrier(${horizon},w=${weight})`,
      shapeAware: true,
      hooks: ['assign'],
      inputs: ['input tokens of the queue', 'KV and queued tokens, requests of every rank', 'mean answer so far'],
      signalAge: 'now',
      complexity: `O(n x ranks x ${POINTS}) for n requests assigned before a step, and n x n swaps on the slowest rank`,
      wins: 'ranks that keep what they are given, as with attention data parallelism',
      loses: 'to cheaper rules where the queue is short: then both see one request at a time',
      source:
        'BF-IO, barrier-aware assignment with a short look ahead (2601.17855); greedy with swaps in place of its integer programme',
    },
    planningPs: PLANNING_PS,
    assign: (view, out) => assignByHorizon(view, out, horizon, weight),
  }
}

function assignByHorizon(view: AssignView, out: Int32Array, horizon: number, weight: number): void {
  const { loads, waiting, inputTokens } = view
  const ranks = loads.count
  const points = Math.min(POINTS, horizon)
  const chance = view.meanAnswerTokens > 1 ? 1 / view.meanAnswerTokens : 0
  const stepsOn = Float64Array.from({ length: points }, (_, p) => ((p + 0.5) * horizon) / points)
  const factor = stepsOn.map((steps) => (1 - chance) ** steps)
  const cost = (tokens: number, count: number, p: number) => factor[p] * (tokens + count * (stepsOn[p] + weight))
  const curves = Array.from({ length: ranks }, (_, rank) => {
    const tokens = tokensOf(loads, rank)
    const count = requestsOf(loads, rank)
    return Float64Array.from({ length: points }, (_, p) => cost(tokens, count, p))
  })
  const added = Array.from({ length: waiting }, (_, i) =>
    Float64Array.from({ length: points }, (_, p) => cost(inputTokens[i], 1, p)),
  )
  const room = curves.map((_, rank) => view.places(rank) - loads.waiting(rank))
  const slowest = new Float64Array(points)
  for (const curve of curves) for (let p = 0; p < points; p++) slowest[p] = Math.max(slowest[p], curve[p])
  for (let i = 0; i < waiting; i++) {
    let best = -1
    let least = Number.POSITIVE_INFINITY
    let leastOwn = Number.POSITIVE_INFINITY
    for (let rank = 0; rank < ranks; rank++) {
      if (room[rank] <= 0) continue
      let sum = 0
      let own = 0
      for (let p = 0; p < points; p++) {
        const after = curves[rank][p] + added[i][p]
        sum += Math.max(slowest[p], after)
        own += after
      }
      if (sum < least || (sum === least && own < leastOwn)) {
        best = rank
        least = sum
        leastOwn = own
      }
    }
    out[i] = best
    room[best]--
    for (let p = 0; p < points; p++) {
      curves[best][p] += added[i][p]
      slowest[p] = Math.max(slowest[p], curves[best][p])
    }
  }
  swapOnSlowest(out, curves, added)
}

/** Exchanges requests of the rank with the largest sum for requests of others as long as that lowers the larger sum of the two. */
function swapOnSlowest(out: Int32Array, curves: readonly Float64Array[], added: readonly Float64Array[]): void {
  const sumOf = (curve: Float64Array) => curve.reduce((sum, cost) => sum + cost, 0)
  const sums = curves.map(sumOf)
  const sizes = added.map(sumOf)
  for (let round = 0; round < added.length; round++) {
    const slowest = sums.indexOf(Math.max(...sums))
    let gain = 0
    let pair: readonly [number, number] | null = null
    for (let i = 0; i < added.length; i++) {
      if (out[i] !== slowest) continue
      for (let j = 0; j < added.length; j++) {
        if (out[j] < 0 || out[j] === slowest) continue
        const shifted = sizes[i] - sizes[j]
        const larger = Math.max(sums[slowest] - shifted, sums[out[j]] + shifted)
        if (sums[slowest] - larger > gain) {
          gain = sums[slowest] - larger
          pair = [i, j]
        }
      }
    }
    if (pair === null) return
    const [i, j] = pair
    const shifted = sizes[i] - sizes[j]
    sums[slowest] -= shifted
    sums[out[j]] += shifted
    out[i] = out[j]
    out[j] = slowest
  }
}
