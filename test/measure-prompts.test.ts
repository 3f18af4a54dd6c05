/**
 * What no shipped row says: prompts of unequal lengths in one attention call, and a chunk after a prefix, as scripts/measure-prompts timed them on a GPU.
 * The measured calls over prompts of one length make the tables; the forms that the simulator prices with are judged on the others.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { quantile } from 'simple-statistics'
import { describe, expect, it } from 'vitest'
import { stepTables } from '../src/testing/tables.js'
import { chunkUs } from '../src/timing/price.js'
import { createStepTimer } from '../src/timing/stepTimer.js'
import { nextOf } from '../src/timing/tables.js'
import { PS_PER_US } from '../src/units.js'

const folder = new URL('../data/timing/measured/', import.meta.url)
const about = JSON.parse(readFileSync(new URL('prompts.json', folder), 'utf8')) as { gpu: string; date: string; rows: string }

interface Chunk {
  readonly tokens: number
  readonly prefix: number
}

interface Row {
  readonly shape: string
  readonly family: string
  readonly slices: number
  readonly chunks: readonly Chunk[]
  readonly us: number
}

const [head, ...lines] = gunzipSync(readFileSync(new URL(about.rows, folder)))
  .toString()
  .trim()
  .split(/\r?\n/)
const rows = lines.map((line): Row & { gpu: string; date: string } => {
  const [gpu, date, queryHeads, kvHeads, headDim, family, slices, chunks, us] = line.split(',')
  return {
    gpu,
    date,
    shape: `${queryHeads}x${kvHeads}x${headDim}`,
    family,
    slices: Number(slices),
    chunks: chunks.split(';').map((text) => {
      const [tokens, prefix = 0] = text.split('+').map(Number)
      return { tokens, prefix }
    }),
    us: Number(us),
  }
})

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
const inOrder = (values: Iterable<number>): Float64Array => Float64Array.from([...new Set(values)].sort((a, b) => a - b))

/** The measured calls of a shape: of single chunks, and the tables of `chunksPs` from those over prompts of one length. */
function measuredOf(shape: string) {
  const own = rows.filter((row) => row.shape === shape)
  const single = new Map(
    own
      .filter(({ family, chunks }) => family !== 'prefix' && chunks.length === 1)
      .map(({ chunks: [{ tokens, prefix }], us }) => [`${tokens}+${prefix}`, us]),
  )
  const aloneUs = ({ tokens, prefix }: Chunk): number => single.get(`${tokens}+${prefix}`) as number
  const equal = own.filter(({ family }) => family === 'equal')
  const counts = inOrder(equal.map(({ chunks }) => chunks.length))
  const lengths = inOrder(equal.map(({ chunks }) => chunks[0].tokens))
  const batchUs = new Float64Array(counts.length * lengths.length).fill(Number.NaN)
  for (const { chunks, us } of equal)
    batchUs[counts.indexOf(chunks.length) * lengths.length + lengths.indexOf(chunks[0].tokens)] = us
  // the second column stands for any prefix: what is asked for has none
  const prefillPs = Float64Array.from(
    { length: 2 * lengths.length },
    (_, at) => PS_PER_US * aloneUs({ tokens: lengths[at >> 1], prefix: 0 }),
  )
  const shapeless = {
    hostPs: 0,
    localPs: 0,
    headPs: 0,
    rowsPs: 0,
    sharedPs: 0,
    exchangePs: 0,
    kernelBasePs: 0,
    kernelSlopePs: 0,
    prefillPs: 0,
    bend: 1,
  }
  const timer = createStepTimer({
    ...stepTables({ ranks: 1, maxTokens: 64, maxSequences: 64, maxLength: 64 }, shapeless),
    prefillChunkKnots: lengths,
    prefillPrefixKnots: Float64Array.of(0, 1),
    prefillPs,
    together: {
      counts,
      lengths,
      nextPs: nextOf({ counts, lengths, batchUs }, PS_PER_US).map((ps) => Math.max(0, ps)),
      prefixPs: prefillPs,
    },
  })
  const priceUs = (chunks: readonly Chunk[]): { readonly eachUs: number; readonly sharedUs: number } => {
    const eachUs = sum(chunks.map(aloneUs))
    const prefixesUs = sum(chunks.map((chunk) => Math.max(0, aloneUs(chunk) - aloneUs({ ...chunk, prefix: 0 }))))
    for (const [at, { tokens }] of chunks.entries()) timer.setChunk(at, tokens)
    return { eachUs, sharedUs: timer.chunksPs(eachUs * PS_PER_US, prefixesUs * PS_PER_US, chunks.length) / PS_PER_US }
  }
  const whole = [...single].map(([key, us]) => [...key.split('+').map(Number), us]).filter(([, prefix]) => prefix === 0)
  whole.sort(([a], [b]) => a - b)
  const curve = {
    logX: Float64Array.from(whole, ([tokens]) => Math.log(tokens)),
    logY: new Float64Array(0),
    logUs: Float64Array.from(whole, ([, , us]) => Math.log(us)),
  }
  return { own, aloneUs, priceUs, curve }
}

const SHAPES = [...new Set(rows.map(({ shape }) => shape))]

