import { readFileSync, statSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadSystem } from '../src/hardware/load.js'
import { loadModel } from '../src/models/load.js'
import type { Parallelism } from '../src/models/model.js'
import { operatorsOf } from '../src/models/operators.js'
import {
  buildStepTables,
  createStepTimer,
  evidenceOf,
  explainStep,
  promptsPs,
  splitMachine,
  type TimingRequest,
} from '../src/timing/index.js'
import { promptShare } from '../src/timing/price.js'
import { PLAIN_TIMING } from '../src/timing/request.js'

const cut = (tp: number, dp: number, moeTp: number, moeEp: number): Parallelism => ({ tp, pp: 1, dp, cp: 1, moeTp, moeEp })
const LLAMA = { model: loadModel('llama-3.1-70b'), precision: 'fp8', parallelism: cut(4, 1, 1, 1) } as const
const R1 = { model: loadModel('deepseek-r1'), precision: 'nvfp4', parallelism: cut(1, 16, 1, 16) } as const
const OSS = { model: loadModel('gpt-oss-120b'), precision: 'mxfp4', parallelism: cut(4, 1, 1, 4) } as const
const MODELS = [
  ['llama TP4', LLAMA],
  ['r1 DEP16', R1],
  ['gpt-oss TP4', OSS],
] as const
const GLM = { model: loadModel('glm-5'), precision: 'nvfp4', parallelism: cut(1, 8, 1, 8) } as const
const LIMITS = { ...PLAIN_TIMING, kvPrecision: 'fp8', maxNumSeqs: 256, maxNumBatchedTokens: 4096, maxModelLen: 65536 } as const
const SYSTEMS = ['gb200', 'gb300'] as const
const requestOf = (system: string, what: Pick<TimingRequest, 'model' | 'precision' | 'parallelism'>): TimingRequest => ({
  system: loadSystem(system),
  ...what,
  ...LIMITS,
})

/** A reproducible stream of numbers in [0, 1). */
function stream(): () => number {
  let state = 12345
  return () => {
    state = (state * 1103515245 + 12345) % 2 ** 31
    return state / 2 ** 31
  }
}

