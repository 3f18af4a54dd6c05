/** Shipped scenarios on the command line: each one runs; prefill and decode engines, speculation and the closed loop in detail. */
import { readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { newFolder, put, shapewise } from './cliRunner.js'

const folder = newFolder()
const json = (...args: readonly string[]) => {
  const ran = shapewise(folder, ...args, '--format', 'json')
  if (ran.status !== 0) throw new Error(ran.stderr)
  return JSON.parse(ran.stdout)
}
const POINT = ['run', 'scenarios/inferencex-point.yaml', '--arm', 'measured', '--set', 'workload.load.concurrency=64']
const DISAGG = 'scenarios/r1-disagg.yaml'
const FEWER = ['--set', 'engines.0.layout=2p1d', '--set', 'engines.0.decode.layout=DEP8', '--set', 'workload.preset=chat']

const SCENARIOS = readdirSync(new URL('../scenarios/', import.meta.url)).filter((name) => name.endsWith('.yaml'))
/** Fewer requests of the measured point: its loop is the same with any number in flight. */
const SHORTER: Readonly<Record<string, string[]>> = { 'inferencex-point.yaml': ['--set', 'workload.load.concurrency=64'] }

describe('every shipped scenario runs', () => {
  it.each(SCENARIOS)('%s', (name) => {
    const { summary, load } = json('run', `scenarios/${name}`, ...(SHORTER[name] ?? []))
    expect(summary.requests.completed).toBeGreaterThan(500)
    // a fraction of the static arm's capacity leaves room: the limits can be met
    if (!load.includes('of the capacity')) return
    expect(summary.saturation.label).toBe('stable')
    expect(summary.slo_attainment).toBeGreaterThan(0.95)
  })
})

it('requests that all come at once are said to, as recorded and in a closed loop with a place for each', () => {
  const rows = Array.from({ length: 400 }, () => '2000,300')
  const table = put(folder, 'lengths.csv', ['num_prefill_tokens,num_decode_tokens', ...rows].join('\n'))
  const few = ['--set', 'engines.0.count=1', '--set', 'engines.0.max_num_seqs=16']
  const { load, summary } = json('run', table, ...few)
  expect(load).toBe('offered as recorded, all at once')
  expect(summary.saturation).toMatchObject({
    label: 'backlogged',
    reason: expect.stringContaining('400 requests arrived at once'),
  })
  const closed = (concurrency: number) =>
    shapewise(
      folder,
      'run',
      table,
      ...few,
      '--format',
      'json',
      '--set',
      `workload.load={method: closed_loop, concurrency: ${concurrency}}`,
    )
  const roomy = closed(4000)
  expect(roomy.stderr).toContain(
    'warning: concurrency 4,000 has a place for each of the 400 requests of the trace: all start at once',
  )
  expect(JSON.parse(roomy.stdout).summary.saturation).toEqual(summary.saturation)
  expect(closed(399).stderr).not.toContain('warning')
})

describe('a measured point', () => {
  const { summary, load } = json(...POINT)

  it('is ten requests for each in flight, all completed, none preempted', () => {
    expect(load).toContain('64 requests in flight')
    expect(summary.requests).toMatchObject({ injected: 640, completed: 640 })
    expect(summary.preemptions).toBe(0)
  })

  it('obeys Little: in flight = rate x E2E, apart from the drain at the end', () => {
    const inFlight = (summary.request_s * summary.metrics.e2e_ms.mean) / 1e3
    expect(inFlight).toBeGreaterThan(0.85 * 64)
    expect(inFlight).toBeLessThanOrEqual(64)
  })

  it('counts all GPUs of the plan', () => {
    expect(summary.output_tok_s / summary.output_tok_s_per_gpu).toBeCloseTo(40, 3)
  })

  it('takes longer where fewer sequences may decode at once', () => {
    const limited = json(...POINT, '--set', 'engines.0.decode.max_num_seqs=1').summary
    expect(limited.metrics.ttft_ms.mean).toBeGreaterThan(2 * summary.metrics.ttft_ms.mean)
  })
})

describe('DeepSeek-R1 with engines of both roles', () => {
  it('is explained by role: the decode step verifies drafts, the prefill step decodes nothing', () => {
    const decode = json('explain', DISAGG, '--batch', '32x4096')
    expect([decode.engine, decode.role, decode.draft_tokens]).toEqual(['decode', 'decode', 3])
    const prefill = json('explain', DISAGG, '--batch', 'chunk=4096@0')
    expect([prefill.engine, prefill.role]).toEqual(['prefill', 'prefill'])
    const wrong = shapewise(folder, 'explain', DISAGG, '--batch', '8x100', '--engine', 'prefill')
    expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining('prefills alone')])
  })

  it('explains the factor of the arm that is asked for', () => {
    const batch = ['explain', DISAGG, '--batch', '4x100000,60x500']
    const [fixed, aware] = [json(...batch), json(...batch, '--arm', 'shape-aware')].map(({ arm }) => arm)
    expect([fixed.name, aware.name]).toEqual(['static', 'shape-aware'])
    expect(aware.split_factor).toBeLessThan(fixed.split_factor)
    expect(aware.step_us).toBeLessThan(fixed.step_us)
  })

  it('explains it against the static arm on the same batch, so that a factor above 1 reads as no loss', () => {
    const ragged = ['explain', DISAGG, '--batch', '4x100000,60x500', '--arm', 'shape-aware']
    const { arm, baseline, ratio } = json(...ragged)
    expect(baseline).toEqual(json('explain', DISAGG, '--batch', '4x100000,60x500').arm)
    expect([arm.split_factor, baseline.split_factor].every((factor) => factor > 1)).toBe(true)
    expect(ratio.split_factor).toBeCloseTo(arm.split_factor / baseline.split_factor, 12)
    expect(ratio.step_us).toBeCloseTo(arm.step_us / baseline.step_us, 12)
    const { stdout } = shapewise(folder, ...ragged)
    expect(stdout).toContain(`x ${arm.split_factor.toFixed(3)}`)
    expect(stdout).toContain(`x ${baseline.split_factor.toFixed(3)}`)
    const less = (share: number) => `${(100 * (1 - share)).toFixed(1)} % less time`
    expect(stdout).toContain(
      `shape-aware takes ${less(ratio.split_factor)} for decode attention and ${less(ratio.step_us)} for the step`,
    )
    const alone = shapewise(folder, ...ragged.slice(0, -2)).stdout
    expect(alone).toContain('x 1 is the decode attention of the step tables: the shipped rule on 64 sequences of the mean length')
    expect(alone).not.toContain('against static')
  })

  it('explains a step in which nothing decodes without a factor, the same for every arm', () => {
    const { arm, ratio } = json('explain', DISAGG, '--batch', 'chunk=4096@0', '--arm', 'shape-aware')
    expect([arm.split_factor, ratio]).toEqual([null, { split_factor: null, step_us: 1 }])
  })

  it('says what the logits of prompts that end in the step add, which a batch does not tell', () => {
    const batch = ['explain', DISAGG, '--engine', 'prefill', '--batch']
    const [one, two] = ['chunk=4096@0', 'chunk=2048@0,chunk=2048@0'].map((chunks) => json(...batch, chunks))
    expect(one.operators.some(({ name }: { name: string }) => name === 'logits')).toBe(false)
    // the vocabulary of DeepSeek-R1 in bf16, read once at about the peak of the memory
    expect(one.prompt_ends_us).toBeGreaterThan((0.9 * 129_280 * 7168 * 2) / 8e6)
    expect(one.prompt_ends_us).toBeLessThan(two.tables_us / 100)
    expect(two.prompt_ends_us).toBeGreaterThanOrEqual(one.prompt_ends_us)
    const more = `${one.prompt_ends_us.toFixed(1)} us more where the chunk is the last of its prompt`
    expect(shapewise(folder, ...batch, 'chunk=4096@0').stdout).toContain(more)
    expect(shapewise(folder, ...batch, 'chunk=2048@0,chunk=2048@0').stdout).toContain('where all 2 chunks are the last')
    expect(json('explain', DISAGG, '--batch', '32x4096')).not.toHaveProperty('prompt_ends_us')
  })

  it('counts the planning of a split policy as part of its step', () => {
    const { arm, baseline } = json('explain', 'scenarios/demo.yaml', '--batch', '1x1', '--arm', 'shape-aware')
    expect(arm.split_factor).toBeCloseTo(baseline.split_factor, 2)
    expect(arm.step_us - baseline.step_us).toBeCloseTo(5, 1)
  })

  it('runs, and speculation makes tokens come faster', () => {
    const at = ['--set', 'workload.load={rate_per_s: 40}', '--set', 'experiment.warmup=1']
    const drafted = json('run', DISAGG, ...FEWER, ...at).summary
    const plain = json('run', DISAGG, ...FEWER, ...at, '--set', 'engines.0.decode.mtp=0').summary
    expect(drafted.requests.completed).toBe(drafted.requests.injected)
    expect(drafted.metrics.tpot_ms.p50).toBeLessThan(0.75 * plain.metrics.tpot_ms.p50)
  })

  it('is compared with the chunk lever left alone in every arm', () => {
    const sets = [...FEWER, '--set', 'experiment.replicates=1', '--set', 'workload.load.fraction=0.3']
    const { arms } = json('compare', DISAGG, ...sets, '--effort', 'quick', '--threads', '1')
    expect(arms.map(({ name }: { name: string }) => name)).toEqual([
      'static',
      'tuned-static',
      'tuned-size',
      'shape-aware',
      'pool-aware-only',
    ])
    for (const { policies } of arms) expect(policies.chunk).toBe('fixed-budget(8192)')
  })
})
