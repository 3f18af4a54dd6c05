/** Pools of ServeGen clients: read whole or refused, summarised as published, and drawn from as they say. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { afterAll, describe, expect, it } from 'vitest'
import { UserError } from '../src/errors.js'
import { drawFromPool, type PoolDraw } from '../src/traces/generate/servegen.js'
import { traceHash, type Workload, workloadFault } from '../src/traces/index.js'
import { type PoolSummary, poolSummary, readPool } from '../src/traces/servegen/index.js'
import { parsePmf, pmfQuantile } from '../src/traces/servegen/pmf.js'
import { expectAsPrinted, printedTable } from './printedStatistics.js'

const folders = mkdtempSync(join(tmpdir(), 'servegen-'))
afterAll(() => rmSync(folders, { recursive: true, force: true }))

const DAY = 144
/** Client 3 sends 2 requests a second in even hours, Poisson; client 12 sends 0.5 a second in clumps. Lengths change at noon. */
function writePool(name: string, changes: Readonly<Record<string, string | null>> = {}): string {
  const folder = join(folders, name)
  const windows = (line: (i: number) => string) =>
    `${Array.from({ length: DAY }, (_, i) => `${i * 600},${line(i)}`).join('\n')}\n`
  const lengths = (input: string, output: string) => ({ input_tokens: input, output_tokens: output })
  const files: Record<string, string | null> = {
    'chunk-3-trace.csv': windows((i) => (Math.floor(i / 6) % 2 === 0 ? '2,1,Gamma,1,0.5' : '0,0,,0,0')),
    'chunk-3-dataset.json': JSON.stringify({
      0: lengths('{100: 0.5, 200: 0.5}', '{10: 1.0}'),
      43200: lengths('{300: 1.0}', '{}'),
    }),
    'chunk-12-trace.csv': windows(() => '0.5,3,Weibull,0.45,1'),
    'chunk-12-dataset.json': JSON.stringify({ 0: lengths('{50: 0.25, 60: 0.75}', '{1: 0.1, 7: 0.9}') }),
    'README.md': 'not part of it',
    ...changes,
  }
  mkdirSync(folder)
  for (const [file, text] of Object.entries(files)) if (text !== null) writeFileSync(join(folder, file), text)
  return folder
}

const faultOf = (read: () => unknown) => {
  try {
    read()
  } catch (error) {
    if (error instanceof UserError) return error.faults[0]
    throw error
  }
  return null
}

describe('a distribution', () => {
  it('is a Python dict in a string', () => {
    expect(parsePmf('{}')).toBeNull()
    expect(parsePmf(' { } ')).toBeNull()
    expect(parsePmf('{5: 0.0}')).toBeNull()
    expect(parsePmf('{7: 1, 3: 3, 5: 0}')).toEqual({ values: Float64Array.of(3, 7), cumulative: Float64Array.of(0.75, 1) })
    expect(parsePmf('{0.0: 1e-05, 0.5: 3e-5}')?.cumulative[0]).toBeCloseTo(0.25, 12)
    for (const wrong of ['', '[1]', '{1}', '{1: a}', '{"1": 1}', '{1: -1}', '{1: 2: 3}', '{1: nan}', '{1: 1,}', '{-1: 1}'])
      expect(() => parsePmf(wrong), wrong).toThrow()
  })

  it('has quantiles that are its values', () => {
    const pmf = parsePmf('{3: 0.75, 7: 0.25}')
    if (pmf === null) throw new Error('no distribution')
    expect([0, 0.5, 0.75, 0.751, 0.999].map((u) => pmfQuantile(pmf, u))).toEqual([3, 3, 3, 7, 7])
  })
})

