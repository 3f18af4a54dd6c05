/** A search for a capacity judges its runs on the way: the answers are those of whole runs, and lost ones are not served to their end. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { tryLoad } from '../src/experiments/capacity.js'
import { FIRST_DRAW } from '../src/experiments/draw.js'
import { runJob } from '../src/experiments/job.js'
import { STATIC_ARM } from '../src/levers/catalogue.js'
import { fallsBehind } from '../src/metrics/saturation.js'
import { chainsOf } from './byHand.js'
import { tinyContext, tinyWorkload } from './tinyCluster.js'

const SIZE = { arm: STATIC_ARM, draw: FIRST_DRAW, warmupS: 2, measureS: 20, tailS: 2, e2eS: 1, fewest: 0 }
const limit = (min: number, max: number) => fc.option(fc.double({ min, max, noNaN: true }), { nil: null, freq: 2 })
const slos = fc.record({
  ttftMs: limit(5, 200),
  tpotMs: limit(3, 15),
  gapMs: limit(5, 100),
  e2eMs: limit(20, 1000),
  attainment: fc.double({ min: 0.3, max: 1, noNaN: true }),
})

describe.each([
  { traffic: 'single requests', context: tinyContext(), mostPerS: 500 },
  {
    traffic: 'prompts alone, with a short queue',
    context: tinyContext(['admission.max_queue=1'], tinyWorkload(600, { isl: 400, osl: 1 })),
    mostPerS: 1000,
  },
  { traffic: 'sessions', context: tinyContext([], chainsOf(new Array(60).fill(6), 6)), mostPerS: 400 },
])('a load of $traffic', ({ context: alike, mostPerS }) => {
  const seen = { served: 0, missed: 0, behind: 0, cut: 0 }

  test('is served where a whole run says so, whatever the limits', () => {
    const rates = fc.integer({ min: -50, max: 100 }).map((percent) => mostPerS ** (percent / 100))
    fc.assert(
      fc.property(rates, slos, (ratePerS, slo) => {
        const context = { ...alike, slo }
        const { summary, meetsSlo, simulatedS } = runJob(context, { kind: 'open', keep: 'summary', ratePerS, ...SIZE })
        if (summary === null) throw new Error('an open job has a summary')
        const isBehind = fallsBehind(summary.saturation.label)
        const isServed = summary.requests.injected >= 5 && meetsSlo && !isBehind
        const tried = tryLoad(context, { kind: 'capacity', guessPerS: 1, ...SIZE }, ratePerS)
        expect(tried.isServed).toBe(isServed)
        expect(tried.simulatedS).toBeLessThanOrEqual(simulatedS)
        if (isServed) expect(tried.simulatedS).toBe(simulatedS)
        seen[isServed ? 'served' : isBehind ? 'behind' : 'missed']++
        if (tried.simulatedS < 0.9 * simulatedS) seen.cut++
      }),
      { numRuns: 120, seed: 1 },
    )
  })

  test('is seen served, lost and cut short in these runs', () => {
    expect(Object.values(seen).map((count) => count > 5)).toEqual([true, true, true, true])
  })
})

test('a rate far below the guess is judged on as many requests as one near it', () => {
  const context = tinyContext([], tinyWorkload(600, { isl: 100, osl: 5 }))
  const job = { kind: 'capacity', guessPerS: 40, ...SIZE, measureS: 10, fewest: 400 } as const
  const simulatedS = (ratePerS: number) => tryLoad(context, job, ratePerS).simulatedS
  expect(simulatedS(40)).toBeCloseTo(10 + 2 + 2, 0)
  expect(simulatedS(4)).toBeCloseTo(100 + 2 + 2, -1)
  // nobody waits for a million seconds
  expect(simulatedS(1e-5)).toBeLessThan(1.1e6)
})
