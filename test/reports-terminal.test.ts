import { describe, expect, it } from 'vitest'
import type { Summary } from '../src/metrics/summary.js'
import { directionOf, measured, number, percent } from '../src/reports/format.js'
import { ablationHtml } from '../src/reports/html/ablation.js'
import { comparisonHtml } from '../src/reports/html/comparison.js'
import { tuningTables } from '../src/reports/html/tables.js'
import { createProgress, duration } from '../src/reports/progress.js'
import { comparisonTable, runTable, TABLE_WIDTH } from '../src/reports/terminal.js'
import { ablationTable } from '../src/reports/terminalAblation.js'
import { attributionText } from '../src/reports/terminalAttribution.js'
import { wrap } from '../src/reports/terminalTable.js'
import { verdict } from '../src/reports/verdict.js'
import { ablationFixture } from './fixtures/ablation.js'
import { comparisonFixture, planFixture } from './fixtures/comparison.js'

const result = comparisonFixture()
const ablation = ablationFixture(result)
const widest = (text: string) => Math.max(...text.split('\n').map((line) => [...line].length))

it('prints a share that rounds to zero without a sign', () => {
  expect([-0.004, 0.004, -0, -0.006, 0.12345, null].map((share) => percent(share))).toEqual([
    '0 %',
    '0 %',
    '0 %',
    '−1 %',
    '12 %',
    '–',
  ])
  expect([-0.0004, -0.0006].map((share) => percent(share, 1))).toEqual(['0.0 %', '−0.1 %'])
})

it('prints what is measured with three digits, zeros too, counts and given numbers without', () => {
  expect([72.04, 99.96, 0.5, 0.06301, 1234.4, 3, 0, -0.0303, null].map(measured)).toEqual([
    '72.0',
    '100',
    '0.500',
    '0.0630',
    '1,234',
    '3',
    '0',
    '−0.0303',
    '–',
  ])
  expect([72.04, 0.5, -0.0303].map(number)).toEqual(['72', '0.5', '−0.0303'])
})