describe.each(SYSTEMS)('step tables on %s', (system) => {
  it.each(MODELS)('%s agrees with the sum of operators (p90 < 3 %%)', (_, what) => {
    const request = requestOf(system, what)
    const tables = buildStepTables(request)
    const timer = createStepTimer(tables)
    const random = stream()
    const errors: number[] = []
    for (let i = 0; i < 200; i++) {
      const n = i % 4 === 3 ? 0 : Math.floor(2 ** (random() * 8))
      const K = n * Math.floor(2 ** (6 + random() * 10)) + Math.floor(random() * n)
      // one chunk on any prefix, or several of any lengths
      const alone = [{ tokens: Math.floor(2 ** (random() * 11)) + 1, prefix: Math.floor(random() * 60000), emits: true }]
      const several = Array.from({ length: 2 + (i % 30) }, () => ({
        tokens: Math.floor(2 ** (random() * 7)) + 1,
        prefix: i % 3 ? 0 : Math.floor(random() * 3000),
        emits: true,
      }))
      const chunks = i % 2 === 0 ? [] : i % 5 ? alone : several
      if (n === 0 && chunks.length === 0) continue
      const exact = explainStep(
        request,
        Array.from({ length: tables.ranks }, () => ({ decode: { n, K }, chunks })),
      )
      const tokens = chunks.reduce((sum, chunk) => sum + chunk.tokens, n)
      let ps = tables.hostPs + timer.localPs(tokens) + timer.headPs(n + chunks.length) + timer.decodeRowsPs(n)
      ps += (n > 0 ? timer.kernelPs(n, K) : 0) + timer.sharedPs(tokens * tables.ranks) + timer.exchangePs(tokens)
      ps += promptsPs(timer, chunks)
      errors.push(Math.abs(ps / 1e6 / exact.totalUs - 1))
    }
    errors.sort((a, b) => a - b)
    expect(errors[Math.floor(errors.length * 0.9)]).toBeLessThan(0.03)
  })

  it.each(MODELS)('%s does so beside every tile edge of a GEMM, to 0.1 %%', (_, what) => {
    const request = requestOf(system, what)
    const tables = buildStepTables(request)
    const timer = createStepTimer(tables)
    const parts = (tokens: number): [number, number] => {
      const chunks = [{ tokens, prefix: 0, emits: false }]
      const { operators } = explainStep(
        request,
        Array.from({ length: tables.ranks }, () => ({ decode: { n: 0, K: 0 }, chunks })),
      )
      const of = (group: string) => operators.filter((one) => one.group === group).reduce((sum, { us }) => sum + us, 0)
      return [timer.localPs(tokens) / 1e6 / of('local'), timer.sharedPs(tokens * tables.ranks) / 1e6 - of('shared')]
    }
    // 256 rows a tile: one more row of any of these begins another
    for (const edge of [128, 256, 512, 1024, 1280, 2048, 3072]) {
      for (const tokens of [edge - 1, edge, edge + 1, edge + 2]) {
        const [local, sharedUs] = parts(tokens)
        expect(Math.abs(local - 1), `local at ${tokens}`).toBeLessThan(0.001)
        expect(Math.abs(sharedUs), `shared at ${tokens}`).toBeLessThan(1)
      }
    }
  })

  it('is monotone in tokens, sequences, KV length, chunk and prefix, in whole picoseconds', () => {
    for (const what of [LLAMA, R1, OSS]) {
      const tables = buildStepTables(requestOf(system, what))
      const timer = createStepTimer(tables)
      for (const row of [tables.localPs, tables.headPs, tables.decodeRowsPs, tables.sharedPs, tables.exchangePs]) {
        expect(row[0]).toBe(0)
        let broken = 0
        for (let i = 1; i < row.length; i++) if (row[i] < row[i - 1] || !Number.isInteger(row[i])) broken++
        expect(broken).toBe(0)
      }
      const n = fc.integer({ min: 1, max: 255 })
      const length = fc.integer({ min: 1, max: 65535 })
      fc.assert(
        fc.property(
          n,
          length,
          (a, b) =>
            timer.kernelPs(a, a * b + 1) >= timer.kernelPs(a, a * b) &&
            timer.kernelPs(a + 1, (a + 1) * b) >= timer.kernelPs(a, a * b),
        ),
      )
      const factor = fc.double({ min: 0.5, max: 4, noNaN: true })
      fc.assert(
        fc.property(n, length, fc.nat(254), factor, (a, b, rest, f) => {
          const kvTokens = a * b + (rest % a)
          const product = timer.kernelPs(a, kvTokens) * f
          const grown = timer.attentionPs(a, kvTokens + a, f) - timer.attentionPs(a, kvTokens, f)
          const again = timer.attentionPs(a, kvTokens + 2 * a, f) - timer.attentionPs(a, kvTokens + a, f)
          const sameColumn = Math.clz32(b) === Math.clz32(b + 2)
          return Math.abs(timer.attentionPs(a, kvTokens, f) - product) <= b / 2 + 2 + f && (!sameColumn || grown === again)
        }),
      )
      const chunk = fc.integer({ min: 1, max: 4095 })
      fc.assert(
        fc.property(
          chunk,
          length,
          (a, b) => timer.prefillPs(a + 1, b) >= timer.prefillPs(a, b) && timer.prefillPs(a, b) >= timer.prefillPs(a, b - 1),
        ),
      )
    }
  })

  // no less than any of them with all work on prefixes, and more the more there are (measured times are not quite so regular: 3 %)
  it.each([...MODELS, ['glm-5 DEP8', GLM]] as const)('%s: chunks that share a call take less than a call each', (_, what) => {
    const timer = createStepTimer(buildStepTables(requestOf(system, what)))
    for (const chunk of timer.tables.prefillChunkKnots)
      for (const prefix of timer.tables.prefillPrefixKnots) {
        const ownPs = timer.prefillPs(chunk, prefix) - timer.prefixPs(chunk, prefix)
        expect(ownPs).toBeGreaterThanOrEqual(-1)
        expect(ownPs).toBeLessThanOrEqual(timer.prefillPs(chunk, 0) + 1)
      }
    const upTo = (most: number) => fc.double({ min: 0, max: 1, noNaN: true }).map((u) => Math.round(most ** u))
    const any = fc.record({ tokens: upTo(2000), prefix: fc.oneof(fc.constant(0), upTo(60_000)) })
    fc.assert(
      fc.property(fc.array(any, { minLength: 1, maxLength: 80, size: 'max' }), any, (chunks, one) => {
        const price = promptsPs(timer, chunks)
        const alone = chunks.map(({ tokens, prefix }) => timer.prefillPs(tokens, prefix))
        const ofPrefixes = chunks.map(({ tokens, prefix }) => timer.prefixPs(tokens, prefix))
        const all = ofPrefixes.reduce((sum, ps) => sum + ps, 0)
        const sum = alone.reduce((total, ps) => total + ps, 0)
        expect(Number.isInteger(price)).toBe(true)
        expect(price).toBeLessThanOrEqual(sum)
        expect(price).toBeGreaterThanOrEqual(Math.min(sum, ...alone.map((ps, i) => ps + all - ofPrefixes[i])) - chunks.length)
        expect(price).toBeGreaterThanOrEqual(Math.max(...alone) - chunks.length)
        expect(promptsPs(timer, [...chunks, one])).toBeGreaterThanOrEqual(0.97 * price)
        expect(promptsPs(timer, [...chunks].reverse())).toBe(price)
      }),
    )
  })

  it.each([...MODELS, ['glm-5 DEP8', GLM]] as const)(
    '%s: they agree with the sum of operators, p90 below 0.04 of prefill attention',
    (_, what) => {
      const request = requestOf(system, what)
      const tables = buildStepTables(request)
      const timer = createStepTimer(tables)
      const random = stream()
      const errors = Array.from({ length: 100 }, () => {
        const chunks = Array.from({ length: 2 + Math.floor(random() * 14) }, () => ({
          tokens: Math.floor(2 ** (random() * 8)) + 1,
          prefix: random() < 0.5 ? 0 : Math.floor(2 ** (random() * 15)),
        }))
        const ranks = Array.from({ length: tables.ranks }, () => ({ decode: { n: 0, K: 0 }, chunks }))
        const operators = explainStep(request, ranks).operators.filter(({ group }) => group === 'prefill')
        return Math.abs(promptsPs(timer, chunks) / 1e6 / operators.reduce((sum, { us }) => sum + us, 0) - 1)
      }).sort((a, b) => a - b)
      expect(errors[90]).toBeLessThan(0.04)
    },
  )
})

