/** The time of one operator against the rows that it is derived from: ratios that follow from its definition, whatever the tables say. */
import { describe, expect, it } from 'vitest'
import { loadSystem } from '../src/hardware/load.js'
import { loadModel } from '../src/models/load.js'
import type { ModelSpec } from '../src/models/model.js'
import type { AllReduce, AllToAll, Gather, Gemm, Gqa, Mla, Moe, Operator } from '../src/models/operator.js'
import { operatorsOf } from '../src/models/operators.js'
import { priceRequest } from '../src/timing/groups.js'
import { PLAIN_TIMING, type TimingRequest } from '../src/timing/index.js'
import { type PricedOperator, priceOperators, transferred } from '../src/timing/price.js'
import { kernelsOf } from '../src/timing/profiles.js'
import { loadTables } from '../src/timing/slices.js'
import { R1_EXPERTS } from './fixtures/experts.js'

const priced = (operator: Operator) => priceOperators([operator], loadTables('gb200'))[0]
const us = (operator: Operator, x: number, y = 0): number => priced(operator).us(x, y)
const common = { name: 'x', count: 1 } as const

const sum: AllReduce = { ...common, group: 'local', kind: 'allreduce', gpus: 4, elementsPerToken: 7168 }
const exchange: AllToAll = {
  ...common,
  group: 'exchange',
  kind: 'alltoall',
  leg: 'dispatch',
  type: 'nvfp4',
  ep: 8,
  moeTp: 1,
  hidden: 7168,
  topk: 8,
  gpusPerRank: 1,
}
const gather: Gather = {
  ...common,
  group: 'exchange',
  kind: 'gather',
  leg: 'all-gather',
  type: 'half',
  gpus: 4,
  elementsPerToken: 4 * 7168,
}
const mla = { ...common, kv: 'fp8', heads: 128, width: 1 } as const
const mlaDecode: Mla = { ...mla, group: 'kernel', kind: 'mla_decode' }
const mlaPrefill: Mla = { ...mla, group: 'prefill', kind: 'mla_prefill' }
const gqa = { ...common, heads: 16, kvHeads: 2, headDim: 128, window: 0, math: 'bfloat16', kv: 'bf16' } as const
const gqaPrefill: Gqa = { ...gqa, group: 'prefill', kind: 'gqa_prefill' }

