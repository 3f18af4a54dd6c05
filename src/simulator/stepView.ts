/** What the chunk lever sees and decides of a whole engine before a step (docs/SEMANTICS.md, "A step begins", Whole engine). */
import { PolicyError } from '../errors.js'
import type { EngineStepView } from '../levers/lever.js'
import type { EngineConfig } from './config.js'
import type { Core } from './core.js'
import { DECODING } from './slots.js'
import { decodingAtHome, placesTaken } from './spans.js'
import type { State } from './state.js'

export function engineStepView(s: State, e: number, { maxNumSeqs }: EngineConfig): EngineStepView {
  const { prefillingCount, waitingHead } = s
  const first = s.rankStart[e]
  return {
    engine: e,
    ranks: s.rankStart[e + 1] - first,
    decoding: (rank) => decodingAtHome(s, first + rank),
    hasPrompt(rank) {
      const g = first + rank
      if (prefillingCount[g] > 0) return true
      const head = waitingHead[g]
      return head >= 0 && s.slots.source[head] < 0 && placesTaken(s, g) < maxNumSeqs
    },
  }
}

/** Fills in the slack of the engine's sequences. Returns whether prompts stay in their queues for the step that begins. */
export function lookAtEngine(core: Core, e: number, view: EngineStepView, nowNs: number): boolean {
  let rank = 0
  while (rank < view.ranks && !view.hasPrompt(rank)) rank++
  core.chunkView.leastSlackNs = Number.POSITIVE_INFINITY
  if (rank === view.ranks) return false
  const { info, hold, paceNs } = core.arm.chunk
  if (paceNs !== undefined) core.chunkView.leastSlackNs = leastSlackNs(core, e, paceNs, nowNs)
  if (hold === undefined || !hold(view)) return false
  const s = core.state
  for (let g = s.rankStart[e]; g < s.rankStart[e + 1]; g++) if (decodingAtHome(s, g) > 0) return true
  throw new PolicyError(info, 'held all prompts of an engine on which no sequence decodes; it would never go on')
}

/** Token k of an answer is due k x pace after its first one. Sequences whose first token has not been delivered have no deadline. */
function leastSlackNs(core: Core, e: number, paceNs: number, nowNs: number): number {
  const s = core.state
  const { state, next, firstTokenNs, osl, finishKey } = s.slots
  const clock = s.tokenClock[e]
  let dueNs = Number.POSITIVE_INFINITY
  for (let g = s.rankStart[e]; g < s.rankStart[e + 1]; g++) {
    for (let slot = s.runningHead[g]; slot >= 0 && state[slot] === DECODING; slot = next[slot]) {
      const emitted = osl[slot] - (finishKey[slot] - clock)
      const tokenNs = firstTokenNs[slot] + emitted * paceNs
      if (tokenNs < dueNs) dueNs = tokenNs
    }
  }
  return dueNs - nowNs
}
