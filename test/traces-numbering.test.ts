/** Numbers for names and ids: dense, in the order of first use, for more of them than a Map holds. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createNumbering } from '../src/traces/requestRows.js'

it('numbers keys in the order of first use, whatever one Map holds', () => {
  fc.assert(
    fc.property(fc.array(fc.nat({ max: 20 })), fc.integer({ min: 1, max: 30 }), (keys, mostInMap) => {
      const numbering = createNumbering<number>(mostInMap)
      const order = [...new Set(keys)]
      expect(keys.map((key) => numbering.of(key))).toEqual(keys.map((key) => order.indexOf(key)))
      expect(numbering.size).toBe(order.length)
      expect(numbering.names()).toEqual(order.length === 0 ? null : order)
    }),
  )
})