describe('a pool', () => {
  it('is read with its idle windows left out, plain or gzip', () => {
    const pool = readPool(writePool('plain'))
    expect(pool).toMatchObject({ name: 'plain', windowS: 600, windowCount: DAY })
    expect(pool.clients.map(({ id, windows, lengths }) => [id, windows.length, lengths.length])).toEqual([
      [3, 72, 2],
      [12, 144, 1],
    ])
    expect(pool.clients[1].windows[5]).toEqual({ startS: 3000, ratePerS: 0.5, cv: 3, family: 'weibull', shape: 0.45 })
    const packed = writePool('packed')
    for (const file of ['chunk-3-trace.csv', 'chunk-12-dataset.json']) {
      writeFileSync(join(packed, `${file}.gz`), gzipSync(readFileSync(join(packed, file))))
      rmSync(join(packed, file))
    }
    expect(readPool(packed)).toEqual({ ...pool, name: 'packed' })
  })

  it('is summarised', () => {
    const summary = poolSummary(readPool(writePool('summary')))
    expect(summary).toMatchObject({
      clients: 2,
      duration_s: 86_400,
      mean_rate_per_s: 1.5,
      share_of_biggest: 2 / 3,
      share_of_five_biggest: 1,
      peak_to_mean: 2.5 / 1.5,
      gap_cv: { p50: 1, p90: 3 },
      windows: { gamma: 72, weibull: 144 },
    })
    expect(summary.hour_profile.slice(0, 3).map((factor) => factor.toFixed(3))).toEqual(['1.667', '0.333', '1.667'])
    expect(summary.by_client.map(({ client }) => client)).toEqual([3, 12])
    expect(summary.by_client[0].lengths.input_tokens).toEqual({ p10: 100, p50: 200, p90: 300, p99: 300, max: 300 })
  })

  it.each<[string, Readonly<Record<string, string | null>>, RegExp]>([
    ['a missing file', { 'chunk-12-dataset.json': null }, /^client 12 of the pool has no chunk-12-dataset\.json$/],
    ['no trace of a client', { 'chunk-3-trace.csv': null }, /^client 3 of the pool has no chunk-3-trace\.csv$/],
    ['an empty trace', { 'chunk-3-trace.csv': '' }, /fewer than two windows/],
    [
      'a header',
      { 'chunk-3-trace.csv': 'start,rate,cv,family,shape,scale\n0,1,1,Gamma,1,1\n' },
      /no window of a ServeGen client/,
    ],
    [
      'a gap in its windows',
      { 'chunk-3-trace.csv': '0,1,1,Gamma,1,1\n600,1,1,Gamma,1,1\n1800,1,1,Gamma,1,1\n' },
      /do not follow one another/,
    ],
    ['another law', { 'chunk-3-trace.csv': '0,1,1,Pareto,1,1\n600,1,1,Gamma,1,1\n' }, /^the law of the gaps is 'Pareto'$/],
    ['no law', { 'chunk-3-trace.csv': '0,1,1,,1,1\n600,1,1,Gamma,1,1\n' }, /^the law of the gaps is ''$/],
    ['no shape', { 'chunk-3-trace.csv': '0,1,1,Gamma,0,1\n600,1,1,Gamma,1,1\n' }, /no positive shape/],
    ['a negative rate', { 'chunk-3-trace.csv': '0,-1,1,Gamma,1,1\n600,1,1,Gamma,1,1\n' }, /no window of a ServeGen client/],
    ['broken JSON', { 'chunk-3-dataset.json': '{"0": {' }, /^the file is no JSON$/],
    ['a list', { 'chunk-3-dataset.json': '[]' }, /no JSON object/],
    ['a wrong window', { 'chunk-3-dataset.json': '{"noon": {}}' }, /^'noon' is no window$/],
    [
      'a broken distribution',
      { 'chunk-3-dataset.json': '{"0": {"input_tokens": "{1: x}"}}' },
      /^field input_tokens of window 0 has the entry '1: x'$/,
    ],
  ])('with %s is refused', (what, changes, message) => {
    const fault = faultOf(() => readPool(writePool(`bad ${what}`, changes)))
    expect(fault?.message).toMatch(message)
    expect(fault?.hint).toBeTruthy()
  })

  it('whose clients have windows of two lengths is refused', () => {
    const short = Array.from({ length: 2 * DAY }, (_, i) => `${i * 300},1,1,Gamma,1,1`).join('\n')
    const folder = writePool('two lengths', { 'chunk-12-trace.csv': short })
    expect(faultOf(() => readPool(folder))).toEqual({
      where: join(folder, 'chunk-12-trace.csv'),
      message: 'the windows of client 12 are 300 s long, those of client 3 600 s',
      hint: 'give all clients of a pool windows of one length, or put those of another length into a folder of their own',
    })
  })

  it('may have any number of windows', () => {
    const windowCount = 1_000_000
    const window = { startS: 7, ratePerS: 2, cv: 1, family: 'gamma', shape: 1 } as const
    const pool = { name: 'long', clients: [{ id: 1, windows: [window], lengths: [] }], windowS: 1, windowCount }
    expect(poolSummary(pool)).toMatchObject({ duration_s: windowCount, peak_to_mean: windowCount })
  })

  it('that is none says what is missing', () => {
    expect(faultOf(() => readPool(folders))?.message).toBe(
      'this folder is no pool of ServeGen clients: it has no chunk-N-trace.csv',
    )
    const damaged = writePool('damaged')
    writeFileSync(join(damaged, 'chunk-3-trace.csv.gz'), gzipSync('0,1,1,Gamma,1,1\n').subarray(0, 20))
    rmSync(join(damaged, 'chunk-3-trace.csv'))
    expect(faultOf(() => readPool(damaged))?.message).toMatch(/^cannot be read: /)
  })
})

