import { readFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'

const requests: unknown[] = []
vi.mock('../src/timing/index.js', async (original) => ({
  ...(await original<typeof import('../src/timing/index.js')>()),
  buildStepTables: (request: unknown) => {
    requests.push(request)
    return { tables: requests.length }
  },
  splitMachine: () => ({ slots: 152 }),
}))

const { clusterConfig } = await import('../src/scenario/cluster.js')
const { loadScenario } = await import('../src/scenario/load.js')

test('counts are unfolded, tables are built once for each kind of engine, times are whole ns', () => {
  const text = readFileSync(new URL('../scenarios/azure-conv.yaml', import.meta.url), 'utf8')
  const plan = loadScenario({ text, file: 'azure-conv.yaml', sets: ['admission.timeout_ms=1500', 'admission.max_queue=10'] })
  const config = clusterConfig(plan)
  expect(config.engines.map(({ name }) => name)).toEqual(['r1-0', 'r1-1', 'r1-2', 'r1-3'])
  expect(config.engines[0]).toMatchObject({ ranks: 16, gpus: 16, maxNumSeqs: 128, numGpuBlocks: plan.engines[0].numGpuBlocks })
  expect(requests).toHaveLength(1)
  expect(config.engines[3].tables).toBe(config.engines[0].tables)
  expect([config.maxQueue, config.timeoutNs]).toEqual([10, 1.5e9])
})
