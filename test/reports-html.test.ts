import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { chromium } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { armStyles, inkOn } from '../src/reports/colours.js'
import { ablationHtml } from '../src/reports/html/ablation.js'
import { latencyCharts, timeCharts } from '../src/reports/html/charts.js'
import { comparisonHtml } from '../src/reports/html/comparison.js'
import { forestPlots } from '../src/reports/html/forest.js'
import { frontierPlot } from '../src/reports/html/frontier.js'
import { gainGrid } from '../src/reports/html/grid.js'
import { escapeHtml, htmlTable, percentAxis, percentMarks, ticks } from '../src/reports/html/markup.js'
import { engineOfGpu } from '../src/reports/html/rack.js'
import { runHtml } from '../src/reports/html/run.js'
import type { RunReport } from '../src/reports/runReport.js'
import { ablationFixture } from './fixtures/ablation.js'
import { comparisonFixture, identityFixture, planFixture } from './fixtures/comparison.js'

const result = comparisonFixture()
const plan = planFixture()

function runFixture(): RunReport {
  const { arms, pictures } = result
  return {
    meta: { ...identityFixture(), arm: { name: arms[3].name, ...arms[3].policies } },
    picture: pictures.arms[3],
    notes: [],
  }
}

const pages = {
  comparison: comparisonHtml(result, plan),
  ablation: ablationHtml(ablationFixture(result), plan),
  run: runHtml(runFixture(), plan),
}