describe('requests drawn from a pool', () => {
  const draw = (changes: Partial<PoolDraw> = {}) =>
    drawFromPool(readPool(folderOnce()), { fromHour: 0, hours: 1, scale: 1, seed: 1, ...changes })
  let folder: string | null = null
  const folderOnce = (): string => {
    folder ??= writePool('drawn')
    return folder
  }
  const ofClient = (workload: Workload, client: number) =>
    [...workload.arrivalNs.keys()].filter((i) => workload.tenant?.[i] === client)

  it('are as many as the rates say, in order, with the client as tenant', () => {
    const workload = draw()
    expect(workloadFault(workload)).toBeNull()
    expect(ofClient(workload, 3)).toHaveLength(7200)
    expect(ofClient(workload, 12)).toHaveLength(1800)
    expect(workload.arrivalNs[workload.count - 1]).toBeLessThan(3600e9)
    expect(ofClient(draw({ fromHour: 1 }), 3)).toHaveLength(0)
    expect(draw({ scale: 0.1 }).count).toBe(900)
    expect(workload.provenance.note).toBe(
      'Drawn from the ServeGen pool drawn (2 clients, hours 0 to 1, scale 1); input and output lengths are independent.',
    )
  })

  it('have lengths of the distributions, of the nearest window where one has none', () => {
    const workload = draw({ hours: 12 })
    const own = ofClient(workload, 3)
    const long = own.filter((i) => workload.isl[i] === 200).length / own.length
    expect(long).toBeGreaterThan(0.48)
    expect(long).toBeLessThan(0.52)
    expect(new Set(own.map((i) => workload.osl[i]))).toEqual(new Set([10]))
    const short = ofClient(workload, 12)
    const ones = short.filter((i) => workload.osl[i] === 1).length / short.length
    expect(Math.abs(ones - 0.1)).toBeLessThan(0.01)
    const afternoon = draw({ fromHour: 12 })
    expect(new Set(ofClient(afternoon, 3).map((i) => workload.osl[i])).size).toBeGreaterThan(0)
    expect(afternoon.provenance.note).toMatch(/6 windows had no lengths of their own and took the nearest ones\.$/)
  })

  it('clump as the laws say', () => {
    const cvOf = (client: number) => {
      const workload = draw({ hours: 24 })
      // gaps within windows only: the rates differ between them
      const times = ofClient(workload, client).map((i) => workload.arrivalNs[i])
      const gaps = times
        .slice(1)
        .flatMap((time, i) => (Math.floor(time / 600e9) === Math.floor(times[i] / 600e9) ? [time - times[i]] : []))
      const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
      return Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length) / mean
    }
    expect(cvOf(3)).toBeGreaterThan(0.97)
    expect(cvOf(3)).toBeLessThan(1.03)
    // a Weibull law of shape 0.45 has CV 2.6
    expect(cvOf(12)).toBeGreaterThan(2.3)
    expect(cvOf(12)).toBeLessThan(2.8)
  })

  it('are the same for the same seed, and a part of longer ones', () => {
    expect(traceHash(draw())).toBe(traceHash(draw()))
    expect(traceHash(draw({ seed: 2 }))).not.toBe(traceHash(draw()))
    const part = draw({ fromHour: 1.5, hours: 0.75 })
    const whole = draw({ hours: 3 })
    const within = [...whole.arrivalNs.keys()].filter((i) => whole.arrivalNs[i] >= 5400e9 && whole.arrivalNs[i] < 8100e9)
    expect([...part.isl]).toEqual(within.map((i) => whole.isl[i]))
    expect([...part.arrivalNs]).toEqual(within.map((i) => whole.arrivalNs[i] - 5400e9))
  })

  it('are refused for hours that the pool does not have, and for too many', () => {
    expect(faultOf(() => draw({ fromHour: 23.5 }))?.message).toBe('the pool has 24 hours; hours 23.5 to 24.5 are not in it')
    expect(faultOf(() => draw({ hours: 24, scale: 1000 }))?.message).toMatch(
      /^about \d+ million requests would be drawn; 20 million are the most$/,
    )
  })

  it('count the tokens of every image', () => {
    const fields = {
      text_tokens: '{10: 1}',
      image_tokens: '{100: 1}',
      image_count: '{3: 1}',
      audio_tokens: '{0: 1}',
      audio_count: '{0: 1}',
      output_tokens: '{5: 1}',
    }
    const pool = readPool(writePool('images', { 'chunk-3-dataset.json': JSON.stringify({ 0: fields }) }))
    const workload = drawFromPool(pool, { fromHour: 0, hours: 1, scale: 0.01, seed: 1 })
    expect(new Set(ofClient(workload, 3).map((i) => workload.isl[i]))).toEqual(new Set([310]))
  })
})