// Decode step times in ms at (sequences per rank, KV length) (1, 1k), (64, 1k), (256, 4k), without host: sums of the same kernels by an
// independent program. DEP32 on GB200 is 1.05 x the GB300 column, because bad expert slices are limited to that.
it.each([
  ['gb200', LLAMA, [10, 11.4, 23.4]],
  ['gb300', LLAMA, [9.7, 11.2, 23.1]],
  ['gb200', { ...LLAMA, precision: 'nvfp4' }, [8.5, 9.5, 20.3]],
  ['gb200', OSS, [2.3, 4.3, 6.8]],
  ['gb300', OSS, [2.1, 4.2, 6.8]],
  ['gb200', { ...R1, parallelism: cut(1, 8, 1, 8) }, [13.5, 21.1, 37.4]],
  ['gb200', { ...R1, parallelism: cut(1, 32, 1, 32) }, [13.8, 20.1, 41.8]],
  ['gb300', { ...R1, parallelism: cut(1, 32, 1, 32) }, [13.1, 19.1, 39.8]],
  ['gb200', { ...R1, parallelism: cut(8, 1, 1, 8) }, [5.8, 13.7, 22.8]],
] as const)('decode steps on %s are within 12 %% of an independent sum (%#)', (system, what, expected) => {
  const tables = buildStepTables(requestOf(system, what))
  const timer = createStepTimer(tables)
  const points = [
    [1, 1024],
    [64, 1024],
    [256, 4096],
  ] as const
  points.forEach(([n, length], i) => {
    const ps =
      timer.localPs(n) +
      timer.headPs(n) +
      timer.decodeRowsPs(n) +
      timer.kernelPs(n, n * length) +
      timer.sharedPs(n * tables.ranks) +
      timer.exchangePs(n)
    expect(Math.abs(ps / 1e9 / expected[i] - 1)).toBeLessThan(0.12)
  })
})

