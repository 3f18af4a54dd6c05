/** `workload.read`: how a scenario's trace is read. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { loadWorkload } from '../src/cli/scenarioInput.js'
import { loadScenario, resolvedYaml } from '../src/scenario/index.js'

const folder = mkdtempSync(join(tmpdir(), 'scenario-read-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const scenario = (read: string, workload = 'path: trace.jsonl') =>
  loadScenario({
    text: `system: gb200\nmodel: llama-3.1-70b\nengines: [{layout: TP4}]\nworkload:\n  ${workload}\n  load: {method: as_recorded}\n  read: ${read}\n`,
    file: join(folder, 's.yaml'),
  })

describe('how a trace is read', () => {
  it('is told by keys that mean what the flags of `trace` mean', async () => {
    const row = (timestamp: number, isl: number, osl: number) =>
      `${JSON.stringify({ timestamp, input_length: isl, output_length: osl, hash_ids: [1] })}\n`
    writeFileSync(
      join(folder, 'trace.jsonl'),
      row(0, 100, 0) + row(1, 6000, 5) + row(2, 600, 5) + row(2, 600, 5) + row(30, 600, 5),
    )
    const plan = scenario(
      '{time_unit: s, outputs: 7, block_tokens: 64, context_limit: 5000, over_limit: clip, duplicates: drop, window: 0..10}',
    )
    const workload = await loadWorkload(plan, () => {}, true)
    expect([...workload.isl]).toEqual([100, 4995, 600])
    expect([...workload.osl]).toEqual([7, 5, 5])
    expect([...workload.arrivalNs]).toEqual([0, 1e9, 2e9])
    expect(workload.blockTokens).toBe(64)
  })

  it('says where there are no ticks that could be spread or kept', async () => {
    writeFileSync(join(folder, 'fine.csv'), 'arrival_s,input_tokens,output_tokens\n0,7,5\n0.5,8,5\n')
    for (const spread of ['true', 'false']) {
      const remarks: string[] = []
      const plan = scenario('{}', `path: fine.csv\n  spread_ticks: ${spread}`)
      await loadWorkload(plan, (text) => remarks.push(text), true)
      expect(remarks.join()).toMatch(/workload\.spread_ticks has no effect: no arrivals come in ticks of a second or more/)
    }
  })

  it('comes back from the resolved scenario, and changes the hash of the plan', () => {
    const plan = scenario('{outputs: fail, window: 600.., share_system_prompt: true}')
    const again = loadScenario({ text: resolvedYaml(plan), file: join(folder, 'again.yaml') })
    expect(again.workload.read).toEqual({ outputs: 'fail', window: '600..', share_system_prompt: true })
    expect(again.planHash).toBe(plan.planHash)
    expect(scenario('{outputs: skip}').planHash).not.toBe(plan.planHash)
  })

  it('takes the position of a column as the number it is', () => {
    expect(scenario('{columns: {time: sent, input: 2}}').planHash).toBe(scenario('{columns: {time: sent, input: "2"}}').planHash)
    expect(scenario('{columns: {input: 2}}').workload.read).toEqual({ columns: { input: '2' } })
  })

  it.each([
    ['{columns: {input: 0}}', /workload\.read\.columns\.input: expected the name of a column, or its position from 1, got 0/],
    ['{outputs: none}', /workload\.read\.outputs: expected skip, fail, or the number of tokens .*, got 'none'/],
    ['{outputs: 0}', /workload\.read\.outputs: expected skip, fail, or the number/],
    ['{from: jsonl}', /workload\.read\.from: expected one of shapewise, .*, got 'jsonl'/],
    ['{over_limit: clip}', /workload\.read\.over_limit: has no effect without context_limit/],
    ['{window: 9..3}', /workload\.read\.window: expected seconds START\.\.END, START before END, got '9\.\.3'/],
    ['{time_units: s}', /workload\.read\.time_units: unknown key\n.*did you mean.*time_unit/],
  ])('refuses %s', (read, message) => {
    expect(() => scenario(read)).toThrow(message)
  })

  it('is no matter of presets', () => {
    expect(() => scenario('{limit: 5}', 'preset: chat')).toThrow(/workload\.read: has no effect without a path/)
  })
})
