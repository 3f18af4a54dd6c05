import type { RankPolicy } from '../lever.js'
import { nextInTurn } from './choose.js'

/** Engines with a turn of their own; engines beyond share one with engine - 1024. A rack has at most 72. */
export const TURNS = 1024

/** Ranks in turn, each engine for itself: one shared turn would alias with engines chosen in turn and leave ranks unused. */
export function roundRobin(state: Float64Array = new Float64Array(TURNS)): RankPolicy {
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
    place: (view) => nextInTurn(state, (view.engine ?? 0) % TURNS, view.count),
  }
}
