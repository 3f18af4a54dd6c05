/** Statistics against the published figures of the public traces: lengths as printed, burstiness and hit rates within 2 %. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, it } from 'vitest'
import { readTrace, type TraceDistribution, type TraceStatistics, traceStatistics } from '../src/traces/index.js'
import { expectAsPrinted, expectWithin, type PrintedRow, printedTable } from './printedStatistics.js'

const data = new URL('../../shared/data/traces/', import.meta.url)
const present = existsSync(data)
if (!present && !process.env.CI)
  console.warn('skipped: no shared/data beside the repository, so no published statistics to agree with')

const NEAR = 0.02

/** Rows of the tables and the file each is about. */
const FILES: Readonly<Record<string, string>> = {
  'azure-conv': 'azure-2023/AzureLLMInferenceTrace_conv.first-half.csv',
  'azure-code': 'azure-2023/AzureLLMInferenceTrace_code.first-half.csv',
  'mooncake-conversation': 'mooncake-fast25/conversation_trace.first-half.jsonl.gz',
  'mooncake-synthetic': 'mooncake-fast25/synthetic_trace.first-half.jsonl.gz',
  'mooncake-arxiv-1000': 'mooncake-arxiv/mooncake_trace_1000.jsonl.gz',
  'servegen-deepseek-r1': 'servegen-sampled/deepseek-r1.1h.csv.gz',
  'servegen-m-large': 'servegen-sampled/m-large.30min.thinned.csv.gz',
  'servegen-m-mid': 'servegen-sampled/m-mid.30min.thinned.csv.gz',
  'servegen-mm-image': 'servegen-sampled/mm-image.1h.csv.gz',
  'claude-code-weka': 'claude-code-weka/sessions.runs.jsonl.gz',
  'len-arxiv_summarization': 'length-tables/arxiv_summarization_stats_llama2_tokenizer_filtered_v2.first-75pct.csv.gz',
  'len-bwb': 'length-tables/bwb_stats_llama2_tokenizer_filtered_v2.first-75pct.csv.gz',
  'len-sharegpt_8k': 'length-tables/sharegpt_8k_filtered_stats_llama2_tokenizer.first-75pct.csv.gz',
}

const statistics = present ? readFileSync(new URL('STATISTICS.md', data), 'utf8') : ''
const tables = (headings: Readonly<Record<string, string>>): Record<string, ReadonlyMap<string, PrintedRow>> =>
  Object.fromEntries(
    Object.entries(headings).map(([name, heading]) => [name, present ? printedTable(statistics, heading) : new Map()]),
  )
const printed = tables({
  arrivals: '\n## 1. Arrivals',
  shapes: '\n## 2. Shapes',
  together: '| trace | Σ ISL / Σ OSL',
  given: '\n### OSL given ISL',
  prefixes: '\n## 4. Prefix sharing',
  sessions: '\n## 5. Sessions of claude-code-weka',
  chains: '\n### Inferred sessions in Mooncake',
})

if (process.env.CI) {
  it('finds the public traces', () => {
    expect(present, 'shared/data is missing beside the repository').toBe(true)
  })
}

