import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cautionsOf, precisionCautions } from '../src/scenario/cautions.js'
import { profileConstants } from '../src/scenario/constants.js'
import { describePlan, placementOf, planJson } from '../src/scenario/describe.js'
import { planHash } from '../src/scenario/hash.js'
import { layoutName, parseLayout } from '../src/scenario/layout.js'
import { loadScenario, scenarioFromDefaults } from '../src/scenario/load.js'
import { refuseUndone } from '../src/scenario/overrides.js'
import { scenarioSchema } from '../src/scenario/schema.js'
import { specsOf } from '../src/scenario/specs.js'
import { resolvedYaml } from '../src/scenario/yaml.js'
import { kernelsDigest } from '../src/timing/index.js'
import { COLUMN_ROLES } from '../src/traces/table/roles.js'
import { tinyPlan } from './tinyCluster.js'

const folder = new URL('../scenarios/', import.meta.url)
const shipped = readdirSync(folder).filter((name) => name.endsWith('.yaml'))
const read = (name: string) => readFileSync(new URL(name, folder), 'utf8')
const demo = (sets: string[] = []) => loadScenario({ text: read('demo.yaml'), file: 'demo.yaml', sets })

test('the hash of a plan is one of the kernel tables too', () => {
  const plan = tinyPlan()
  const specs = { ...specsOf(plan), constants: profileConstants(plan.profile) }
  const { planHash: _, stateHash: __, ...rest } = plan
  expect(planHash(rest, specs)).toBe(plan.planHash)
  expect(planHash(rest, specs, kernelsDigest())).toBe(plan.planHash)
  expect(planHash(rest, specs, 'of corrected tables')).not.toBe(plan.planHash)
})

describe('cautions of a plan', () => {
  const said = (...sets: string[]) => {
    const plan = tinyPlan(sets)
    const cautions = [...cautionsOf(plan), ...precisionCautions(plan)]
    // `plan` prints what runs and reports say
    for (const caution of cautions) expect(describePlan(plan)).toContain(caution)
    return cautions.map((caution) => caution.slice(0, 30)).join('; ')
  }

  test('are said of stacks on engines of both phases, of generic prices in few bits, and of drafts without a drafter', () => {
    expect(said()).toMatch(/^Profile generic is fitted/)
    expect(said('precision=bf16')).toBe('')
    expect(cautionsOf(tinyPlan())).toEqual([])
    expect(said('profile=vllm-2026')).toMatch(/^Constants of vllm-2026 were fi/)
    expect(said('precision=bf16', 'engines.0.mtp=2')).toMatch(/^Llama 3.1 70B has no layers th/)
    expect(said('model=deepseek-r1', 'engines=[{layout: DEP8, mtp: 2}]', 'profile=trtllm-2026')).not.toMatch(/no layers th/)
    const pools = 'engines=[{layout: 1p1d, prefill: {layout: DEP4}, decode: {layout: DEP8, mtp: 1}}]'
    expect(said('model=deepseek-r1', 'profile=trtllm-2026', pools)).toBe('')
  })
})