describe('collectives', () => {
  it('an all-reduce over more GPUs than were measured moves more by the ring, (g - 1) / g of the vector', () => {
    for (const tokens of [1, 64, 4096]) expect(us({ ...sum, gpus: 8 }, tokens) / us(sum, tokens)).toBeCloseTo(7 / 8 / (3 / 4), 9)
    expect(priced({ ...sum, gpus: 8 }).evidence(64, 0).evidence).toBe('transferred')
  })

  it('DeepEP sends a message to each remote expert, never fewer than on the node where it was measured', () => {
    const at = (ep: number) => us({ ...exchange, kernel: 'deepep-ll', ep }, 64)
    expect(at(32) / at(4)).toBeCloseTo((1 - 1 / 32) / (1 - 1 / 4), 9)
    expect(at(2)).toBe(at(4))
  })

  it('the two-sided exchange sends a token once to each remote rank that holds one of its experts', () => {
    const remote = (topk: number) => 31 * (1 - (1 - 1 / 32) ** topk)
    const wide = { ...exchange, ep: 32 }
    expect(us({ ...wide, topk: 4 }, 1024)).toBeCloseTo(us(wide, (1024 * remote(4)) / remote(8)), 9)
    expect(us({ ...wide, hidden: 3584, gpusPerRank: 2 }, 1024)).toBeCloseTo(us(wide, 256), 9)
  })

  it('an exchange sends a token to every share of an expert, on GPUs beside the sender too', () => {
    const cut = { ...exchange, ep: 4, moeTp: 2 }
    expect(us(cut, 300)).toBeCloseTo(us({ ...cut, moeTp: 1 }, 700), 9)
    expect(priced(cut).evidence(64, 0)).toEqual({ evidence: 'transferred', note: 'to every share of an expert, by bytes' })
  })

  it('a gather over more ranks than were measured moves more by the ring, and half the bytes take half the time', () => {
    for (const leg of ['all-gather', 'reduce-scatter'] as const) {
      const wide = { ...gather, leg, gpus: 8, elementsPerToken: 8 * 7168 }
      expect(us(wide, 512) / us({ ...gather, leg }, 1024)).toBeCloseTo(7 / 8 / (3 / 4), 9)
      expect(priced(wide).evidence(64, 0)).toEqual({ evidence: 'transferred', note: 'from 4 GPUs by ring volume' })
    }
    expect(us({ ...gather, type: 'int8' }, 4096) / us(gather, 4096)).toBeCloseTo(0.5, 1)
  })

  it('experts that every rank holds a share of gather the tokens of all ranks: no row is needed for an exchange of one', () => {
    const cut = { tp: 1, pp: 1, dp: 8, cp: 1, moeTp: 8, moeEp: 1 }
    const exchanges = (precision: 'nvfp4' | 'fp8', parallelism = cut) =>
      operatorsOf({ model: loadModel('deepseek-r1'), precision, kvPrecision: 'fp8', parallelism }).filter(
        ({ group }) => group === 'exchange',
      )
    expect(exchanges('fp8')).toMatchObject([
      { kind: 'gather', leg: 'all-gather', type: 'half', gpus: 8, count: 58, elementsPerToken: 8 * 7168 },
      { kind: 'gather', leg: 'reduce-scatter', type: 'half', gpus: 8, count: 58, elementsPerToken: 8 * 7168 },
    ])
    expect(exchanges('nvfp4')).toMatchObject([{ type: 'int8', elementsPerToken: 4.5 * 7168 }, { type: 'half' }])
    expect(exchanges('fp8', { ...cut, moeTp: 4, moeEp: 2 }).map(({ kind }) => kind)).toEqual(['alltoall', 'alltoall', 'alltoall'])
  })

  it('a one-sided dispatch was measured with NVFP4 alone and goes by bytes, a combine is bf16 in all formats', () => {
    const one = { ...exchange, kernel: 'one-sided' } as const
    for (const tokens of [256, 2048]) {
      expect(us({ ...one, type: 'bfloat16' }, tokens) / us(one, (tokens * 2) / 0.5625)).toBeCloseTo(1, 1)
      expect(us({ ...one, type: 'bfloat16' }, tokens)).toBeGreaterThan(1.5 * us(one, tokens))
    }
    const combine = { ...one, leg: 'combine' } as const
    expect(us({ ...combine, type: 'bfloat16' }, 256)).toBeCloseTo(us(combine, 256), 9)
  })
})

