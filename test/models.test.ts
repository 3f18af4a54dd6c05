import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { UserError } from '../src/errors.js'
import { loadSystem } from '../src/hardware/load.js'
import { MEASURED_SYSTEMS } from '../src/hardware/system.js'
import { loadModel, MODEL_NAMES } from '../src/models/load.js'
import { activationBytesPerGpu, kvBytesPerTokenPerGpu, memoryBudget, weightBytesPerGpu } from '../src/models/memory.js'
import type { Parallelism, Precision } from '../src/models/model.js'

const cut = (change: Partial<Parallelism>): Parallelism => ({ tp: 1, pp: 1, dp: 1, cp: 1, moeTp: 1, moeEp: 1, ...change })
const tp = (n: number) => cut({ tp: n })
const tep = (n: number) => cut({ tp: n, moeEp: n })
const dep = (n: number) => cut({ dp: n, moeEp: n })

/** Published by AIConfigurator's memory model: weights GiB per GPU, KV bytes per token (fp8), millions of KV tokens on GB200 and GB300. */
const TABLE: readonly [string, Precision, string, Parallelism, number, number, number, number][] = [
  ['deepseek-r1', 'nvfp4', 'DEP8', dep(8), 69.7, 35136, 2.91, 5.46],
  ['deepseek-r1', 'nvfp4', 'DEP32', dep(32), 37.6, 35136, 3.8, 6.34],
  ['deepseek-r1', 'nvfp4', 'TEP8', tep(8), 47.9, 35136, 3.51, 6.06],
  ['deepseek-r1', 'nvfp4', 'TEP4', tep(4), 93.8, 35136, 2.25, 4.79],
  ['deepseek-r1', 'nvfp4', 'DEP4', dep(4), 112.5, 35136, 1.73, 4.28],
  ['kimi-k2.5', 'nvfp4', 'DEP8', dep(8), 84.2, 35136, 2.51, 5.06],
  ['kimi-k2.5', 'nvfp4', 'DEP32', dep(32), 34.4, 35136, 3.88, 6.43],
  ['kimi-k2.5', 'nvfp4', 'TEP8', tep(8), 70.4, 35136, 2.89, 5.44],
  ['qwen3-235b', 'nvfp4', 'TEP4', tep(4), 31.3, 24064, 5.87, 9.58],
  ['qwen3-235b', 'nvfp4', 'DEP8', dep(8), 20.8, 96256, 1.57, 2.5],
  ['llama-3.1-70b', 'fp8', 'TP1', tp(1), 67.7, 163840, 0.65, 1.19],
  ['llama-3.1-70b', 'fp8', 'TP4', tp(4), 16.9, 40960, 3.79, 5.97],
  ['llama-3.1-70b', 'fp8', 'TP8', tp(8), 8.5, 20480, 7.97, 12.34],
  ['llama-3.1-70b', 'nvfp4', 'TP4', tp(4), 9.9, 40960, 3.95, 6.13],
  ['gpt-oss-120b', 'mxfp4', 'TP1', tp(1), 60.7, 36864, 3.06, 5.49],
  ['gpt-oss-120b', 'mxfp4', 'TEP4', tep(4), 15.2, 9216, 17.01, 26.71],
]

