/** A trace on a page and in the terminal: whole, within its width, whatever figures are missing. */
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { chromium } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import { axisLabels, blockChart } from '../src/reports/blockChart.js'
import { logBars, logMap } from '../src/reports/html/logBars.js'
import { traceHtml } from '../src/reports/trace/html.js'
import { traceTable } from '../src/reports/trace/table.js'
import { stream } from '../src/rng.js'
import { createBlockBuilder } from '../src/traces/blocks.js'
import { shapesOnly, statisticsWarnings, tracePictures, traceStatistics, type Workload } from '../src/traces/index.js'

const provenance = { name: 'trace.csv', format: 'csv', note: '', rowsRead: 0, rowsSkipped: 0 }

function plain(count: number): Workload {
  const rng = stream(3, 'trace report')
  let timeNs = 0
  const arrivalNs = Float64Array.from({ length: count }, () => {
    timeNs += Math.round(1e9 * rng.exponential())
    return timeNs
  })
  const lengths = (mean: number) =>
    Int32Array.from({ length: count }, () => Math.max(1, Math.round(mean * Math.exp(rng.normal()))))
  return shapesOnly(arrivalNs, lengths(3000), lengths(200), provenance)
}

/** Sessions of five turns that grow by a block each. */
function withSessions(count: number): Workload {
  const base = plain(count)
  const builder = createBlockBuilder()
  for (let i = 0; i < count; i++) {
    builder.next()
    builder.pushRun(Math.floor(i / 5) * 5, (i % 5) + 1)
  }
  const isl = base.isl.map((_, i) => 16 * ((i % 5) + 1))
  return { ...base, isl, ...builder.columns(), blockTokens: 16, session: isl.map((_, i) => Math.floor(i / 5)) }
}

const WORKLOADS = {
  plain: plain(2000),
  sessions: withSessions(2000),
  'one request': plain(1),
  'at one time': { ...plain(50), arrivalNs: new Float64Array(50) },
}
const SIZES = { rateBins: 300, lengthBins: 60, heatBins: 28 }

const partsOf = (workload: Workload, name = 'trace.csv') => ({
  name,
  format: 'csv',
  statistics: traceStatistics(workload),
  pictures: tracePictures(workload, SIZES),
})
const pageOf = (workload: Workload, name?: string): string =>
  traceHtml({ ...partsOf(workload, name), warnings: [name ?? 'a note'], hash: 'abc', version: '0' })