describe('attention', () => {
  describe('of a chunk, where an indexer chooses tokens', () => {
    const glm = loadModel('glm-5')
    const request = { model: glm, parallelism: { tp: 1, pp: 1, dp: 4, cp: 1, moeTp: 1, moeEp: 4 }, role: 'prefill' } as const
    const types = { precision: 'nvfp4', kvPrecision: 'fp8' } as const
    const prefill = (model: ModelSpec) => operatorsOf({ ...request, ...types, model }).filter(({ group }) => group === 'prefill')
    const sum = (operators: readonly Operator[], chunk: number, prefix: number) =>
      operators.reduce((total, operator) => total + operator.count * us(operator, chunk, prefix), 0)
    const { sparseIndexer: indexer, ...plain } = glm.attention as Extract<ModelSpec['attention'], { kind: 'mla' }>
    const dense = prefill({ ...glm, attention: plain })
    const [attention, queries, keys, scores] = prefill(glm)
    const projections = [queries, keys]

    it('reads the chosen tokens of a long context, each as a decoding sequence would', () => {
      const [kernel] = operatorsOf({ ...request, ...types }).filter(({ kind }) => kind === 'mla_decode')
      const [pre, post] = operatorsOf({ ...request, ...types }).filter(({ kind }) => kind === 'mla_bmm')
      expect(us(attention, 8192, 120_000)).toBeCloseTo(us(kernel, 8192, 2048) + us(pre, 8192) + us(post, 8192), 6)
      expect(priced(attention).evidence(8192, 120_000).note).toContain('in the place of a sequence')
    })

    it('is never slower than dense attention, and is dense where that is faster', () => {
      for (const prefix of [0, 900, 5000, 20_000, 120_000])
        for (const chunk of [1, 100, 512, 1024, 3000, 8192])
          expect(sum([attention], chunk, prefix)).toBeLessThanOrEqual(sum(dense, chunk, prefix) + 1e-6)
      for (const chunk of [1024, 2048, 4096]) expect(sum([attention], chunk, 0)).toBeCloseTo(sum(dense, chunk, 0), 6)
      expect(priced(attention).evidence(4096, 0).note).toBe('dense attention, though tokens are chosen')
    })

    it('takes a seventh of dense attention after 120,000 tokens, scores included, and more than its products at the peaks', () => {
      const [chunk, prefix] = [8192, 120_000]
      const total = sum([attention, ...projections, scores], chunk, prefix)
      expect(total).toBeLessThan(sum(dense, chunk, prefix) / 7)
      const pairs = chunk * prefix + (chunk * (chunk + 1)) / 2
      const { heads, dim } = indexer as NonNullable<typeof indexer>
      expect(sum([scores], chunk, prefix)).toBeGreaterThan((78 * pairs * 2 * heads * dim) / 5e9)
      expect(sum([attention], chunk, prefix)).toBeGreaterThan((78 * chunk * 2048 * 64 * 2 * (512 + 576)) / 5e9)
    })

    it('scores nothing where all tokens are chosen, and at least reads the keys of a long context', () => {
      expect(us(scores, 2048, 0)).toBe(0)
      expect(us(scores, 100, 1948)).toBe(0)
      expect(us(scores, 100, 1949)).toBeGreaterThan(3)
      expect(us(scores, 1, 199_999)).toBeCloseTo(3 + (200_000 * 132) / 6.4e6, 6)
      expect(priced(scores).evidence(100, 1948).note).toContain('left out')
      expect(sum(projections, 512, 0)).toBe(sum(projections, 512, 50_000))
    })
  })

  it('decode reads the keys of all tokens once for all positions of a sequence, until their products take longer', () => {
    const request = {
      model: loadModel('glm-5'),
      parallelism: { tp: 4, pp: 1, dp: 1, cp: 1, moeTp: 1, moeEp: 4 },
      role: 'decode',
    } as const
    const scores = (draftTokens: number) =>
      operatorsOf({ ...request, precision: 'nvfp4', kvPrecision: 'fp8', draftTokens }).filter(({ group }) => group === 'keys')
    const [alone] = scores(0)
    expect(scores(0)).toHaveLength(1)
    expect([alone.count, scores(3)[0].count]).toEqual([78, 81])
    // 128 bytes and a scale of 4, at 0.8 of 8 TB/s; short contexts too
    for (const [n, length] of [
      [1, 100],
      [64, 1000],
      [64, 100_000],
    ])
      expect(us(alone, n, length)).toBeCloseTo((n * length * 132) / 6.4e6, 6)
    expect(us(scores(3)[0], 64, 100_000)).toBeCloseTo(us(alone, 64, 100_000), 6)
    const many = us(scores(15)[0], 64, 100_000)
    expect(many).toBeGreaterThan((16 * 64 * 100_000 * 2 * 32 * 128) / 5e9)
    expect(many).toBeGreaterThan(2 * us(alone, 64, 100_000))
    expect(priced(alone).evidence(64, 100_000).evidence).toBe('roofline')
  })

  it('a sparse indexer bounds what decode reads', () => {
    const sparse = { ...mlaDecode, topk: 2048 }
    expect(us(sparse, 16, 1000)).toBe(us(mlaDecode, 16, 1000))
    expect(us(sparse, 16, 65536)).toBe(us(mlaDecode, 16, 2048))
    expect(us(mlaDecode, 16, 65536)).toBeGreaterThan(4 * us(sparse, 16, 65536))
  })

  it('wider heads multiply latent prefill', () => {
    expect(us({ ...mlaPrefill, width: 1.6 }, 4096, 512) / us(mlaPrefill, 4096, 512)).toBeCloseTo(1.6, 9)
  })

  it.each([
    ['latent', mlaPrefill],
    ['grouped', gqaPrefill],
  ] as const)('%s: a chunk after a prefix pays for its own query-key pairs', (_, operator) => {
    const whole = us(operator, 32768)
    for (const prefix of [8192, 16384, 24576]) {
      const share = 1 - (prefix / 32768) ** 2
      expect(us(operator, 32768 - prefix, prefix) / whole).toBeCloseTo(share, 9)
    }
    // a few tokens after a long prefix cannot beat reading it
    expect(us(operator, 1, 32767)).toBeGreaterThan(us(operator, 1))
  })

  it('a window that was not measured costs as full attention within it and grows no faster than the tokens beyond', () => {
    const within = { ...gqaPrefill, window: 4000 }
    expect(us(within, 2048)).toBeCloseTo(us(gqaPrefill, 2048), 9)
    expect(us(within, 65536) / us(within, 32768)).toBeCloseTo(2, 6)
    expect(us(gqaPrefill, 65536) / us(gqaPrefill, 32768)).toBeGreaterThan(3)
    const decode = { ...gqa, group: 'decodeRows', kind: 'gqa_decode' } as const
    const reads = (window: number) => us({ ...decode, window }, 64)
    expect(reads(4000)).toBeLessThanOrEqual(us({ ...decode, group: 'kernel' }, 64, 4000))
    expect(reads(4000)).toBeGreaterThan(0.5 * us({ ...decode, group: 'kernel' }, 64, 4000))
  })
})