const data = new URL('../../shared/data/traces/', import.meta.url)
const present = existsSync(data)
if (!present && !process.env.CI) console.warn('skipped: no shared/data beside the repository, so no published pools to read')

describe.runIf(present || process.env.CI).each([
  ['m-large', 25],
  ['m-mid', 17],
  ['m-small', 15],
  ['deepseek-r1', 37],
  ['mm-image', 18],
])('the published pool %s', (name, clients) => {
  const summaryOf = (): PoolSummary => poolSummary(readPool(fileURLToPath(new URL(`servegen/${name}`, data))))

  it('has the printed clients, rates, shares, burstiness and hours', () => {
    const statistics = readFileSync(new URL('STATISTICS.md', data), 'utf8')
    const printed = printedTable(statistics, '## 7. ServeGen client pools').get(name) ?? {}
    const summary = summaryOf()
    expect(summary.clients).toBe(clients)
    expect(String(summary.clients)).toBe(printed.clients)
    expectAsPrinted(summary.mean_rate_per_s, printed['mean rate /s (sum)'], 'mean rate')
    expectAsPrinted(summary.share_of_biggest, printed['share of the biggest client'], 'biggest client')
    expectAsPrinted(summary.share_of_five_biggest, printed['of the 5 biggest'], 'five biggest')
    expectAsPrinted(summary.peak_to_mean, printed['peak/mean of the summed 10-min rate'], 'peak')
    expectAsPrinted(summary.gap_cv.p50, printed['client CV p50'], 'CV p50')
    expectAsPrinted(summary.gap_cv.p90, printed['p90 (rate-weighted)'], 'CV p90')
    expect(`${summary.windows.gamma} / ${summary.windows.weibull}`).toBe(printed['windows fitted Gamma / Weibull'])
    const hours = printedTable(statistics, '### Diurnal profile')
    for (const [hour, factor] of summary.hour_profile.entries())
      expectAsPrinted(factor, hours.get(String(hour))?.[name] ?? '', `hour ${hour}`)
  })
})
