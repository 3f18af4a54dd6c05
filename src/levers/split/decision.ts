import { SPLIT_COUNT, type SplitDecision } from '../lever.js'

/** An empty decision with room for `sequences` requests, to be filled by a policy. */
export function createSplitDecision(sequences: number): SplitDecision {
  return {
    kind: SPLIT_COUNT,
    value: 1,
    longestFirst: false,
    pieces: new Int32Array(sequences),
    launches: 1,
    launchOf: new Int32Array(sequences),
  }
}