it('experts measured with a bad tactic cost at most 1.05 times those of the other system', () => {
  const experts: Moe = { ...R1_EXPERTS, moeEp: 32 }
  const [own, other] = ['gb200', 'gb300'].map((system) => priceOperators([experts], loadTables(system))[0])
  expect(own.evidence(4096, 0).note).toContain('at most 1.05 x the other system')
  for (let tokens = 1; tokens <= 65536; tokens *= 2) expect(own.us(tokens, 0) / other.us(tokens, 0)).toBeLessThan(1.06)
  // a shape that was not measured is scaled from the capped times
  const narrow = priceOperators([{ ...experts, inner: 1920 }], loadTables('gb200'))[0]
  expect(narrow.evidence(4096, 0).note).toMatch(/scaled by work .* at most 1.05 x the other system/)
  for (let tokens = 1; tokens <= 65536; tokens *= 2) expect(narrow.us(tokens, 0)).toBeLessThanOrEqual(own.us(tokens, 0))
})

it('experts that were measured on the other system alone have its times, those put in order too', () => {
  const experts: Moe = { ...R1_EXPERTS, moeEp: 4, kernel: 'min_latency' }
  const [lender, borrower] = ['gb200', 'gb300'].map((system) => priceOperators([experts], loadTables(system))[0])
  expect(borrower.evidence(64, 0).note).toBe('rows of the other system')
  for (let tokens = 1; tokens <= 65536; tokens *= 2) expect(borrower.us(tokens, 0)).toBe(lender.us(tokens, 0))
})

it('a single disturbed row of the measured table does not lift decode attention of its heads at all larger sizes', () => {
  // 8 heads over 1 KV head, as in gpt-oss-120b TEP8; measured 13.2 and 13.3 us. GB300 had 458 us for one sequence of 128 tokens
  const decode = {
    ...common,
    group: 'kernel',
    kind: 'gqa_decode',
    heads: 8,
    kvHeads: 1,
    headDim: 64,
    window: 0,
    kv: 'fp8',
  } as const
  for (const system of ['gb200', 'gb300']) {
    const [{ us }] = priceOperators([{ ...decode, math: 'fp8' }], loadTables(system))
    expect(us(64, 2048), system).toBeGreaterThan(12)
    expect(us(64, 2048), system).toBeLessThan(15)
    expect(us(1, 128), system).toBeLessThan(13)
  }
})

