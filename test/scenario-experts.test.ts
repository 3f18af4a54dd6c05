import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { UserError } from '../src/errors.js'
import { loadModel } from '../src/models/load.js'
import { timingRequest } from '../src/scenario/cluster.js'
import { describePlan } from '../src/scenario/describe.js'
import { loadScenario } from '../src/scenario/load.js'
import { resolvedYaml } from '../src/scenario/yaml.js'
import { buildStepTables, moePathsOf } from '../src/timing/index.js'

const TEXT = `system: gb200
model: deepseek-r1
engines: [{layout: DEP8, count: 1, max_num_seqs: 64, max_num_batched_tokens: 1024, max_model_len: 8192}]
workload: {preset: chat}
`
const load = (...sets: string[]) => loadScenario({ text: TEXT, file: 's.yaml', sets })
const experts = (...sets: string[]) => describePlan(load(...sets)).match(/, experts by .*/g)
const PAIR = 'engines=[{layout: 2p1d, max_model_len: 8192, prefill: {layout: DEP4}, decode: {layout: TEP8}}]'

function faultsOf(...sets: string[]): string[] {
  try {
    load(...sets)
    return []
  } catch (error) {
    return (error as UserError).faults.map(({ message, hint }) => `${message}; ${hint}`)
  }
}

describe('a kernel family of the experts', () => {
  test('of the whole scenario is refused where all engines name their own', () => {
    const sets = ['profile=trtllm-2026', 'moe_path=cutlass']
    expect(faultsOf(...sets, 'engines.0.moe_path=trtllm-gen')).toEqual([
      'moe_path: has no effect: all engines name families of their own; remove it',
    ])
    expect(faultsOf(...sets)).toEqual([])
  })

  test('is refused where the price is that of auto, unless it is the family that runs anyway', () => {
    const refused: string[] = []
    const anyway: string[] = []
    for (const precision of ['nvfp4', 'fp8'] as const)
      for (const layout of ['DEP8', 'TEP8'])
        for (const profile of ['generic', 'trtllm-2026', 'vllm-2026']) {
          const sets = [`precision=${precision}`, `engines.0.layout=${layout}`, `profile=${profile}`]
          const auto = load(...sets)
          const tables = buildStepTables(timingRequest(auto, auto.engines[0]))
          for (const moePath of moePathsOf(precision, loadModel('deepseek-r1')).slice(1)) {
            const own = buildStepTables(timingRequest(auto, { ...auto.engines[0], moePath }))
            const idle = faultsOf(...sets, `moe_path=${moePath}`).length > 0
            const same = JSON.stringify(own) === JSON.stringify(tables)
            const name = `${precision} ${layout} ${profile} ${moePath}`
            if (idle) expect(same, name).toBe(true)
            if (same) (idle ? refused : anyway).push(name)
          }
        }
    expect(refused).toEqual([
      'nvfp4 DEP8 generic cutlass',
      'nvfp4 DEP8 generic cutedsl',
      'nvfp4 DEP8 generic trtllm-gen',
      'nvfp4 DEP8 vllm-2026 trtllm-gen',
      'nvfp4 TEP8 generic cutlass',
      'nvfp4 TEP8 generic cutedsl',
      'fp8 DEP8 generic deepgemm',
      'fp8 TEP8 generic deepgemm',
    ])
    expect(anyway).toEqual([
      'nvfp4 DEP8 trtllm-2026 cutedsl',
      'nvfp4 DEP8 vllm-2026 cutlass',
      'nvfp4 TEP8 trtllm-2026 trtllm-gen',
      'nvfp4 TEP8 vllm-2026 trtllm-gen',
      'fp8 DEP8 trtllm-2026 deepgemm',
      'fp8 DEP8 vllm-2026 deepgemm',
      'fp8 TEP8 trtllm-2026 trtllm-gen',
      'fp8 TEP8 vllm-2026 trtllm-gen',
    ])
  })

  test('names the place, the stack and the profiles that tell families apart', () => {
    const says = 'has no effect with profile generic, which prices cutedsl experts of these engines as it does auto'
    const remedy = 'remove it, or set profile to one that tells families apart: trtllm-2025, trtllm-2026, sglang-2025'
    expect(faultsOf('moe_path=cutedsl')[0]).toContain(`moe_path: ${says}; ${remedy}`)
    expect(faultsOf('engines.0.moe_path=cutedsl')).toEqual([expect.stringMatching(/^engines\[0\]\.moe_path: has no effect/)])
    expect(faultsOf(PAIR, 'engines.0.moe_path=cutlass')).toEqual([
      expect.stringMatching(/^engines\[0\]\.moe_path: has no effect/),
    ])
    expect(faultsOf(PAIR, 'engines.0.decode.moe_path=cutlass')[0]).toMatch(/^engines\[0\]\.decode\.moe_path: has no effect/)
  })

  test('may be said where there is no other', () => {
    const oss = ['model=gpt-oss-120b', 'engines=[{layout: TEP4, count: 1}]']
    expect(experts(...oss, 'moe_path=trtllm-gen')).toEqual([', experts by trtllm-gen'])
    const qwen = ['model=qwen3-235b', 'precision=fp8', 'engines=[{layout: TEP8, count: 1}]']
    expect(experts(...qwen, 'moe_path=cutlass')).toEqual([', experts by cutlass'])
  })

  test('stands beside one that counts, as in recipes, and the plan says that it is priced as auto', () => {
    const words = [', experts by trtllm-gen (priced as auto)', ', experts by trtllm-gen']
    expect(experts(PAIR, 'moe_path=trtllm-gen')).toEqual(words)
    const plan = load(PAIR, 'moe_path=trtllm-gen')
    expect(loadScenario({ text: resolvedYaml(plan), file: 's.yaml' })).toEqual(plan)

    const file = new URL('../scenarios/inferencex-point.yaml', import.meta.url)
    const point = loadScenario({ text: readFileSync(file, 'utf8'), file: 's.yaml' })
    expect(describePlan(point).match(/, experts by .*/g)).toEqual([words[0], ', experts by cutedsl'])
  })

  test('counts on engines that may change their role by the role in which it does', () => {
    const kind = (role: string) => `{layout: DEP8, role: ${role}, count: 2, max_model_len: 8192, may_switch: true`
    const sets = (path: string) => [
      'profile=trtllm-2026',
      'arms={mine: {pool: adaptive-roles}}',
      `engines=[${kind('prefill')}, moe_path: ${path}}, ${kind('decode')}}]`,
    ]
    expect(experts(...sets('cutlass'))).toEqual([', experts by cutlass'])
    expect(
      faultsOf(
        ...sets('cutlass')
          .map((set) => set.replaceAll(', may_switch: true', ''))
          .toSpliced(1, 1),
      )[0],
    ).toMatch(/^engines\[0\]\.moe_path: has no effect with profile trtllm-2026/)
  })
})
