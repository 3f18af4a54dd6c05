import { describe, expect, it } from 'vitest'
import { loadSystem } from '../src/hardware/load.js'
import { loadModel } from '../src/models/load.js'
import type { Parallelism } from '../src/models/model.js'
import type { BatchOfRank } from '../src/timing/explain.js'
import {
  buildStepTables,
  calibrationSchema,
  constantsOf,
  createStepTimer,
  explainStep,
  loadCalibration,
  NEUTRAL,
  PLAIN_TIMING,
  PROFILES,
  type TimingRequest,
} from '../src/timing/index.js'
import { moePathOf } from '../src/timing/profiles.js'

const cut = (tp: number, dp: number, moeTp: number, moeEp: number): Parallelism => ({ tp, pp: 1, dp, cp: 1, moeTp, moeEp })
const DEP8: TimingRequest = {
  ...PLAIN_TIMING,
  system: loadSystem('gb200'),
  model: loadModel('deepseek-r1'),
  precision: 'nvfp4',
  kvPrecision: 'fp8',
  parallelism: cut(1, 8, 1, 8),
  maxNumSeqs: 128,
  maxNumBatchedTokens: 512,
  maxModelLen: 16384,
  role: 'decode',
}
/** The batches of a DEP8 engine: ranks behind these do nothing. */
const ranksOf = (...first: BatchOfRank[]): BatchOfRank[] =>
  Array.from({ length: 8 }, (_, rank) => first[rank] ?? { decode: { n: 0, K: 0 }, chunks: [] })
const TEP4 = { ...DEP8, parallelism: cut(4, 1, 1, 4) }
const FP8 = { ...DEP8, precision: 'fp8' } as const
const SHARDED = { ...FP8, parallelism: cut(4, 1, 4, 1) }
const fitted = constantsOf(loadCalibration())

