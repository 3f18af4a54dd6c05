import { describe, expect, it } from 'vitest'
import type { Moe } from '../src/models/operator.js'
import { priceOperators } from '../src/timing/price.js'
import { loadTables } from '../src/timing/slices.js'
import { R1_EXPERTS } from './fixtures/experts.js'

const R1: Moe = { ...R1_EXPERTS, moeEp: 8, kernel: 'min_latency' }
const us = (change: Partial<Moe>, tokens: number): number =>
  priceOperators([{ ...R1, ...change }], loadTables('gb200'))[0].us(tokens, 0)

describe('experts over more ranks', () => {
  it('are not slower than over half as many by a chance hit of the measured rank', () => {
    // One token: EP 4, 16 and 32 were measured at 19 to 21 us, EP 8 at 36.
    for (const tokens of [1, 2]) expect(us({ moeEp: 8 }, tokens)).toBeLessThanOrEqual(1.01 * us({ moeEp: 4 }, tokens))
    expect(us({ moeEp: 8 }, 1)).toBeLessThan(23)
  })

  it('keep their measured times where these are in order', () => {
    // Measured at 64 tokens: 109 us at EP 8, between 185 and 72.
    expect(Math.abs(us({ moeEp: 8 }, 64) / 109 - 1)).toBeLessThan(0.03)
  })

  it('take a cut between measured ones from both sides', () => {
    const [less, between, more] = [16, 24, 32].map((moeEp) => us({ moeEp }, 512))
    expect(between).toBeLessThan(less)
    expect(between).toBeGreaterThan(more)
  })
})
