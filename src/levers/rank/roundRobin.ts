import type { RankPolicy } from '../lever.js'
import { ENGINE_PLACES, placeOfEngine } from '../perEngine.js'
import { nextInTurn } from './choose.js'

/** Ranks in turn, each engine for itself: one shared turn would alias with engines chosen in turn and leave ranks unused. */
export function roundRobin(state: Float64Array = new Float64Array(ENGINE_PLACES)): RankPolicy {
  return {
    info: {
      lever: 'rank',
      name: 'round-robin',
      shapeAware: false,
      hooks: ['place'],
      inputs: [],
      signalAge: 'now',
      complexity: 'O(1)',
      wins: 'equal requests',
      loses: 'mixed lengths: the fullest of 64 ranks holds 1.6-2.4 times the mean',
      source: 'the usual default of data-parallel attention',
    },
    state,
    place: (view) => nextInTurn(state, placeOfEngine(view.engine ?? 0), view.count),
  }
}
