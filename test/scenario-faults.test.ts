import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Fault, UserError } from '../src/errors.js'
import { loadScenario } from '../src/scenario/load.js'

const demo = readFileSync(new URL('../scenarios/demo.yaml', import.meta.url), 'utf8')

function faultsOf(text: string, sets: string[] = []): readonly Fault[] {
  try {
    loadScenario({ text, file: 's.yaml', sets })
  } catch (error) {
    if (error instanceof UserError) return error.faults
    throw error
  }
  throw new Error('the scenario was accepted')
}
const withSets = (...sets: string[]) => faultsOf(demo, sets)

describe('one fault, one sentence, one place', () => {
  test.each<[string, string[], RegExp]>([
    ['unknown key', ['modle=x'], /modle: unknown key/],
    [
      'a path with a control character',
      ['workload={path: "a\\u0000b"}'],
      /^workload\.path: expected the path of a trace, without control characters, got 'a\\u0000b'/,
    ],
    ['a key with one', ['experiment={"\\u001b[2Jz": 1}'], /^experiment\.\\u001b\[2Jz: unknown key/],
    [
      'a system with one',
      ['system="./a\\u0007.json"'],
      /^system: expected gb200, gb300 or .*without control characters, got '\.\/a\\u0007\.json'/,
    ],
    ['a policy with one', ['arms={mine: {rank: "./a\\0b.ts"}}'], /^arms\.mine\.rank: expected .*without control characters/],
    ['unknown system', ['system=gb20'], /unknown system 'gb20'/],
    ['unknown model', ['model=llama'], /unknown model 'llama'/],
    ['number with a unit', ['slo.interactive.ttft_ms=2s'], /ttft_ms: expected a number > 0 .*milliseconds.*got '2s'/],
    ['negative', ['workload.load.rate_per_s=-1'], /rate_per_s: expected a number > 0 .*got -1/],
    ['NaN', ['workload.load.fraction=.nan'], /fraction: expected a number > 0.*got NaN/],
    ['infinite', ['workload.load.rate_per_s=.inf'], /got Infinity/],
    ['huge', ['engines.0.max_num_seqs=1e9'], /max_num_seqs: expected a whole number of sequences from 1 to 8192, got 1000000000/],
    ['zero', ['engines.0.block_size=0'], /block_size: expected a whole number/],
    ['pipeline parallelism', ['engines=[{pp: 2}]'], /pp: only 1 is built so far/],
    ['role', ['engines.0.role=prefil'], /role: expected one of aggregated, prefill, decode, got 'prefil'/],
    ['prefill alone', ['engines.0.role=prefill'], /engines\[0\]\.role: .*there is no decode engine/],
    ['decode alone', ['engines.0.role=decode'], /there is no prefill engine/],
    [
      'caches of prompts with nothing in common',
      ['engines.0.enable_prefix_caching=true', 'workload={preset: uniform, isl: 64, osl: 64}'],
      /nothing in common/,
    ],
    ['bringing one rank in step', ['arms={mine: {chunk: "aligned(512)"}}'], /every engine has one rank/],
    [
      'a time of moves that nobody makes',
      ['arms={mine: {rank: "round-robin(dwell=9)"}}'],
      /dwell= says when sequences move, and without migrate= none does/,
    ],
    [
      'moves among one rank',
      ['arms={mine: {rank: "least-cost(5000,migrate=0.1)"}}'],
      /no engine that decodes has more than one rank/,
    ],
    [
      'more lanes than engines',
      ['arms={mine: {pool: "lanes(100,1000)"}}', 'engines.0.count=2'],
      /3 lanes are more than the 2 engines/,
    ],
    [
      'more lanes than engines, by name',
      ['arms={mine: {pool: "lanes(cut=100,second=1000)"}}', 'engines.0.count=2'],
      /3 lanes are more than the 2 engines/,
    ],
    [
      'equal lanes for one engine',
      ['arms={mine: {pool: equal-lanes(2)}}', 'engines.0.count=1'],
      /2 lanes are more than the 1 engine /,
    ],
    ['a role to change where there is none', ['engines.0.may_switch=true'], /has no role to change/],
    ['routing by caches without any', ['arms.mine.pool=kv-aware'], /no engine has one/],
    ['a second tier without a first', ['engines.0.kv_offload={host_gb_per_gpu: 100}'], /has no effect without a prefix cache/],
    [
      'more host memory than there is',
      ['engines.0.enable_prefix_caching=true', 'engines.0.kv_offload={host_gb_per_gpu: 300}'],
      /a Grace has 240 GB for each of its GPUs/,
    ],
    [
      'a second tier without Grace',
      ['system=b200', 'engines.0.enable_prefix_caching=true', 'engines.0.kv_offload={host_gb_per_gpu: 100}'],
      /no Grace memory/,
    ],
    ['answers without caches', ['workload.cache_answers=true'], /no engine caches prefixes/],
    ['mtp', ['engines.0.mtp=17'], /mtp: expected a whole number of draft tokens from 0 to 16, got 17/],
    ['acceptance', ['engines.0.mtp={n: 3, acceptance: 1.5}'], /mtp\.acceptance: expected a probability from 0 to 1, got 1\.5/],
    [
      'acceptance of nothing',
      ['engines.0.mtp={n: 0, acceptance: 0.5}'],
      /mtp: acceptance has no effect where nothing is drafted/,
    ],
    [
      'drafts fill the step',
      ['engines.0.mtp=3', 'engines.0.max_num_seqs=4096'],
      /4096 sequences verify 4 tokens each, more than/,
    ],
    ['drafts in words', ['engines.0.mtp=three'], /mtp: expected draft tokens from 0 to 16, as in 3 or mtp3/],
    ['first token', ['first_token=decode'], /first_token: has no effect where every engine serves both phases/],
    ['expert kernels of a dense model', ['moe_path=cutlass'], /moe_path: has no effect: llama-3\.1-70b has no experts/],
    [
      'expert kernels of another format',
      ['model=deepseek-r1', 'engines.0.layout=DEP8', 'moe_path=deepgemm'],
      /^moe_path: no deepgemm kernels compute nvfp4 experts of deepseek-r1/,
    ],
    [
      'expert kernels of another format in one engine',
      ['model=deepseek-r1', 'precision=fp8', 'engines=[{layout: DEP16, moe_path: cutedsl}]'],
      /^engines\[0\]\.moe_path: no cutedsl kernels compute fp8 experts/,
    ],
    ['stack', ['profile=trtllm'], /profile: expected one of generic, trtllm-2025/],
    ['lengths of another preset', ['workload.isl=1024'], /workload\.isl: has no effect with preset chat/],
    ['uniform without lengths', ['workload.preset=uniform', 'workload.isl=10'], /workload\.osl: the preset uniform needs it/],
    ['layout twice', ['engines.0.tp=4'], /layout and tp say the same thing twice/],
    ['prefill and decode shorthand', ['engines.0.layout=10p1d'], /10p1d needs the cut of one engine in prefill and decode/],
    ['experts of a dense model', ['engines=[{tp: 4, moe_ep: 4}]'], /has no experts/],
    ['attention DP of a dense model', ['engines=[{dp: 4}]'], /attention DP shares experts/],
    [
      'identity',
      ['model=deepseek-r1', 'engines=[{dp: 16, moe_ep: 8, moe_tp: 1}]'],
      /= 16 GPUs hold the attention but moe_tp x moe_ep = 8/,
    ],
    ['heads', ['engines.0.layout=TP6'], /64 attention heads cannot be divided by 6/],
    ['weights do not fit', ['model=deepseek-r1', 'engines.0.layout=TP1'], /does not fit: weights 3\d\d\.\d GiB/],
    ['no KV block', ['engines.0.kv_memory_fraction=1e-7'], /holds 0 blocks = 0 tokens/],
    ['one request does not fit', ['engines.0.num_gpu_blocks=10'], /10 blocks = 640 tokens, fewer than one request/],
    ['more blocks than HBM', ['engines.0.num_gpu_blocks=9e6'], /do not fit into HBM/],
    ['context', ['engines.0.max_model_len=200000'], /more than the context of llama-3.1-70b, 131072/],
    [
      'a kind called as one engine of another',
      ['engines=[{name: a, layout: TP4, count: 2}, {name: a-1, layout: TP8, count: 1}]'],
      /^engines\[1\]\.name: 'a-1' is also the name of one of the 2 engines of engines\[0\], 'a'/,
    ],
    ['too many engines', ['engines.0.count=19'], /only 18 of 19 engines tp4/],
    ['precision', ['precision=mxfp4'], /llama-3.1-70b has no mxfp4 checkpoint/],
    [
      'amount without effect',
      ['workload.load={method: closed_loop, concurrency: 4, rate_per_s: 5}'],
      /rate_per_s: has no effect with method closed_loop/,
    ],
    [
      'speed-up by fraction',
      ['workload.load={method: speed_up, fraction: 0.5, speed_up: 2}'],
      /fraction: has no effect with method speed_up/,
    ],
    [
      'warm-up of a closed loop',
      ['workload.load={method: closed_loop, concurrency: 4}', 'experiment.warmup=3'],
      /experiment\.warmup: has no effect with method closed_loop/,
    ],
    [
      'window of a closed loop',
      ['workload.load={method: closed_loop, concurrency: 4}', 'experiment.measure=30'],
      /experiment\.measure: has no effect with method closed_loop/,
    ],
    ...['slo.interactive.ttft_ms', 'slo.interactive.e2e_ms'].map((key): [string, string[], RegExp] => [
      `${key} within the frontend`,
      ['profile=vllm-2026', `${key}=140`],
      new RegExp(`${key}: every request of vllm-2026 spends 145.5 ms in the frontend, so none can be within 140`),
    ]),
    [
      'window too short',
      ['experiment.measure=3'],
      /experiment\.measure: expected a number from 8 to 10000 \(mean end-to-end times\)/,
    ],
    ['ticks of a preset', ['workload.spread_ticks=true'], /spread_ticks: has no effect with a preset/],
    ['kept ticks of a preset', ['workload.spread_ticks=false'], /spread_ticks: has no effect with a preset/],
    ['columns in one', ['workload.read.columns=time=when'], /columns: expected a mapping of roles to columns/],
    [
      'queues that a closed loop overflows at once',
      ['workload.load={method: closed_loop, concurrency: 32}', 'admission.max_queue=31'],
      /admission\.max_queue: 32 requests of the closed loop come at once, and what queues of 31 turn away is replaced at once/,
    ],
    ['amount missing', ['workload.load.method=closed_loop'], /method closed_loop needs concurrency/],
    ['two amounts', ['workload.load={fraction: 0.5, rate_per_s: 5}'], /fraction and rate_per_s exclude each other/],
    ['neither path nor preset', ['workload={}'], /exactly one of path and preset, got neither/],
    ['both path and preset', ['workload.path=a', 'workload.preset=chat'], /got both/],
    ['both, one of them in a whole section', ['workload={preset: chat}', 'workload.path=a'], /got both/],
    [
      'arm budget',
      ['arms={mine: {chunk: fixed-budget(9000)}}'],
      /a budget of 9000 tokens is more than max_num_batched_tokens 8192/,
    ],
    ['misspelt policy', ['arms={mine: {rank: least-cots(5000)}}'], /^arms\.mine\.rank: there is no rank policy "least-cots"$/],
    [
      'argument of a policy',
      ['arms={mine: {split: fixed-count(0)}}'],
      /arms\.mine\.split: count of fixed-count must lie in \[1, 512\]/,
    ],
    ['policy of another lever', ['arms={mine: {pool: least-kv-tokens}}'], /arms\.mine\.pool: there is no pool policy/],
    ['span', ['arms={mine: {span: two}}'], /arms\.mine\.span: there is no span policy "two"$/],
    ['span of three', ['arms={mine: {span: fixed(3)}}'], /degree of fixed must be a power of two, not 3/],
    [
      'span on one rank',
      ['arms={mine: {span: fixed(8)}}'],
      /arms\.mine\.span: fixed\(8\) spreads contexts over ranks, and .* has one/,
    ],
    ['span by shape on one rank', ['arms={mine: {span: by-shape}}'], /spreads contexts over ranks, and .* has one/],
    ['built-in arm', ['arms={static: {split: length-aware}}'], /this arm is built in/],
    ['gap limit', ['slo.interactive.gap_ms=0'], /gap_ms: expected a number > 0/],
    ['a share above one', ['slo.interactive.attainment=1.5'], /attainment: expected/],
    ['empty limits', ['slo.interactive={}'], /has no limit/],
    ['flag without a value', ['seed'], /not of the form/],
    ['nothing for a value', ['experiment.seed='], /^no value$/],
    ['a remark for a value', ['workload.path=#1.csv'], /^no value$/],
    ['an unknown key that is taken out', ['foo=null'], /^foo: unknown key$/],
    ['such a key of an engine', ['engines.0.cuont=null'], /^engines\[0\]\.cuont: unknown key$/],
    ['an arm that is taken out and not there', ['arms.mine=null'], /^arms\.mine: unknown key$/],
    ['an arm that is not there, without one of its levers', ['arms.mine.split=null'], /^arms\.mine: unknown key$/],
    ['two documents for a value', ['model=a\n---\nb'], /^a second document begins here, and one is read$/],
    ['an ordered mapping for a value', ['slo=!!omap [interactive: {ttft_ms: 1}]'], /^values with the tag !!omap are not read$/],
    ['a list for a key', ['slo={? [a] : 5}'], /^a list or a mapping in the place of a key$/],
    ['prototype', ['__proto__.x=1'], /not of the form/],
    ['prototype in a value', ['arms={__proto__: {split: fixed-count(4)}}'], /unknown key '__proto__'/],
    ['a word that every object knows', ['toString=1'], /^toString: unknown key$/],
    ['such a word with a key', ['toString.x=1'], /^toString: unknown key$/],
    ['such a word as a method', ['workload.load.method=constructor'], /method: expected one of superpose, .*got 'constructor'/],
    ['an alias without an anchor', ['model=*x'], /not valid YAML: Unresolved alias/],
    ['a tag that is none', ['model=!mine x'], /not valid YAML: Unresolved tag/],
    ['index', ['engines.3.count=1'], /engines has 1 entries, '3' is not one of them/],
    ['missing file', ['system=./none.json'], /cannot read the system file/],
  ])('%s', (_name, sets, message) => {
    const faults = withSets(...sets)
    expect(faults).toHaveLength(1)
    expect(faults[0].message).toMatch(message)
    expect(faults[0].where).toMatch(/^--set |^s\.yaml:\d+:\d+$/)
    expect(faults[0].hint).toBeTruthy()
  })

  test('a flag at fault is named; a value of the file is named by line and column', () => {
    expect(withSets('engines.0.block_size=0')[0].where).toBe('--set engines.0.block_size=0')
    expect(faultsOf(demo.replace('fraction: 0.7', 'fraction: -1'))[0].where).toBe('s.yaml:16:15')
  })

  test('a misspelt key is named where it would be taken out, a known one that is not there may be', () => {
    expect(withSets('engines.0.cuont=null')[0].hint).toMatch(/did you mean 'count'\?/)
    expect(withSets('experiment.seed=')[0].hint).toMatch(/^is a shell variable not set\? write null to take the key out/)
    expect(() =>
      loadScenario({ text: demo, file: 's.yaml', sets: ['kv_precision=null', 'admission.max_queue=null'] }),
    ).not.toThrow()
  })

  test('a misspelt policy is named by line and column, with a suggestion', () => {
    const text = `${demo}\narms:\n  mine:\n    split: fixed-cuont(4)\n`
    const line = text.split('\n').findIndex((row) => row.includes('cuont')) + 1
    expect(faultsOf(text)).toEqual([
      expect.objectContaining({
        where: `s.yaml:${line}:12`,
        hint: expect.stringMatching(/did you mean 'fixed-count'\? allowed: /),
      }),
    ])
  })

  test('an unknown key that every object knows is named as any other', () => {
    expect(faultsOf(`toString: 1\n${demo}`)).toEqual([
      expect.objectContaining({ where: 's.yaml:1:1', message: 'toString: unknown key' }),
    ])
  })

  test('merge keys and an alias within its own anchor are refused by name', () => {
    const engines = (more: string) => faultsOf(demo.replace(/^ {2}- layout: TP4.*$/m, `  - &e\n    layout: TP4\n    ${more}`))
    expect(engines('<<: {count: 1}')[0]).toMatchObject({ hint: expect.stringMatching(/^merge keys are not read/) })
    expect(engines('mtp: *e')[0].message).toBe('not valid YAML: an alias stands within its own anchor')
  })

  test('a cut that does not divide a model is answered with those that do', () => {
    expect(withSets('engines.0.layout=TP6')[0].hint).toBe('tp may be 1, 2, 4, 8, 16, 32, 64')
    // a power of two, too
    const folder = mkdtempSync(join(tmpdir(), 'shapewise-'))
    const model = JSON.parse(readFileSync(new URL('../data/models/llama-3.1-70b.json', import.meta.url), 'utf8'))
    writeFileSync(
      join(folder, 'own.json'),
      JSON.stringify({
        ...model,
        attention: { ...model.attention, heads: 40, kvHeads: 10 },
        ffn: { kind: 'dense', inner: 17_920 },
      }),
    )
    const [fault] = withSets(`model=${join(folder, 'own.json')}`, 'engines.0.layout=TP4')
    rmSync(folder, { recursive: true })
    expect(fault).toMatchObject({ message: expect.stringMatching(/10 KV heads and tp 4/), hint: 'tp may be 1, 2, 5, 10, 20, 40' })
  })

  test('a slip of the fingers gets a suggestion', () => {
    expect(faultsOf(demo.replace('max_num_seqs', 'max_num_sqes'))[0].hint).toMatch(/did you mean 'max_num_seqs'\?/)
  })
})

test('all faults are told at once, those of the form and those between fields', () => {
  const text = demo
    .replace('ttft_ms: 2000', 'ttft_ms: fast')
    .replace('layout: TP4', 'layout: TP6')
    .replace('preset: chat', 'path: a.csv\n  preset: chat')
  expect(
    faultsOf(text)
      .map(({ message }) => message.split(':')[0])
      .sort(),
  ).toEqual(['engines[0].layout', 'slo.interactive.ttft_ms', 'workload'])
})

describe('text that is not a scenario', () => {
  test.each<[string, string, RegExp]>([
    ['duplicate key', `${demo}\nsystem: gb300\n`, /given twice/],
    ['empty', '', /empty/],
    ['a list', '- a\n- b\n', /mapping/],
    ['broken', 'system: [gb200\n', /not valid YAML/],
    ['nested beyond the stack', `system: ${'['.repeat(20_000)}`, /not valid YAML: brackets or mappings are nested too deeply/],
    ['prototype', `${demo}\n__proto__: {a: 1}\n`, /unknown key '__proto__'/],
    ['two documents', `${demo}\n---\nracks: 2\n`, /^a second document begins here, and one is read$/],
    ['an ordered mapping', `${demo}\nadmission: !!omap [max_queue: 5]\n`, /^values with the tag !!omap are not read$/],
    ['a set', `${demo}\nadmission: !!set {max_queue}\n`, /^values with the tag !!set are not read$/],
    ['a time', `${demo}\nadmission: !!timestamp 2001-01-01\n`, /^values with the tag !!timestamp are not read$/],
    ['a date of YAML 1.1', `%YAML 1.1\n---\n${demo}\nadmission: 2001-01-01\n`, /^a date is no value here$/],
    ['a list for a key', `${demo}\nadmission: {? [a] : 5}\n`, /^a list or a mapping in the place of a key$/],
    ['an alias for a key', `${demo}\nadmission: {a: &k b, *k : 5}\n`, /^an alias in the place of a key$/],
  ])('%s', (_name, text, message) => {
    expect(faultsOf(text)[0].message).toMatch(message)
    expect(faultsOf(text)[0].where).toMatch(/^s\.yaml:\d+:\d+$/)
  })
})
