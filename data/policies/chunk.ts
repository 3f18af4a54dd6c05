/**
 * A policy of the chunk lever: how many prompt tokens enter the next step of a rank. More of them end a prompt sooner and make the step
 * longer, for which every decoding request waits. Try it:
 *
 *   shapewise run scenarios/demo.yaml --arm mine=chunk:./FILE
 *   shapewise compare scenarios/demo.yaml --arm mine=chunk:./FILE
 *   shapewise check ./FILE
 */
import type { ChunkPolicy, ChunkView } from 'shapewise'

/** Tokens of a step, decoding ones included: many while few decode, few while many wait for the step. */
const MOST = 4096
const LEAST = 512
/** Decoding sequences at which the budget is down to LEAST. */
const CROWD = 64

/** Called for every simulation: a fresh policy. */
export default function makePolicy(): ChunkPolicy {
  return {
    info: {
      lever: 'chunk',
      name: 'my-chunk',
      shapeAware: true,
      hooks: ['prefillTokens'],
      inputs: ['decoding sequences'],
      signalAge: 'now',
      complexity: 'O(1)',
      wins: 'say where you expect it to win',
      loses: 'say where you expect it to lose',
      source: 'say where the idea comes from',
    },
    // true: view.candidates, view.remaining and view.prefix are filled in (the next prompts, in service order)
    readsCandidates: false,

    /** A whole number >= 0, and >= 1 when nothing decodes. The engine caps it at what its step has room for. */
    prefillTokens(view: ChunkView): number {
      const crowd = Math.min(1, view.decodeSequences / CROWD)
      const budget = Math.round(MOST - crowd * (MOST - LEAST))
      return Math.max(view.decodeSequences === 0 ? 1 : 0, budget - view.decodeTokens)
    },
  }
}