describe('constants of a profile', () => {
  it('leave a plan alone when they are neutral, but for the host time that is assumed where no stack is named', () => {
    const plain = buildStepTables(FP8)
    for (const profile of PROFILES.filter((name) => name !== 'sglang-2025-dep24')) {
      const { hostPs, exchangePs, ...rest } = buildStepTables({ ...FP8, profile })
      expect(hostPs).toBe(profile === 'generic' ? plain.hostPs : 0)
      // SGLang exchanges tokens with kernels of its own.
      if (!profile.startsWith('sglang')) expect(exchangePs).toEqual(plain.exchangePs)
      expect({ ...rest, hostPs: 0, exchangePs: 0 }).toEqual({ ...plain, hostPs: 0, exchangePs: 0 })
    }
  })

  it('slow every group of an old release, and the experts by their kernel path', () => {
    const constants = { ...NEUTRAL, era2025: 1.25, expertsCuteDsl: 0.5, hostPythonMs: 2 }
    const plain = buildStepTables({ ...DEP8, profile: 'sglang-2025' })
    const old = buildStepTables({ ...DEP8, profile: 'sglang-2025', constants })
    expect(old.localPs[64] / plain.localPs[64]).toBeCloseTo(1.25, 6)
    expect(old.exchangePs[64] / plain.exchangePs[64]).toBeCloseTo(1.25, 6)
    expect(old.kernelBasePs[64 * old.kernelColumns + 10] / plain.kernelBasePs[64 * old.kernelColumns + 10]).toBeCloseTo(1.25, 6)
    expect(old.sharedPs[512] / plain.sharedPs[512]).toBeCloseTo(0.625, 6)
    expect(old.hostPs).toBe(2.5e9)
  })

  it('belong to the kernel path that runs: NVFP4 or FP8, data parallel, tensor parallel or sharded', () => {
    const path = (request: TimingRequest) => moePathOf({ ...request, profile: 'trtllm-2026' })
    expect([DEP8, TEP4, FP8, SHARDED].map(path)).toEqual(['cutedsl', 'trtllm-gen', 'deepgemm', 'trtllm-gen'])
    expect(moePathOf({ ...DEP8, profile: 'trtllm-2026', moePath: 'cutlass' })).toBe('cutlass')
    expect(moePathOf(DEP8)).toBe('auto')
    const constants = { ...NEUTRAL, expertsDeepGemm: 1.5, expertsCuteDsl: 0.25 }
    const shared = (request: TimingRequest, more: Partial<TimingRequest> = {}) =>
      buildStepTables({ ...request, profile: 'trtllm-2026', ...more }).sharedPs[64]
    const share = (request: TimingRequest) => shared(request, { constants }) / shared(request)
    expect(share(FP8)).toBeCloseTo(1.5, 6)
    expect(share(DEP8)).toBeCloseTo(0.25, 6)
    expect(share(TEP4)).toBe(1)
    expect(share(SHARDED)).toBe(1)
    // Small batches: the low-latency kernels beat the general ones; FP8 stands on the NVFP4 rows.
    expect(shared(TEP4)).toBeLessThan(shared(TEP4, { moePath: 'cutlass' }))
    expect(shared(SHARDED) / shared({ ...SHARDED, precision: 'nvfp4' })).toBeCloseTo(1 / 0.5625, 6)
  })

  it('lengthen all-reduces by the doublings of their GPUs, where experts are spread or more GPUs take part than were measured', () => {
    const constants = { ...NEUTRAL, allReduceHopUs: 2 }
    const host = (tp: number, moeEp: number) =>
      buildStepTables({ ...DEP8, parallelism: cut(tp, 1, tp / moeEp, moeEp), profile: 'trtllm-2026', constants }).hostPs
    const doubling = 61 * 2 * 2 * 1e6
    expect([host(2, 2), host(4, 4), host(8, 8)]).toEqual([doubling, 2 * doubling, 3 * doubling])
    expect([host(4, 1), host(8, 1)]).toEqual([0, 3 * doubling])
    // one rank sums with nobody; under attention DP only what its tp ranks cut is summed
    expect(buildStepTables({ ...DEP8, profile: 'trtllm-2026', constants }).hostPs).toBe(0)
  })

  it('price the choice of tokens of a sparse attention by layer and by decoded position, drafts too', () => {
    const glm: TimingRequest = { ...DEP8, model: loadModel('glm-5'), profile: 'trtllm-2026' }
    const constants = { ...NEUTRAL, sparseIndexerUs: 10, sparseTokenUs: 2 }
    const rows = (request: TimingRequest) => buildStepTables(request).decodeRowsPs[64]
    expect(buildStepTables({ ...glm, constants }).hostPs).toBe(78 * 10 * 1e6)
    expect((rows({ ...glm, constants }) - rows(glm)) / 1e6).toBeCloseTo(78 * 2 * 64, 3)
    expect((rows({ ...glm, constants, draftTokens: 1 }) - rows({ ...glm, draftTokens: 1 })) / 1e6).toBeCloseTo(79 * 2 * 128, 3)
    expect(rows({ ...DEP8, constants })).toBe(rows(DEP8))
    const { operators } = explainStep({ ...glm, constants }, ranksOf({ decode: { n: 4, K: 8192 }, chunks: [] }))
    expect(operators.find(({ name }) => name === 'sparse indexer')?.us).toBeCloseTo(78 * 2 * 4, 6)
    // a rank of few long contexts waits for one of many short ones
    const ranks = ranksOf({ decode: { n: 64, K: 64 * 500 }, chunks: [] }, { decode: { n: 16, K: 16 * 30_000 }, chunks: [] })
    const gatingRank = (sparseTokenUs: number) =>
      explainStep({ ...glm, constants: { ...NEUTRAL, sparseTokenUs } }, ranks).gatingRank
    expect([gatingRank(0), gatingRank(10)]).toEqual([1, 0])
  })

  it('bound the verifying of drafts by the peak of the system that is asked for, whichever came first', () => {
    const { fp8 } = DEP8.system.denseFlops
    const slow = { ...DEP8.system, denseFlops: { ...DEP8.system.denseFlops, fp8: { ...fp8, value: fp8.value / 2 } } }
    const drafting: TimingRequest = { ...DEP8, role: 'decode', draftTokens: 3 }
    const stepPs = (system: TimingRequest['system']) =>
      createStepTimer(buildStepTables({ ...drafting, system })).kernelPs(64, 64 * 65_536)
    expect(stepPs(slow) / stepPs(DEP8.system)).toBeCloseTo(2, 1)
  })

  it('leave the keys that it reads of every KV token to the tables, whatever splits the attention; no other model has any', () => {
    const glm: TimingRequest = { ...DEP8, model: loadModel('glm-5') }
    const tables = buildStepTables(glm)
    expect(tables.keyTokenPs).toBe(Math.round((78 * 132 * 1e6) / 6.4e6))
    const timer = createStepTimer(tables)
    const { keyTokenPs: _, ...without } = tables
    const keyless = createStepTimer(without)
    for (const factor of [1, 1.7]) {
      const more = timer.attentionPs(64, 64 * 30_000, factor) - keyless.attentionPs(64, 64 * 30_000, factor)
      expect(more).toBe(timer.keysPs(64 * 30_000))
    }
    const step = explainStep(glm, ranksOf({ decode: { n: 64, K: 64 * 30_000 }, chunks: [] }))
    const keys = step.operators.find(({ name }) => name === 'decode indexer scores')?.us as number
    expect(keys / 1e3).toBeGreaterThan(3)
    expect(timer.keysPs(64 * 30_000) / 1e6 / keys).toBeCloseTo(1, 3)
    expect(buildStepTables(DEP8)).not.toHaveProperty('keyTokenPs')
  })
})

