/** scripts/measure-split cuts batches as the split policies do: the model is scored on what was launched. Needs python3, no GPU. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { createSplitDecision, SPLIT_PAYLOAD, type SplitMachine } from '../src/levers/index.js'
import { createPayloadRanges, cutPayload } from '../src/levers/split/payload.js'
import { pieceCount, tilesOf } from '../src/levers/split/pieces.js'
import { stream } from '../src/rng.js'
import { machineOf } from '../src/validation/levers/kernelCells.js'
import { launchOf, splitPolicy } from '../src/validation/levers/launches.js'
import { compiled, hasPython, pythonIn } from './python.js'

const folder = fileURLToPath(new URL('../scripts/measure-split/', import.meta.url))
const python = pythonIn('measure-split')
const present = hasPython('measure-split')

const RULES = [
  'fixed-count(1)',
  'fixed-count(16)',
  'occupancy-rule',
  'fixed-size(1000)',
  'fixed-size(8192)',
  'payload(320)',
  'payload(100)',
]
const rng = stream(11, 'measure-split')
const cases = Array.from({ length: 70 }, (_, i) => ({
  rule: RULES[i % RULES.length],
  slots: [132, 148, 304][i % 3],
  groups: [1, 2, 8][(i >> 1) % 3],
  tile: [32, 64][i % 2],
  lengths: Array.from({ length: 1 + rng.integer(100) }, () => Math.ceil(2 ** (17 * rng.uniform()))),
}))
type Item = readonly [request: number, group: number, begin: number, end: number]

/** Tiles of every CTA of one head group, as the policy and the exact form cut them. */
function expectedTiles({ rule, slots, groups, tile, lengths }: (typeof cases)[number]): number[] {
  const attention = { kind: 'gqa', query_heads: groups, kv_heads: groups, head_dim: 128 } as const
  const machine: SplitMachine = { ...machineOf({ slots, attention, kv: 'bf16' }), tileTokens: tile }
  const { batch, order } = launchOf(lengths)
  const decision = createSplitDecision(batch.n)
  splitPolicy(rule).plan(batch, machine, decision)
  if (decision.kind === SPLIT_PAYLOAD) {
    const ranges = createPayloadRanges(slots)
    const tiles = lengths.map((length) => tilesOf(length, machine))
    cutPayload(tiles, tiles.length, decision.value, Math.max(1, Math.floor(slots / groups)), ranges)
    return Array.from(ranges.tiles.subarray(0, ranges.ranges))
  }
  return Array.from(order).flatMap((index) => {
    const tiles = tilesOf(batch.lengths[index], machine)
    const pieces = pieceCount(decision, batch, index, machine)
    return Array.from({ length: pieces }, (_, piece) => Math.floor(tiles / pieces) + (piece < tiles % pieces ? 1 : 0))
  })
}

