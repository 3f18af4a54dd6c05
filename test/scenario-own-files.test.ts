/** A system and a model of the user's own, as files, all the way to results. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createArm, STATIC_ARM } from '../src/levers/index.js'
import { summarise } from '../src/metrics/summarise.js'
import { clusterConfig } from '../src/scenario/cluster.js'
import { loadScenario } from '../src/scenario/load.js'
import { resolvedYaml } from '../src/scenario/yaml.js'
import { simulate } from '../src/simulator/index.js'
import { uniformWorkload } from '../src/traces/index.js'

const folder = mkdtempSync(join(tmpdir(), 'own-'))
const shipped = (path: string) => JSON.parse(readFileSync(new URL(`../data/${path}`, import.meta.url), 'utf8'))
const write = (name: string, value: unknown) => writeFileSync(join(folder, name), JSON.stringify(value))

const system = shipped('systems/gb200.json')
write('half-rack.json', {
  ...system,
  name: 'half-rack',
  evidence: 'transferred',
  kernels: { of: 'gb200', factor: 1.5, trust: 'C', source: 'a guess' },
  traysPerRack: { ...system.traysPerRack, value: 9 },
  nvlinkDomainGpus: { ...system.nvlinkDomainGpus, value: 36 },
})
write('shallow.json', { ...shipped('models/llama-3.1-70b.json'), name: 'shallow', layers: 40 })

function run(text: string) {
  const plan = loadScenario({ text, file: join(folder, 's.yaml') })
  const config = clusterConfig(plan)
  const workload = uniformWorkload({ isl: 512, osl: 32, spread: 0.8, requests: 40 }, 1)
  const result = simulate(config, createArm(STATIC_ARM), workload, { load: { kind: 'closed', concurrency: 4 } })
  return {
    plan,
    config,
    summary: summarise(result, config, { slo: plan.slo.interactive, window: { fromNs: 0, toNs: Infinity } }),
  }
}
const scenario = (systemName: string, model: string) =>
  `system: ${systemName}\nmodel: ${model}\nengines: [{layout: TP4}]\nworkload: {preset: chat}\n`

test('a rack of 36 GPUs holds nine engines of four, and a model of half the layers takes about half the time', () => {
  const own = run(scenario('half-rack.json', 'shallow.json'))
  const full = run(scenario('half-rack.json', 'llama-3.1-70b'))
  expect([own.plan.engines[0].count, own.plan.rack]).toEqual([9, { trays: 9, gpusPerTray: 4 }])
  expect(own.summary.requests.completed).toBe(40)
  const ratio = (own.summary.metrics.tpot_ms.mean as number) / (full.summary.metrics.tpot_ms.mean as number)
  expect(ratio).toBeGreaterThan(0.45)
  expect(ratio).toBeLessThan(0.65)
})

test('a factor on the kernels is a factor on the work of a step', () => {
  const own = run(scenario('half-rack.json', 'llama-3.1-70b')).config.engines[0].tables
  const measured = run(scenario('gb200', 'llama-3.1-70b')).config.engines[0].tables
  expect(own.localPs[64] / measured.localPs[64]).toBeCloseTo(1.5, 2)
})

test('a plan stays that of the files as they were when it was made, and the next one is of the files as they are', () => {
  const model = shipped('models/llama-3.1-70b.json')
  write('edited.json', { ...model, layers: 40 })
  const load = () => loadScenario({ text: scenario('gb200', 'edited.json'), file: join(folder, 's.yaml') })
  const plan = load()
  const before = resolvedYaml(plan)
  write('edited.json', { ...model, layers: 20 })
  expect(resolvedYaml(plan)).toBe(before)
  const tables = () => clusterConfig(plan).engines[0].tables
  const priced = tables()
  expect(load().planHash).not.toBe(plan.planHash)
  expect(tables()).toEqual(priced)
  writeFileSync(join(folder, 'edited.json'), '{')
  expect(load).toThrow(/cannot read the model file/)
})