it('a linear layer without its quantisation still launches and reads its weights', () => {
  for (const [type, bytes] of [
    ['fp8', 1],
    ['nvfp4', 0.5625],
  ] as const) {
    for (const [n, k] of [
      [256, 256],
      [7168, 1024],
      [28672, 128],
    ]) {
      const layer: Gemm = { ...common, group: 'local', kind: 'gemm', type, n, k, staticScales: true }
      expect(us(layer, 1)).toBeGreaterThan((1.8 + (n * k * bytes) / 8e6) * (1 - 1e-9))
    }
  }
})

it('every draft token runs one more layer, with experts', () => {
  const counts = (draftTokens: number) => {
    const model = loadModel('deepseek-r1')
    const parallelism = { tp: 1, pp: 1, dp: 8, cp: 1, moeTp: 1, moeEp: 8 }
    const all = operatorsOf({ model, parallelism, precision: 'nvfp4', kvPrecision: 'fp8', role: 'decode', draftTokens })
    return ['decode attention', 'routed experts', 'router', 'exchange dispatch', 'shared expert down'].map(
      (name) => all.find((operator) => operator.name === name)?.count,
    )
  }
  expect(counts(0)).toEqual([61, 58, 58, 58, 58])
  expect(counts(3)).toEqual([64, 61, 61, 61, 61])
})

describe('verifying drafts with MLA', () => {
  const verifiedUs = (system: string, draftTokens: number, kvPrecision: 'fp8' | 'bf16', n: number, length: number) => {
    const parallelism = { tp: 1, pp: 1, dp: 8, cp: 1, moeTp: 1, moeEp: 8 }
    const one = {
      system: loadSystem(system),
      model: loadModel('deepseek-r1'),
      parallelism,
      precision: 'nvfp4',
      kvPrecision,
    } as const
    const all = priceRequest({
      ...PLAIN_TIMING,
      ...one,
      maxNumSeqs: 64,
      maxNumBatchedTokens: 2048,
      maxModelLen: 65_536,
      role: 'decode',
      draftTokens,
    })
    const { operator, us: kernelUs, evidence } = all.find(({ operator: { group } }) => group === 'kernel') as PricedOperator
    return { layerUs: kernelUs(n, length), evidence: evidence(n, length).evidence, layers: operator.count }
  }
  const leastUs = (drafts: number, n: number, length: number, peak: number) =>
    ((drafts + 1) * 128 * 2 * (576 + 512) * n * length) / (peak / 1e6)

  it('takes one measured pass where contexts are short and the products of all positions at the peak where they are long', () => {
    for (const [kv, peak] of [
      ['fp8', 5e15],
      ['bf16', 2.5e15],
    ] as const) {
      const [alone, short, long] = [
        verifiedUs('gb200', 0, kv, 4, 512),
        verifiedUs('gb200', 3, kv, 4, 512),
        verifiedUs('gb200', 3, kv, 64, 60_000),
      ]
      expect(short.layerUs).toBe(alone.layerUs)
      expect(short.evidence).not.toBe('roofline')
      expect(long.layerUs).toBeCloseTo(leastUs(3, 64, 60_000, peak), 6)
      expect(long.evidence).toBe('roofline')
      expect(verifiedUs('gb200', 0, kv, 64, 60_000).layerUs).toBeLessThan(0.7 * long.layerUs)
    }
  })

  it('on systems with kernels of another has the peak of its own', () => {
    expect(verifiedUs('b200', 3, 'fp8', 64, 60_000).layerUs).toBeCloseTo(leastUs(3, 64, 60_000, 4.5e15), 6)
  })
})

