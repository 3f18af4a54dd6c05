/** Engines by role, speculation, profiles and the closed-loop protocol: resolved, printed back, refused where they mean nothing. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Fault, UserError } from '../src/errors.js'
import { clusterConfig, tokensPer1024Steps } from '../src/scenario/cluster.js'
import { describePlan, gpusOfPlan, placementOf } from '../src/scenario/describe.js'
import { loadScenario } from '../src/scenario/load.js'
import { resolvedYaml } from '../src/scenario/yaml.js'
import { uniformWorkload } from '../src/traces/index.js'

const PAIR = `system: gb200
model: deepseek-r1
engines:
  - layout: 4p1d
    max_model_len: 16384
    prefill: {layout: DEP4, max_num_batched_tokens: 8192}
    decode: {layout: DEP32, max_num_seqs: 64, max_num_batched_tokens: 512, mtp: 3, kv_reservation: full}
workload: {preset: chat}
`
const LIST = `system: gb200
model: deepseek-r1
engines:
  - {role: prefill, count: 4, layout: DEP4, max_model_len: 16384}
  - {role: decode, count: 1, layout: DEP32, max_model_len: 16384, max_num_seqs: 64, max_num_batched_tokens: 512, mtp: mtp3, kv_reservation: full}
workload: {preset: chat}
`
const load = (text: string, ...sets: string[]) => loadScenario({ text, file: 's.yaml', sets })

function faultsOf(text: string, ...sets: string[]): readonly Fault[] {
  try {
    load(text, ...sets)
  } catch (error) {
    if (error instanceof UserError) return error.faults
    throw error
  }
  throw new Error('the scenario was accepted')
}

describe('prefill and decode engines', () => {
  test('4p1d is two kinds of engine, and the same plan as the two written out', () => {
    const plan = load(PAIR)
    expect(plan.engines.map(({ name, role, count, layout }) => [name, role, count, layout])).toEqual([
      ['prefill', 'prefill', 4, 'DEP4'],
      ['decode', 'decode', 1, 'DEP32'],
    ])
    expect(gpusOfPlan(plan)).toBe(48)
    expect(plan.engines[1]).toMatchObject({ maxModelLen: 16384, maxNumSeqs: 64, kvReservation: 'full' })
    expect(load(LIST).planHash).toBe(plan.planHash)
    expect(load(LIST)).toEqual(plan)
  })

  test('the plan prints the shorthands back, and its YAML is the same plan', () => {
    const plan = load(PAIR, 'first_token=decode', 'profile=trtllm-2026', 'moe_path=cutedsl')
    const text = describePlan(plan)
    expect(text).toMatch(/pools +4p1d: .*first token with the first decode step/)
    expect(text).toMatch(/engine decode: 1 x DEP32 mtp3, decode \(32 GPUs/)
    expect(text).toMatch(/profile trtllm-2026; 145.5 ms of every TTFT in the frontend; decode mtp3/)
    expect(text).toMatch(/experts by cutedsl/)
    expect(load(resolvedYaml(plan))).toEqual(plan)
  })

  test('the ratio can be changed by a flag, and so can each side', () => {
    const plan = load(PAIR, 'engines.0.layout=2P2D', 'engines.0.decode.layout=DEP16')
    expect(plan.engines.map(({ count, layout }) => `${count} ${layout}`)).toEqual(['2 DEP4', '2 DEP16'])
  })

  test('decode engines take the GPUs that are left', () => {
    expect(load(LIST.replace('count: 1, ', '')).engines[1].count).toBe(1)
    expect(load(LIST.replace('count: 1, layout: DEP32', 'layout: DEP8')).engines[1].count).toBe(7)
  })

  test('in racks where the engines of one kind leave corners the others take as many as fit, whichever stands first', () => {
    const prefill = '{layout: DEP48, role: prefill, max_model_len: 8192, count: 2}'
    const decode = '{layout: DEP16, role: decode, max_model_len: 8192}'
    const counts = (...kinds: string[]) =>
      load(LIST, 'racks=2', `engines=[${kinds.join(', ')}]`).engines.map(({ layout, count }) => `${count} ${layout}`)
    expect(counts(prefill, decode)).toEqual(['2 DEP48', '2 DEP16'])
    expect(counts(decode, prefill)).toEqual(['2 DEP16', '2 DEP48'])
    const plan = load(LIST, 'racks=2', `engines=[${decode}, ${prefill}]`)
    expect(load(resolvedYaml(plan))).toEqual(plan)
    expect(placementOf(plan).map(({ group, rack }) => [group, rack])).toEqual([
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ])
    expect(() => counts(decode, prefill.replace('count: 2', 'count: 3'))).toThrow(/engines\[1\]: only 2 of 3 engines prefill/)
    expect(() => counts(prefill.replace('DEP48', 'DEP72'), decode)).toThrow(/engines\[1\]: only 0 of 1 engines decode/)
  })

  test('roles, speculation, profile, kernel path and first token make another plan', () => {
    const stack = ['profile=sglang-2026']
    const sets = [[], ['first_token=decode'], stack, [...stack, 'moe_path=cutlass'], ['engines.0.decode.mtp=2']]
    const hashes = [...sets, ['engines.0.decode.mtp={n: 3, acceptance: 0.7}']].map((set) => load(PAIR, ...set).planHash)
    expect(new Set(hashes).size).toBe(hashes.length)
  })

  test.each<[string, string, string[], RegExp, string]>([
    [
      'a kind of engine for both phases beside them',
      LIST.replace('role: decode, ', ''),
      [],
      /cannot stand beside engines of prefill/,
      's.yaml:5:5',
    ],
    ['decode alone', LIST.replace(/ {2}- {role: prefill.*\n/, ''), [], /there is no prefill engine/, 's.yaml:4:12'],
    [
      'drafts of a prefill engine',
      PAIR,
      ['engines.0.prefill.mtp=1'],
      /engines\[0\]\.prefill\.mtp: has no effect on a prefill engine/,
      '--set',
    ],
    [
      'a role said twice',
      PAIR,
      ['engines.0.prefill.role=decode'],
      /engines\[0\]\.prefill\.role: 4p1d says this already/,
      '--set',
    ],
    [
      'limits of one side beside the pair',
      PAIR,
      ['engines.0.max_num_seqs=9'],
      /engines\[0\]\.max_num_seqs: 4p1d stands for two kinds/,
      '--set',
    ],
    ['one side missing', PAIR.replace(/ {4}decode.*\n/, ''), [], /4p1d needs the cut of one engine in decode/, 's.yaml:4:13'],
    [
      'no prefill engines',
      PAIR,
      ['engines.0.layout=0p1d'],
      /^.*layout: '0p1d' does not count prefill and decode engines/,
      '--set',
    ],
    [
      'sides without a pair',
      PAIR,
      ['engines.0.layout=DEP4'],
      /engines\[0\]\.prefill: has no effect without a layout such as 10p1d/,
      's.yaml:6:5',
    ],
    [
      'the cut of one side',
      PAIR.replace('DEP32', 'DEP300'),
      [],
      /engines\[0\]\.decode\.layout: 300 GPUs are more than one NVLink domain/,
      's.yaml:7:22',
    ],
    [
      'weights of one side',
      PAIR,
      ['engines.0.prefill.layout=TP1'],
      /engines\[0\]\.prefill\.layout: .*does not fit: weights/,
      '--set',
    ],
    ['more engines than GPUs', PAIR.replace('4p1d', '11p1d'), [], /only 0 of 1 engines decode/, 's.yaml:7:5'],
    [
      'a change of role beside drafts',
      PAIR,
      ['engines.0.decode.may_switch=true', 'engines.0.decode.mtp=2'],
      /decode\.may_switch: mtp has a use in one role alone/,
      '--set',
    ],
    [
      'a change of role that no arm asks for',
      PAIR,
      ['engines.0.prefill.may_switch=true', 'arms={mine: {pool: least-loaded}}'],
      /prefill\.may_switch: has no effect, since no arm has a policy that changes/,
      '--set',
    ],
    [
      'changes of roles that no engine may make',
      PAIR,
      ['arms={mine: {pool: adaptive-roles}}'],
      /adaptive-roles changes the roles of engines, and none may/,
      '--set',
    ],
    [
      'changes of roles where each engine is the last of its own',
      PAIR.replace(', mtp: 3', ''),
      ['engines.0.layout=1p1d', 'engines.0.decode.may_switch=true', 'arms={mine: {pool: adaptive-roles}}'],
      /each is the last one of its role/,
      '--set',
    ],
    [
      'a chunk policy',
      PAIR,
      ['arms={mine: {chunk: fixed-budget(512)}}'],
      /has no effect where prefill has engines of its own/,
      '--set',
    ],
    [
      'a misspelt key of one side',
      PAIR,
      ['engines.0.decode.max_num_sqes=1'],
      /engines\[0\]\.decode\.max_num_sqes: unknown key/,
      '--set',
    ],
  ])('refuses %s', (_name, text, sets, message, where) => {
    const faults = faultsOf(text, ...sets)
    expect(faults[0].message).toMatch(message)
    expect(faults[0].where.startsWith(where), faults[0].where).toBe(true)
    expect(faults[0].hint).toBeTruthy()
  })

  test('engines that may switch have prices for both roles, and the written plan says so', () => {
    const plan = load(PAIR, 'engines.0.prefill.may_switch=true', 'arms={mine: {pool: adaptive-roles}}')
    const { engines } = clusterConfig(plan)
    expect(engines.map(({ role, switched }) => [role, switched?.role])).toEqual([
      ...Array.from({ length: 4 }, () => ['prefill', 'decode']),
      ['decode', undefined],
    ])
    expect(resolvedYaml(plan).match(/may_switch: true/g)).toHaveLength(1)
  })

  test('an arm that names no chunk policy fills the steps of the prefill engines', () => {
    const plan = load(PAIR, 'arms={mine: {pool: least-loaded}}')
    expect(plan.arms[0].chunk).toBe('fixed-budget(8192)')
  })
})

test('any plan with roles, written out and loaded again, is the same plan', () => {
  const options = fc.record({
    pair: fc.constantFrom('1p1d', '3p2d', '9p1d'),
    prefill: fc.constantFrom('DEP4', 'TEP4'),
    decode: fc.constantFrom('DEP8', 'DEP24', 'TEP8'),
    mtp: fc.constantFrom('0', 'mtp1', '3', '{n: 2, acceptance: 0.61}'),
    reservation: fc.constantFrom('grow', 'full'),
    first: fc.constantFrom('prefill', 'decode'),
    profile: fc.constantFrom('generic', 'trtllm-2026', 'sglang-2025'),
    path: fc.constantFrom('auto', 'cutlass', 'cutedsl'),
    slo: fc.constantFrom('{}', '{interactive: {gap_ms: 250}}', '{interactive: {ttft_ms: 900, gap_ms: 1}}'),
  })
  fc.assert(
    fc.property(options, ({ pair, prefill, decode, mtp, reservation, first, profile, slo, ...families }) => {
      // a generic stack heeds no family on most of these engines
      const [path, ofDecode] = profile === 'generic' ? ['auto', 'auto'] : [families.path, 'trtllm-gen']
      const text = `system: gb300
model: deepseek-r1
profile: ${profile}
moe_path: ${path}
first_token: ${first}
engines:
  - layout: ${pair}
    max_model_len: 4096
    kv_reservation: ${reservation}
    prefill: {layout: ${prefill}, max_num_batched_tokens: 4096}
    decode: {layout: ${decode}, max_num_seqs: 32, mtp: ${mtp}, moe_path: ${ofDecode}}
workload: {preset: chat}
slo: ${slo}
arms: {mine: {pool: least-loaded}}
`
      const plan = load(text)
      expect(plan.engines.map(({ moePath }) => moePath)).toEqual([path, ofDecode])
      expect(load(resolvedYaml(plan))).toEqual(plan)
    }),
    { numRuns: 60 },
  )
})

describe('speculation', () => {
  test('a number, its shorthand and a mapping say the same; 0 is off', () => {
    const mtp = (value: string) => load(PAIR, `engines.0.decode.mtp=${value}`).engines[1].mtp
    expect(mtp('mtp3')).toEqual(mtp('3'))
    expect(mtp('{n: 3}')).toEqual(mtp('3'))
    expect(mtp('{n: 1, acceptance: 0.5}')).toEqual({ n: 1, acceptance: 0.5 })
    expect(mtp('0')).toBeNull()
  })

  test('tokens of 1024 steps follow from drafts and acceptance, rounded down', () => {
    expect(tokensPer1024Steps({ mtp: null })).toBe(1024)
    expect(tokensPer1024Steps({ mtp: { n: 1, acceptance: 0.5 } })).toBe(1536)
    expect(tokensPer1024Steps({ mtp: { n: 3, acceptance: 0.8 } })).toBe(Math.floor(1024 * (1 + 0.8 + 0.64 + 0.512)))
    expect(tokensPer1024Steps({ mtp: { n: 3, acceptance: 1 } })).toBe(4096)
  })
})

describe('the closed-loop protocol', () => {
  const CLOSED = 'workload={preset: uniform, isl: 1000, osl: 100, load: {method: closed_loop, concurrency: 16}}'

  test('ten requests for each in flight, lengths from 0.8 of the nominal ones', () => {
    expect(load(PAIR, CLOSED).workload.uniform).toEqual({ isl: 1000, osl: 100, spread: 0.8, requests: 160 })
    expect(load(PAIR, CLOSED, 'workload.requests=7', 'workload.spread=1').workload.uniform).toMatchObject({
      requests: 7,
      spread: 1,
    })
    expect(load(resolvedYaml(load(PAIR, CLOSED)))).toEqual(load(PAIR, CLOSED))
  })

  test('another preset or a path on the command line takes its place', () => {
    const text = PAIR.replace('{preset: chat}', '{preset: uniform, isl: 10, osl: 10, requests: 5}')
    expect(load(text, 'workload.preset=chat').workload.uniform).toBeNull()
    expect(load(text, 'workload.path=t.csv').workload).toMatchObject({ preset: null, uniform: null })
  })

  test.each([{ isl: 0 }, { osl: 1.5 }, { requests: Number.NaN }, { spread: 0 }, { spread: 2 }])('but never %j', (wrong) => {
    const asked = { isl: 10, osl: 5, spread: 0.8, requests: 3, ...wrong }
    expect(() => uniformWorkload(asked, 1)).toThrow(new RegExp(`^uniformWorkload.${Object.keys(wrong)[0]} .* is not possible`))
  })

  test('lengths are even on both ends, and a seed is a draw', () => {
    const lengths = { isl: 10, osl: 5, spread: 0.8, requests: 3000 }
    const { isl, osl } = uniformWorkload(lengths, 1)
    const counts = [8, 9, 10].map((length) => isl.filter((value) => value === length).length)
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(120)
    expect(counts.reduce((a, b) => a + b)).toBe(3000)
    expect([Math.min(...osl), Math.max(...osl)]).toEqual([4, 5])
    expect(uniformWorkload(lengths, 1).isl).toEqual(isl)
    expect(uniformWorkload(lengths, 2).isl).not.toEqual(isl)
  })
})