describe('shipped scenarios', () => {
  test('there are ten', () => {
    expect(shipped.sort()).toEqual([
      'agentic.yaml',
      'agents.yaml',
      'azure-conv.yaml',
      'demo.yaml',
      'equal-lengths.yaml',
      'gpt-oss-gb300.yaml',
      'inferencex-point.yaml',
      'llama-tp4.yaml',
      'mooncake-conversation.yaml',
      'r1-disagg.yaml',
    ])
  })

  test.each(shipped)('%s loads, starts with a comment, describes itself and survives the way back', (name) => {
    const text = read(name)
    expect(text).toMatch(/^# /)
    const plan = loadScenario({ text, file: `scenarios/${name}` })
    expect(describePlan(plan)).toContain(plan.planHash)
    expect(JSON.parse(planJson(plan)).plan_hash).toBe(plan.planHash)
    // a model file of one's own is named by its whole path there
    expect({ ...loadScenario({ text: resolvedYaml(plan), file: 'resolved.yaml' }), model: plan.model }).toEqual(plan)
  })
})

describe('defaults', () => {
  test('the demo is 18 engines of TP4, one to a tray, frozen', () => {
    const plan = demo()
    expect(plan.engines[0]).toMatchObject({ name: 'tp4', count: 18, tp: 4, layout: 'TP4', maxModelLen: 131072, blockSize: 64 })
    expect(placementOf(plan).map(({ trays }) => trays)).toEqual(Array.from({ length: 18 }, (_, tray) => [tray]))
    expect(Object.isFrozen(plan.engines[0])).toBe(true)
    expect(plan.precision).toBe('fp8')
  })

  test('a CSV alone is replayed as recorded on the default rack', () => {
    const plan = scenarioFromDefaults({ workloadPath: 'my.csv' })
    expect(plan.workload).toMatchObject({ path: 'my.csv', preset: null, load: { method: 'as_recorded', fraction: null } })
    expect(plan.engines[0]).toMatchObject({ count: 18, layout: 'TP4' })
    expect(plan.slo.interactive).toMatchObject({ ttftMs: 2000, tpotMs: 50 })
  })

  test('a CSV alone takes flags', () => {
    const plan = scenarioFromDefaults({ workloadPath: 'my.csv', sets: ['engines.0.count=2', 'experiment.seed=9'] })
    expect([plan.engines[0].count, plan.experiment.seed]).toEqual([2, 9])
  })

  test('a kind of engine without a count takes the GPUs that are left', () => {
    const plan = demo(['engines=[{name: a, layout: TP8, count: 5}, {name: b, layout: TP4}]'])
    expect(plan.engines.map(({ count }) => count)).toEqual([5, 8])
  })

  test('a plan names the GPUs and trays that are taken, whichever engine was placed last', () => {
    const placed = (engines: string) => /rack 0 +(.*)/.exec(describePlan(demo(['model=qwen3-235b', `engines=[${engines}]`])))?.[1]
    // 18 engines each in a tray of their own, and one on what three of them left over
    expect(placed('{layout: DEP3, count: 19, max_model_len: 32768}')).toBe('19 engines on 57 of GPUs 0-70 (trays 0-17)')
    expect(placed('{layout: DEP4, count: 2, max_model_len: 32768}')).toBe('2 engines on GPUs 0-7 (trays 0-1)')
    expect(placed('{layout: TP1, count: 1, max_model_len: 32768}')).toBe('1 engine on GPU 0 (tray 0)')
  })

  test('a plan says what an NVLink domain is made of', () => {
    const domain = (...sets: string[]) => /^domain +(.*)$/m.exec(describePlan(demo(sets)))?.[1]
    expect(domain()).toBe(
      '18 trays of 4 GPUs and 2 Grace CPUs behind 18 NVLink switch ASICs; a GPU has 900 GB/s each way, 50 GB/s to other domains',
    )
    expect(domain('system=b200', 'engines=[{layout: TP4}]')).toBe(
      'one node of 8 GPUs behind 2 NVLink switch ASICs; a GPU has 900 GB/s each way, 50 GB/s to other domains',
    )
  })

  test('a plan says that it has not read the trace, where there is a file of one', () => {
    const said = /^trace +not read here; `shapewise trace inspect` reads it$/m
    expect(describePlan(demo(['workload={path: mine.csv}']))).toMatch(said)
    expect(describePlan(demo())).not.toMatch(said)
  })

  test('experts follow the attention unless they are told otherwise', () => {
    const plan = demo(['model=deepseek-r1', 'engines=[{dp: 16, max_model_len: 32768}]'])
    expect(plan.engines[0]).toMatchObject({ layout: 'DEP16', moeTp: 1, moeEp: 16, count: 4 })
  })
})

describe('flags', () => {
  test('a path on the command line takes the place of the preset; a path in a file is relative to the file', () => {
    expect(demo(['workload.path=t.csv']).workload).toMatchObject({ path: 't.csv', preset: null })
    const text = read('demo.yaml').replace('preset: chat', 'path: ../traces/t.csv')
    expect(loadScenario({ text, file: 'scenarios/x.yaml' }).workload.path).toBe('traces/t.csv')
  })

  test('a key that an earlier flag gives is refused', () => {
    const undone = (...sets: string[]) => expect(() => refuseUndone(sets))
    undone('experiment.seed=7', 'experiment.seed=5').toThrow(
      /^--set experiment\.seed=5 {2}gives anew what --set experiment\.seed=7 gives\n {2}hint: keep one of them$/,
    )
    undone('engines.0.count=2', 'engines=[{layout: TP4}]').toThrow(
      /^--set engines=\S+ TP4\}\] {2}gives anew what --set engines\.0\.count=2 /,
    )
    undone('experiment={seed: 5}', 'experiment.seed=7').toThrow(
      /^--set experiment\.seed=7 {2}gives anew what --set experiment=\{seed: 5\} /,
    )
    // other keys of one section, one that was cleared before, and a name that begins alike
    undone('experiment={seed: 5}', 'experiment.warmup=3', 'experiment.measure=9').not.toThrow()
    undone('engines=[{layout: TP4}]', 'engines.0.count=2').not.toThrow()
    undone('workload.load=null', 'workload.load.method=as_recorded').not.toThrow()
    undone('precision=fp8', 'precision_x=1').not.toThrow()
  })

  test('a flag changes one place, and not another of the same anchor', () => {
    const text = read('demo.yaml').replace(/engines:.*?\n\n/s, 'engines:\n  - &e {name: a, layout: TP4, count: 1}\n  - *e\n\n')
    const { engines } = loadScenario({ text, file: 'x.yaml', sets: ['engines.1.name=b', 'engines.1.max_num_seqs=8'] })
    expect(engines.map(({ name, maxNumSeqs }) => [name, maxNumSeqs])).toEqual([
      ['a', 256],
      ['b', 8],
    ])
  })

  test('a layout, a load and a KV size on the command line take the place of what excludes them', () => {
    expect(demo(['engines.0.layout=TP8']).engines[0]).toMatchObject({ tp: 8, count: 9 })
    expect(demo(['workload.load.rate_per_s=50']).workload.load).toMatchObject({ fraction: null, ratePerS: 50 })
    expect(demo(['workload.load.method=as_recorded']).workload.load).toMatchObject({ method: 'as_recorded', fraction: null })
    expect(demo(['workload.load.method=closed_loop', 'workload.load.concurrency=64']).workload.load).toMatchObject({
      concurrency: 64,
    })
    expect(demo(['engines.0.num_gpu_blocks=4096']).engines[0].numGpuBlocks).toBe(4096)
  })

  test('null removes a key, and nothing that only the key would exclude', () => {
    expect(demo(['slo=null']).slo.interactive.tpotMs).toBe(50)
    const load = (...sets: string[]) => demo(['workload.load={method: superpose, rate_per_s: 20}', ...sets]).workload.load
    expect(load('workload.load.fraction=null')).toEqual(load())
    const text = 'system: gb200\nmodel: llama-3.1-70b\nengines: [{tp: 8, kv_memory_fraction: 0.5}]\nworkload: {path: t.csv}\n'
    const own = (...sets: string[]) => loadScenario({ text, file: 's.yaml', sets })
    for (const set of ['engines.0.num_gpu_blocks=null', 'engines.0.layout=null', 'workload.preset=null'])
      expect(own(set).planHash).toBe(own().planHash)
  })
})

