import type { RankPolicy } from '../lever.js'
import { nextInTurn } from './choose.js'

/** Ranks in turn. One arm serves all engines, so the turn is kept for all of them together. */
export function roundRobin(): RankPolicy {
  const state = new Float64Array(1)
  return {
    info: {
      lever: 'rank', name: 'round-robin', shapeAware: false, hooks: ['place'], inputs: [], signalAge: 'now', complexity: 'O(1)',
      wins: 'equal requests',
      loses: 'mixed lengths: the fullest of 64 ranks holds 1.6-2.4 times the mean',
      source: 'the usual default of data-parallel attention',
    },
    state,
    place: (view) => nextInTurn(state, view.count),
  }
}