describe('comparisonTable', () => {
  const text = comparisonTable(result)
  it('prints shares in percent', () => {
    const arms = result.arms.map((arm) => ({ ...arm, metrics: { ...arm.metrics, slo_attainment: { value: 0.97 } } }))
    expect(comparisonTable({ ...result, arms })).toMatch(/^│ SLO attainment +│ +97\.0 % │/m)
  })
  it('says on how many replicates every mix of levers ran, where that is not all of them', () => {
    const attribution = { ...result.attribution, n: 4 }
    for (const words of [comparisonTable({ ...result, attribution }), comparisonHtml({ ...result, attribution }, planFixture())])
      expect(words.replace(/\s+/g, ' ')).toContain('Every mix of levers ran on 4 of the 8 replicates, so the total differs')
    expect(comparisonTable({ ...result, attribution: { ...attribution, n: 8 } })).not.toContain('Every mix of levers ran')
  })
  it('says what brackets are', () => {
    expect(text).toContain('[…] 95 % interval over replicates')
    expect(ablationTable(ablation)).toContain('[…] 95 % interval over replicates')
  })
  it('fits the width and has no colour', () => {
    expect(widest(text)).toBeLessThanOrEqual(TABLE_WIDTH)
    expect(text).not.toContain('\u001b')
    if (process.env.SHOW) console.log(text)
  })
  it('says first what was simulated to which limits, then evidence, seed and hashes, and the saturation of every row', () => {
    expect(text.split('\n')[0]).toBe(
      'llama-3.3-70b nvfp4 · GB200 · 18 x TP4 (72 GPUs) · chat · SLO TTFT <= 1000 ms, TPOT <= 25 ms',
    )
    expect(text.split('\n')[1]).toContain('evidence measured · seed 1 · plan a1b2c3d4e5f6')
    expect(text).toContain('backlogged: time')
    const line = text.split('\n').findIndex((row) => row.includes('÷ static'))
    expect(line).toBeGreaterThan(0)
    expect(text.split('\n')[line]).toContain('backlogged')
  })
  it('says which half a capacity is of, and the effort', () => {
    expect(text.replace(/\s+/g, ' ')).toContain('static capacity 84 req/s on the tuning half')
    expect(text).toContain('effort quick')
    expect(text).toContain('capacity on the judging')
  })
  it('prints tuned arms as --arm takes them, a line each', () => {
    const again = '--arm "my-tuned-static=split:occupancy-rule,chunk:fixed-budget(1024),rank:least-requests,pool:least-loaded"'
    const arms = result.arms.map((arm) => ({ ...arm, tuning: arm.tuning && { ...arm.tuning, again } }))
    for (const table of [
      comparisonTable({ ...result, arms }),
      ablationTable({ ...ablation, arms: arms.map((arm) => ({ ...arm, changed: [] })) }),
    ]) {
      expect(table.split('\n').filter((line) => line === `  ${again}`)).toHaveLength(3)
      expect(widest(table)).toBeLessThanOrEqual(TABLE_WIDTH)
    }
    expect(text).not.toContain('tuned arms again')
  })
  it('keeps numbers in one line with their percent signs and intervals', () => {
    expect(text).not.toMatch(/^ *%/m)
    const words = `${'so '.repeat(34)}it gains 3 % [+1, +4] now`
    expect(wrap(words).split('\n')[1]).toMatch(/^ *(3|\[\+1)/)
    expect(wrap(words).replaceAll(/\s+/g, ' ')).toBe(words)
  })
  it('says how many replicates fell behind, where that is not all', () => {
    const shown = (behind: number) => {
      const arms = result.arms.map((arm, i) =>
        i === 0 ? { ...arm, saturation: { ...arm.saturation, label: 'overloaded', behind, replicates: 4 } } : arm,
      )
      return comparisonTable({ ...result, arms }).replace(/[│\s]+/g, ' ')
    }
    expect(shown(1)).toContain('static is overloaded (1 of 4 fell behind): its means hang on')
    expect(shown(4)).toContain('static is overloaded: its means hang on')
  })
  it('counts sessions as such, and copies of the trace', () => {
    const load = { ...result.load, superposed_copies: 20 }
    expect(comparisonTable({ ...result, load }).replace(/\s+/g, ' ')).toContain('(20 copies)')
    const sessions = comparisonTable({ ...result, load: { ...load, arrivals: 'sessions' } })
    expect(sessions.replace(/\s+/g, ' ')).toContain('(sessions, each up to 20 times)')
  })
  it('prints percentiles before means', () => {
    expect(text.indexOf('TTFT p95')).toBeLessThan(text.indexOf('TTFT mean'))
  })
  it('prints the runner-up of every tuned arm, the dispersion before and after, and no saturation of a capacity', () => {
    expect(text.match(/runner-up of /g)).toHaveLength(3)
    expect(text).toMatch(/runner-up of tuned-static: split [^(]*[\s\S]*?\(score 66\.1;\s+winner\s+66\.4\)/)
    expect(text.replace(/\s+/g, ' ')).toContain('index of dispersion 4.2 recorded, 1.3 offered')
    // the verdicts are of the offered load
    for (const reading of ['same concurrency', 'capacity at equal SLO']) {
      const after = text.slice(text.indexOf(`│ ${reading}`)).split(/└|│ capacity at/)[reading === 'same concurrency' ? 0 : 1]
      expect(after).toContain('÷ tuned-static')
      expect(after).not.toMatch(/stable|backlogged/)
    }
    expect(text).toContain('the other rows are not corrected for their number')
  })
  it('prints no score of a runner-up that serves too little', () => {
    const arms = result.arms.map((arm) => {
      const { tuning } = arm
      const runners = tuning?.runners_up.map((one) => ({ ...one, score: 0.94 - 1e3 })) ?? []
      return tuning === null ? arm : { ...arm, tuning: { ...tuning, runners_up: runners } }
    })
    const printed = comparisonTable({ ...result, arms }).replace(/\s+/g, ' ')
    expect(printed.match(/\(score none: overloads or misses the SLO; winner 66\.4\)/g)).toHaveLength(3)
    expect(printed).not.toContain('999')
    expect(tuningTables(arms)).not.toContain('999')
    const places = [...tuningTables(arms).matchAll(/<tr><td[^>]*>(\d)<\/td>.*?([^>]*)<\/td><\/tr>/g)].map(([, place, score]) => [
      place,
      score,
    ])
    const miss = 'none: overloads or misses the SLO'
    expect(places.slice(0, 3)).toEqual([
      ['1', '66.4'],
      ['2', miss],
      ['3', miss],
    ])
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
    expect(directionOf({ ratio: 1, ci95: [0.99, 1.02] }, 'higher')).toBe('no difference')
    expect(directionOf({ ratio: 1, ci95: [0.9, 0.95] }, 'lower')).toBe('gain')
    expect(directionOf({ ratio: 1, ci95: [0.9, 0.95] }, 'higher')).toBe('loss')
    expect(directionOf({ ratio: 1, ci95: [1.0004, 1.02] }, 'higher')).toBe('no difference')
    expect(directionOf({ ratio: 1, ci95: [1.0006, 1.02] }, 'higher')).toBe('gain')
    expect(directionOf({ ratio: 1, ci95: null }, 'higher')).toBe('not decided')
    expect(directionOf({ ratio: null, ci95: [0.9, 0.95] }, 'higher')).toBe('not decided')
    expect(verdict({ ...result, comparisons: [] }).headline).toBe('No pair of arms could be compared.')
  })
})

describe('share of the split lever', () => {
  const bound = 'upper bound: the planner is scored by its own model'
  const details = (share: number | null) => {
    const levers = result.attribution.levers.map((entry) => (entry.lever === 'split' ? { ...entry, share } : entry))
    return verdict({ ...result, attribution: { ...result.attribution, levers } }).details.join('\n')
  }
  it('is called an upper bound when split carries more than half of the gain', () => {
    expect(details(0.6)).toContain(bound)
    expect(details(0.4)).not.toContain(bound)
    expect(details(null)).not.toContain(bound)
  })
  it('is no part of a gain where the arm loses', () => {
    const levers = result.attribution.levers.map((entry) => (entry.lever === 'split' ? { ...entry, share: 0.8 } : entry))
    const comparisons = result.comparisons.map((row) => ({
      ...row,
      ratio: 0.8,
      ci95: [0.75, 0.85] as const,
      better: 'higher' as const,
    }))
    const { details } = verdict({ ...result, comparisons, attribution: { ...result.attribution, levers } })
    expect(details.join('\n')).not.toContain(bound)
  })
})

describe('negative results', () => {
  const comparisons = result.comparisons.filter((row) => directionOf(row, row.better) !== 'loss')
  const losing = comparisons.map((row) =>
    row.arm === 'shape-aware' && row.baseline === 'tuned-size' && row.metric === 'ttft_ms.p95'
      ? { ...row, ratio: 1.2, ci95: [1.1, 1.3] as const }
      : row,
  )
  it('come first, in tail metrics too, with the worst at the front', () => {
    const said = verdict({ ...result, comparisons: losing }).losses
    expect(said).toEqual(
      ['same offered load', 'same concurrency'].map(
        (where) => `shape-aware loses to tuned-size at the ${where}: TTFT p95 +20.0 % [+10.0, +30.0].`,
      ),
    )
    const text = comparisonTable({ ...result, comparisons: losing })
    const looked = losing.filter(({ arm, ci95 }) => arm === 'shape-aware' && ci95 !== null).length
    expect(looked).toBeLessThan(losing.length)
    const at = text.indexOf(`where it loses (of ${looked} rows; where nothing differs, chance alone names one in 40):`)
    expect(at).toBeGreaterThan(0)
    expect(at).toBeLessThan(text.indexOf('▲ +'))
  })
  it('are all named, the percentiles of a metric together, the worst metric at the front, and those of an arm of the user counted', () => {
    const lost = (metric: string, ratio: number, arm = 'shape-aware') => ({
      ...result.comparisons[0],
      arm,
      baseline: 'static',
      metric,
      better: 'lower' as const,
      ratio,
      ci95: [ratio, ratio] as const,
    })
    const tails = ['ttft_ms.p50', 'ttft_ms.p95', 'tpot_ms.p95', 'tpot_ms.p99', 'e2e_ms.p50', 'itl_ms.p95', 'itl_ms.p99']
    const said = verdict({ ...result, comparisons: tails.map((metric, i) => lost(metric, 1.01 + i / 100)) }).losses
    expect(said).toHaveLength(1)
    expect(said[0].replaceAll(/ \[[^\]]*\]/g, '')).toBe(
      'shape-aware loses to static at the same offered load: token gap p95 +6.0 %, p99 +7.0 %; E2E p50 +5.0 %; TPOT p95 +3.0 %, p99 +4.0 %; TTFT p50 +1.0 %, p95 +2.0 %.',
    )
    const own = verdict({ ...result, comparisons: tails.map((metric, i) => lost(metric, 1.01 + i / 100, 'mine')) }).losses
    expect(own.map((sentence) => sentence.replaceAll(/ \[[^\]]*\]/g, ''))).toEqual([
      'mine loses to static at the same offered load: token gap p95 +6.0 %, p99 +7.0 %; E2E p50 +5.0 %; TPOT p95 +3.0 %, p99 +4.0 %; and 1 more, see the tables.',
    ])
  })
  it('are not said where there are none', () => {
    expect(verdict({ ...result, comparisons }).losses).toEqual([])
    expect(comparisonTable({ ...result, comparisons })).not.toContain('where it loses')
  })
  it('of levers too', () => {
    // a term without an interval is looked at by nobody
    const [first, ...others] = ablation.attributions
    const levers = first.levers.map((entry, i) => (i > 0 ? entry : { ...entry, shapley: { ...entry.shapley, ci95: null } }))
    const attributions = [{ ...first, levers }, ...others]
    const printed = ablationTable({ ...ablation, attributions })
    const terms = attributions.reduce((sum, { levers }) => sum + levers.length, 0)
    expect(printed).toContain(`where levers lose (of ${terms - 1} rows; where nothing differs, chance alone names one in 40`)
    expect(printed).toContain('chunk costs at the same ')
    // a time that falls is no loss
    expect(printed).not.toMatch(/split costs|rank costs/)
    expect(printed.indexOf('chunk costs at')).toBeLessThan(printed.indexOf('where the gain comes from'))
  })
})