describe('identity', () => {
  test('the hash leaves out the path and depends on everything else', () => {
    expect(demo(['workload.path=a.csv']).planHash).toBe(demo(['workload.path=b/c.csv']).planHash)
    const hashes = [
      demo(),
      demo(['experiment.seed=2']),
      demo(['workload.preset=code']),
      demo(['engines.0.count=17']),
      demo(['system=gb300']),
    ]
    expect(new Set(hashes.map(({ planHash }) => planHash)).size).toBe(hashes.length)
    for (const { planHash } of hashes) expect(planHash).toMatch(/^[0-9a-f]{12}$/)
  })

  test('any plan, written out and loaded again, is the same plan', () => {
    const options = fc.record({
      model: fc.constantFrom(
        'llama-3.1-70b|TP4',
        'llama-3.1-70b|TP8',
        'deepseek-r1|DEP16',
        'deepseek-r1|TEP8',
        'deepseek-r1|DTP8',
        'gpt-oss-120b|TP4',
      ),
      system: fc.constantFrom('gb200', 'gb300'),
      count: fc.integer({ min: 1, max: 4 }),
      seqs: fc.integer({ min: 1, max: 512 }),
      tokens: fc.integer({ min: 512, max: 16384 }),
      block: fc.constantFrom(16, 32, 64),
      kv: fc.oneof(
        fc.double({ min: 0.5, max: 1, noNaN: true }).map((x) => `kv_memory_fraction: ${x}`),
        fc.integer({ min: 2048, max: 9000 }).map((n) => `num_gpu_blocks: ${n}`),
      ),
      load: fc.constantFrom(
        '{}',
        '{fraction: 0.5}',
        '{method: closed_loop, concurrency: 7}',
        '{method: as_recorded}',
        '{method: speed_up, speed_up: 2.5}',
        '{rate_per_s: 12.5}',
      ),
      slo: fc.constantFrom('{}', '{interactive: {e2e_ms: 1e4}}', '{interactive: {ttft_ms: 0.5, tpot_ms: 3}}'),
      admission: fc.constantFrom('{}', '{max_queue: 9}', '{max_queue: 7, timeout_ms: 2500}'),
      seed: fc.nat(),
    })
    fc.assert(
      fc.property(options, ({ model, system, count, seqs, tokens, block, kv, load, slo, admission, seed }) => {
        const [name, layout] = model.split('|')
        const text = `system: ${system}
model: ${name}
engines:
  - {layout: ${layout}, count: ${count}, max_num_seqs: ${seqs}, max_num_batched_tokens: ${tokens}, max_model_len: 32768, block_size: ${block}, ${kv}}
workload: {preset: chat, load: ${load}}
slo: ${slo}
admission: ${admission}
arms: {mine: {split: fixed-count(4)}}
experiment: {seed: ${seed}}
`
        const plan = loadScenario({ text, file: 'x.yaml' })
        expect(loadScenario({ text: resolvedYaml(plan), file: 'y.yaml' })).toEqual(plan)
      }),
      { numRuns: 100 },
    )
  })
})

