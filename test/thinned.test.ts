/** Samples of a long run: few, evenly spaced, from its beginning to its end. */
import { expect, test } from 'vitest'
import { createThinned } from '../src/collections/thinned.js'

test('takes every turn while there are few, and every 2^k-th from the first on when there are many', () => {
  let now = 0
  const series = createThinned(() => now)
  for (; now < 511; now++) series.turn()
  expect(series.samples).toEqual(Array.from({ length: 511 }, (_, i) => i))
  for (; now < 100_000; now++) series.turn()
  const gap = series.samples[1]
  expect(series.samples).toEqual(Array.from({ length: series.samples.length }, (_, i) => i * gap))
  expect(series.samples.length).toBeGreaterThanOrEqual(256)
  expect(series.samples.length).toBeLessThan(512)
  expect(now - (series.samples.at(-1) as number)).toBeLessThanOrEqual(gap)
})