describe('memory of a GPU', () => {
  test.each(TABLE)(
    '%s %s %s agrees with the published table within 3 %%',
    (name, precision, _layout, parallelism, gib, kv, gb200, gb300) => {
      const model = loadModel(name)
      MEASURED_SYSTEMS.forEach((system, i) => {
        const hbmBytes = loadSystem(system).hbmBytes.value
        const budget = memoryBudget({
          model,
          parallelism,
          precision,
          kvPrecision: 'fp8',
          hbmBytes,
          maxNumBatchedTokens: 8192,
          kvMemoryFraction: 0.9,
        })
        expect(Math.abs(budget.weightBytes / 2 ** 30 / gib - 1)).toBeLessThan(0.03)
        expect(budget.kvBytesPerToken).toBe(kv)
        expect(Math.abs(budget.kvTokens / 1e6 / [gb200, gb300][i] - 1)).toBeLessThan(0.03)
      })
    },
  )

  test('a sparse indexer keeps a key of its own for every token, and its weights', () => {
    const glm = loadModel('glm-5')
    if (glm.attention.kind !== 'mla') throw new Error('GLM-5 has latent attention')
    const { sparseIndexer: _, ...plain } = glm.attention
    const without = { ...glm, attention: plain }
    for (const [kv, latent] of [
      ['fp8', 576],
      ['bf16', 1152],
    ] as const) {
      expect(kvBytesPerTokenPerGpu(without, tep(8), kv)).toBe(78 * latent)
      expect(kvBytesPerTokenPerGpu(glm, tep(8), kv)).toBe(78 * (latent + 128 + 4))
    }
    const indexer = 78 * 2 * (32 * 128 * 2048 + 6144 * (128 + 32))
    expect(weightBytesPerGpu(glm, dep(8), 'nvfp4') - weightBytesPerGpu(without, dep(8), 'nvfp4')).toBe(indexer)
  })

  test('bf16 KV takes twice the bytes of fp8', () => {
    const model = loadModel('deepseek-r1')
    const common = {
      model,
      parallelism: dep(8),
      precision: 'nvfp4',
      hbmBytes: 2e11,
      maxNumBatchedTokens: 8192,
      kvMemoryFraction: 0.9,
    } as const
    const fp8 = memoryBudget({ ...common, kvPrecision: 'fp8' })
    const bf16 = memoryBudget({ ...common, kvPrecision: 'bf16' })
    expect(bf16.kvBytesPerToken).toBe(2 * fp8.kvBytesPerToken)
  })

  test('activations never fall as the step grows, and large steps cost more than the flat reserve', () => {
    const model = loadModel('llama-3.1-70b')
    const at = (tokens: number) => activationBytesPerGpu(model, tp(4), tokens)
    expect(at(512)).toBe(4e9)
    expect(at(65536)).toBeGreaterThan(at(32768))
  })

  test('weights that exceed the GPU leave no token, not a negative number', () => {
    const model = loadModel('deepseek-r1')
    const budget = memoryBudget({
      model,
      parallelism: tp(1),
      precision: 'fp8',
      kvPrecision: 'fp8',
      hbmBytes: 198674743296,
      maxNumBatchedTokens: 8192,
      kvMemoryFraction: 0.9,
    })
    expect(budget.kvBytes).toBeLessThan(0)
    expect(budget.kvTokens).toBe(0)
  })
})

describe('model files', () => {
  test.each(MODEL_NAMES)('%s: loads, its name is its file name, its first precision is the default', (name) => {
    const model = loadModel(name)
    expect(model.name).toBe(name)
    const defaults = { 'llama-3.1-70b': 'fp8', 'gpt-oss-120b': 'mxfp4' } as Record<string, string>
    expect(model.precisions[0].precision).toBe(defaults[name] ?? 'nvfp4')
  })

  test.each([
    ['gpt-oss-120b', 'ffn', { denseLayers: 56 }, /ffn\.denseLayers: 56 dense layers of 36 .*\n.*at most 35/],
    ['deepseek-r1', 'ffn', { denseInner: 0 }, /ffn\.denseInner: 3 dense layers are 0 wide/],
    ['deepseek-r1', 'ffn', { topk: 257 }, /ffn\.topk: a token goes to 257 experts, of 256 .*\n.*at most 256/],
    ['gpt-oss-120b', 'attention', { windowedLayers: 37 }, /attention\.windowedLayers: 37 layers .* of 36 .*\n.*at most 36/],
    ['gpt-oss-120b', 'attention', { window: 0 }, /attention\.window: 18 layers have a window of no tokens/],
    ['gpt-oss-120b', 'attention', { kvHeads: 7 }, /attention\.kvHeads: 64 heads cannot share 7/],
  ] as const)('%s with an impossible %s %j is refused', (name, part, change, message) => {
    const path = join(mkdtempSync(join(tmpdir(), 'model-')), 'bent.json')
    const model = loadModel(name)
    writeFileSync(path, JSON.stringify({ ...model, [part]: { ...model[part], ...change } }))
    expect(() => loadModel(path)).toThrow(message)
  })

  test('an unknown name lists the shipped ones', () => {
    expect(() => loadModel('llama')).toThrow(/unknown model 'llama'[\s\S]*deepseek-r1/)
  })

  test('a missing file is a user error that names it', () => {
    expect(() => loadModel('./no-such-model.json')).toThrow(UserError)
    expect(() => loadModel('./no-such-model.json')).toThrow(/no-such-model\.json/)
  })
})