describe('an engine that serves both phases, constants of which were fitted on engines of one', () => {
  const named = PROFILES.filter((name) => name !== 'generic' && name !== 'sglang-2025-dep24')
  const engines = [DEP8, FP8, TEP4, SHARDED].flatMap((engine) =>
    named.map((profile) => ({ ...engine, profile, constants: fitted })),
  )
  const prompts = [{ tokens: 8192, prefix: 0, emits: true }]
  const explained = (request: TimingRequest, role: TimingRequest['role'], n: number, chunks = prompts) => {
    const rank = { decode: { n, K: n * 4096 }, chunks }
    const ranks = Array.from({ length: request.parallelism.dp }, () => rank)
    return explainStep({ ...request, maxNumBatchedTokens: 8192, role }, ranks).operators
  }
  const usOf = (operators: ReturnType<typeof explained>, without: readonly string[] = []) =>
    operators.reduce((sum, { group, name, us }) => sum + (group === 'host' || without.includes(name) ? 0 : us), 0)

  it('takes as long for a prompt as a prefill engine, and for decoding sequences as a decode engine', () => {
    for (const request of engines) {
      expect(usOf(explained(request, 'aggregated', 0)) / usOf(explained(request, 'prefill', 0))).toBeCloseTo(1, 2)
      // few tokens on a rank; SGLang's decode engines exchange them with other kernels, and modules were measured whole in decode alone
      const exchange = ['exchange dispatch', 'exchange combine']
      const [both, decode] = (['aggregated', 'decode'] as const).map((role) => usOf(explained(request, role, 64, []), exchange))
      expect(both / decode).toBeGreaterThan(0.95)
      expect(both / decode).toBeLessThan(1.05)
    }
  })

  it('takes as long for decoding sequences alone as a decode engine, however many they are and whatever they draft', () => {
    for (const request of engines) {
      for (const [n, draftTokens] of [
        [128, 3],
        [256, 3],
        [1024, 0],
      ]) {
        const full = { ...request, maxNumSeqs: n, draftTokens }
        const exchange = ['exchange dispatch', 'exchange combine', 'exchange prepare']
        const us = (role: TimingRequest['role'], profile: TimingRequest['profile'] = request.profile) =>
          usOf(explained({ ...full, profile }, role, n, []), exchange)
        // shared experts, which decode engines hide, are seen in large steps of both phases: the constants are not what differs
        const seen = us('aggregated', 'generic') / us('decode', 'generic')
        expect(us('aggregated') / us('decode') / seen, `${request.profile} ${n} ${draftTokens}`).toBeGreaterThan(0.9)
        expect(us('aggregated') / us('decode') / seen, `${request.profile} ${n} ${draftTokens}`).toBeLessThan(1.12)
      }
    }
  })

  it('goes from the one to the other as a step fills up, and never gets cheaper with more tokens', () => {
    for (const request of engines) {
      const { sharedPs, localPs, exchangePs } = buildStepTables({ ...request, maxNumBatchedTokens: 4096, role: 'aggregated' })
      for (const table of [sharedPs, localPs, exchangePs])
        expect(table.every((ps, i) => i === 0 || ps >= table[i - 1])).toBe(true)
      const plain = buildStepTables({ ...request, maxNumBatchedTokens: 4096, role: 'aggregated', constants: NEUTRAL })
      const { dp } = request.parallelism
      // where it takes no more time to serve more tokens, a falling factor is held up
      if (dp === 1) continue
      const factors = [256, 512, 1024, 2048, 4096].map((tokens) => sharedPs[tokens * dp] / plain.sharedPs[tokens * dp])
      expect(factors[0]).toBeCloseTo(factors[1], 3)
      expect(factors[2]).toBeCloseTo((factors[1] + factors[3]) / 2, 3)
      expect(factors[3]).toBeCloseTo(factors[4], 3)
    }
  })

  it('explains as much as the tables price, and between which constants', () => {
    for (const request of engines.filter(({ parallelism }) => parallelism.dp > 1)) {
      const { dp } = request.parallelism
      const timer = createStepTimer(buildStepTables({ ...request, maxNumBatchedTokens: 8192, role: 'aggregated' }))
      const operators = explained(request, 'aggregated', 0, [{ tokens: 1024, prefix: 0, emits: true }])
      const shared = operators.filter(({ group }) => group === 'shared').reduce((sum, { us }) => sum + us, 0)
      expect(timer.tables.sharedPs[1024 * dp] / 1e6 / shared).toBeCloseTo(1, 2)
    }
    const sglang = explained({ ...DEP8, profile: 'sglang-2026', constants: fitted }, 'aggregated', 0, [
      { tokens: 1024, prefix: 0, emits: true },
    ])
    expect(sglang.find(({ group }) => group === 'shared')?.note).toMatch(/x [\d.]+ between expertsCuteDsl and prefillSglangDp/)
  })
})