function errorsOf(shape: string, afterPrefixes: boolean) {
  const { own, priceUs } = measuredOf(shape)
  const drawn = own.filter(
    ({ family, chunks }) => family === 'drawn' && chunks.some(({ prefix }) => prefix > 0) === afterPrefixes,
  )
  const priced = drawn.map(({ chunks, us }) => ({ us, ...priceUs(chunks) }))
  const absolute = priced.map(({ us, sharedUs }) => Math.abs(sharedUs / us - 1))
  const total = (of: (price: (typeof priced)[number]) => number): number =>
    sum(priced.map(of)) / sum(priced.map(({ us }) => us)) - 1
  return {
    calls: drawn.length,
    median: quantile(absolute, 0.5),
    p90: quantile(absolute, 0.9),
    total: total(({ sharedUs }) => sharedUs),
    eachTotal: total(({ eachUs }) => eachUs),
  }
}
/** Price of a chunk after a prefix, its share of the pairs of the whole prompt, by the time of the call that does not cut keys, and of the fastest that does or does not. */
function afterPrefixOf(shape: string) {
  const { own, aloneUs, curve } = measuredOf(shape)
  const cuts = own.filter(({ family }) => family === 'prefix')
  const pairs = new Map<string, { chunk: Chunk; ofUncut: number; ofFastest: number }>()
  for (const { chunks, slices, us } of cuts) {
    const chunk = { tokens: chunks[0].tokens, prefix: chunks[0].prefix * slices }
    const priceUs = chunkUs(curve, chunk.tokens, chunk.prefix, 0, 1)
    const key = `${chunk.tokens}+${chunk.prefix}`
    const ofUncut = priceUs / aloneUs(chunk)
    const ofCut = priceUs / (us + aloneUs({ ...chunk, prefix: 0 }))
    pairs.set(key, { chunk, ofUncut, ofFastest: Math.max(ofUncut, ofCut, pairs.get(key)?.ofFastest ?? 0) })
  }
  return [...pairs.values()]
}

describe('prompts of unequal lengths in one call', () => {
  // [median, 90th percentile] of the errors without and after prefixes; then the whole time of all calls that is too much or too little, and with a call for each
  it.each([
    ['16x2x128', [0.04, 0.22], [0.19, 0.62], [0.013, 0.48], [0.18, 0.37]],
    ['64x8x64', [0.02, 0.09], [0.06, 0.21], [0.003, 0.091], [0.032, 0.075]],
    ['128x128x192', [0.02, 0.045], [0.036, 0.16], [0.018, 0.025], [0.039, 0.016]],
  ])('%s: the longest and what each next one adds', (shape, without, after, totals, totalsAfter) => {
    for (const [afterPrefixes, [median, p90], [total, eachTotal]] of [
      [false, without, totals],
      [true, after, totalsAfter],
    ] as const) {
      const errors = errorsOf(shape, afterPrefixes)
      expect(errors.calls).toBeGreaterThan(100)
      expect(errors.median).toBeLessThan(median)
      expect(errors.p90).toBeLessThan(p90)
      expect(Math.abs(errors.total)).toBeLessThan(total)
      expect(Math.abs(errors.eachTotal)).toBeLessThan(eachTotal)
    }
  })
})

describe('a chunk after a prefix', () => {
  const SMS = 132
  const ROWS_OF_A_TILE = 128
  it.each(SHAPES)(
    '%s: its share of pairs is its time where its tiles fill the GPU, or where keys are cut until they do',
    (shape) => {
      const fills = ({ tokens }: Chunk): boolean => (tokens * Number(shape.split('x')[0])) / ROWS_OF_A_TILE >= SMS
      const found = afterPrefixOf(shape)
      expect(found).toHaveLength(28)
      // a short prefix takes the whole prompt across an edge of tiles
      const filled = found.filter(({ chunk }) => fills(chunk) && chunk.prefix >= 2048).map(({ ofUncut }) => ofUncut)
      expect(filled.length).toBeGreaterThanOrEqual(6)
      expect(Math.min(...filled)).toBeGreaterThan(0.93)
      expect(Math.max(...filled)).toBeLessThan(1.19)
      expect(
        quantile(
          filled.map((ratio) => Math.abs(ratio - 1)),
          0.5,
        ),
      ).toBeLessThan(0.021)
      // keys cut, the merge left out
      const tiles = found.filter(({ chunk }) => !fills(chunk) && chunk.tokens >= ROWS_OF_A_TILE && chunk.prefix >= 8192)
      for (const { chunk, ofFastest } of tiles) {
        expect(ofFastest, `${chunk.tokens} after ${chunk.prefix}`).toBeGreaterThan(0.75)
        expect(ofFastest).toBeLessThan(1.07)
      }
    },
  )

  it.each(SHAPES)('%s: fewer tokens than a tile has rows take as long as a tile, which the price does not know', (shape) => {
    const few = afterPrefixOf(shape).filter(({ chunk }) => chunk.tokens === 32 && chunk.prefix >= 8192)
    for (const { ofFastest } of few) {
      expect(ofFastest).toBeGreaterThan(0.2)
      expect(ofFastest).toBeLessThan(0.27)
    }
  })
})

describe('scripts/measure-prompts', () => {
  const python = (args: readonly string[]) =>
    spawnSync('python3', args, {
      cwd: fileURLToPath(new URL('../scripts/measure-prompts/', import.meta.url)),
      encoding: 'utf8',
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
    })
  const present = python(['--version']).status === 0
  if (!present) console.warn('skipped: no python3, so scripts/measure-prompts is not looked at')

  it.runIf(present)('compiles', () => {
    const { status, stderr } = python(['-c', "compile(open('measure.py').read(), 'measure.py', 'exec')"])
    expect(stderr).toBe('')
    expect(status).toBe(0)
  })

  it('wrote the rows that ship', () => {
    expect(head).toBe('gpu,date,query_heads,kv_heads,head_dim,family,slices,chunks,time_us')
    expect(rows).toHaveLength(1956)
    expect(rows.every(({ gpu, date, us }) => about.gpu.startsWith(gpu) && date === about.date && us > 0)).toBe(true)
  })
})