describe.each(Object.entries(pages))('%s page', (_, html) => {
  it('loads nothing from anywhere', () => {
    expect(html.match(/(?:src|href)\s*=\s*["'](?!data:|#)[^"']*/g)).toBeNull()
    expect(html).not.toMatch(/@import|url\(\s*['"]?(?!data:)|\bfetch\(|XMLHttpRequest|importScripts/)
  })
  it('says what was simulated, and to which limits', () => {
    expect(html).toContain('llama-3.3-70b nvfp4 · GB200 · 18 x TP4 (72 GPUs) · chat · SLO TTFT &lt;= 1000 ms, TPOT &lt;= 25 ms')
  })
  it('links to each of its sections', () => {
    const sections = [...html.matchAll(/<section id="([^"]*)"><h2>([^<]*)/g)].map(([, id, title]) => `#${id} ${title}`)
    expect([...html.matchAll(/<a href="([^"]*)">([^<]*)/g)].map(([, to, title]) => `${to} ${title}`)).toEqual(sections)
    expect(new Set(sections.map((section) => section.split(' ')[0])).size).toBe(sections.length)
  })
  it('prints no undefined number', () => {
    const shown = html.replace(/<script[\s\S]*?<\/script>/g, '')
    expect(shown).not.toMatch(/NaN|undefined|Infinity|\[object/)
  })
})

/** Contrast of two #RRGGBB colours, as WCAG 2 defines it. */
function contrast(a: string, b: string): number {
  const luminance = (hex: string): number =>
    [0.2126, 0.7152, 0.0722].reduce((sum, weight, i) => {
      const value = Number.parseInt(hex.slice(1 + 2 * i, 3 + 2 * i), 16) / 255
      return sum + weight * (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    }, 0)
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y)
  return (high + 0.05) / (low + 0.05)
}

const headerOf = (html: string): string => html.slice(0, html.indexOf('</header>'))

describe('the head of a page', () => {
  it('says at what load, and what brackets are', () => {
    for (const html of [pages.comparison, pages.ablation]) {
      expect(headerOf(html)).toMatch(/<li>Load: [^<]*requests\/s/)
      expect(headerOf(html)).toContain('in brackets: 95 % intervals over replicates')
    }
    const { notes, ...run } = runFixture()
    const html = runHtml({ ...run, notes: ['offered as recorded', 'a note'] }, plan)
    expect(headerOf(html)).toContain('<li>Load: offered as recorded.</li>')
    expect(headerOf(html)).not.toContain('a note')
    expect(html.split('id="evidence"')[1]).toContain('a note')
  })
  it('counts sessions where sessions arrive, and requests in folders that do not say', () => {
    const html = comparisonHtml({ ...result, load: { ...result.load, arrivals: 'sessions' } }, plan)
    expect(headerOf(html)).toMatch(/, from sessions, each up to \d+ times, of the second half of the trace/)
    expect(headerOf(html)).toMatch(/<li>Load: [^<]* sessions\/s, [^<]* of the static capacity [^ ]* sessions\/s/)
    expect(html).toContain('the numbers are sessions in flight')
    expect(html).toContain('capacity on the judging half, sessions/s')
    expect(pages.comparison).toContain('capacity on the judging half, req/s')
    expect(headerOf(pages.comparison)).toMatch(/<li>Load: [^<]* requests\/s, [^<]* of the static capacity [^ ]* req\/s/)
  })
  it('of a run that fell behind says so before its numbers', () => {
    const { meta, picture, notes } = runFixture()
    const saturation = { ...picture.summary.saturation, label: 'overloaded' as const }
    const html = runHtml({ meta, picture: { ...picture, summary: { ...picture.summary, saturation } }, notes }, plan)
    expect(html).toContain('<h1 class="loss">shape-aware, overloaded: ')
    expect(pages.run).not.toContain('overloaded')
  })
  it('of a run says what became of the requests, what caches hit and how long sessions took', () => {
    const { meta, picture, notes } = runFixture()
    const quantiles = { mean: 3, p50: 2, p90: 4, p95: 5, p99: 6 }
    const summary = {
      ...picture.summary,
      requests: { ...picture.summary.requests, injected: 20, completed: 13, timed_out: 7 },
      prefix_cache: { hit_rate: 0.5, loaded_tokens: 0, cached_tokens: 100, evicted_blocks: 2 },
      sessions: { begun: 4, completed: 3, gave_up: 1, requests_not_sent: 2, duration_s: quantiles, waiting_share: 0.25 },
    } as unknown as typeof picture.summary
    const head = headerOf(runHtml({ meta, picture: { ...picture, summary }, notes }, plan))
    expect(head).toContain('injected 20, completed 13, timed out 7, ')
    expect(head).toContain('Prefix cache: 50.0\u00a0% of the input tokens')
    expect(head).toContain('Sessions: 4 begun, 3 completed, 1 gave up (2 requests not sent), lasting 2 s (p50)')
  })
  it('keeps an interval in one line, and a number with its percent sign', () => {
    expect(headerOf(pages.comparison)).toMatch(/<h1[^>]*>[^<]*: \+5\.4\u00a0% \[\+4\.1,\u00a0\+6\.7\]/)
  })
})

describe('comparisonHtml', () => {
  it('is the same for the same result', () => {
    expect(comparisonHtml(comparisonFixture(), planFixture())).toBe(pages.comparison)
  })
  it('says among how many rows it looked for losses, and so does the page of an ablation', () => {
    for (const html of [pages.comparison, pages.ablation])
      expect(html).toMatch(/Where it loses, first \(of \d+ rows; where nothing differs, chance alone names one in 40\):/)
  })
  it('says what each tuned arm was chosen from, and which policies were not tried; older folders do not know', () => {
    const tried = {
      split: ['length-aware'],
      chunk: ['equal-time(10)', 'equal-time(20)'],
      rank: ['lpt'],
      span: ['one'],
      pool: ['least-loaded'],
    }
    const arms = result.arms.map((arm) => ({ ...arm, tuning: arm.tuning && { ...arm.tuning, tried } }))
    for (const page of [
      comparisonHtml({ ...result, arms }, plan),
      ablationHtml({ ...ablationFixture(result), arms: arms.map((arm) => ({ ...arm, changed: [] })) }, plan),
    ]) {
      expect(page).toContain('equal-time 10, 20')
      expect(page).toMatch(
        /no tuned arm tried, shape-aware included: split fixed-count.*; chunk fixed-budget, slack, aligned; pool round-robin, kv-aware.*equal-lanes\. An arm/,
      )
    }
    expect(pages.comparison).not.toContain('no tuned arm tried')
  })
  it("draws the user's arms among each other apart, on an axis of their own", () => {
    const own = result.comparisons
      .filter(({ arm, baseline }) => arm === 'shape-aware' && baseline === 'static')
      .flatMap((row) => [
        { ...row, arm: 'mine', baseline: 'shape-aware' },
        { ...row, arm: 'yours', baseline: 'mine', ratio: 30, ci95: null, mix_ci95: null },
      ])
    const drawn = comparisonHtml({ ...result, comparisons: [...result.comparisons, ...own] }, plan)
    const [before, after] = drawn.split('Your arms among each other')
    expect(before).toContain('mine over shape-aware')
    expect(after).toContain('yours over mine')
    expect(before).not.toContain('+2000')
    expect(after).toContain('+2000')
    expect(pages.comparison).not.toContain('among each other')
  })
  it('the key of the forest plots parts no mark from its words', () => {
    for (const words of ['●&nbsp;same&nbsp;offered&nbsp;load', '◆&nbsp;capacity&nbsp;at&nbsp;equal&nbsp;SLO'])
      expect(pages.comparison).toContain(words)
  })
  it('escapes whatever comes from the user', () => {
    const evil = '</script><img src=x onerror=alert(1)>"\''
    const arms = result.arms.map((arm) => ({ ...arm, name: evil, policies: { ...arm.policies, split: evil } }))
    const pictures = {
      ...result.pictures,
      arms: result.pictures.arms.map((arm) => ({ ...arm, name: evil })),
      frontier: result.pictures.frontier.map((arm) => ({ ...arm, name: evil })),
    }
    const comparisons = result.comparisons.map((row) => ({ ...row, arm: evil, note: evil, metric: evil }))
    const html = comparisonHtml(
      { ...result, arms, pictures, comparisons, notes: [evil], plan_hash: evil, trace_hash: evil, version: evil },
      { ...plan, model: evil, system: evil },
    )
    expect(html).not.toContain('<img')
    expect(html.match(/<\/script>/g)).toHaveLength(3)
  })
  it('says so when parts are missing', () => {
    const pictures = { arms: [], frontier: [], grid: { isl_edges: [1, 2], osl_edges: [1, 2], ratio: [[null]] } }
    const html = comparisonHtml({ ...result, comparisons: [], gaps: [], oracles: [], notes: [], pictures }, plan)
    expect(html).toContain('No pair of arms could be compared.')
    expect(html).toContain('The load sweep was not run.')
    expect(html).toContain('No bin holds enough requests.')
  })
})

/** Drawings of a page in which a text begins or ends outside, letters being 0.55 of their size wide, and the texts. */
function cutTexts(html: string): string[] {
  const drawings = html.match(/<svg class="drawing"[\s\S]*?<\/svg>/g) ?? []
  return drawings.flatMap((drawing) => {
    const [, label] = /aria-label="([^"]*)"/.exec(drawing) as RegExpExecArray
    const width = Number(/viewBox="0 0 (\S+)/.exec(drawing)?.[1])
    const texts = [...drawing.matchAll(/<text x="([^"]*)" y="[^"]*" ([^>]*)>([^<]*)</g)]
    return texts.flatMap(([, at, attributes, content]) => {
      const size = Number(/font-size="([^"]*)"/.exec(attributes)?.[1] ?? 12)
      const long = content.replace(/&[^;]*;/g, '&').length * size * 0.55
      const before = attributes.includes('"end"') ? long : attributes.includes('"middle"') ? long / 2 : 0
      const left = Number(at) - before
      return left < -1 || left + long > width + 1 ? [`${label}: ${content}`] : []
    })
  })
}

describe('under extreme conditions', () => {
  const long = 'an-arm-with-a-name-as-long-as-somebody-liked-to-make-it'
  const named = <T extends { readonly name: string }>(arms: readonly T[]): T[] => [...arms, { ...arms[3], name: long }]
  const slow = (arm: (typeof result.pictures.arms)[number]): typeof arm => {
    const metrics = Object.fromEntries(
      Object.entries(arm.summary.metrics).map(([name, values]) => [name, { ...values, mean: (values.mean ?? 0) * 4e5 }]),
    )
    return { ...arm, summary: { ...arm.summary, metrics: metrics as unknown as typeof arm.summary.metrics } }
  }
  const extreme = {
    ...result,
    arms: named(result.arms),
    comparisons: result.comparisons
      .flatMap((row) => (row.arm === 'shape-aware' ? [row, { ...row, arm: long }] : [row]))
      .map((row) => ({ ...row, ratio: 1e6, ci95: [9e5, 2e6] as const })),
    gaps: result.gaps.flatMap((row) => [row, { ...row, arm: long }]),
    pictures: { ...result.pictures, arms: named(result.pictures.arms.map(slow)) },
  }
  it('cuts off no text: long names, waits of days, ratios of a million', () => {
    expect(cutTexts(comparisonHtml(extreme, plan))).toEqual([])
    const { attributions, ...rest } = ablationFixture(result)
    const term = { ratio: 1e6, log: Math.log(1e6), ci95: [9e5, 2e6] as const }
    const grown = attributions.map(({ levers, ...entry }) => ({
      ...entry,
      total: term,
      levers: levers.map((lever) => ({ ...lever, shapley: term })),
    }))
    const ablation = { ...rest, attributions: grown, from: long, to: `to-${long}` }
    expect(cutTexts(ablationHtml(ablation, plan))).toEqual([])
    for (const html of Object.values(pages)) expect(cutTexts(html)).toEqual([])
  })
  it('says what a shortened name is', () => {
    const html = comparisonHtml(extreme, plan)
    expect(html).toMatch(new RegExp(`data-tip="${long}">an-arm-with-[a-z-]*…<`))
    expect(html).toContain('99,153,199 ms')
  })
  it('colours no bar of the ladder as a gain whose interval includes zero or is missing', () => {
    for (const ci95 of [null, [0.9, 1.2] as const]) {
      const comparisons = result.comparisons.map((row) => ({ ...row, ratio: 1.05, ci95 }))
      const [, ladder] = comparisonHtml({ ...result, comparisons }, plan).split('<section id="ladder">')
      const [bars] = ladder.split('<details>')
      expect(bars).toContain('fill="var(--same)"')
      expect(bars).not.toContain('fill="var(--gain)"')
    }
  })
  it('says what there is not, where nothing was answered', () => {
    const { meta, picture, notes } = runFixture()
    const nothing = { mean: null, p50: null, p90: null, p95: null, p99: null }
    const metrics = Object.fromEntries(Object.keys(picture.summary.metrics).map((name) => [name, nothing]))
    const summary = { ...picture.summary, metrics: metrics as unknown as typeof picture.summary.metrics }
    const quantiles = { ttft_ms: [], tpot_ms: [], e2e_ms: [] }
    const html = runHtml({ meta, picture: { ...picture, summary, quantiles, series: [] }, notes }, plan)
    expect(html).toContain('<h1>shape-aware: no request of the window got an answer.</h1>')
    expect(html).toContain('No request of the window has been answered.')
    expect(html).toContain('The run was over before its queues had been looked at twice.')
  })
})

describe('what tokens cost', () => {
  const PRICED = ['USD/M output tokens</th>', 'USD/M, own capacity</th>']
  it('is on the page at the load and at the capacity of arms, and with all numbers', () => {
    for (const text of [...PRICED, '>cost, USD/M output tokens<', '>cost at capacity, USD/M output tokens<'])
      expect(pages.comparison).toContain(text)
    const rows = [...pages.comparison.matchAll(/<tr>(?:(?!<\/tr>).)*>cost( at capacity)?, USD.*?<\/tr>/g)]
    // static is behind its load, see the fixture
    expect(rows.map(([row, atCapacity]) => [atCapacity ?? '', row.includes('>2.45<')])).toEqual([
      ...result.arms.map(() => ['', true]),
      ...result.arms.map(() => [' at capacity', false]),
    ])
    expect(pages.run).toContain('USD a million output tokens')
  })
  it('has no columns in folders of versions that did not know it', () => {
    const arms = result.arms.map(({ metrics: { usd_per_mtok_output: _, ...metrics }, ...arm }) => ({ ...arm, metrics }))
    const { usd_per_gpu_hour: _u, gpu_watts: _w, ...older } = result
    const html = comparisonHtml({ ...older, arms }, plan)
    for (const text of PRICED) expect(html).not.toContain(text)
    const run = runFixture()
    expect(runHtml({ ...run, meta: { ...run.meta, usd_per_gpu_hour: undefined } }, plan)).not.toContain('USD a million')
  })
})

describe('pieces', () => {
  it('sets columns of numbers flush right, and no others', () => {
    const html = htmlTable(
      ['arm', 'ms', 'share', 'range', 'change', 'nothing'],
      [
        ['static', '1,234', '5.8 %', '2.22–3.37', '+2.1 % [+1.5, +2.6]', ''],
        ['8', '–', '', '5.8 / 4.0', '0.0 %', '–'],
      ],
    )
    const [head] = html.split('</thead>')
    expect([...head.matchAll(/<th class="n">([^<]*)/g)].map(([, name]) => name)).toEqual(['ms', 'share', 'range'])
  })
  it('spreads arms over the plot of throughput against speed, however close they are', () => {
    const points = (speed: number) => [{ concurrency: 8, tok_s_user: speed, tok_s_gpu: 10 * speed }]
    const arms = ['static', 'mine'].map((name, i) => ({ name, points: points(50 + i) }))
    const html = frontierPlot(arms as unknown as typeof result.pictures.frontier, armStyles(['static', 'mine']))
    const [left, right] = [...html.matchAll(/cx="([\d.]+)"/g)].map(([, x]) => Number(x))
    expect(right - left).toBeGreaterThan(300)
  })
  it('tells the marks of that plot apart', () => {
    const points = (speed: number) => [{ concurrency: 8, tok_s_user: speed, tok_s_gpu: 10 * speed }]
    const arms = ['static', 'mine'].map((name, i) => ({ name, points: points(52.1 + 0.04 * i) }))
    const html = frontierPlot(arms as unknown as typeof result.pictures.frontier, armStyles(['static', 'mine']))
    for (const side of ['middle', 'end']) {
      const marks = [...html.matchAll(new RegExp(`text-anchor="${side}">([\\d.,]+)<`, 'g'))].map(([, mark]) => mark)
      expect(marks.length).toBeGreaterThan(2)
      expect(new Set(marks).size).toBe(marks.length)
    }
  })
  it('letters in black or white, whichever has more contrast', () => {
    for (const background of ['#E69F00', '#5a8ebc', '#0072B2', '#08306b', '#f7f7f7']) {
      const [dark, light] = ['#111111', '#ffffff'].map((ink) => contrast(ink, background))
      expect(inkOn(background)).toBe(dark > light ? '#111111' : '#ffffff')
    }
  })
  it('claims of no kernel more than its evidence', () => {
    const html = comparisonHtml({ ...result, evidence: 'roofline' }, plan)
    expect(html).toContain('A tenth or more of a step rests on kernel times computed from bandwidth and peak rates, not measured')
  })
  it('names bins of lengths by their ends, the last one by its beginning', () => {
    const grid = {
      isl_edges: [1, 512, 131072, 1048576],
      osl_edges: [2, 1024, 1048576],
      ratio: [
        [1.1, null],
        [0.9, 1.2],
        [null, 1],
      ],
    }
    const html = gainGrid(grid)
    const bins = [...html.matchAll(/class="soft" text-anchor="(?:middle|end)">([^<·]*\d[^<]*)</g)].map(([, bin]) => bin)
    expect(bins).toEqual(['1–512', '512–128k', '128k or more', '2–1k', '1k or more'])
    expect(html).toContain('aria-label="input 1–512, output 2–1k tokens, median change of tokens/s/user +10.0 %"')
  })
  it('draws gains over tuned baselines on one axis that those over the untuned arm do not stretch', () => {
    const base = comparisonFixture()
    const comparisons = base.comparisons.map((row) =>
      row.baseline === 'static'
        ? { ...row, ratio: 3, ci95: [2.8, 3.2] as const }
        : { ...row, ratio: 1.02, ci95: [1.01, 1.03] as const },
    )
    const html = forestPlots({ ...base, comparisons }, armStyles(base.arms.map(({ name }) => name)))
    const axisOf = (baseline: string) =>
      [...(html.split(`<h3>shape-aware over ${baseline}</h3>`)[1] ?? '').split('</figure>')[0].matchAll(/>(\+\d+)</g)].map(
        ([, label]) => Number(label),
      )
    expect(Math.max(...axisOf('tuned-static'))).toBeLessThanOrEqual(10)
    expect(axisOf('tuned-size')).toEqual(axisOf('tuned-static'))
    expect(Math.max(...axisOf('static'))).toBeGreaterThanOrEqual(200)
  })

  it('shows gains of arms of the user over static, and folds away what tuning alone gives', () => {
    const base = comparisonFixture()
    const mine = base.comparisons.filter(({ arm, baseline }) => arm === 'shape-aware' && baseline === 'static')
    const html = forestPlots({ ...base, comparisons: [...base.comparisons, ...mine.map((row) => ({ ...row, arm: 'mine' }))] }, [])
    const [shown, folded] = html.split('What tuning alone gives')
    expect(shown).toContain('<h3>mine over static</h3>')
    expect(folded).toContain('<h3>tuned-size over static</h3>')
    expect(folded).not.toContain('mine')
  })
  it('has a name for all that the keyboard reaches, and hides none of it behind the name of its drawing', () => {
    for (const html of Object.values(pages)) {
      for (const [mark] of html.matchAll(/<[^>]*tabindex[^>]*>/g)) expect(mark).toMatch(/role="img" aria-label="[^"]+"/)
      for (const [drawing] of html.matchAll(/<svg class="drawing"[\s\S]*?<\/svg>/g))
        expect(/role="(\w+)"/.exec(drawing)?.[1]).toBe(drawing.includes('tabindex') ? 'group' : 'img')
    }
  })
  it('gives an axis no more marks than their lettering leaves room for', () => {
    const labels = (low: number, high: number, width: number) => percentMarks(low, high, width).map(({ label }) => label)
    expect(labels(-5, 21, 400)).toEqual(['−5', '0', '+5', '+10', '+15', '+20'])
    expect(labels(0, 2e8, 250)).toEqual(['0', '+100000000', '+200000000'])
  })
  it('draws no change as an axis and other marks as a grid, each over its lettering', () => {
    const drawn = percentAxis([-5, 21], (percent) => 100 + 10 * percent, [2, 40])
    expect([...drawn.matchAll(/class="(axis|grid)" d="M([\d.]+) 2V40"/g)].map(([, kind, x]) => [kind, Number(x)])).toEqual([
      ['grid', 50],
      ['axis', 100],
      ['grid', 150],
      ['grid', 200],
      ['grid', 250],
      ['grid', 300],
    ])
    expect(drawn.match(/−5|\+20/g)).toEqual(['−5', '+20'])
  })
  it('ends a share of few requests at all of them, and begins it at the first', () => {
    const [chart] = latencyCharts([
      { ...result.pictures.arms[0], quantiles: { ttft_ms: [19.03717, 38.2, 60.71839], tpot_ms: [], e2e_ms: [] } },
    ])
    const [, shares] = chart.data
    expect([...new Set(shares)]).toEqual([0.33333, 0.66667, 1])
  })
  it('holds a course from the moment it is seen, and of a long one keeps 600 points at most', () => {
    const course = (count: number, from = 0) => ({
      ...result.pictures.arms[0],
      series: Array.from({ length: count }, (_, i) => ({ t_s: from + i, waiting: i, running: 0, kv_use: 0 })),
    })
    expect(timeCharts([course(3), course(2, 1)])[0].data).toEqual([
      [0, 1, 2],
      [0, 1, 2],
      [null, 0, 1],
    ])
    expect(timeCharts([course(600)])[0].data[0]).toHaveLength(600)
    expect(timeCharts([course(601)])[0].data[0]).toHaveLength(301)
  })
  it('draws an interval from its lower to its upper bound', () => {
    const [row] = result.comparisons
    const html = forestPlots({ ...result, comparisons: [{ ...row, ratio: 1.1, ci95: [1.05, 1.2], mix_ci95: null }] }, [])
    const [, from, to] = /<path d="M([\d.]+) [\d.]+H([\d.]+)" stroke/.exec(html) ?? []
    const at = Number(/<(?:circle cx|rect x|path d)="M?([\d.]+)[^>]*r="4.5"/.exec(html)?.[1])
    expect((at - Number(from)) / (Number(to) - Number(from))).toBeCloseTo(1 / 3, 2)
  })
  it('gives every arm one colour and its own', () => {
    const styles = armStyles(['static', 'mine', 'shape-aware', 'yours'])
    expect(new Set(styles.map((style) => style.colour)).size).toBe(4)
    expect(armStyles(['shape-aware'])[0].colour).toBe(styles[2].colour)
    expect(armStyles(['toString'])[0].colour).toMatch(/^#[0-9A-F]{6}$/)
  })
  it('places every engine of the plan on GPUs of its own', () => {
    const [rack] = engineOfGpu(plan)
    expect(rack).toHaveLength(72)
    for (let engine = 0; engine < 18; engine++) expect(rack.filter((owner) => owner === engine)).toHaveLength(4)
  })
  it('cuts axes at round numbers', () => {
    expect(ticks(-3.2, 19, 5)).toEqual([0, 5, 10, 15])
    expect(ticks(0, 0.1, 5)).toEqual([0, 0.02, 0.04, 0.06, 0.08, 0.1])
    expect(escapeHtml(`<a href="x">&'`)).toBe('&lt;a href=&quot;x&quot;&gt;&amp;&#39;')
  })
})

/** Debian's Chromium; the test is skipped where there is none. SHOTS=folder keeps screenshots. */
const CHROMIUM = '/usr/bin/chromium'
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

describe.skipIf(!existsSync(CHROMIUM))('in a browser (skipped without /usr/bin/chromium)', () => {
  it('marks counts of requests with whole numbers', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'shapewise-html-'))
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS })
    try {
      const { meta, picture, notes } = runFixture()
      const series = [0, 1, 0].map((waiting, i) => ({ t_s: 10 * i, waiting, running: waiting, kv_use: 0 }))
      const file = join(folder, 'run.html')
      writeFileSync(file, runHtml({ meta, picture: { ...picture, series }, notes }, plan))
      const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
      await page.addInitScript(`
        globalThis.lettered = []
        const letter = CanvasRenderingContext2D.prototype.fillText
        CanvasRenderingContext2D.prototype.fillText = function (text, ...place) {
          if (this.canvas.closest('#time-waiting')) lettered.push(text)
          letter.call(this, text, ...place)
        }`)
      await page.goto(pathToFileURL(file).href)
      await page.waitForSelector('#time-waiting[data-drawn]')
      await page.waitForFunction('lettered.length > 0')
      const marks = (await page.evaluate('lettered')) as string[]
      expect(marks).toContain('1')
      expect(marks.filter((mark) => /^\d*\.\d+$/.test(mark))).toEqual([])
    } finally {
      await browser.close()
      rmSync(folder, { recursive: true })
    }
  })
  it('draws every chart without an error, wide and narrow', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'shapewise-html-'))
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS })
    try {
      for (const [name, html] of Object.entries(pages)) {
        const file = join(folder, `${name}.html`)
        writeFileSync(file, html)
        for (const [width, colorScheme] of [
          [1280, 'light'],
          [400, 'light'],
          [1280, 'dark'],
        ] as const) {
          const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme })
          const faults: string[] = []
          page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
          page.on('pageerror', (error) => faults.push(error.message))
          page.on('request', (request) => request.url().startsWith('http') && faults.push(request.url()))
          await page.goto(pathToFileURL(file).href)
          const hosts = name === 'ablation' ? 0 : 6
          if (hosts > 0) await page.waitForSelector('.chart[data-drawn]')
          const charts = await page.$$eval('.chart', (nodes) => nodes.map((node) => Number(node.getAttribute('data-drawn'))))
          expect(charts).toHaveLength(hosts)
          for (const lines of charts) expect(lines).toBeGreaterThan(1)
          const empty = await page.$$eval(
            'svg.drawing',
            (nodes) => nodes.filter((node) => !node.closest('details') && node.getBoundingClientRect().height < 20).length,
          )
          expect(empty).toBe(0)
          expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
          // where nothing is pointed at there are no values, not even undefined ones
          const values = await page.$$eval('.u-legend .u-value', (nodes) => nodes.map((node) => node.textContent))
          expect(values.filter((value) => value?.trim())).toEqual([])
          if (name !== 'ablation') {
            await page.emulateMedia({ media: 'print' })
            const labels = await page.$$eval('.switch label', (nodes) =>
              nodes.filter((node) => node.getBoundingClientRect().height > 0).map((node) => node.textContent?.trim()),
            )
            expect(labels).toEqual(['busy share of time'])
            await page.emulateMedia({ media: 'screen' })
          }
          const hovered = page.locator('[data-tip]').first()
          await hovered.hover()
          expect(await page.locator('#tip').textContent()).not.toBe('')
          // a finger does not hover
          if (name !== 'ablation') {
            await page.mouse.move(0, 0)
            await page.locator('.cell').first().dispatchEvent('pointerdown')
            expect(await page.locator('#tip').textContent()).toMatch(/^tray 1, GPU 1\n/)
            expect(await page.locator('#tip').isVisible()).toBe(true)
            await page.dispatchEvent('body', 'pointercancel')
            expect(await page.locator('#tip').isVisible()).toBe(false)
          }
          if (process.env.SHOTS)
            await page.screenshot({ path: join(process.env.SHOTS, `${name}-${width}-${colorScheme}.png`), fullPage: true })
          expect(faults).toEqual([])
          await page.close()
        }
      }
    } finally {
      await browser.close()
      rmSync(folder, { recursive: true })
    }
  })
})