describe('a release that replays one captured graph of 768 sequences', () => {
  const request: TimingRequest = {
    ...FP8,
    kvPrecision: 'bf16',
    profile: 'sglang-2025-dep24',
    maxNumSeqs: 1024,
    maxNumBatchedTokens: 1024,
  }
  const [padded, live] = [buildStepTables(request), buildStepTables({ ...request, profile: 'sglang-2025' })]
  const [inGraph, alone] = [createStepTimer(padded), createStepTimer(live)]

  it('pays token-wise work for all its rows, experts and exchange for the live tokens', () => {
    for (const price of ['localPs', 'headPs', 'decodeRowsPs'] as const) {
      // tables never fall: where measured times dip at 768, those without a graph keep the larger time of fewer rows
      const share = inGraph[price](1) / alone[price](768)
      expect(share > 0.95 && share < 1.01, `${price} ${share}`).toBe(true)
      expect(inGraph[price](1)).toBe(inGraph[price](760))
      expect(inGraph[price](1000) / alone[price](1000)).toBeCloseTo(1, 2)
      expect(inGraph[price](0)).toBe(0)
    }
    expect(padded.sharedPs).toEqual(live.sharedPs)
    expect(padded.exchangePs).toEqual(live.exchangePs)
  })

  it('reads the live KV in a launch of 768 sequences', () => {
    expect(inGraph.kernelPs(24, 24 * 8192) / alone.kernelPs(768, 24 * 8192)).toBeCloseTo(1, 2)
    expect(inGraph.kernelPs(900, 900 * 8192)).toBe(alone.kernelPs(900, 900 * 8192))
    expect(inGraph.kernelPs(1, 1)).toBe(alone.kernelPs(768, 768))
  })

  it('is explained by the operators that its tables add up, and prefill runs without graphs', () => {
    const ranks = Array.from({ length: 8 }, () => ({ decode: { n: 4, K: 4 * 8192 }, chunks: [] }))
    const { totalUs, operators } = explainStep(request, ranks)
    const ps = inGraph.localPs(4) + inGraph.headPs(4) + inGraph.decodeRowsPs(4) + inGraph.kernelPs(4, 4 * 8192)
    expect((ps + inGraph.sharedPs(32) + inGraph.exchangePs(4)) / 1e6 / totalUs).toBeCloseTo(1, 2)
    expect(operators.filter(({ note }) => note.includes('in a graph of 768 rows')).map(({ group }) => group)).toContain('kernel')
    const { localPs } = buildStepTables({ ...request, role: 'prefill' })
    expect(localPs).toEqual(buildStepTables({ ...request, role: 'prefill', profile: 'sglang-2025' }).localPs)
  })
})

