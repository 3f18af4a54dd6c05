/** What every step has in common, however it is priced: the time until hosts have loaded, and its end. */
import type { EngineConfig } from './config.js'
import type { State } from './state.js'

/** Time until the last host has loaded what its ranks found in the second tier, ps; begins the count anew. */
export function hostLoadPs(s: State, { ranksPerHost, loadPsPerToken }: EngineConfig, firstRank: number, endRank: number): number {
  let most = 0
  for (let first = firstRank; first < endRank; first += ranksPerHost) {
    let tokens = 0
    for (let g = first; g < first + ranksPerHost && g < endRank; g++) {
      tokens += s.loadTokens[g]
      s.loadTokens[g] = 0
    }
    if (tokens > most) most = tokens
  }
  return Math.ceil(most * loadPsPerToken)
}

/** Engine `e` steps from its clock on for `stepPs`. */
export function setOff(s: State, e: number, stepPs: number): void {
  s.stepping[e] = 1
  s.pendingStepPs[e] = stepPs
  const restPs = s.clockPs[e] + stepPs
  const wholeNs = Math.floor(restPs / 1000)
  s.clockNs[e] += wholeNs
  s.clockPs[e] = restPs - wholeNs * 1000
}
