import { stream } from '../../rng.js'
import type { RankPolicy } from '../lever.js'
import { mixed } from '../mixed.js'

/** A rank drawn for each request, whatever the load: a hash of how many were drawn before in this `run` (see `createArm`). `state[0]`: that number. */
export function random(run: string): RankPolicy {
  const state = new Float64Array(1)
  const salt = Math.floor(stream(run, 'rank/random').uniform() * 2 ** 32)
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
    place: (view) => mixed(++state[0], (view.engine ?? 0) ^ salt) % view.count,
  }
}
