/** Samples keep what they promise while their memory stays bounded. */
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { createSample } from '../src/collections/sample.js'
import { quantilesOf } from '../src/collections/select.js'

const PROBABILITIES = [0, 0.05, 0.5, 0.9, 0.99, 1]
/** Half a bin of the histogram, and the bins' own unit of a millionth. */
const RELATIVE_ERROR = 0.0005
const UNIT = 1e-6

const values = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 1e-3, max: 1e9, noNaN: true })), {
  minLength: 1,
  maxLength: 200,
})
const sampleOf = (list: readonly number[], exactValues?: number) => {
  const sample = createSample(exactValues)
  for (const value of list) sample.add(value)
  return sample
}
/** The value at the rank below the probability. */
const atRank = (list: readonly number[], p: number): number => [...list].sort((a, b) => a - b)[Math.floor(p * (list.length - 1))]

describe('a sample', () => {
  it('has exact quantiles while it is small', () => {
    fc.assert(
      fc.property(values, (list) => {
        const sample = sampleOf(list)
        expect(sample.isExact).toBe(true)
        expect(sample.quantiles(PROBABILITIES)).toEqual(quantilesOf(Float64Array.from(list), list.length, PROBABILITIES))
      }),
    )
  })
  it('is within 0.05 % of the value at the rank beyond that, and its mean is exact', () => {
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 50 }), (list, exactValues) => {
        const sample = sampleOf(list, exactValues)
        expect(sample.isExact).toBe(list.length <= exactValues)
        expect(sample.count).toBe(list.length)
        expect(sample.mean).toBeCloseTo(list.reduce((sum, value) => sum + value, 0) / list.length, 0)
        if (sample.isExact) return
        sample.quantiles(PROBABILITIES).forEach((found, i) => {
          const due = atRank(list, PROBABILITIES[i])
          expect(Math.abs(found - due)).toBeLessThanOrEqual(RELATIVE_ERROR * due + UNIT)
        })
      }),
    )
  })
  test('of nothing has no quantiles', () => {
    expect(createSample().quantiles([0.5])).toEqual([Number.NaN])
  })
})