it('explains a step of all ranks of an engine, not of some', () => {
  const request = requestOf('gb300', R1)
  for (const ranks of [[], Array.from({ length: request.parallelism.dp + 1 }, () => ({ decode: { n: 1, K: 1 }, chunks: [] }))])
    expect(() => explainStep(request, ranks)).toThrow(`batches of ${ranks.length} ranks for an engine of`)
})

it('names the evidence of every operator and the constants of the split model', () => {
  const request = requestOf('gb300', R1)
  const shares = evidenceOf(request)
  expect(Object.values(shares).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9)
  expect(shares.transferred).toBeGreaterThan(0)
  expect(shares.roofline).toBeGreaterThan(0)
  const ranks = Array.from({ length: request.parallelism.dp }, () => ({ decode: { n: 64, K: 64 * 2048 }, chunks: [] }))
  const evidenceByName = new Map(explainStep(request, ranks).operators.map(({ name, evidence }) => [name, evidence]))
  expect(evidenceByName.get('exchange dispatch')).toBe('transferred')
  expect(evidenceByName.get('norms')).toBe('roofline')
  expect(splitMachine(request)).toMatchObject({ headGroups: 2, bytesPerToken: 576, ctaOverheadNs: 8000 })
  expect(splitMachine(requestOf('gb200', LLAMA))).toMatchObject({ headGroups: 2, bytesPerToken: 256, ctaBandwidth: 125 })
})

it('shared experts are hidden in small steps and seen in large ones', () => {
  expect([promptShare(1), promptShare(512), promptShare(1024), promptShare(2048), promptShare(8192)]).toEqual([0, 0, 0.5, 1, 1])
})

it('explains the head for each decoding sequence and each chunk that completes its prompt, and for no other chunk', () => {
  const request = requestOf('gb200', LLAMA)
  const headUs = (n: number, ...emits: (boolean | undefined)[]) => {
    const chunks = emits.map((one) => ({ tokens: 128, prefix: 0, emits: one }))
    const { operators } = explainStep(request, [{ decode: { n, K: 1024 * n }, chunks }])
    const head = operators.filter(({ group }) => group === 'head')
    return head.length === 0 ? null : head.reduce((sum, { us }) => sum + us, 0)
  }
  expect([headUs(0, false), headUs(0, undefined, false)]).toEqual([null, null])
  expect(headUs(200, false)).toBe(headUs(200))
  expect(headUs(0, ...Array(200).fill(true), false)).toBe(headUs(200))
  expect(headUs(100, ...Array(100).fill(true))).toBe(headUs(200))
  expect(headUs(200)).toBeGreaterThan(headUs(100) as number)
})

it('refuses layouts that cannot be priced', () => {
  expect(() => operatorsOf({ ...LLAMA, kvPrecision: 'fp8', parallelism: cut(4, 2, 1, 1) })).toThrow(/dense/)
  expect(() => operatorsOf({ ...R1, kvPrecision: 'fp8', parallelism: cut(1, 8, 1, 16) })).toThrow(/moe_tp/)
  expect(() => operatorsOf({ ...LLAMA, kvPrecision: 'fp8', precision: 'mxfp4' })).toThrow(/no mxfp4/)
})

it('prices cuts of the experts that were not measured by their work, and says so', () => {
  const request = requestOf('gb200', { ...OSS, parallelism: cut(4, 1, 4, 1) })
  const experts = explainStep(request, [{ decode: { n: 64, K: 64 * 2048 }, chunks: [] }]).operators.find(
    ({ name }) => name === 'routed experts',
  )
  expect(experts).toMatchObject({ evidence: 'transferred', note: expect.stringMatching(/scaled by work/) })
})

it('ships at most 4 MB of tables with their licence', () => {
  const files = SYSTEMS.map((system) => new URL(`../data/timing/${system}.bin`, import.meta.url))
  expect(files.reduce((sum, file) => sum + statSync(file).size, 0)).toBeLessThan(4e6)
  for (const file of files) expect(readFileSync(file, 'latin1')).toContain('Apache-2.0')
})
