import type { ChunkPolicy } from '../lever.js'
import { ENGINE_PLACES, placeOfEngine } from '../perEngine.js'
import { fixedBudget } from './fixedBudget.js'

export interface AlignmentOptions {
  /** Tokens of a step, as in `fixed-budget`, in [1, 2^20]. */
  readonly tokens: number
  /** Steps that a prompt waits at most until enough ranks have one. */
  readonly wait: number
  /** Steps more, once they have: each rank gathers prompts meanwhile. */
  readonly batch: number
  /** Share of the ranks that is enough, in (0, 1]. */
  readonly share: number
}

/**
 * Prompts of the ranks of an engine enter together: the step of one that prefills is as long for all. Prompts wait in their queues for `wait` steps
 * at most until a `share` of the ranks has one, then for `batch` steps; they wait only while every rank has sequences to decode.
 */
export function aligned({ tokens, wait, batch, share }: AlignmentOptions): ChunkPolicy {
  /** Of each engine: steps in which prompts were held, too few ranks having one, and steps with enough, since they were last let in. */
  const state = new Float64Array(2 * ENGINE_PLACES)
  return {
    info: {
      lever: 'chunk',
      name: `aligned(${tokens},wait=${wait},batch=${batch},share=${share})`,
      shapeAware: true,
      hooks: ['hold', 'prefillTokens'],
      inputs: ['decoding sequences of every rank of the engine', 'which of its ranks have a prompt to compute'],
      signalAge: 'now',
      complexity: 'O(ranks)',
      needs: { severalRanks: 'brings the ranks of an engine in step', stepTokens: tokens },
      wins: 'throughput of attention DP under full load: without it some rank prefills in nearly every step, and all others wait for it',
      loses: 'time to first token, by the steps waited; thin traffic',
      source:
        'attention-DP balance of TensorRT-LLM (batching_wait_iters, timeout_iters): 54 to 88 % balance published on 8 GB200',
    },
    readsCandidates: false,
    state,
    prefillTokens: fixedBudget(tokens).prefillTokens,
    hold(view) {
      let withPrompt = 0
      let decoding = 0
      for (let rank = 0; rank < view.ranks; rank++) {
        if (view.hasPrompt(rank)) withPrompt++
        if (view.decoding(rank) > 0) decoding++
      }
      const isEnough = withPrompt >= share * view.ranks
      const first = 2 * placeOfEngine(view.engine)
      const counter = first + (isEnough ? 1 : 0)
      if (decoding === view.ranks && state[counter] < (isEnough ? batch : wait)) {
        state[counter]++
        return true
      }
      state.fill(0, first, first + 2)
      return false
    },
  }
}
