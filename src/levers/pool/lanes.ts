/** Lanes: engines that serve short prompts and engines that serve long ones, with a way out when a lane is hot. */
import type { LoadView, PolicyInfo, PoolPolicy } from '../lever.js'
import { tokensOf } from '../rank/choose.js'

const info = (name: string, count: number, input: string, source: string): PolicyInfo => ({
  lever: 'pool',
  name,
  shapeAware: true,
  hooks: ['route'],
  inputs: ['input tokens', input, 'KV and queued tokens of every engine'],
  signalAge: 'now',
  complexity: 'O(engines)',
  needs: { lanes: count },
  wins: 'extreme mixtures on kernels that are blind to lengths: the short no longer wait for the long',
  loses:
    'low load and drift, as lanes pool less; the long pay for the short, so judge it on all quantiles; little is left once the split is length-aware',
  source,
})

/** The engines of lane `lane` of `lanes`: an even share, at least one. */
function rangeOf(lane: number, lanes: number, engines: number): readonly [from: number, to: number] {
  const from = Math.floor((lane * engines) / lanes)
  return [from, Math.max(from + 1, Math.floor(((lane + 1) * engines) / lanes))]
}

function lightest(view: LoadView, from: number, to: number): number {
  let best = from
  for (let place = from + 1; place < to; place++) if (tokensOf(view, place) < tokensOf(view, best)) best = place
  return best
}

/** The lightest engine of the lane, or of all when that holds over `spill` % less. */
function within(view: LoadView, lane: number, lanes: number, spill: number): number {
  const [from, to] = rangeOf(lane, lanes, view.count)
  const own = lightest(view, from, to)
  const any = lightest(view, 0, view.count)
  return tokensOf(view, own) > (1 + spill / 100) * tokensOf(view, any) ? any : own
}

/**
 * Lanes by given cuts: a prompt of at most the i-th cut (tokens, in any order; 0 = none) takes lane i, a longer one the last. Engines are shared out
 * evenly among the lanes, in their order.
 */
export function lanes(given: readonly number[], spill: number): PoolPolicy {
  const cuts = given.filter((cut) => cut > 0).sort((a, b) => a - b)
  return {
    info: info(
      `lanes(${cuts.join(',')},spill=${spill})`,
      cuts.length + 1,
      'the cuts',
      'length-specialised groups of engines (CascadeInfer, PecSched); nobody changes lanes while growing',
    ),
    route(view, request) {
      let lane = 0
      while (lane < cuts.length && request.inputTokens > cuts[lane]) lane++
      return within(view, lane, cuts.length + 1, spill)
    },
  }
}

/** Bins of observed lengths: four to each doubling, up to 2^24 tokens. */
const BINS_PER_DOUBLING = 4
const BINS = 24 * BINS_PER_DOUBLING + 1
/** What was observed weighs half as much after about this many requests. */
const HALF_LIFE = 2000
const FADING = 2 ** (-1 / HALF_LIFE)

const binOf = (tokens: number): number => Math.min(BINS - 1, Math.floor(BINS_PER_DOUBLING * Math.log2(tokens)))

/** `count` lanes that get equal shares of the input tokens, by the prompts seen so far, each phase for itself. */
export function equalLanes(count: number, spill: number): PoolPolicy {
  const state = new Float64Array(2 * BINS)
  return {
    info: info(
      `equal-lanes(${count},spill=${spill})`,
      count,
      'input tokens of earlier requests',
      'length-specialised groups of engines, boundaries by the lengths observed (CascadeInfer); nobody changes lanes while growing',
    ),
    state,
    route(view, { inputTokens }, phase) {
      const first = phase === 'decode' ? BINS : 0
      const bin = binOf(inputTokens)
      let total = 0
      let before = 0
      for (let i = 0; i < BINS; i++) {
        state[first + i] *= FADING
        if (i === bin) state[first + i] += inputTokens
        total += state[first + i]
        if (i < bin) before += state[first + i]
      }
      // the middle of its bin decides
      const share = (before + state[first + bin] / 2) / total
      return within(view, Math.min(count - 1, Math.floor(share * count)), count, spill)
    },
  }
}
