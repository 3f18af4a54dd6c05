/** Memory, limits and clusters of measured rows, each against the formula that it stands for. */
import { describe, expect, it } from 'vitest'
import { loadSystem } from '../src/hardware/load.js'
import { loadModel } from '../src/models/load.js'
import { kvBytesPerTokenPerGpu, weightBytesPerGpu } from '../src/models/memory.js'
import { constantsOf, loadCalibration, NEUTRAL } from '../src/timing/index.js'
import { ABLATIONS } from '../src/validation/ablation.js'
import { parseCsv } from '../src/validation/csvTable.js'
import { measuredArm } from '../src/validation/measuredArm.js'
import { moePathOf } from '../src/validation/profile.js'
import { closedLoopRate, simulateRow } from '../src/validation/protocol.js'
import { rowCluster } from '../src/validation/rowCluster.js'
import { BLOCK_TOKENS, type Mapped, planRow, type RowPlan } from '../src/validation/rowPlan.js'
import { servingRows } from '../src/validation/servingRow.js'
import { settingsById } from '../src/validation/settings.js'
import { loads } from './levers/contract.js'
import { rowCsv, settingsCsv } from './validationRows.js'

/** One prefill engine DEP4 and one decode engine DEP4. */
const DISAGG = {
  mode: 'disagg',
  prefill_workers: '1',
  prefill_gpus_per_worker: '4',
  prefill_attention_tp: '1',
  prefill_attention_dp: '4',
  prefill_moe_ep: '4',
  decode_workers: '1',
  decode_gpus_per_worker: '4',
  decode_attention_tp: '1',
  decode_attention_dp: '4',
  decode_moe_ep: '4',
}

function mapped(fields: Record<string, string>, settings?: Record<string, string>): Mapped {
  const [row] = servingRows(parseCsv(rowCsv([{ ...DISAGG, ...fields }]), 'rows.csv'))
  const all = settings && settingsById(parseCsv(settingsCsv([{ id: 'r1', ...settings }]), 'settings.csv'))
  return planRow(row, all?.get('r1'))
}

function planOf(fields: Record<string, string>, settings?: Record<string, string>): RowPlan {
  const plan = mapped(fields, settings)
  if ('refused' in plan) throw new Error(plan.refused)
  return plan
}

describe('a date', () => {
  it('decides the release, so one that cannot be read refuses the row', () => {
    expect(mapped({ measured_date: 'yesterday' })).toMatchObject({
      refused: expect.stringMatching(/measured_date 'yesterday' is not a date/),
    })
    expect(planOf({ measured_date: '2025-12' }).profile).toBe('trtllm-2025')
    expect(planOf({ measured_date: '' }).profile).toBe('trtllm-2026')
  })
})

it('a degree above the GPUs of its engine refuses the row: another cut would be taken in its place', () => {
  const refused = (fields: Record<string, string>) => expect(mapped(fields)).toMatchObject({ refused: expect.any(String) })
  expect(mapped({ decode_attention_tp: '64', decode_gpus_per_worker: '4' })).toMatchObject({
    refused: 'attention_tp of the decode engine is 64, more than 4 GPUs',
  })
  refused({ prefill_attention_dp: '64' })
  refused({ decode_moe_ep: '64' })
})

