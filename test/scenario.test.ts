import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { describePlan, placementOf, planJson } from '../src/scenario/describe.js'
import { layoutName, parseLayout } from '../src/scenario/layout.js'
import { loadScenario, scenarioFromDefaults } from '../src/scenario/load.js'
import { resolvedYaml } from '../src/scenario/yaml.js'

const folder = new URL('../scenarios/', import.meta.url)
const shipped = readdirSync(folder).filter((name) => name.endsWith('.yaml'))
const read = (name: string) => readFileSync(new URL(name, folder), 'utf8')
const demo = (sets: string[] = []) => loadScenario({ text: read('demo.yaml'), file: 'demo.yaml', sets })

describe('shipped scenarios', () => {
  test('there are ten', () => {
    expect(shipped.sort()).toEqual([
      'agentic.yaml',
      'agents.yaml',
      'azure-conv.yaml',
      'demo.yaml',
      'equal-lengths.yaml',
      'gpt-oss-gb300.yaml',
      'inferencex-point.yaml',
      'llama-tp4.yaml',
      'mooncake-conversation.yaml',
      'r1-disagg.yaml',
    ])
  })

  test.each(shipped)('%s loads, starts with a comment, describes itself and survives the way back', (name) => {
    const text = read(name)
    expect(text).toMatch(/^# /)
    const plan = loadScenario({ text, file: `scenarios/${name}` })
    expect(describePlan(plan)).toContain(plan.planHash)
    expect(JSON.parse(planJson(plan)).plan_hash).toBe(plan.planHash)
    // a model file of one's own is named by its whole path there
    expect({ ...loadScenario({ text: resolvedYaml(plan), file: 'resolved.yaml' }), model: plan.model }).toEqual(plan)
  })
})

describe('defaults', () => {
  test('the demo is 18 engines of TP4, one to a tray, frozen', () => {
    const plan = demo()
    expect(plan.engines[0]).toMatchObject({ name: 'tp4', count: 18, tp: 4, layout: 'TP4', maxModelLen: 131072, blockSize: 64 })
    expect(placementOf(plan).map(({ trays }) => trays)).toEqual(Array.from({ length: 18 }, (_, tray) => [tray]))
    expect(Object.isFrozen(plan.engines[0])).toBe(true)
    expect(plan.precision).toBe('fp8')
  })

  test('a CSV alone is replayed as recorded on the default rack', () => {
    const plan = scenarioFromDefaults({ workloadPath: 'my.csv' })
    expect(plan.workload).toMatchObject({ path: 'my.csv', preset: null, load: { method: 'as_recorded', fraction: null } })
    expect(plan.engines[0]).toMatchObject({ count: 18, layout: 'TP4' })
    expect(plan.slo.interactive).toMatchObject({ ttftMs: 2000, tpotMs: 50 })
  })

  test('a CSV alone takes flags', () => {
    const plan = scenarioFromDefaults({ workloadPath: 'my.csv', sets: ['engines.0.count=2', 'experiment.seed=9'] })
    expect([plan.engines[0].count, plan.experiment.seed]).toEqual([2, 9])
  })

  test('a kind of engine without a count takes the GPUs that are left', () => {
    const plan = demo(['engines=[{name: a, layout: TP8, count: 5}, {name: b, layout: TP4}]'])
    expect(plan.engines.map(({ count }) => count)).toEqual([5, 8])
  })

  test('experts follow the attention unless they are told otherwise', () => {
    const plan = demo(['model=deepseek-r1', 'engines=[{dp: 16, max_model_len: 32768}]'])
    expect(plan.engines[0]).toMatchObject({ layout: 'DEP16', moeTp: 1, moeEp: 16, count: 4 })
  })
})

describe('flags', () => {
  test('a path on the command line takes the place of the preset; a path in a file is relative to the file', () => {
    expect(demo(['workload.path=t.csv']).workload).toMatchObject({ path: 't.csv', preset: null })
    const text = read('demo.yaml').replace('preset: chat', 'path: ../traces/t.csv')
    expect(loadScenario({ text, file: 'scenarios/x.yaml' }).workload.path).toBe('traces/t.csv')
  })

  test('a layout, a load and a KV size on the command line take the place of what excludes them', () => {
    expect(demo(['engines.0.layout=TP8']).engines[0]).toMatchObject({ tp: 8, count: 9 })
    expect(demo(['workload.load.rate_per_s=50']).workload.load).toMatchObject({ fraction: null, ratePerS: 50 })
    expect(demo(['workload.load.method=as_recorded']).workload.load).toMatchObject({ method: 'as_recorded', fraction: null })
    expect(demo(['workload.load.method=closed_loop', 'workload.load.concurrency=64']).workload.load).toMatchObject({
      concurrency: 64,
    })
    expect(demo(['engines.0.num_gpu_blocks=4096']).engines[0].numGpuBlocks).toBe(4096)
  })

  test('null removes a key', () => {
    expect(demo(['slo=null']).slo.interactive.tpotMs).toBe(50)
  })
})

describe('identity', () => {
  test('the hash leaves out the path and depends on everything else', () => {
    expect(demo(['workload.path=a.csv']).planHash).toBe(demo(['workload.path=b/c.csv']).planHash)
    const hashes = [
      demo(),
      demo(['experiment.seed=2']),
      demo(['workload.preset=code']),
      demo(['engines.0.count=17']),
      demo(['system=gb300']),
    ]
    expect(new Set(hashes.map(({ planHash }) => planHash)).size).toBe(hashes.length)
    for (const { planHash } of hashes) expect(planHash).toMatch(/^[0-9a-f]{12}$/)
  })

  test('any plan, written out and loaded again, is the same plan', () => {
    const options = fc.record({
      model: fc.constantFrom(
        'llama-3.1-70b|TP4',
        'llama-3.1-70b|TP8',
        'deepseek-r1|DEP16',
        'deepseek-r1|TEP8',
        'deepseek-r1|DTP8',
        'gpt-oss-120b|TP4',
      ),
      system: fc.constantFrom('gb200', 'gb300'),
      count: fc.integer({ min: 1, max: 4 }),
      seqs: fc.integer({ min: 1, max: 512 }),
      tokens: fc.integer({ min: 512, max: 16384 }),
      block: fc.constantFrom(16, 32, 64),
      kv: fc.oneof(
        fc.double({ min: 0.5, max: 1, noNaN: true }).map((x) => `kv_memory_fraction: ${x}`),
        fc.integer({ min: 2048, max: 9000 }).map((n) => `num_gpu_blocks: ${n}`),
      ),
      load: fc.constantFrom(
        '{}',
        '{fraction: 0.5}',
        '{method: closed_loop, concurrency: 7}',
        '{method: as_recorded}',
        '{method: speed_up, speed_up: 2.5}',
        '{rate_per_s: 12.5}',
      ),
      slo: fc.constantFrom('{}', '{interactive: {e2e_ms: 1e4}}', '{interactive: {ttft_ms: 0.5, tpot_ms: 3}}'),
      admission: fc.constantFrom('{}', '{max_queue: 9}', '{max_queue: 1, timeout_ms: 2500}'),
      seed: fc.nat(),
    })
    fc.assert(
      fc.property(options, ({ model, system, count, seqs, tokens, block, kv, load, slo, admission, seed }) => {
        const [name, layout] = model.split('|')
        const text = `system: ${system}
model: ${name}
engines:
  - {layout: ${layout}, count: ${count}, max_num_seqs: ${seqs}, max_num_batched_tokens: ${tokens}, max_model_len: 32768, block_size: ${block}, ${kv}}
workload: {preset: chat, load: ${load}}
slo: ${slo}
admission: ${admission}
arms: {mine: {split: fixed-count(4)}}
experiment: {seed: ${seed}}
`
        const plan = loadScenario({ text, file: 'x.yaml' })
        expect(loadScenario({ text: resolvedYaml(plan), file: 'y.yaml' })).toEqual(plan)
      }),
      { numRuns: 100 },
    )
  })
})

test('layouts are printed as they are read', () => {
  for (const text of ['TP1', 'TEP8', 'DEP32', 'DTP4']) {
    const cut = parseLayout(text, true)
    expect(typeof cut === 'string' ? cut : layoutName(cut, true)).toBe(text)
  }
  expect(parseLayout('tp4', false)).toMatchObject({ tp: 4 })
  expect(parseLayout('TP4', true)).toMatchObject({ tp: 4, moeEp: 4 })
})
