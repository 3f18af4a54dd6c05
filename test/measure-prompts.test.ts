/**
 * What no shipped row says: prompts of unequal lengths in one attention call, and a chunk after a prefix, as scripts/measure-prompts timed them on a GPU.
 * The measured calls over prompts of one length, without prefixes, make the tables; the prices that the simulator makes of them are judged on the others.
 */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { quantile } from 'simple-statistics'
import { describe, expect, it } from 'vitest'
import { HOST_ALONE, stepTables } from '../src/testing/tables.js'
import { chunkUs, prefixPairsUs, prefixTimeOf } from '../src/timing/price.js'
import { createStepTimer } from '../src/timing/stepTimer.js'
import { nextOf } from '../src/timing/tables.js'
import { PS_PER_US } from '../src/units.js'
import { compiled, hasPython } from './python.js'

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
  /** The chunks as the file has them. */
  readonly text: string
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
    text: chunks,
    chunks: chunks.split(';').map((text) => {
      const [tokens, prefix = 0] = text.split('+').map(Number)
      return { tokens, prefix }
    }),
    us: Number(us),
  }
})

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)
const inOrder = (values: Iterable<number>): Float64Array => Float64Array.from([...new Set(values)].sort((a, b) => a - b))

/** Peak of the memory of the H200 times the share that passes reach (`passBytesPerUs`). */
const BYTES_PER_US = 0.8 * 4.8e6

/** Prices made of the measured calls over prompts of one length without prefixes, which is what the rows of the shipped systems hold. */
function pricesOf(shape: string) {
  const [, kvHeads, headDim] = shape.split('x').map(Number)
  const equal = rows.filter((row) => row.shape === shape && row.family === 'equal')
  const usOf = new Map(equal.map(({ chunks, us }) => [`${chunks.length} of ${chunks[0].tokens}`, us]))
  const counts = inOrder(equal.map(({ chunks }) => chunks.length))
  const singles = inOrder(equal.map(({ chunks }) => chunks[0].tokens))
  const lengths = singles.filter((length) => usOf.has(`2 of ${length}`))
  const batchUs = Float64Array.from({ length: counts.length * lengths.length }, (_, at) => {
    const us = usOf.get(`${counts[Math.floor(at / lengths.length)]} of ${lengths[at % lengths.length]}`)
    return us ?? Number.NaN
  })
  const curve = {
    logX: singles.map(Math.log),
    logY: new Float64Array(0),
    logUs: singles.map((length) => Math.log(usOf.get(`1 of ${length}`) as number)),
  }
  const bytesPerToken = 2 * 2 * kvHeads * headDim
  const timeUs = (tokens: number, prefix: number): number => chunkUs(curve, tokens, prefix, bytesPerToken, BYTES_PER_US)
  const workUs = prefixTimeOf(timeUs, (tokens, prefix) => prefixPairsUs(curve, tokens, prefix))
  const aloneUs = ({ tokens, prefix }: Chunk): number => timeUs(tokens, prefix)
  const prefixUs = ({ tokens, prefix }: Chunk): number => Math.min(timeUs(tokens, prefix), workUs(tokens, prefix))
  const knots = Float64Array.from({ length: 8192 }, (_, i) => i + 1)
  const timer = createStepTimer({
    ...stepTables({ ranks: 1, maxTokens: 64, maxSequences: 64, maxLength: 64 }, { ...HOST_ALONE, hostPs: 0 }),
    prefillChunkKnots: knots,
    // nothing after a prefix is asked of it
    prefillPrefixKnots: Float64Array.of(0, 1),
    prefillPs: Float64Array.from(
      { length: 2 * knots.length },
      (_, at) => PS_PER_US * aloneUs({ tokens: knots[at >> 1], prefix: 0 }),
    ),
    together: {
      counts,
      lengths,
      nextPs: nextOf({ counts, lengths, batchUs }, PS_PER_US).map((ps) => Math.max(0, ps)),
      prefixPs: new Float64Array(2 * knots.length),
    },
  })
  const eachUs = (chunks: readonly Chunk[]): number => sum(chunks.map(aloneUs))
  const sharedUs = (chunks: readonly Chunk[]): number => {
    for (const [at, { tokens }] of chunks.entries()) timer.setChunk(at, tokens)
    const prefixesUs = sum(chunks.map((chunk) => (chunk.prefix > 0 ? prefixUs(chunk) : 0)))
    const ps = timer.chunksPs(eachUs(chunks) * PS_PER_US, prefixesUs * PS_PER_US, chunks.length)
    expect(ps).toBeGreaterThan(0)
    return ps / PS_PER_US
  }
  return { aloneUs, eachUs, sharedUs }
}

