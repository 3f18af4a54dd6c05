/** Samples of a long run: few, evenly spaced, from its beginning to its end. */
import { expect, test } from 'vitest'
import { createThinned } from '../src/collections/thinned.js'
import { createArm, STATIC_ARM } from '../src/levers/index.js'
import { clusterConfig } from '../src/scenario/index.js'
import { EVENTS_PER_TURN, eventsPerTurn, simulate } from '../src/simulator/index.js'
import { tinyPlan, tinyWorkload } from './tinyCluster.js'

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

test('the curves of a short run have points enough to be read, and change nothing else of it', () => {
  expect([0, 1, 16, 1000, 20_000, 1e6].map(eventsPerTurn)).toEqual([16, 16, 16, 64, EVENTS_PER_TURN, EVENTS_PER_TURN])
  const config = clusterConfig(tinyPlan())
  const run = (series: boolean) => simulate(config, createArm(STATIC_ARM), tinyWorkload(100), { load: { kind: 'open' }, series })
  const { series, ...seen } = run(true)
  const { series: none, ...unseen } = run(false)
  expect(none).toEqual([])
  expect(seen).toEqual(unseen)
  expect(series.length).toBeGreaterThanOrEqual(64)
  expect(series.length).toBeLessThan(512)
})
