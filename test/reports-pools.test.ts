/** What reports say of a plan with prefill and decode engines. */
import { describe, expect, test } from 'vitest'
import type { Summary } from '../src/metrics/summary.js'
import { attentionColumns } from '../src/reports/format.js'
import { comparisonHtml } from '../src/reports/html/comparison.js'
import { rackMaps } from '../src/reports/html/rack.js'
import { comparisonTable, runTable } from '../src/reports/terminal.js'
import { ttftParts } from '../src/reports/ttft.js'
import type { Plan } from '../src/scenario/plan.js'
import { comparisonFixture, planFixture } from './fixtures/comparison.js'

const result = comparisonFixture()
const base = planFixture()
const [engine] = base.engines
const plan: Plan = {
  ...base,
  engines: [
    { ...engine, name: 'prefill', role: 'prefill', count: 2 },
    { ...engine, name: 'decode', role: 'decode', count: 1, mtp: { n: 3, acceptance: 0.8 } },
  ],
}
const picture = { ...result.pictures.arms[0], engine_busy: [0.9, 0.8, 0.25], engine_kv: [0.1, 0.1, 0.6] }

function summaryWith(means: Readonly<Record<string, number>>): Summary {
  const { summary } = result.pictures.arms[0]
  const metrics = Object.fromEntries(
    Object.entries(summary.metrics).map(([name, values]) => [name, name in means ? { ...values, mean: means[name] } : values]),
  )
  return { ...summary, metrics: metrics as unknown as Summary['metrics'] }
}

test('attention share and balance are told apart by role, or are of all steps where engines serve both phases', () => {
  const [arm] = result.arms
  const byRole = { prefill: { attention_share: 0.7, balance: 0.25 }, decode: { attention_share: 0.12, balance: 0.9 } }
  const ofPools = { ...arm, attention_by_role: byRole }
  const read = (one: typeof ofPools | typeof arm) => attentionColumns([one]).map(({ title, of }) => `${title} ${of(one)}`)
  expect(read(ofPools)).toEqual([
    'attention share, prefill 70 %',
    'balance, prefill 25.0 %',
    'attention share, decode 12 %',
    'balance, decode 90.0 %',
  ])
  const together = ['attention share 40 %', 'balance 85.0 %']
  expect(read({ ...arm, attention_share: 0.4, balance: 0.85 })).toEqual(together)
  expect(read({ ...arm, attention_share: 0.4, balance: 0.85, attention_by_role: null } as unknown as typeof ofPools)).toEqual(
    together,
  )
  expect(comparisonTable({ ...result, arms: [ofPools] })).toMatch(/attention share, decode.*12 %/)
})

describe('mean TTFT by phase', () => {
  const handedOver = summaryWith({ ttft_ms: 100, queue_ms: 40, prefill_ms: 20, decode_wait_ms: 15, transfer_ms: 5 })

  test('adds up; what is left goes by until the first decode step ends', () => {
    const parts = ttftParts(handedOver)
    expect(parts.map(({ name }) => name)).toEqual([
      'queue',
      'prefill',
      'decode wait',
      'transfer',
      'until the first decode step ends',
    ])
    expect(parts.reduce((sum, { ms }) => sum + ms, 0)).toBeCloseTo(100, 9)
  })

  test('tells the time in the frontend, which no engine shortens, from the queue', () => {
    const parts = ttftParts({ ...handedOver, frontend_ms: 30 })
    expect(parts.slice(0, 2)).toEqual([
      { name: 'frontend', ms: 30 },
      { name: 'queue', ms: 10 },
    ])
    expect(parts.reduce((sum, { ms }) => sum + ms, 0)).toBeCloseTo(100, 9)
  })

  test('has no hand-over where engines serve both phases, and none without requests', () => {
    const alone = summaryWith({ ttft_ms: 60, queue_ms: 40, prefill_ms: 20, decode_wait_ms: 0, transfer_ms: 0 })
    expect(ttftParts(alone).map(({ name }) => name)).toEqual(['queue', 'prefill'])
    expect(ttftParts(summaryWith({ ttft_ms: null as unknown as number }))).toEqual([])
  })

  test('is printed, with the phases of the hand-over in the table only where there is one', () => {
    const meta = { ...result, arm: { name: 'static', ...result.arms[0].policies } }
    const text = runTable(handedOver, meta)
    expect(text.replace(/\s+/g, ' ')).toContain(
      'mean TTFT: 100 ms = queue 40 + prefill 20 + decode wait 15 + transfer 5 + until the first decode step ends 20',
    )
    expect(text).toContain('decode wait, ms')
    const alone = runTable(summaryWith({ ttft_ms: 60, queue_ms: 40, prefill_ms: 20, decode_wait_ms: 0, transfer_ms: 0 }), meta)
    expect(alone).not.toContain('decode wait')
  })

  test('is drawn in a comparison', () => {
    const arms = result.pictures.arms.map((arm) => ({ ...arm, summary: handedOver }))
    const html = comparisonHtml({ ...result, pictures: { ...result.pictures, arms } }, base)
    expect(html).toContain('until the first decode step ends: 20 ms on average')
  })
})

describe('the rack', () => {
  test('marks prefill and decode engines, by letter and by name', () => {
    const html = rackMaps(plan, [picture])
    expect(html).toContain('>P 90<')
    expect(html).toContain('>D 25<')
    expect(html).toContain('engine prefill-1 (prefill)')
    expect(html).toContain('engine decode (decode)')
  })

  test('of a node has one row of eight', () => {
    const html = rackMaps({ ...plan, rack: { trays: 1, gpusPerTray: 8 }, engines: [plan.engines[0]] }, [picture])
    expect(html.match(/class="cell/g)).toHaveLength(8)
    expect(html).toContain('GPU 1 to 8')
  })
})
