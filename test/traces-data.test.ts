/** Readers on the public traces. Their statistics are held against published figures in traces-statistics-data.test.ts. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { readTrace } from '../src/traces/index.js'
import { slowness } from './slowness.js'

const data = new URL('../../shared/data/traces/', import.meta.url)
const present = existsSync(data)
if (!present && !process.env.CI) console.warn('skipped: no shared/data beside the repository, so no public traces to read')

const TRACES = [
  { name: 'azure-conv', path: 'azure-2023/AzureLLMInferenceTrace_conv.first-half.csv', format: 'azure', ticks: false },
  { name: 'azure-code', path: 'azure-2023/AzureLLMInferenceTrace_code.first-half.csv', format: 'azure', ticks: false },
  {
    name: 'mooncake-conversation',
    path: 'mooncake-fast25/conversation_trace.first-half.jsonl.gz',
    format: 'mooncake',
    ticks: true,
  },
  { name: 'mooncake-synthetic', path: 'mooncake-fast25/synthetic_trace.first-half.jsonl.gz', format: 'mooncake', ticks: false },
  { name: 'mooncake-arxiv-1000', path: 'mooncake-arxiv/mooncake_trace_1000.jsonl.gz', format: 'mooncake', ticks: true },
] as const

if (process.env.CI) {
  it('finds the public traces', () => {
    expect(present, 'shared/data is missing beside the repository').toBe(true)
  })
}

describe.runIf(present || process.env.CI).each(TRACES)('$name', ({ path, format, ticks }) => {
  let result: Awaited<ReturnType<typeof readTrace>>
  beforeAll(async () => {
    result = await readTrace(fileURLToPath(new URL(path, data)), { spreadTicks: ticks })
  })

  it('is read whole', () => {
    expect(result.report).toMatchObject({ format, rowsSkipped: 0, outOfOrder: 0 })
    expect(result.report.tickNs !== null).toBe(ticks)
  })

  if (ticks)
    it('is refused with its ticks, and keeps its duration but for a tick when they are spread', async () => {
      await expect(readTrace(fileURLToPath(new URL(path, data)), { spreadTicks: false })).rejects.toThrow(
        /arrivals come in ticks of 3\.0\d\d s/,
      )
      const { workload } = await readTrace(fileURLToPath(new URL(path, data)), { spreadTicks: false, keepTicks: true })
      const durationOf = ({ arrivalNs, count }: typeof workload) => (arrivalNs[count - 1] - arrivalNs[0]) / 1e9
      expect(Math.abs(durationOf(workload) - durationOf(result.workload))).toBeLessThan(3.1)
      expect(new Set(result.workload.arrivalNs).size).toBe(result.workload.count)
    })
})

it.runIf(present)('reads the Azure file in less than 50 ms', async () => {
  const path = fileURLToPath(new URL(TRACES[0].path, data))
  const times: number[] = []
  for (let i = 0; i < 5; i++) {
    const start = performance.now()
    await readTrace(path, { spreadTicks: false })
    times.push(performance.now() - start)
  }
  expect(Math.min(...times) / slowness()).toBeLessThan(50)
})