describe('memory of a rank', () => {
  const model = loadModel('deepseek-r1')
  const cut = { tp: 1, pp: 1, dp: 4, cp: 1, moeTp: 1, moeEp: 4 }
  const hbm = loadSystem('gb200').hbmBytes.value
  const weights = weightBytesPerGpu(model, cut, 'nvfp4')
  const blocks = (bytes: number, kv: 'fp8' | 'bf16' = 'fp8') =>
    Math.floor(bytes / kvBytesPerTokenPerGpu(model, cut, kv) / BLOCK_TOKENS)
  const decodeBlocks = (fields: Record<string, string>, settings: Record<string, string>) =>
    planOf(fields, settings).engines[1].numGpuBlocks

  it('TensorRT-LLM shares what weights and a reserve leave, the others the whole GPU, weights included', () => {
    expect(decodeBlocks({}, { decode_kv_fraction: '0.8' })).toBe(blocks(0.8 * (hbm - weights - 8 * 2 ** 30)))
    for (const backend of ['sglang', 'vllm'])
      expect(decodeBlocks({ backend }, { decode_kv_fraction: '0.8' })).toBe(blocks(0.8 * hbm - weights))
  })

  it('is capped by the recipe, halved by a bf16 cache, and refused where it holds no request', () => {
    expect(decodeBlocks({}, { decode_max_total_tokens: '65536' })).toBe(65536 / BLOCK_TOKENS)
    expect(decodeBlocks({}, { decode_kv_fraction: '0.8', kv_dtype: 'bfloat16' })).toBe(
      blocks(0.8 * (hbm - weights - 8 * 2 ** 30), 'bf16'),
    )
    expect(decodeBlocks({}, { decode_max_total_tokens: '2048', mtp_n: '3' })).toBe(Math.ceil((1024 + 1024 + 6) / BLOCK_TOKENS))
    expect(mapped({}, { decode_max_total_tokens: '64' })).toMatchObject({
      refused: 'the KV pool of a decode engine (64 tokens) holds no request of 2048',
    })
    expect(mapped({ backend: 'sglang' }, { decode_kv_fraction: '0.01' })).toMatchObject({
      refused: expect.stringMatching(/KV pool .* holds no request/),
    })
  })

  it('has a bf16 cache where SGLang runs an FP8 checkpoint and the recipe is silent, FP8 otherwise', () => {
    const kv = (backend: string, precision: string, settings?: Record<string, string>) =>
      planOf({ backend, precision }, settings).kvPrecision
    expect(kv('sglang', 'fp8', { kv_dtype: '' })).toBe('bf16')
    expect(kv('sglang', 'fp8', { kv_dtype: 'fp8_e4m3' })).toBe('fp8')
    expect([kv('sglang', 'fp8'), kv('sglang', 'fp4', { kv_dtype: '' }), kv('trtllm', 'fp8', { kv_dtype: '' })]).toEqual(
      Array(3).fill('fp8'),
    )
  })

  it('weights that fill the GPU run at the raised share when the recipe is silent, and only then', () => {
    const fp8 = { backend: 'sglang', precision: 'fp8', prefill_attention_tp: '4', prefill_attention_dp: '1', prefill_moe_ep: '1' }
    const tp4 = { tp: 4, pp: 1, dp: 1, cp: 1, moeTp: 4, moeEp: 1 }
    const heavy = weightBytesPerGpu(model, tp4, 'fp8')
    const tokens = (0.95 * hbm - heavy) / kvBytesPerTokenPerGpu(model, tp4, 'fp8')
    expect(planOf(fp8).engines[0].numGpuBlocks).toBe(Math.floor(tokens / BLOCK_TOKENS))
    expect(planOf({ backend: 'sglang' }).engines[1].numGpuBlocks).toBe(blocks(0.85 * hbm - weights))
  })

  it('a prefill engine holds inputs alone', () => {
    expect(planOf({ isl: '8192' }).engines.map(({ maxModelLen }) => maxModelLen)).toEqual([8192, 8192 + 1024])
  })
})

describe('the cluster of a row', () => {
  it('delivers the first token with decode where prefill hands over, and transfers at the rate of the system', () => {
    const plan = planOf({})
    const { firstToken, fabric } = rowCluster(plan, NEUTRAL)
    expect(firstToken).toBe('decode')
    expect(fabric.nvlinkBytesPerNs).toBeCloseTo(780, 6)
    expect(rowCluster({ ...plan, freeTransfers: true }, NEUTRAL).fabric).toMatchObject({ latencyNs: 0 })
    const aggregated = planOf({ mode: 'agg' })
    expect(rowCluster(aggregated, NEUTRAL).firstToken).toBe('prefill')
  })

  it('router and handshake take their time only where prefill hands over', () => {
    const constants = { ...NEUTRAL, frontendMs: 120 }
    expect(rowCluster(planOf({}), constants).frontendNs).toBe(120e6)
    expect(rowCluster(planOf({ mode: 'agg' }), constants).frontendNs).toBe(0)
  })

  it('one request alone waits for nobody: its frontend time is no wait', () => {
    const plan = planOf({ concurrency: '1', osl: '64' })
    const constants = { ...constantsOf(loadCalibration()), frontendMs: 500 }
    const { ttftMs, waitMs } = simulateRow(plan, constants, { seed: 1, requestsPerPlace: 3 })
    expect(ttftMs).toBeGreaterThan(500)
    expect(waitMs).toBeGreaterThanOrEqual(0)
    expect(waitMs).toBeLessThan(50)
  })

  it('without its queues a row answers as soon as it is served', () => {
    const queues = ABLATIONS.find(({ name }) => name.startsWith('queueing off'))
    const plan = planOf({})
    const result = { id: plan.id, ttftMs: 900, tpotMs: 10, waitMs: 600, outputTokSPerGpu: 1 }
    const served = { ttftMs: 300, waitMs: 0, tpotMs: 10, outputTokSPerGpu: closedLoopRate(plan, 300, 10) }
    expect(queues?.outcome?.(plan, result)).toMatchObject(served)
  })
})

