/** Arbitrary batches of decoding sequences and arbitrary traffic, for properties of split policies and of programs around the simulator. */
import fc from 'fast-check'
import type { SplitBatch } from '../levers/lever.js'
import { shapesOnly, type Workload } from '../traces/workload.js'
import { NS_PER_MS } from '../units.js'

/** KV lengths of 1 to `most` sequences, tokens, ascending as a policy gets them; short, long, and a long one among short ones. */
export const splitBatch = (most = 64, longest = 262_144): fc.Arbitrary<SplitBatch> =>
  fc
    .array(fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: longest })), { minLength: 1, maxLength: most })
    .map((drawn) => {
      const lengths = Float64Array.from(drawn).sort()
      return { n: lengths.length, lengths, totalTokens: lengths.reduce((sum, length) => sum + length, 0) }
    })

/** Up to `most` requests that wait for nobody, arrivals in whole ms, at most `longest` tokens each way. */
export const plainWorkload = (most = 40, longest = 2000): fc.Arbitrary<Workload> =>
  fc
    .array(
      fc.record({
        gapMs: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 200 })),
        isl: fc.integer({ min: 1, max: longest }),
        osl: fc.integer({ min: 1, max: longest }),
      }),
      { minLength: 1, maxLength: most },
    )
    .map((requests) => {
      let nowMs = 0
      const arrivalNs = Float64Array.from(requests, ({ gapMs }) => {
        nowMs += gapMs
        return nowMs * NS_PER_MS
      })
      return shapesOnly(
        arrivalNs,
        Int32Array.from(requests, ({ isl }) => isl),
        Int32Array.from(requests, ({ osl }) => osl),
        { name: 'arbitrary', format: 'generated', note: 'Drawn by a property.', rowsRead: requests.length, rowsSkipped: 0 },
      )
    })
