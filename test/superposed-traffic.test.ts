import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { trafficOf } from '../src/cli/run/runTraffic.js'
import { findOperatingPoint, runReplicates, withExperiment } from '../src/experiments/index.js'
import { createArm, staticArm } from '../src/levers/catalogue.js'
import { summarise } from '../src/metrics/summarise.js'
import { number } from '../src/reports/format.js'
import { clusterConfig } from '../src/scenario/index.js'
import { simulate } from '../src/simulator/index.js'
import { newFolder, put, shapewise } from './cliRunner.js'
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
  const traffic = await trafficOf(plan, config, workload, { ...inline(), quiet: true })
  const { workload: drawn, load, window, note, drawnPerS = 0 } = traffic
  const result = simulate(config, createArm(arm), drawn, { load, window })
  const summary = summarise(result, config, { slo: plan.slo.interactive, window })
  expect(summary).toEqual(compared.outcome?.summary)
  expect(note).toContain(
    `${number(compared.point.ratePerS)} requests/s (this draw: ${number(drawnPerS)})${amount === 'fraction: 0.5' ? `, 0.5 of the capacity of the untuned static arm (${number(compared.point.staticCapacity)} requests/s on the tuning half, normal effort; \`compare\` finds those of other arms)` : ''}; `,
  )
  expect(note).toContain(`${number(compared.point.replicateS)} s after`)
  expect(drawnPerS).toBeCloseTo(summary.requests.injected / summary.window_s, 9)
})

test('a draw that is far from the rate asked for is remarked on, in the table and in the report', () => {
  const folder = newFolder()
  // fifty busy seconds every five minutes: what a draw offers hangs on how many of them it holds
  const rows = Array.from({ length: 1000 }, (_, i) => `${300 * Math.floor(i / 50) + (i % 50)},200,20`)
  const table = put(folder, 'bursts.csv', ['arrival_s,input_tokens,output_tokens', ...rows].join('\n'))
  const run = (seed: string) => {
    const load = ['--set', 'workload.load={method: superpose, rate_per_s: 2}', '--seed', seed] as const
    const { stdout } = shapewise(folder, 'run', table, ...load, '--out', seed)
    const written = (name: string) => readFileSync(join(folder, seed, name), 'utf8')
    const page = written('report.html').replaceAll('\u00a0', ' ')
    return { stdout, head: stdout.split('\n'), page, json: JSON.parse(written('summary.json')) }
  }
  const far = run('6')
  expect(far.json.drawn_rps).toBeLessThan(1.9)
  expect(far.json.drawn_rps).toBeCloseTo(far.json.summary.requests.injected / far.json.summary.window_s, 2)
  const load = `2 requests/s (this draw: ${number(far.json.drawn_rps)}); `
  expect(far.json.load).toContain(load)
  expect(far.head[0]).toContain(`load: ${load}`)
  expect(far.page).toContain(`Load: ${load}`)
  const remark = `this draw offers ${Math.round(100 - 50 * far.json.drawn_rps)} % less than asked for: \`compare\` averages draws, or try other seeds`
  expect(far.head[1]).toBe(`note: ${remark}`)
  expect(far.page).toContain(remark)

  const near = run('7')
  expect(Math.abs(near.json.drawn_rps / 2 - 1)).toBeLessThan(0.05)
  for (const text of [near.stdout, near.page]) expect(text).not.toContain('than asked for')
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