const SHAPES = [...new Set(rows.map(({ shape }) => shape))].map((shape) => ({
  shape,
  ...pricesOf(shape),
  rows: (family: string) => rows.filter((row) => row.shape === shape && row.family === family),
}))
const hasPrefix = ({ chunks }: Row): boolean => chunks.some(({ prefix }) => prefix > 0)
const tokensOf = ({ chunks }: Row): number => sum(chunks.map(({ tokens }) => tokens))

/** Rows of a tile of FlashAttention-2 at these head dims. */
const TILE = 128
const inTiles = (chunks: readonly Chunk[]): Chunk[] =>
  chunks.map(({ tokens, prefix }) => ({ tokens: Math.ceil(tokens / TILE) * TILE, prefix }))

/** Errors of the prices of calls, as price / time - 1: of single ones, and of the time of all together. */
function errorsOf(calls: readonly Row[], priceUs: (chunks: readonly Chunk[]) => number) {
  const priced = calls.map(({ chunks, us }) => ({ us, priceUs: priceUs(chunks) }))
  const absolute = priced.map((call) => Math.abs(call.priceUs / call.us - 1))
  return {
    median: quantile(absolute, 0.5),
    p90: quantile(absolute, 0.9),
    total: sum(priced.map((call) => call.priceUs)) / sum(priced.map(({ us }) => us)) - 1,
  }
}

const DRAWN = SHAPES.flatMap(({ shape, eachUs, sharedUs, rows: rowsOf }) =>
  [false, true].map((after) => {
    const calls = rowsOf('drawn').filter((row) => hasPrefix(row) === after)
    return {
      shape,
      after,
      calls: calls.length,
      shared: errorsOf(calls, sharedUs),
      asEach: calls.filter(({ chunks }) => sharedUs(chunks) > 0.999999 * eachUs(chunks)).length,
      few: errorsOf(
        calls.filter((row) => tokensOf(row) <= 2048),
        sharedUs,
      ),
      tiles: errorsOf(calls, (chunks) => sharedUs(inTiles(chunks))),
      each: errorsOf(calls, eachUs),
    }
  }),
)

/** Price of a chunk after a prefix by the measured time: of the call that does not cut keys, and of the fastest that does or does not. */
const AFTER_PREFIX = SHAPES.flatMap(({ shape, aloneUs, rows: rowsOf }) =>
  rowsOf('alone').map(({ chunks: [chunk], us }) => {
    const ownUs = rowsOf('equal').find(({ chunks }) => chunks.length === 1 && chunks[0].tokens === chunk.tokens)?.us ?? Number.NaN
    const cutUs = rowsOf('prefix')
      .filter(({ chunks, slices }) => chunks[0].tokens === chunk.tokens && chunks[0].prefix * slices === chunk.prefix)
      .map((row) => row.us + ownUs)
    return { shape, ...chunk, ofUncut: aloneUs(chunk) / us, ofFastest: aloneUs(chunk) / Math.min(us, ...cutUs) }
  }),
)

const percent = (value: number): string => (100 * Math.abs(value)).toFixed(1)
const signed = (value: number): string => `${value < 0 ? '−' : '+'}${percent(value)}`
const headsOf = (shape: string): string => shape.replace(/^(\d+)x(\d+)x(\d+)$/, '$1 / $2, $3')

const drawnTable = DRAWN.map(({ shape, after, shared, few, tiles, each }) =>
  [
    '',
    after ? '' : headsOf(shape),
    after ? 'some or all' : 'none',
    `${percent(shared.median)} / ${percent(shared.p90)}`,
    signed(shared.total),
    signed(few.total),
    `${percent(tiles.median)} / ${percent(tiles.p90)}`,
    signed(tiles.total),
    signed(each.total),
    '',
  ]
    .join(' | ')
    .trim(),
).join('\n')