it('activations are quantised in the pass before: FP8 and NVFP4 linear layers lose their own quantisation, down to the read of the weights', () => {
  const llama = { ...DEP8, model: loadModel('llama-3.1-70b'), parallelism: cut(4, 1, 1, 1), role: 'aggregated' } as const
  for (const precision of ['fp8', 'nvfp4', 'bf16'] as const) {
    const own = buildStepTables({ ...llama, precision })
    const before = buildStepTables({ ...llama, precision, profile: 'vllm-2026' })
    if (precision === 'bf16') expect(before.localPs).toEqual(own.localPs)
    // 80 layers of four calls of 3 to 12 us.
    const savedUs = (own.localPs[16] - before.localPs[16]) / 1e6
    if (precision !== 'bf16') expect(savedUs > 320 * 3 && savedUs < 320 * 12, `${precision} ${savedUs}`).toBe(true)
    const bytes = 80 * 0.5 * (2 * 8192 * 8192 + 3 * 8192 * 28672)
    expect(before.localPs[1]).toBeGreaterThan((bytes / 4 / 8e6) * 1e6)
  }
})

describe('roles', () => {
  it('a prefill step sees its shared experts, a decode step hides them', () => {
    const [decode, prefill] = (['decode', 'prefill'] as const).map((role) => buildStepTables({ ...DEP8, role }))
    expect(prefill.localPs[64]).toBeGreaterThan(decode.localPs[64])
    expect(prefill.sharedPs).toEqual(decode.sharedPs)
    const { operators } = explainStep({ ...DEP8, role: 'decode' }, ranksOf({ decode: { n: 4, K: 4096 }, chunks: [] }))
    const shared = operators.find(({ name }) => name === 'shared expert down')
    expect([shared?.us, shared?.note]).toEqual([0, expect.stringContaining('hidden beside the routed experts')])
  })

  it('the stack multiplies prefill steps by layout', () => {
    const constants = {
      ...NEUTRAL,
      prefillSglangDp: 2,
      prefillSglangDeepEp: 1.5,
      prefillSglangTp: 0.5,
      prefillSglangFp8Slow: 5,
      prefillTrtllm: 0.75,
      era2025: 3,
    }
    const factor = (request: TimingRequest, profile: TimingRequest['profile']) =>
      buildStepTables({ ...request, role: 'prefill', profile, constants }).localPs[100] /
      buildStepTables({ ...request, role: 'prefill', profile }).localPs[100]
    expect(factor(DEP8, 'sglang-2026')).toBeCloseTo(2, 6)
    expect(factor(FP8, 'sglang-2026')).toBeCloseTo(1.5, 6)
    expect(factor(TEP4, 'sglang-2026')).toBeCloseTo(0.5, 6)
    expect(factor(DEP8, 'trtllm-2026')).toBeCloseTo(0.75, 6)
    expect(factor(SHARDED, 'sglang-2026')).toBeCloseTo(5, 6)
    // the slow release prefills FP8 like engines without attention data parallelism, and NVFP4 like its stack
    expect(factor(FP8, 'sglang-2025-dep24')).toBeCloseTo(5 * 3, 6)
    expect(factor({ ...TEP4, precision: 'fp8' }, 'sglang-2025-dep24')).toBeCloseTo(5 * 3, 6)
    expect(factor({ ...TEP4, precision: 'fp8' }, 'sglang-2025')).toBeCloseTo(0.5 * 3, 6)
    expect(factor(DEP8, 'sglang-2025-dep24')).toBeCloseTo(2 * 3, 6)
    expect(factor(DEP8, 'trtllm-2025')).toBeCloseTo(3 * 0.75, 6)
    expect(factor(DEP8, 'vllm-2026')).toBeCloseTo(0.75, 6)
  })

  it.each([
    ['decode DEP8, 1 draft', { ...DEP8, draftTokens: 1 }],
    ['decode DEP8, 3 drafts', { ...DEP8, draftTokens: 3 }],
    ['decode TEP4, 3 drafts', { ...TEP4, draftTokens: 3 }],
    ['old FP8 decode', { ...FP8, profile: 'trtllm-2025', constants: fitted }],
    [
      'decode of Kimi-K2.5 DEP16',
      { ...DEP8, model: loadModel('kimi-k2.5'), parallelism: cut(1, 16, 1, 16), profile: 'trtllm-2026', constants: fitted },
    ],
    [
      'decode of GLM-5 TEP8, 1 draft',
      {
        ...DEP8,
        model: loadModel('glm-5'),
        parallelism: cut(8, 1, 1, 8),
        draftTokens: 1,
        profile: 'trtllm-2026',
        constants: fitted,
      },
    ],
    [
      'decode of Qwen3-235B TEP4',
      { ...DEP8, model: loadModel('qwen3-235b'), parallelism: cut(4, 1, 1, 4), profile: 'vllm-2026', constants: fitted },
    ],
    ['decode of GLM-5 DEP8', { ...DEP8, model: loadModel('glm-5'), profile: 'trtllm-2026', constants: fitted }],
    [
      'prefill of GLM-5 DEP4',
      {
        ...DEP8,
        model: loadModel('glm-5'),
        parallelism: cut(1, 4, 1, 4),
        role: 'prefill',
        maxNumBatchedTokens: 8192,
        profile: 'trtllm-2026',
        constants: fitted,
      },
    ],
    ['prefill DEP8', { ...DEP8, role: 'prefill', maxNumBatchedTokens: 8192, profile: 'trtllm-2026', constants: fitted }],
    ['prefill TEP4', { ...TEP4, role: 'prefill', maxNumBatchedTokens: 8192, profile: 'sglang-2026', constants: fitted }],
  ] as const)('%s: the tables agree with the sum of operators', (_, request) => {
    const tables = buildStepTables(request as TimingRequest)
    const timer = createStepTimer(tables)
    const positions = request.draftTokens + 1
    const errors: number[] = []
    for (let i = 0; i < 120; i++) {
      const n = request.role === 'prefill' ? 0 : 1 + ((i * 37) % 128)
      const K = n * (50 + ((i * 97) % 9000))
      const chunks = request.role === 'prefill' ? [{ tokens: 1 + ((i * 271) % 8000), prefix: (i * 131) % 7000, emits: true }] : []
      const tokens = n * positions + (chunks[0]?.tokens ?? 0)
      const ranks = Array.from({ length: tables.ranks }, () => ({ decode: { n, K }, chunks }))
      let ps = tables.hostPs + timer.localPs(tokens) + timer.headPs(n * positions + chunks.length) + timer.decodeRowsPs(n)
      ps +=
        timer.sharedPs(tokens * tables.ranks) + timer.exchangePs(tokens) + (n > 0 ? timer.kernelPs(n, K) + timer.keysPs(K) : 0)
      for (const { tokens: chunk, prefix } of chunks) ps += timer.prefillPs(chunk, prefix)
      errors.push(Math.abs(ps / 1e6 / explainStep(request as TimingRequest, ranks).totalUs - 1))
    }
    errors.sort((a, b) => a - b)
    expect(errors[Math.floor(errors.length * 0.9)]).toBeLessThan(0.03)
  })

  it('drafts cost a step something, and less than steps of their own would', () => {
    const decode = (draftTokens: number) => {
      const tables = buildStepTables({ ...DEP8, draftTokens })
      const timer = createStepTimer(tables)
      const tokens = 16 * (draftTokens + 1)
      const own = timer.localPs(tokens) + timer.headPs(tokens) + timer.decodeRowsPs(16) + timer.kernelPs(16, 16 * 2000)
      return own + timer.sharedPs(8 * tokens) + timer.exchangePs(tokens)
    }
    expect(decode(1)).toBeGreaterThan(decode(0))
    expect(decode(3)).toBeGreaterThan(decode(1))
    expect(decode(1)).toBeLessThan(2 * decode(0))
    const { maxTokens, localPs, headPs } = buildStepTables({ ...DEP8, draftTokens: 7 })
    expect([maxTokens, localPs.length, headPs.length]).toEqual([1024, 1025, 1025])
  })
})

describe('the calibration file', () => {
  it('gives every constant a value within its spread, a meaning, a unit and a source; at most sixteen', () => {
    const { constants } = loadCalibration()
    expect(Object.keys(constants).sort()).toEqual(Object.keys(NEUTRAL).sort())
    expect(Object.keys(constants).length).toBeLessThanOrEqual(16)
    for (const [name, { value, low, high, neutral }] of Object.entries(constants)) {
      expect(value >= low && value <= high, name).toBe(true)
      expect(neutral).toBe(NEUTRAL[name as keyof typeof NEUTRAL])
    }
  })

  it('is refused when a constant is missing or unknown', () => {
    const { era2025, ...rest } = loadCalibration().constants
    const file = (constants: unknown) => calibrationSchema.safeParse({ title: 't', rows: 1, constants }).success
    expect(file({ era2025, ...rest })).toBe(true)
    expect(file(rest)).toBe(false)
    expect(file({ era2025, ...rest, more: era2025 })).toBe(false)
  })
})