describe('ablationTable', () => {
  const text = ablationTable(ablation)
  it('fits the width, has no colour and prints no undefined number', () => {
    expect(widest(text)).toBeLessThanOrEqual(TABLE_WIDTH)
    expect(text).not.toMatch(/NaN|undefined|Infinity/)
    expect(text).not.toContain('\u001b')
    if (process.env.SHOW) console.log(text)
  })
  it('says why there is no share of a gap', () => {
    const note = 'the replicates leave open that there is a gap'
    const gaps = ablation.gaps.map((row) => ({ ...row, gap_closed: null, ci95: null, note }))
    expect(ablationTable({ ...ablation, gaps }).replace(/\s+/g, ' ')).toContain(`; ${note}.`)
  })
  it('shows no share of a total whose interval begins at a zero as printed, in the page neither', () => {
    const [first, ...others] = ablation.attributions
    const total = first.total && { ...first.total, ci95: [1.0004, 1.2] as const }
    const sharesOfSplit = (attributions: typeof ablation.attributions) => [
      /^│ split +│ +▲ [^│]*│ +([^│]*) │/m.exec(ablationTable({ ...ablation, attributions }))?.[1],
      /<td>split<.td><td>[^<]*<.td><td[^>]*>([^<]*)</.exec(ablationHtml({ ...ablation, attributions }, planFixture()))?.[1],
    ]
    expect(sharesOfSplit(ablation.attributions)).toEqual(['85 %', '85 %'])
    expect(sharesOfSplit([{ ...first, total }, ...others])).toEqual(['–', '–'])
  })
  it('draws next to nothing where there is next to no gain', () => {
    const [first] = ablation.attributions
    const tiny = { log: -0.0003, ratio: 0.9997, ci95: [0.99, 1.01] as const }
    const none = { log: 0, ratio: 1, ci95: [0.99, 1.01] as const }
    const levers = first.levers.map((entry, i) => ({ ...entry, shapley: i === 0 ? tiny : none }))
    const drawn = attributionText({ ...first, levers, total: tiny }, 'from', 'to')
    expect(drawn).toMatch(/^ {2}all /m)
    expect(drawn).not.toContain('████')
  })
  it('draws each bar where the one above ends, and says that the gains overlap', () => {
    const bars = text.split('\n').filter((line) => /^ {2}(split|chunk|rank|all) .*█/.test(line))
    expect(bars.slice(0, 4).map((line) => line.trim().split(' ')[0])).toEqual(['split', 'chunk', 'rank', 'all'])
    expect(text).toContain('The gains overlap (sub-additive)')
    expect(text).toMatch(/split and rank overlap: −\d/)
    expect(text.replace(/\s+/g, ' ')).toMatch(/shape-aware closes \d+ % \[\d+, \d+\] of that gap/)
  })
})

