import type { RankPolicy } from '../lever.js'
import { mixed } from '../mixed.js'

/** A rank drawn for each request, whatever the load: a hash of how many were drawn before. `state[0]`: that number. */
export function random(state: Float64Array = new Float64Array(1)): RankPolicy {
  return {
    info: {
      lever: 'rank',
      name: 'random',
      shapeAware: false,
      hooks: ['place'],
      inputs: [],
      signalAge: 'now',
      complexity: 'O(1)',
      wins: 'nowhere on one engine: it needs no word between prefill and decode to agree on a rank',
      loses: 'ranks step together, and the fullest of a few dozen drawn ones holds far more than the mean',
      source: 'disaggregated SGLang: rank = bootstrap_room % dp, the room a random number; 2025 on both sides, later at prefill',
    },
    state,
    place: (view) => mixed(++state[0], view.engine ?? 0) % view.count,
  }
}