/** Paths of the values that a schema may hold; `*` is an entry of a list or of a mapping with free names. */
function leavesOf(schema: unknown, path = ''): string[] {
  const { type, innerType, element, valueType, shape, options } = (schema as { def: Record<string, unknown> }).def
  if (type === 'optional') return leavesOf(innerType, path)
  if (type === 'array' || type === 'record') return leavesOf(element ?? valueType, `${path}.*`)
  if (type === 'union') return (options as unknown[]).flatMap((option) => leavesOf(option, path))
  if (type !== 'object') return [path]
  return Object.entries(shape as object).flatMap(([key, held]) => leavesOf(held, path === '' ? key : `${path}.${key}`))
}

/** For each key: a value that is not its default, and before it what makes the value mean something. A key of the schema that is absent here fails. */
const MOE = ['model=deepseek-r1', 'engines=[{tp: 8, count: 1}]']
const CACHE = ['engines.0.enable_prefix_caching=true']
const ROLES = ['engines=[{layout: TP4, role: prefill, count: 2}, {layout: TP4, role: decode, count: 1}]']
const FILE = ['workload={path: trace.csv, load: {method: as_recorded}}']
const UNIFORM = ['workload={preset: uniform, isl: 100, osl: 10}']
const AWAY: Readonly<Record<string, readonly string[]>> = {
  system: ['system=b200'],
  racks: ['racks=2'],
  model: ['model=qwen3-235b'],
  precision: ['precision=bf16'],
  kv_precision: ['kv_precision=bf16'],
  profile: ['profile=trtllm-2026'],
  moe_path: [...MOE, 'moe_path=trtllm-gen'],
  first_token: [...ROLES, 'first_token=decode'],
  'engines.*.name': ['engines.0.name=mine'],
  'engines.*.role': ROLES,
  'engines.*.count': ['engines.0.count=3'],
  'engines.*.layout': ['engines.0.layout=TP2'],
  'engines.*.tp': ['engines=[{count: 2}]', 'engines.0.tp=4'],
  'engines.*.dp': [...MOE, 'engines=[{dp: 8, count: 1}]'],
  'engines.*.moe_tp': [...MOE, 'engines.0.moe_tp=2'],
  'engines.*.moe_ep': [...MOE, 'engines.0.moe_ep=2'],
  'engines.*.max_num_seqs': ['engines.0.max_num_seqs=100'],
  'engines.*.max_num_batched_tokens': ['engines.0.max_num_batched_tokens=4096'],
  'engines.*.max_model_len': ['engines.0.max_model_len=4096'],
  'engines.*.block_size': ['engines.0.block_size=32'],
  'engines.*.kv_memory_fraction': ['engines.0.kv_memory_fraction=0.5'],
  'engines.*.num_gpu_blocks': ['engines.0.num_gpu_blocks=5000'],
  'engines.*.enable_prefix_caching': CACHE,
  'engines.*.kv_offload.host_gb_per_gpu': [...CACHE, 'engines.0.kv_offload={host_gb_per_gpu: 100}'],
  'engines.*.mtp': ['engines.0.mtp=2'],
  'engines.*.mtp.n': ['engines.0.mtp={n: 2}'],
  'engines.*.mtp.acceptance': ['engines.0.mtp=2', 'engines.0.mtp={n: 2, acceptance: 0.55}'],
  'engines.*.kv_reservation': ['engines.0.kv_reservation=full'],
  'engines.*.may_switch': [
    'arms={mine: {pool: adaptive-roles}}',
    'engines=[{layout: TP4, role: prefill, count: 2, may_switch: true}, {layout: TP4, role: decode, count: 1}]',
    'engines.1.may_switch=true',
  ],
  'engines.*.moe_path': [...MOE, 'engines.0.moe_path=trtllm-gen'],
  'workload.path': FILE,
  'workload.preset': ['workload.preset=code'],
  'workload.isl': [...UNIFORM, 'workload.isl=200'],
  'workload.osl': [...UNIFORM, 'workload.osl=20'],
  'workload.spread': [...UNIFORM, 'workload.spread=0.5'],
  'workload.requests': [...UNIFORM, 'workload.requests=50'],
  'workload.load.method': ['workload.load.method=as_recorded'],
  'workload.load.fraction': ['workload.load.fraction=0.5'],
  'workload.load.rate_per_s': ['workload.load.rate_per_s=3'],
  'workload.load.speed_up': ['workload.load={method: speed_up, speed_up: 2}'],
  'workload.load.concurrency': ['workload.load={method: closed_loop, concurrency: 8}'],
  'workload.load.sessions': ['workload.load.sessions=closed'],
  'workload.cache_answers': [...CACHE, 'workload.cache_answers=true'],
  'workload.spread_ticks': [...FILE, 'workload.spread_ticks=true'],
  'workload.read.from': [...FILE, 'workload.read={from: mooncake}'],
  'workload.read.time_unit': [...FILE, 'workload.read={time_unit: ms}'],
  'workload.read.outputs': [...FILE, 'workload.read={outputs: 7}'],
  'workload.read.order': [...FILE, 'workload.read={order: fail}'],
  'workload.read.duplicates': [...FILE, 'workload.read={duplicates: drop}'],
  'workload.read.block_tokens': [...FILE, 'workload.read={block_tokens: 16}'],
  'workload.read.context_limit': [...FILE, 'workload.read={context_limit: 5000}'],
  'workload.read.over_limit': [...FILE, 'workload.read={context_limit: 5000}', 'workload.read.over_limit=clip'],
  'workload.read.limit': [...FILE, 'workload.read={limit: 5}'],
  'workload.read.window': [...FILE, 'workload.read={window: 0..9}'],
  'workload.read.share_system_prompt': [...FILE, 'workload.read={share_system_prompt: true}'],
  ...Object.fromEntries(
    COLUMN_ROLES.map((role) => [`workload.read.columns.${role}`, [...FILE, `workload.read={columns: {${role}: "2"}}`]]),
  ),
  'slo.interactive.ttft_ms': ['slo.interactive={ttft_ms: 900}'],
  'slo.interactive.tpot_ms': ['slo.interactive={tpot_ms: 90}'],
  'slo.interactive.gap_ms': ['slo.interactive={gap_ms: 900}'],
  'slo.interactive.e2e_ms': ['slo.interactive={e2e_ms: 9000}'],
  'slo.interactive.attainment': ['slo.interactive={ttft_ms: 900, attainment: 0.99}'],
  'admission.max_queue': ['admission={max_queue: 5}'],
  'admission.timeout_ms': ['admission={timeout_ms: 5}'],
  'arms.*.split': ['arms={mine: {split: fixed-count(8)}}'],
  'arms.*.chunk': ['arms={mine: {chunk: fixed-budget(512)}}'],
  'arms.*.rank': [...MOE, 'engines=[{dp: 8, count: 1}]', 'arms={mine: {rank: least-cost(5000)}}'],
  'arms.*.span': [...MOE, 'engines=[{dp: 8, count: 1}]', 'arms={mine: {span: fixed(2)}}'],
  'arms.*.pool': ['arms={mine: {pool: round-robin}}'],
  'experiment.replicates': ['experiment={replicates: 3}'],
  'experiment.warmup': ['experiment={warmup: 3}'],
  'experiment.measure': ['experiment={measure: 80}'],
  'experiment.seed': ['experiment={seed: 3}'],
}
/** Keys that take their default alone so far. */
const NOT_BUILT = ['engines.*.pp', 'engines.*.cp']