describe('too few replicates for an interval', () => {
  const needs = 'an interval needs 4 replicates or more'
  it('are told how many it takes in the verdict', () => {
    const comparisons = result.comparisons.map((row) => ({ ...row, ci95: null, mix_ci95: null, n: 2 }))
    const said = verdict({ ...result, comparisons }).headline
    expect(said).toContain(`n = 2; no interval, so nothing is decided; ${needs}.`)
    expect(verdict(result).headline).not.toContain(needs)
  })
  it('and in an ablation', () => {
    const [first, ...others] = ablation.attributions
    const total = first.total && { ...first.total, ci95: null }
    const printed = (attributions: typeof ablation.attributions) =>
      ablationTable({ ...ablation, attributions }).replace(/\s+/g, ' ')
    expect(printed([{ ...first, total, n: 3 }, ...others])).toContain(`n = 3 (${needs}); of this`)
    expect(printed(ablation.attributions)).not.toContain(needs)
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
  const arm = result.arms[3]
  const printedRun = (change: (summary: Summary) => Partial<Summary>) => {
    const { summary } = result.pictures.arms[3]
    return runTable({ ...summary, ...change(summary) }, { ...result, arm: { name: arm.name, ...arm.policies } })
  }
  it('says what output tokens cost, if any came and the folder is not older than rates are', () => {
    const costed = (change: Partial<Summary>, rates: object = {}) => {
      const { summary } = result.pictures.arms[3]
      const meta = { ...result, ...rates, arm: { name: arm.name, ...arm.policies } }
      return runTable({ ...summary, ...change }, meta).replace(/\s+/g, ' ')
    }
    // 2.5 USD and 2,000 W
    expect(costed({ output_tok_s_per_gpu: 250 })).toContain('cost: 2.78 USD a million output tokens, 8 J each, at this load (')
    expect(costed({ output_tok_s_per_gpu: 0 })).not.toContain('cost:')
    expect(costed({}, { usd_per_gpu_hour: undefined })).not.toContain('cost:')
  })
  it('prints waits of days whole', () => {
    const text = printedRun(({ metrics }) => ({ metrics: { ...metrics, ttft_ms: { ...metrics.ttft_ms, p99: 198_461_234 } } }))
    expect(text).toContain('198,461,234')
    expect(text).not.toContain('…')
    expect(widest(text)).toBeLessThanOrEqual(TABLE_WIDTH)
  })
  it('says that requests still inside count as missing the SLO and have no latency', () => {
    const text = printedRun(({ requests }) => ({ requests: { ...requests, queued: 3, in_transfer: 1, running: 571 } }))
    expect(text.replace(/\s+/g, ' ')).toContain(
      'cut short: 575 requests were still inside at the end: they count as missing the SLO',
    )
    const one = printedRun(({ requests }) => ({ requests: { ...requests, queued: 0, in_transfer: 0, running: 1 } }))
    expect(one.replace(/\s+/g, ' ')).toContain('cut short: 1 request was still inside at the end: it counts as missing the SLO')
    const none = printedRun(({ requests }) => ({ requests: { ...requests, queued: 0, in_transfer: 0, running: 0 } }))
    expect(none).not.toContain('cut short')
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
  it('says whole minutes as such', () => {
    expect([8, 59.2, 239.7, 200].map(duration)).toEqual(['8 s', '1 min 0 s', '4 min 0 s', '3 min 20 s'])
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
