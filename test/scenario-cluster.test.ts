import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { clusterConfig, timingRequest } from '../src/scenario/cluster.js'
import { loadScenario } from '../src/scenario/load.js'
import { buildStepTables, splitMachine } from '../src/timing/index.js'

test('counts are unfolded, tables are built once for each kind of engine, times are whole ns', () => {
  const text = readFileSync(new URL('../scenarios/azure-conv.yaml', import.meta.url), 'utf8')
  const plan = loadScenario({ text, file: 'azure-conv.yaml', sets: ['admission.timeout_ms=1500', 'admission.max_queue=10'] })
  const config = clusterConfig(plan)
  expect(config.engines.map(({ name }) => name)).toEqual(['r1-0', 'r1-1', 'r1-2', 'r1-3'])
  expect(config.engines[0]).toMatchObject({ ranks: 16, gpus: 16, maxNumSeqs: 128, numGpuBlocks: plan.engines[0].numGpuBlocks })
  for (const { tables } of config.engines) expect(tables).toBe(config.engines[0].tables)
  expect([config.maxQueue, config.timeoutNs]).toEqual([10, 1.5e9])
})

const PAIR = `system: gb300
racks: 2
model: deepseek-r1
precision: nvfp4
first_token: decode
engines:
  - layout: 6p3d
    max_model_len: 8192
    prefill: {layout: DEP4}
    decode: {layout: DEP32, max_num_seqs: 16, max_num_batched_tokens: 64, mtp: {n: 3, acceptance: 0.5}, kv_reservation: full}
workload: {preset: chat}
`

test('roles, drafts and reservation reach the engines, and every engine knows its rack', () => {
  const plan = loadScenario({ text: PAIR, file: 's.yaml' })
  const config = clusterConfig(plan)
  expect(config.engines.map(({ role, domain }) => `${role} ${domain}`)).toEqual([
    ...Array.from({ length: 6 }, () => 'prefill 0'),
    'decode 0',
    'decode 1',
    'decode 1',
  ])
  expect(config.engines[0]).toMatchObject({ draftTokens: 0, tokensPer1024Steps: 1024, kvReservation: 'grow' })
  expect(config.engines[6]).toMatchObject({ draftTokens: 3, tokensPer1024Steps: 1024 * 1.875, kvReservation: 'full' })
  expect(config.engines[6].kvBytesPerToken).toBe(61 * 576)
  const requests = plan.engines.map((engine) => timingRequest(plan, engine))
  expect(requests).toMatchObject([
    { role: 'prefill', draftTokens: 0 },
    { role: 'decode', draftTokens: 3 },
  ])
  const priced = requests.map((request) => ({ tables: buildStepTables(request), machine: splitMachine(request) }))
  for (const { role, tables, machine } of config.engines) expect({ tables, machine }).toEqual(priced[role === 'prefill' ? 0 : 1])
  expect(config.firstToken).toBe('decode')
})

test('the fabric is that of the system, in bytes per ns, for aggregated engines too: their ranks may exchange sequences', () => {
  const { fabric } = clusterConfig(loadScenario({ text: PAIR, file: 's.yaml' }))
  expect(fabric.nvlinkBytesPerNs).toBeCloseTo(780, 6)
  expect([fabric.nicBytesPerNs, fabric.latencyNs]).toEqual([100, 10_000])
  const aggregated = PAIR.replace(/first_token.*\n/, '').replace(
    /engines:[\s\S]*\nworkload/,
    'engines: [{layout: DEP8, max_model_len: 8192}]\nworkload',
  )
  expect(clusterConfig(loadScenario({ text: aggregated, file: 's.yaml' })).fabric).toEqual(fabric)
})

test('a profile brings its fitted constants and the time of the frontend; generic brings none', () => {
  const config = (profile: string, ...sets: string[]) => {
    const plan = loadScenario({ text: PAIR, file: 's.yaml', sets: [`profile=${profile}`, ...sets] })
    return { made: clusterConfig(plan), request: timingRequest(plan, plan.engines[0]) }
  }
  const named = config('trtllm-2025', 'moe_path=cutedsl')
  expect(named.request).toMatchObject({ profile: 'trtllm-2025', moePath: 'cutedsl' })
  expect(named.request.constants.era2025).toBeGreaterThan(1)
  expect(named.made.engines[0].tables).toEqual(buildStepTables(named.request))
  expect(named.made.frontendNs).toBe(Math.round(named.request.constants.frontendMs * 1e6))
  expect(named.made.frontendNs).toBeGreaterThan(0)
  const generic = config('generic')
  expect([generic.made.frontendNs, generic.request.constants.era2025]).toEqual([0, 1])
})

test('every engine has a name of its own where names of kinds look like those of engines', () => {
  const kind = (name: string, count: number) => `{name: ${name}, layout: TP4, count: ${count}, max_model_len: 8192}`
  const text = `system: gb200
model: llama-3.1-70b
engines: [${kind('a', 2)}, ${kind('a-0', 2)}, ${kind('a-2', 1)}]
workload: {preset: chat}
`
  const { engines } = clusterConfig(loadScenario({ text, file: 's.yaml' }))
  expect(engines.map(({ name }) => name)).toEqual(['a-0', 'a-1', 'a-0-0', 'a-0-1', 'a-2'])
})
