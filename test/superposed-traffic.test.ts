import { expect, test, vi } from 'vitest'
import { trafficOf } from '../src/cli/run/runTraffic.js'
import { findOperatingPoint, runReplicates, withExperiment } from '../src/experiments/index.js'
import { createArm, staticArm } from '../src/levers/catalogue.js'
import { summarise } from '../src/metrics/summarise.js'
import { number } from '../src/reports/format.js'
import { clusterConfig } from '../src/scenario/index.js'
import { simulate } from '../src/simulator/index.js'
import { tinyPlan, tinyWorkload } from './tinyCluster.js'

/** Inline, since threads need what is built. */
const inline = () => ({ signal: new AbortController().signal, threads: 1 })

test.each(['rate_per_s: 3', 'fraction: 0.5'])('a run with %s is the first replicate of a comparison', async (amount) => {
  const plan = tinyPlan([`workload.load={method: superpose, ${amount}}`])
  const config = clusterConfig(plan)
  const workload = tinyWorkload(600)
  const arm = staticArm(config.engines)
  const compared = await withExperiment({ plan, config, workload, evidence: 'interpolated', threads: 1 }, async (experiment) => {
    const point = await findOperatingPoint(experiment)
    const options = { replicates: 1, readings: ['fixedLoad'], pictured: [] } as const
    const outcome = (await runReplicates(experiment, point, [arm], options)).fixedLoad.get('static')?.[0]
    return { point, outcome }
  })
  const { workload: drawn, load, window, note } = await trafficOf(plan, config, workload, { ...inline(), quiet: true })
  const result = simulate(config, createArm(arm), drawn, { load, window })
  const summary = summarise(result, config, { slo: plan.slo.interactive, window })
  expect(summary).toEqual(compared.outcome?.summary)
  expect(note).toContain(
    `${number(compared.point.ratePerS)} requests/s${amount === 'fraction: 0.5' ? `, 0.5 of the capacity of the untuned static arm (${number(compared.point.staticCapacity)} requests/s on the tuning half, normal effort; \`compare\` finds those of other arms)` : ''}; `,
  )
  expect(note).toContain(`${number(compared.point.replicateS)} s after`)
})

test('a run says how far the search for its load is, but for a quiet one', async () => {
  const written: string[] = []
  const write = vi.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(String(text)) > 0)
  // every look at the clock is a minute later
  let nowMs = 0
  const clock = vi.spyOn(Date, 'now').mockImplementation(() => {
    nowMs += 60_000
    return nowMs
  })
  const search = (amount: string, quiet: boolean) => {
    const plan = tinyPlan(['engines.0.count=8', `workload.load={method: superpose, ${amount}}`])
    return trafficOf(plan, clusterConfig(plan), tinyWorkload(600), { ...inline(), quiet })
  }
  try {
    await search('rate_per_s: 3', true)
    expect(written).toEqual([])
    await search('rate_per_s: 3', false)
    await search('fraction: 0.5', false)
  } finally {
    write.mockRestore()
    clock.mockRestore()
  }
  // the beginning (with a clock as fast as this one), a probe, a search where the load is a fraction, and a pilot
  const told = written.map((line) => line.split(' · ')[0].trim())
  expect(told).toEqual(['load: 0/2', 'load: 1/2', 'load: 2/2', 'load: 0/3', 'load: 1/3', 'load: 2/3', 'load: 3/3'])
})