describe('every key survives the way through the resolved scenario', () => {
  const PLAIN = `system: gb200\nmodel: llama-3.1-70b\nengines: [{layout: TP4, count: 2}]\nworkload: {preset: chat}\n`
  const plain = (sets: readonly string[]) => loadScenario({ text: PLAIN, file: 'plain.yaml', sets })
  // a pair such as 10p1d is taken apart into engines, which are the other entries
  const keys = new Set(leavesOf(scenarioSchema).filter((path) => !/^engines\.\*\.(prefill|decode)\./.test(path)))

  test('each has a value here', () => {
    expect([...Object.keys(AWAY), ...NOT_BUILT].sort()).toEqual([...keys].sort())
    for (const key of NOT_BUILT) expect(() => plain([`${key.replace('*', '0')}=2`])).toThrow(/only 1 is built so far/)
  })

  test.each(Object.entries(AWAY))('%s', (_key, sets) => {
    const plan = plain(sets)
    expect(plan.planHash).not.toBe(plain(sets.slice(0, -1)).planHash)
    expect(loadScenario({ text: resolvedYaml(plan), file: 'again.yaml' }).planHash).toBe(plan.planHash)
  })
})

test('layouts are printed as they are read', () => {
  for (const text of ['TP1', 'TEP8', 'DEP32', 'DTP4']) {
    const cut = parseLayout(text, true)
    expect(typeof cut === 'string' ? cut : layoutName(cut, true)).toBe(text)
  }
  expect(parseLayout('tp4', false)).toMatchObject({ tp: 4 })
  expect(parseLayout('TP4', true)).toMatchObject({ tp: 4, moeEp: 4 })
})