describe.runIf(present).each(Object.entries(FILES))('%s', (name, path) => {
  let found: TraceStatistics
  beforeAll(async () => {
    // the published figures count the 19 requests without an answer among the Claude Code ones
    const { workload } = await readTrace(fileURLToPath(new URL(path, data)), { spreadTicks: false, keepTicks: true })
    found = traceStatistics(workload)
  })
  const row = (table: string): PrintedRow => printed[table].get(name) as PrintedRow

  it('number and lengths, exactly', () => {
    expect(found.count).toBe(Number(row('shapes').requests))
    for (const [kind, lengths] of [
      ['ISL', found.isl],
      ['OSL', found.osl],
    ] as const)
      for (const figure of ['mean', 'std', 'p50', 'p90', 'p99', 'max'] as const)
        expectAsPrinted(lengths[figure], row('shapes')[`${kind} ${figure}`], `${kind} ${figure}`)
  })

  if (printed.arrivals.has(name))
    it('arrivals', () => {
      const { durationS, ratePerS, gapCv, idc, peakMinute, minuteCv } = found.arrivals
      expectAsPrinted(durationS, row('arrivals')['duration s'], 'duration')
      expectAsPrinted(ratePerS, row('arrivals')['mean rate /s'], 'rate')
      expectWithin(gapCv, row('arrivals')['gap CV'], NEAR, 'gap CV')
      for (const binS of [1, 10, 60] as const) expectWithin(idc[binS], row('arrivals')[`IDC ${binS} s`], NEAR, `IDC ${binS} s`)
      expectWithin(peakMinute, row('arrivals')['peak minute / mean'], NEAR, 'peak minute')
      expectWithin(minuteCv, row('arrivals')['CV of minute counts'], NEAR, 'CV of minute counts')
    })

  it('lengths together, as printed', () => {
    const { inputTokens, outputTokens, pearson, spearman, tokens, output } = found.shapes
    const values = [inputTokens / outputTokens, pearson, spearman, tokens.top1, tokens.top10, output.top1, output.top10]
    const cells = statistics
      .split('\n')
      .find((line) => line.startsWith(`| ${name} | ${row('together')['Σ ISL / Σ OSL']} |`)) as string
    const [, , ratio, p, s, , ...shares] = cells.split('|').map((cell) => cell.trim())
    const names = ['Σ ISL / Σ OSL', 'Pearson', 'Spearman', 'top 1 %', 'top 10 %', 'output in top 1 %', 'output in top 10 %']
    for (const [i, cell] of [ratio, p, s, ...shares.slice(0, 4)].entries()) expectAsPrinted(values[i], cell, names[i])
    const given = Object.values(row('given')).slice(1)
    found.shapes.oslGivenIsl.forEach((fifth, i) => {
      const [p50, p90] = given[i].split(' / ')
      expectAsPrinted(fifth?.p50 ?? null, p50, `OSL p50 of fifth ${i + 1}`)
      expectAsPrinted(fifth?.p90 ?? null, p90, `OSL p90 of fifth ${i + 1}`)
    })
  })

  if (printed.prefixes.has(name))
    it('prefix reuse', () => {
      const cells = row('prefixes')
      const { prefixes } = found
      if (prefixes === null) throw new Error('the trace has no prefix blocks')
      expect(prefixes.blockTokens).toBe(Number(cells.block))
      expectWithin(prefixes.ideal.published, cells['ideal hit rate'], NEAR, 'ideal hit rate')
      for (const { tokens, published } of prefixes.lru)
        expectWithin(published, cells[`LRU ${tokens / 1e6} M tok`], NEAR, `LRU of ${tokens} tokens`)
      if (cells['distinct blocks'] !== '-') expect(prefixes.distinctBlocks).toBe(Number(cells['distinct blocks']))
      expectAsPrinted(prefixes.mostlyHit, cells['requests with hit > 50 %'], 'requests with hit > 50 %')
      expectAsPrinted(prefixes.noHit, cells['with 0'], 'requests without a hit')
      if (cells['blocks used once'] === '-') return
      expectAsPrinted(prefixes.usedOnce, cells['blocks used once'], 'blocks used once')
      expectAsPrinted(prefixes.hottestTen, cells['share of block uses in the 10 hottest'], 'ten hottest')
    })

  if (printed.chains.has(name))
    it('inferred sessions', () => {
      const cells = row('chains')
      const { sessions } = found
      if (sessions === null) throw new Error('the trace shows no sessions')
      expect(sessions.source).toBe('inferred')
      expect(sessions.sessions).toBe(Number(cells.chains))
      expectAsPrinted(sessions.inSessions, cells['requests in chains of ≥ 2'], 'requests in chains')
      expectAsPrinted(sessions.requestsPerSession.mean, cells['chain length mean'], 'chain length')
      expectAsPrinted(sessions.requestsPerSession.p90, cells.p90, 'chain length p90')
      expectAsPrinted(sessions.requestsPerSession.max, cells.max, 'longest chain')
      expectAsPrinted(sessions.gapS?.p50 ?? null, cells['gap between turns p50 s'], 'gap p50')
      expectAsPrinted(sessions.gapS?.p90 ?? null, cells['p90 s'], 'gap p90')
      expectAsPrinted(sessions.growth?.p50 ?? null, cells['context growth per turn p50 tok'], 'growth')
    })

  if (name === 'claude-code-weka')
    it('recorded sessions', () => {
      const { sessions, prefixes } = found
      if (sessions === null || prefixes === null) throw new Error('the trace has no sessions')
      const table: readonly (readonly [string, TraceDistribution | null])[] = [
        ['requests per session', sessions.requestsPerSession],
        ['first context tok', sessions.firstContext],
        ['last context tok', sessions.lastContext],
        ['largest context tok', sessions.largestContext],
        ['output tok per session', sessions.outputPerSession],
        ['uncached input tok per request', prefixes.uncached],
        ['context growth per step tok', sessions.growth],
        ['OSL', found.osl],
      ]
      for (const [quantity, values] of table) {
        const cells = printed.sessions.get(quantity) as PrintedRow
        for (const figure of ['n', 'mean', 'p10', 'p50', 'p90', 'p99', 'max'] as const)
          expectWithin(values?.[figure] ?? null, cells[figure], NEAR, `${quantity} ${figure}`)
      }
      const [, resets, steps, left] =
        /by more than 30 %[^)]*\): (\d+) of (\d+) steps \(.*\), median remaining share (\d+\.\d+)/.exec(statistics) ?? []
      expectWithin(sessions.resets, resets, NEAR, 'resets')
      expectWithin(sessions.steps, steps, NEAR, 'steps')
      expectAsPrinted(sessions.leftAfterReset, left, 'left after a reset')
      // of the 43 sub-agents two end with their session and come back to nobody
      expect(sessions.subAgents).toBe(41)
    })
})
