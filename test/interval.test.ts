import fc from 'fast-check'
import { expect, it } from 'vitest'
import { intervalOf } from '../src/collections/interval.js'

it('finds the last knot at or below a value, and the first or last interval outside', () => {
  const ascending = fc
    .uniqueArray(fc.integer({ min: -50, max: 50 }), { minLength: 2, maxLength: 20 })
    .map((all) => all.sort((a, b) => a - b))
  fc.assert(
    fc.property(ascending, fc.integer({ min: -60, max: 60 }), (knots, value) => {
      const below = knots.filter((knot) => knot <= value).length - 1
      expect(intervalOf(Float64Array.from(knots), value)).toBe(Math.min(knots.length - 2, Math.max(0, below)))
    }),
  )
})

it('can be limited to a part of the knots', () => {
  const knots = Float64Array.of(1, 2, 3, 4, 5, 6)
  expect([0, 2.5, 3, 9].map((value) => intervalOf(knots, value, 1, 4))).toEqual([1, 1, 2, 3])
})
