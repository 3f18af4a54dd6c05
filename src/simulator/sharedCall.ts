/** Prefill attention of a step in which several prompts take part. Hot: nothing is allocated here. */
import type { StepTimer } from '../timing/stepTimer.js'
import type { Slots } from './slots.js'

/** Whole ps of the `chunks` > 1 chunks of a rank, from slot `first` on; one by one they would take `sumPs`. */
export function sharedCallPs(slots: Slots, timer: StepTimer, first: number, sumPs: number, chunks: number): number {
  const { chunk, done, next } = slots
  let prefixesPs = 0
  for (let slot = first, i = 0; i < chunks; slot = next[slot], i++) {
    timer.setChunk(i, chunk[slot])
    if (done[slot] > 0) prefixesPs += timer.prefixPs(chunk[slot], done[slot])
  }
  return timer.chunksPs(sumPs, prefixesPs, chunks)
}