describe('what was not measured is marked', () => {
  it('a GEMM wider or deeper than all that were measured', () => {
    const gemm: Gemm = { ...common, group: 'head', kind: 'gemm', type: 'bfloat16', n: 65_536, k: 7168 }
    expect(priced(gemm).evidence(64, 0).evidence).toBe('measured')
    expect(priced({ ...gemm, n: 60_000 }).evidence(64, 0).evidence).toBe('interpolated')
    expect(priced({ ...gemm, n: 129_280 }).evidence(64, 0)).toMatchObject({
      evidence: 'transferred',
      note: /beyond the measured n/,
    })
    expect(priced({ ...gemm, n: 1024, k: 100_000 }).evidence(64, 0).note).toMatch(/beyond the measured k/)
  })

  it('a context longer than all that were measured, however few', () => {
    const decode: Gqa = { ...gqa, kv: 'fp8', heads: 64, kvHeads: 8, group: 'kernel', kind: 'gqa_decode' }
    expect(priced(decode).evidence(1, 32_768).evidence).toBe('measured')
    const note = 'extended beyond the measured 32768 KV tokens'
    expect(priced(decode).evidence(1, 65_536)).toEqual({ evidence: 'transferred', note })
  })

  it('a chunk after a prefix, but not where a window makes its price that of the chunk alone', () => {
    const prefill: Gqa = { ...gqa, kv: 'fp8', heads: 16, kvHeads: 2, headDim: 64, group: 'prefill', kind: 'gqa_prefill' }
    const [full, windowed] = [priced(prefill), priced({ ...prefill, window: 128 })]
    const note = 'prefix priced by its share of query-key pairs'
    expect(full.evidence(2048, 8192)).toEqual({ evidence: 'interpolated', note })
    const beyond = { evidence: 'transferred', note: `${note}, extended beyond the measured 16384` }
    expect(full.evidence(2048, 60_000)).toEqual(beyond)
    expect(windowed.evidence(2048, 60_000)).toEqual(windowed.evidence(2048, 0))
    expect(windowed.us(2048, 60_000)).toBe(windowed.us(2048, 0))
  })

  it('attention of other dims than the measured ones, or that chooses its tokens', () => {
    const operators = (name: string) => {
      const all = operatorsOf({
        model: loadModel(name),
        parallelism: { tp: 1, pp: 1, dp: 8, cp: 1, moeTp: 1, moeEp: 8 },
        precision: 'nvfp4',
        kvPrecision: 'fp8',
      })
      const evidence = (kind: Operator['kind'], y: number) =>
        all.filter((operator) => operator.kind === kind).map((operator) => priced(operator).evidence(64, y).evidence)
      return [
        evidence('mla_bmm', 0),
        evidence('mla_prefill', 0),
        evidence('fastest', 0),
        evidence('mla_decode', 2048),
        evidence('mla_decode', 4096),
      ].flat()
    }
    expect(operators('deepseek-r1')).toEqual(['measured', 'measured', 'measured', 'measured', 'measured'])
    expect(operators('glm-5')).toEqual(['transferred', 'transferred', 'transferred', 'measured', 'transferred'])
  })
})

it('kernels of another system are multiplied by its factor, in every operator, and marked', () => {
  const b200 = loadSystem('b200')
  const own = priced(sum)
  const [moved] = transferred([own], b200)
  expect(moved.us(64, 0)).toBe(b200.kernels.factor * own.us(64, 0))
  expect(moved.evidence(64, 0)).toEqual({ evidence: 'transferred', note: `gb200 kernels x ${b200.kernels.factor}` })
})

it('SGLang exchanges with DeepEP in decode alone; other stacks never', () => {
  const request: TimingRequest = {
    ...PLAIN_TIMING,
    system: loadSystem('gb200'),
    model: loadModel('deepseek-r1'),
    precision: 'fp8',
    kvPrecision: 'fp8',
    parallelism: { tp: 1, pp: 1, dp: 8, cp: 1, moeTp: 1, moeEp: 8 },
    maxNumSeqs: 64,
    maxNumBatchedTokens: 512,
    maxModelLen: 4096,
  }
  const exchangeOf = (profile: TimingRequest['profile'], role: TimingRequest['role']) =>
    kernelsOf({ ...request, profile, role }).exchange
  expect(exchangeOf('sglang-2026', 'decode')).toBe('deepep-ll')
  expect([exchangeOf('sglang-2026', 'prefill'), exchangeOf('sglang-2026', 'aggregated')]).toEqual([undefined, undefined])
  expect([exchangeOf('trtllm-2026', 'decode'), exchangeOf('vllm-2026', 'decode')]).toEqual([undefined, undefined])
})
