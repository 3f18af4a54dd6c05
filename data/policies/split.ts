/**
 * A policy of the split lever: into how many pieces the KV of each decoding request is cut, so that all SMs of a GPU end together. Try it:
 *
 *   shapewise run scenarios/demo.yaml --arm mine=split:./FILE
 *   shapewise compare scenarios/demo.yaml --arm mine=split:./FILE
 *   shapewise check ./FILE
 */
import { SPLIT_SIZE, type SplitBatch, type SplitDecision, type SplitMachine, type SplitPolicy } from 'shapewise'

/** Pieces for each slot of the GPU: more even the load out, and each costs a fixed time. */
const PIECES_PER_SLOT = 2

/** Called for every simulation: a fresh policy. */
export default function makePolicy(): SplitPolicy {
  return {
    info: {
      lever: 'split',
      name: 'my-split',
      shapeAware: true,
      hooks: ['plan'],
      inputs: ['sum of the KV lengths'],
      signalAge: 'now',
      complexity: 'O(1)',
      wins: 'say where you expect it to win',
      loses: 'say where you expect it to lose',
      source: 'say where the idea comes from',
    },
    // What planning costs every step with decoding requests, in picoseconds: 2 us here. Be honest.
    planningPs: 2e6,

    /**
     * Fills `out`. kind SPLIT_COUNT: every request in `value` pieces; SPLIT_SIZE: pieces of `value` tokens; SPLIT_PER_REQUEST:
     * `pieces[i]` for each. batch.lengths holds the first batch.n KV lengths in tokens, ascending.
     */
    plan(batch: SplitBatch, machine: SplitMachine, out: SplitDecision): void {
      const share = (machine.headGroups * batch.totalTokens) / (PIECES_PER_SLOT * machine.slots)
      out.kind = SPLIT_SIZE
      out.value = Math.max(machine.tileTokens, Math.ceil(share))
      out.longestFirst = true
    },
  }
}
