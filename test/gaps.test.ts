/** The deque of segments against the list of all steps, beyond the room it begins with. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { PLAIN_ENGINE } from '../src/simulator/config.js'
import { FIRST_GAP_STRIDE, largestGapNs, OPEN_MAX, openSegment } from '../src/simulator/gaps.js'
import { DECODING, takeSlot } from '../src/simulator/slots.js'
import { createState } from '../src/simulator/state.js'

function twoEngines() {
  const engine = {
    ...PLAIN_ENGINE,
    ranks: 1,
    gpus: 1,
    maxNumSeqs: 4,
    maxNumBatchedTokens: 8,
    maxModelLen: 16,
    blockSize: 16,
    numGpuBlocks: 4,
  }
  const parts = { tables: {}, machine: {} } as never
  const engines = ['first', 'second'].map((name) => ({ ...engine, ...(parts as object), name }))
  return createState({ engines, maxQueue: null } as never)
}

test('the largest step since a sequence began, with steps that shrink, grow or scatter', () => {
  const steps = fc.oneof(
    fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 400 }),
    fc.integer({ min: 100, max: 400 }).map((count) => Array.from({ length: count }, (_, i) => 1000 - i)),
  )
  let widest = 0
  fc.assert(
    fc.property(steps, fc.nat(), fc.constantFrom(0, 1), (durations, drawn, e) => {
      const s = twoEngines()
      const began = drawn % durations.length
      const slot = takeSlot(s)
      durations.forEach((durationNs, step) => {
        const segment = openSegment(s, e)
        if (step === began) {
          // in the batch of its rank, so that room is never made at its cost
          s.runningHead[e] = slot
          s.slots.next[slot] = -1
          s.slots.state[slot] = DECODING
          s.slots.segment[slot] = segment
        }
        s.gaps[e * s.gapStride[0] + OPEN_MAX] = durationNs
        if (step >= began) expect(largestGapNs(s, e, s.slots.segment[slot])).toBe(Math.max(...durations.slice(began, step + 1)))
      })
      widest = Math.max(widest, s.gapStride[0])
      expect(largestGapNs(s, 1 - e, 0)).toBe(0)
    }),
    { numRuns: 100, seed: 20_253 },
  )
  expect(widest).toBeGreaterThan(FIRST_GAP_STRIDE)
})