describe.runIf(present)('scripts/measure-split', () => {
  it('compiles', () => {
    expect(compiled('measure-split', ['rules.py', 'batches.py', 'kernels.py', 'measure.py'])).toEqual({ status: 0, stderr: '' })
  })

  it('cuts as the policies of the same names do, and covers every token of every head group once', () => {
    const { status, stdout, stderr } = python(['rules.py'], JSON.stringify(cases))
    expect(stderr).toBe('')
    expect(status).toBe(0)
    const plans = JSON.parse(stdout) as Item[][][]
    cases.forEach((one, i) => {
      const first = plans[i].filter(([[, group]]) => group === 0)
      const tilesOfCta = (items: readonly Item[]): number =>
        items.reduce((sum, [, , begin, end]) => sum + Math.ceil((end - begin) / one.tile), 0)
      expect(first.map(tilesOfCta), `${one.rule}, case ${i}`).toEqual(expectedTiles(one))
      expect(plans[i]).toHaveLength(first.length * one.groups)
      const items = plans[i].flat()
      for (const [request, length] of one.lengths.entries()) {
        const mine = items.filter(([owner, group]) => owner === request && group === one.groups - 1).sort((a, b) => a[2] - b[2])
        expect(mine[0][2]).toBe(0)
        expect(mine[mine.length - 1][3]).toBe(length)
        for (let k = 1; k < mine.length; k++) expect(mine[k][2]).toBe(mine[k - 1][3])
      }
    })
  })

  it('cuts as a planner says', () => {
    const lengths = [3000, 100, 9000]
    const { stdout } = python(
      ['rules.py'],
      JSON.stringify([
        { rule: 'length-aware', slots: 132, groups: 1, tile: 64, lengths, pieces: [4, 7, 1], longest_first: true },
      ]),
    )
    const [ctas] = JSON.parse(stdout) as Item[][][]
    const tiles = (request: number) =>
      ctas.filter(([[owner]]) => owner === request).map(([[, , begin, end]]) => Math.ceil((end - begin) / 64))
    // 100 tokens are two tiles, so not seven pieces
    expect([tiles(0), tiles(1), tiles(2)]).toEqual([[12, 12, 12, 11], [1, 1], [141]])
    expect(ctas[0][0][0]).toBe(2)
  })

  it('plans the policies for batches of the shipped traces, each as its rule says', () => {
    const plan = (...args: readonly string[]) =>
      spawnSync(process.execPath, ['plan.mjs', ...args], { cwd: folder, encoding: 'utf8', maxBuffer: 2 ** 28 })
    expect(plan()).toMatchObject({ status: 2, stdout: '' })
    expect(plan().stderr).toContain('--measured')
    for (const [args, message] of [
      [['--measured', 'nowhere.csv'], 'nowhere.csv'],
      [['--measured', 'x', '--colour', 'red'], '--colour'],
      [['--measured', 'x', '--sizes', '8,many'], "--sizes  expected a whole number of at least 1, got 'many'"],
      [['--measured', 'x', '--draws', '0'], '--draws  expected'],
    ] as const) {
      const { status, stderr } = plan(...args)
      expect(status, stderr).toBe(2)
      expect(stderr).toContain(message)
    }
    const rows = fileURLToPath(new URL('../data/levers/measured/h100-mla128-bf16-laws.csv.gz', import.meta.url))
    const made = plan('--measured', rows, '--sizes', '4', '--draws', '1')
    expect(made.status, made.stderr).toBe(0)
    const { batches, slots, tile_tokens: tile } = JSON.parse(made.stdout)
    expect([slots, tile]).toEqual([132, 32])
    expect(batches).toHaveLength(6 + 3)
    for (const { lengths, launches } of batches as { lengths: number[]; launches: { rule: string; pieces?: number[] }[] }[]) {
      expect(lengths).toHaveLength(4)
      for (const { rule, pieces } of launches) {
        if (rule === 'payload(320)') expect(pieces).toBeUndefined()
        else expect(pieces, rule).toHaveLength(4)
        const count = /^fixed-count\((\d+)\)$/.exec(rule)?.[1]
        if (count !== undefined)
          expect(pieces).toEqual(lengths.map((length) => Math.min(Number(count), Math.ceil(length / tile))))
      }
    }
  })

  it('its batches are the same every time, and of every family', () => {
    const text = `from batches import batches; import json; print(json.dumps(batches([1, 8, 64], 10**7)))`
    const [once, twice] = [python(['-c', text]).stdout, python(['-c', text]).stdout]
    expect(once).toBe(twice)
    const all = JSON.parse(once) as [string, string, number[]][]
    expect(new Set(all.map(([family]) => family))).toEqual(new Set(['equal', 'ragged', 'adversarial']))
    expect(new Set(all.map(([, name]) => name)).size).toBe(all.length)
    expect(all.every(([, , lengths]) => lengths.every((length) => Number.isInteger(length) && length > 0))).toBe(true)
  })
})