const afterPrefixTable = SHAPES.flatMap(({ shape }) =>
  [...new Set(AFTER_PREFIX.map(({ tokens }) => tokens))].map((tokens, i) =>
    [
      '',
      i === 0 ? headsOf(shape) : '',
      tokens,
      ...AFTER_PREFIX.filter((one) => one.shape === shape && one.tokens === tokens).map(
        ({ ofUncut, ofFastest }) => `${ofUncut.toFixed(2)} / ${ofFastest.toFixed(2)}`,
      ),
      '',
    ]
      .join(' | ')
      .trim(),
  ),
).join('\n')

const docs = readFileSync(new URL('../docs/decisions/0004-kernel-tables.md', import.meta.url), 'utf8')

describe('prompts of unequal lengths in one call', () => {
  it('are 120 calls of each shape without and 120 after prefixes, whose errors are those of the docs', () => {
    expect(DRAWN.map(({ calls }) => calls)).toEqual(Array(6).fill(120))
    expect(docs).toContain(drawnTable)
    // a price that is no number would count as the sum
    expect(DRAWN.map(({ asEach }) => asEach)).toEqual([0, 30, 0, 61, 0, 57])
  })

  it('take what the longest takes and each next one adds, lengths rounded up to tiles, within 3 % in sum', () => {
    for (const { shape, after, tiles } of DRAWN) if (!after) expect(Math.abs(tiles.total), shape).toBeLessThan(0.03)
  })

  it('would be ten times as far off with a call for each where a launch is long beside them, and less than a tenth elsewhere', () => {
    const [few, many, most] = DRAWN.filter(({ after }) => !after)
    expect(few.each.total).toBeGreaterThan(10 * Math.abs(few.shared.total))
    expect(Math.max(many.each.total, most.each.total)).toBeLessThan(0.1)
  })
})

describe('a chunk after a prefix', () => {
  it('has the prices by time of the docs', () => {
    expect(AFTER_PREFIX).toHaveLength(3 * 7 * 4)
    expect(docs).toContain(afterPrefixTable)
  })

  it('takes its share of pairs where its tiles fill the GPU and its prefix has 2,048 tokens and more', () => {
    const SMS = 132
    const filled = AFTER_PREFIX.filter(
      ({ shape, tokens, prefix }) => (tokens * Number(shape.split('x')[0])) / TILE >= SMS && prefix >= 2048,
    )
    expect(filled).toHaveLength(33)
    for (const { shape, tokens, prefix, ofUncut } of filled) {
      expect(ofUncut, `${shape}: ${tokens} after ${prefix}`).toBeGreaterThan(0.945)
      expect(ofUncut, `${shape}: ${tokens} after ${prefix}`).toBeLessThan(1.195)
    }
  })
})

describe('a time', () => {
  it('is worth 1 % in the median', () => {
    for (const { shape, rows: rowsOf } of SHAPES) {
      const before = new Map(rowsOf('equal').map(({ text, us }) => [text, us]))
      const twice = rowsOf('again').filter(({ text }) => before.has(text))
      expect(twice.length, shape).toBeGreaterThan(50)
      const apart = twice.map(({ text, us }) => Math.abs(us / (before.get(text) as number) - 1))
      expect(quantile(apart, 0.5), shape).toBeLessThan(0.013)
      expect(Math.max(...apart), shape).toBeLessThan(0.057)
    }
  })
})

describe('scripts/measure-prompts', () => {
  it.runIf(hasPython('measure-prompts'))('compiles', () => {
    expect(compiled('measure-prompts', ['measure.py'])).toEqual({ status: 0, stderr: '' })
  })

  it('wrote the rows that ship', () => {
    expect(head).toBe('gpu,date,query_heads,kv_heads,head_dim,family,slices,chunks,time_us')
    expect(rows).toHaveLength(1701)
    expect(rows.every(({ gpu, date, us }) => about.gpu.startsWith(gpu) && date === about.date && us > 0)).toBe(true)
  })
})