describe.each(Object.entries(WORKLOADS))('%s', (_, workload) => {
  it('has a page that loads nothing and prints no undefined number', () => {
    const html = pageOf(workload)
    expect(html.match(/(?:src|href)\s*=\s*["'](?!data:|#)[^"']*/g)).toBeNull()
    expect(html.replace(/<script(?! type="application)[\s\S]*?<\/script>/g, '')).not.toMatch(/NaN|undefined|Infinity|\[object/)
    expect(pageOf(workload)).toBe(html)
  })

  it.each([110, 60])('fits %d columns in the terminal as far as charts go, without an undefined number', (width) => {
    const text = traceTable({
      ...partsOf(workload),
      pictures: tracePictures(workload, { ...SIZES, lengthBins: width - 2 }),
      width,
    })
    expect(text).not.toMatch(/NaN|undefined|Infinity|\[object/)
    const charts = text.split('\n').filter((line) => /[▁▂▃▄▅▆▇█]/.test(line))
    expect(charts.length).toBeGreaterThan(1)
    expect(Math.max(...charts.map((line) => line.length))).toBeLessThanOrEqual(width)
  })
})

it('terminal and page tell the same of sessions: every sample that the trace has', () => {
  const text = traceTable({ ...partsOf(WORKLOADS.sessions), width: 110 })
  const html = pageOf(WORKLOADS.sessions)
  for (const name of [
    'requests',
    'first context',
    'last context',
    'largest context',
    'growth per step',
    'gap between arrivals, s',
  ]) {
    expect(text).toContain(name)
    expect(html).toContain(`>${name}<`)
  }
  // nobody waits in these sessions
  expect(text + html).not.toContain('wait of the client')
})

it('LRU caches have no row where requests wait and their order is not known', () => {
  const { sessions } = WORKLOADS
  expect(traceTable({ ...partsOf(sessions), width: 110 })).toMatch(/unlimited cache; LRU of 1M \d/)
  expect(pageOf(sessions)).toMatch(/<td>1M<\/td><td class="n">\d/)
  const waiting = {
    ...sessions,
    arrivalNs: sessions.arrivalNs.map((time, i) => (i % 5 === 0 ? time : Number.NaN)),
    parent: Int32Array.from(sessions.isl, (_, i) => (i % 5 === 0 ? -1 : i - 1)),
    waitNs: new Float64Array(sessions.count),
  }
  const text = traceTable({ ...partsOf(waiting), width: 110 })
  expect(text).toMatch(/of the input tokens in an unlimited cache$/m)
  expect(text).not.toMatch(/1M/)
  expect(pageOf(waiting)).not.toMatch(/<td>1M</)
  expect(statisticsWarnings(waiting, traceStatistics(waiting))[0]).toMatch(
    /^1,600 of 2,000 requests are sent by those they wait for/,
  )
})

it('what comes from the file is escaped', () => {
  const evil = '</script><img src=x onerror=alert(1)>"\''
  const html = pageOf(WORKLOADS.plain, evil)
  expect(html).not.toContain('<img')
  expect(html.match(/<\/script>/g)).toHaveLength(3)
})

describe('bars and maps on logarithmic axes', () => {
  const drawn = (html: string) =>
    [...html.matchAll(/<rect class="mark" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/g)].map((found) => {
      const [x, y, width, height] = found.slice(1).map(Number)
      return { x, y, width, height }
    })
  it('a bar is as high as its count over its width, and stands on the axis', () => {
    const [narrow, wide] = drawn(logBars({ edges: [1, 2, 8], counts: [10, 30] }, 'tokens', '#000'))
    expect(wide.width / narrow.width).toBeCloseTo(2, 1)
    expect(wide.height / narrow.height).toBeCloseTo(30 / 2 / 10, 1)
    expect(wide.y + wide.height).toBeCloseTo(narrow.y + narrow.height, 6)
  })
  it('cells of a map fill it from the bottom left to the top right, and hold the place of their lengths', () => {
    const edges = { xEdges: [1, 2, 8], yEdges: [1, 10, 1000] }
    const shortest = [5, 0]
    const longest = [0, 5]
    const map = logMap({ ...edges, counts: [shortest, longest] }, 'input', 'output')
    const [low, high] = drawn(map)
    const [top, floor] = /class="grid" d="M[\d.]+ (\d+)V(\d+)"/.exec(map)?.slice(1).map(Number) ?? []
    expect([high.y, low.y + low.height]).toEqual([top, floor])
    expect(low.x + low.width).toBeCloseTo(high.x, 0)
    expect(high.y + high.height).toBeCloseTo(low.y, 0)
    expect(high.width / low.width).toBeCloseTo(2, 1)
    expect(high.height / low.height).toBeCloseTo(2, 1)
  })
})

describe('charts of block characters', () => {
  it('are as high as the values', () => {
    expect(blockChart([0, 1, 8, 16], 2)).toEqual(['   █', ' ▁██'])
    expect(blockChart([0, 0.001, 1000], 1)).toEqual([' ▁█'])
    expect(blockChart([0, 0], 1)).toEqual(['  '])
  })
  it('labels do not touch', () => {
    expect(
      axisLabels(20, [
        { column: 1, text: '10' },
        { column: 3, text: '100' },
        { column: 19, text: '1,000' },
      ]),
    ).toBe('10             1,000')
  })
})

const CHROMIUM = '/usr/bin/chromium'
describe.skipIf(!existsSync(CHROMIUM))('in a browser (skipped without /usr/bin/chromium)', () => {
  it('draws every chart without an error, wide and narrow', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'shapewise-trace-'))
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--headless', '--no-sandbox', '--disable-gpu'] })
    try {
      for (const name of ['plain', 'sessions'] as const) {
        const file = join(folder, `${name}.html`)
        writeFileSync(file, pageOf(WORKLOADS[name]))
        for (const width of [1280, 400]) {
          const page = await browser.newPage({ viewport: { width, height: 900 } })
          const faults: string[] = []
          page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
          page.on('pageerror', (error) => faults.push(error.message))
          await page.goto(pathToFileURL(file).href)
          await page.waitForSelector('.chart[data-drawn]')
          expect(await page.$$eval('.chart', (nodes) => nodes.length)).toBe(name === 'plain' ? 1 : 2)
          expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
          expect(faults).toEqual([])
          await page.close()
        }
      }
    } finally {
      await browser.close()
    }
  })
})
