/** Readers and statistics against the published figures of the public traces, at the precision they were printed with. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { readTrace, traceStatistics } from '../src/traces/index.js'
import { indexOfDispersion } from '../src/traces/statistics.js'

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

/** Cells of the row `name` of the first table under the heading that begins with `section`, by column name. */
function printedRow(statistics: string, section: string, name: string): Record<string, string> {
  const lines = statistics.slice(statistics.indexOf(`\n## ${section}`)).split('\n')
  const cells = (line: string) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim())
  const header = cells(lines.find((line) => line.startsWith('| trace |')) as string)
  const row = cells(lines.find((line) => line.startsWith(`| ${name} `)) as string)
  // Columns of output tokens repeat the names of the input ones: mean, std, p50, ...
  let prefix = ''
  const names = header.map((title) => {
    const [, kind, rest] = /^(ISL|OSL) (\w+)$/.exec(title) ?? []
    if (kind !== undefined) prefix = `${kind} `
    return kind === undefined ? `${prefix}${title}` : `${kind} ${rest}`
  })
  return Object.fromEntries(names.map((title, i) => [title, row[i]]))
}

/** Half a unit of the last printed digit: `1.07` is 1.065 to 1.075, `1237` is 1236.5 to 1237.5. */
function expectAsPrinted(value: number, printed: string, what: string): void {
  const decimals = printed.includes('.') ? printed.length - printed.indexOf('.') - 1 : 0
  const slack = 0.5 * 10 ** -decimals * (1 + 1e-9)
  expect(Math.abs(value - Number(printed)), `${what}: ${value}, printed ${printed}`).toBeLessThanOrEqual(slack)
}

function expectWithin(value: number | null, printed: string, share: number, what: string): void {
  const expected = Number.parseFloat(printed)
  expect(Math.abs((value ?? Number.NaN) / expected - 1), `${what}: ${value}, printed ${printed}`).toBeLessThanOrEqual(share)
}

if (process.env.CI) {
  it('finds the public traces', () => {
    expect(present, 'shared/data is missing beside the repository').toBe(true)
  })
}

describe.runIf(present || process.env.CI).each(TRACES)('$name', ({ name, path, format, ticks }) => {
  let statistics: string
  let result: Awaited<ReturnType<typeof readTrace>>
  beforeAll(async () => {
    statistics = readFileSync(new URL('STATISTICS.md', data), 'utf8')
    result = await readTrace(fileURLToPath(new URL(path, data)), { spreadTicks: ticks })
  })

  it('is read whole', () => {
    expect(result.report).toMatchObject({ format, rowsSkipped: 0, outOfOrder: 0 })
    expect(result.report.tickNs !== null).toBe(ticks)
  })

  it('has the printed number and lengths', () => {
    const printed = printedRow(statistics, '2. Shapes', name)
    const { count, isl, osl } = traceStatistics(result.workload)
    expect(count).toBe(Number(printed.requests))
    for (const [kind, lengths] of [
      ['ISL', isl],
      ['OSL', osl],
    ] as const) {
      for (const figure of ['mean', 'p50', 'p90', 'p99', 'max'] as const) {
        expectAsPrinted(lengths[figure], printed[`${kind} ${figure}`], `${kind} ${figure}`)
      }
    }
  })

  if (!ticks)
    it('has the printed arrivals', () => {
      const printed = printedRow(statistics, '1. Arrivals', name)
      const { durationS, meanRatePerS, gapCv } = traceStatistics(result.workload)
      expectAsPrinted(durationS, printed['duration s'], 'duration')
      expectAsPrinted(meanRatePerS, printed['mean rate /s'], 'rate')
      expectWithin(gapCv, printed['gap CV'], 0.02, 'gap CV')
      for (const binS of [1, 10, 60]) {
        expectWithin(indexOfDispersion(result.workload.arrivalNs, binS), printed[`IDC ${binS} s`], 0.02, `IDC ${binS} s`)
      }
    })

  if (ticks)
    it('is refused with its ticks, and keeps its duration but for a tick when they are spread', async () => {
      await expect(readTrace(fileURLToPath(new URL(path, data)), { spreadTicks: false })).rejects.toThrow(
        /The arrivals were recorded in ticks of 3\.0\d\d s, so requests would arrive in bursts that never were\./,
      )
      const printed = printedRow(statistics, '1. Arrivals', name)
      expect(Math.abs(traceStatistics(result.workload).durationS - Number(printed['duration s']))).toBeLessThan(3.1)
      expect(new Set(result.workload.arrivalNs).size).toBe(result.workload.count)
    })

  if (format === 'mooncake')
    it('has the printed ideal hit rate', () => {
      const printed = printedRow(statistics, '4. Prefix sharing', name)
      expect(result.workload.blockTokens).toBe(512)
      expectWithin((result.report.idealHitRate as number) * 100, printed['ideal hit rate'], 0.02, 'ideal hit rate')
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
  expect(Math.min(...times)).toBeLessThan(50)
})