it.each([
  ['cutedsl', 'nvfp4', 'cutedsl'],
  ['flashinfer_cutedsl', 'nvfp4', 'cutedsl'],
  ['deepgemm', 'fp8', 'deepgemm'],
  ['wideep', 'nvfp4', 'cutlass'],
  ['deepep', 'fp8', 'deepgemm'],
  ['deepep', 'nvfp4', 'cutedsl'],
  ['flashinfer_trtllm', 'nvfp4', 'trtllm-gen'],
  ['', 'nvfp4', 'auto'],
] as const)("a recipe's '%s' with %s experts is %s", (words, precision, path) => {
  expect(moePathOf(words, precision)).toBe(path)
})

describe('ranks of the measured stacks', () => {
  /** Where 64 requests of an engine of four ranks go, of which rank 2 alone is empty. */
  const ranksOf = (fields: Record<string, string>, engine: number | readonly number[], seed = 1): number[] => {
    const engines = [engine].flat()
    const { rank } = measuredArm(planOf({ ...DISAGG, ...fields }), seed)
    const request = { inputTokens: 1, classId: 0, tenant: 0 }
    const view = (i: number) => loads([1, 1, 0, 1], [0, 0, 0, 0], engines[i % engines.length])
    return Array.from({ length: 64 }, (_, i) => rank.place?.(view(i), request as never) ?? -1)
  }
  const inTurn = Array.from({ length: 64 }, (_, i) => i % 4)
  const isDrawn = (ranks: readonly number[]): boolean =>
    [0, 1, 2, 3].every((rank) => ranks.filter((other) => other === rank).length >= 6) && ranks.join() !== inTurn.join()

  it('are the emptiest ones, but drawn by room in a disaggregated SGLang, whose decode ranks take turns since 2026', () => {
    const PREFILL = 0
    const DECODE = 1
    for (const backend of ['trtllm', 'vllm'])
      for (const engine of [PREFILL, DECODE]) expect(new Set(ranksOf({ backend }, engine))).toEqual(new Set([2]))
    const recent = { backend: 'sglang', measured_date: '2026-02-01' }
    const old = { backend: 'sglang', measured_date: '2025-12-01' }
    expect(isDrawn(ranksOf(recent, PREFILL))).toBe(true)
    expect(ranksOf(recent, DECODE)).toEqual(inTurn)
    // two decode engines asked by turns: each has a turn of its own
    const two = ranksOf({ ...recent, decode_workers: '2' }, [DECODE, DECODE + 1])
    expect(two).toEqual(inTurn.flatMap((rank) => [rank, rank]).slice(0, 64))
    for (const engine of [PREFILL, DECODE]) expect(isDrawn(ranksOf(old, engine))).toBe(true)
    const odd = {
      ...old,
      precision: 'fp8',
      isl: '8192',
      decode_gpus_per_worker: '24',
      decode_attention_dp: '24',
      decode_moe_ep: '24',
    }
    expect(planOf({ ...DISAGG, ...odd }).profile).toBe('sglang-2025-dep24')
    for (const engine of [PREFILL, DECODE]) expect(isDrawn(ranksOf(odd, engine))).toBe(true)
    expect(new Set(ranksOf({ ...recent, mode: 'agg' }, 0))).toEqual(new Set([2]))
    expect(ranksOf(old, PREFILL)).toEqual(ranksOf(old, PREFILL))
    expect(ranksOf(old, PREFILL, 2)).not.toEqual(ranksOf(old, PREFILL))
  })

  it('drawn make a step wait for the fullest one', () => {
    const plan = planOf({ ...DISAGG, backend: 'sglang', isl: '8192', concurrency: '16' })
    const ttftMs = (profile: RowPlan['profile']) =>
      simulateRow({ ...plan, profile }, NEUTRAL, { seed: 1, requestsPerPlace: 10 }).ttftMs
    // with neutral constants the two profiles have the same prefill
    expect(ttftMs('sglang-2026')).toBeGreaterThan(1.05 * ttftMs('vllm-2026'))
  })
})
