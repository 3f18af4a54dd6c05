import { describe, expect, it } from 'vitest'
import { createProgress } from '../src/reports/progress.js'
import { comparisonTable, runTable, TABLE_WIDTH } from '../src/reports/terminal.js'
import { outcome, verdict } from '../src/reports/verdict.js'
import { comparisonFixture } from './fixtures/comparison.js'

const result = comparisonFixture()
const widest = (text: string) => Math.max(...text.split('\n').map((line) => [...line].length))

describe('comparisonTable', () => {
  const text = comparisonTable(result)
  it('fits the width and has no colour', () => {
    expect(widest(text)).toBeLessThanOrEqual(TABLE_WIDTH)
    expect(text).not.toContain('\u001b')
    if (process.env.SHOW) console.log(text)
  })
  it('names evidence, seed and hashes first, and says the saturation of every row', () => {
    expect(text.split('\n')[0]).toContain('evidence measured · seed 1 · plan a1b2c3d4e5f6')
    expect(text).toContain('backlogged: time')
    const line = text.split('\n').findIndex((row) => row.includes('÷ static'))
    expect(line).toBeGreaterThan(0)
    expect(text.split('\n')[line]).toContain('backlogged')
  })
  it('prints percentiles before means', () => {
    expect(text.indexOf('TTFT p95')).toBeLessThan(text.indexOf('TTFT mean'))
  })
  it('prints the runner-up of every tuned arm, the dispersion before and after, and no saturation of a capacity', () => {
    expect(text.match(/runner-up of /g)).toHaveLength(3)
    expect(text).toMatch(/runner-up of tuned-static: split [^(]*[\s\S]*?\(score 66\.1\)/)
    expect(text.replace(/\s+/g, ' ')).toContain('index of dispersion 4.2 recorded, 1.3 offered')
    const after = text.slice(text.indexOf('capacity at equal SLO')).split('└')[0]
    expect(after).toContain('÷ tuned-static')
    expect(after).not.toMatch(/stable|backlogged/)
    expect(text).toContain('the other rows are not corrected for their number')
  })
  it('keeps large changes on one line', () => {
    const comparisons = result.comparisons.map((row) => ({ ...row, ratio: 12.345, ci95: [2.011, 31.27] as const }))
    expect(comparisonTable({ ...result, comparisons })).toContain('[+101, +3027]')
  })
  it('splits many arms over several tables', () => {
    const many = {
      ...result,
      arms: [...result.arms, { ...result.arms[0], name: 'mine' }, { ...result.arms[0], name: 'a-very-long-name-of-an-arm' }],
    }
    expect(widest(comparisonTable(many))).toBeLessThanOrEqual(TABLE_WIDTH)
  })
})

describe('verdict', () => {
  it('prefers shape-aware over tuned-static at fixed load', () => {
    const { row, headline } = verdict(result)
    expect(row).toMatchObject({ arm: 'shape-aware', baseline: 'tuned-static', reading: 'fixed_load', metric: 'tok_s_user.p50' })
    expect(headline).toBe(
      'shape-aware beats tuned-static on tokens/s/user p50 at the same offered load: +5.4 % [+4.1, +6.7], n = 8.',
    )
  })
  it('says plainly when there is no gain, or a loss', () => {
    const row = result.comparisons[0]
    expect(outcome({ ...row, better: 'higher', ci95: [0.99, 1.02] })).toBe('no difference')
    expect(outcome({ ...row, better: 'lower', ci95: [0.9, 0.95] })).toBe('gain')
    expect(outcome({ ...row, better: 'higher', ci95: [0.9, 0.95] })).toBe('loss')
    expect(outcome({ ...row, better: 'higher', ci95: [1.0004, 1.02] })).toBe('no difference')
    expect(outcome({ ...row, better: 'higher', ci95: [1.0006, 1.02] })).toBe('gain')
    expect(outcome({ ...row, ci95: null })).toBe('not decided')
    expect(verdict({ ...result, comparisons: [] }).headline).toBe('No pair of arms could be compared.')
  })
})

describe('share of the split lever', () => {
  const bound = 'upper bound: the planner is scored by its own model'
  const details = (dropOne: number | null) =>
    verdict({ ...result, pictures: { ...result.pictures, levers: [{ lever: 'split', drop_one: dropOne }] } }).details.join('\n')
  it('is called an upper bound when split carries more than half of the gain', () => {
    expect(details(1.01)).toContain(bound)
    expect(details(1.04)).not.toContain(bound)
    expect(details(null)).not.toContain(bound)
  })
})

describe('runTable', () => {
  it('prints one arm within the width', () => {
    const arm = result.arms[3]
    const text = runTable(result.pictures.arms[3].summary, { ...result, arm: { name: arm.name, ...arm.policies } })
    expect(widest(text)).toBeLessThanOrEqual(TABLE_WIDTH)
    expect(text).toContain('saturation: stable')
    if (process.env.SHOW) console.log(text)
  })
})

describe('progress', () => {
  const sink = (isTTY = false) => {
    const written: string[] = []
    return { written, stream: { isTTY, write: (text: string) => written.push(text) > 0 } as unknown as NodeJS.WritableStream }
  }
  it('writes a plain line every interval when there is no terminal', () => {
    const { written, stream } = sink()
    let clock = 0
    const progress = createProgress({ stream, now: () => clock })
    progress.stage('tune', 100)
    clock = 4000
    progress.update({ done: 10, total: 100 })
    clock = 6000
    progress.update({ done: 20, total: 100, simulatedS: 1200 })
    progress.stop()
    expect(written).toEqual(['tune: 20/100 · ETA 24 s · 200 simulated s per s\n'])
  })
  it('is silent when asked', () => {
    const { written, stream } = sink()
    const progress = createProgress({ stream, quiet: true, intervalMs: 0 })
    progress.stage('tune', 1)
    progress.update({ done: 1, total: 1 })
    progress.stop()
    expect(written).toEqual([])
  })
})
