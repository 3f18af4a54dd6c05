/** LAW-31. Traces thinned, superposed, cut and merged: what stays together, and what is neither lost nor doubled. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { checkRecipe } from '../src/traces/generate/readRecipe.js'
import { synthesise } from '../src/traces/generate/synth.js'
import { blockIdsOf, idealHitRate, readTrace, type Workload, workloadFault, writeTrace } from '../src/traces/index.js'
import { createNumbering } from '../src/traces/requestRows.js'
import { unitsOf } from '../src/traces/sessions.js'
import { indexOfDispersion } from '../src/traces/statistics/index.js'
import { merged } from '../src/traces/transform/merge.js'
import { sampled } from '../src/traces/transform/sample.js'
import { splitByTenant, splitByTime } from '../src/traces/transform/split.js'
import { shapesOnly } from '../src/traces/workload.js'
import { NS_PER_S } from '../src/units.js'

function draw(data: object, seed = 1, name = 'test'): Workload {
  const { recipe, problems } = checkRecipe(data)
  expect(problems).toEqual([])
  return synthesise(recipe as never, seed, name)
}

const LENGTHS = { isl: { lognormal: [6, 1] }, osl: { lognormal: [3, 0.5] } }
const REUSE = {
  edges: [1, 1e5],
  chance: [0.6],
  share: [{ uniform: [0.5, 0.9] }],
  continues: [0.9],
  age_s: { part: 10, whole: { lognormal: [3, 0.5] } },
}
const chains = (seed: number, requests = 400) =>
  draw(
    {
      requests,
      block_tokens: 16,
      streams: { a: { rate_per_s: 4, clients: { count: 6, zipf: 1 }, lengths: LENGTHS, prefixes: { reuse: REUSE } } },
    },
    seed,
  )
const SESSION = {
  context_limit: 20_000,
  steps: { lognormal: [1.5, 0.5] },
  first_context: 2000,
  growth: 300,
  output: 50,
  wait_s: { tool: 5, human: 60, human_share: 0.2 },
  reset: { chance: 0.05, keeps: 0.3 },
  subagents: { share: 0.5, count: 2, steps: 2, first_context: 1000 },
}
const sessions = (seed: number) =>
  draw(
    {
      requests: 300,
      block_tokens: 16,
      streams: {
        a: {
          rate_per_s: 1,
          clients: { count: 4, zipf: 1 },
          prefixes: { system: { groups: 3, zipf: 1, tokens: 300 } },
          session: SESSION,
        },
      },
    },
    seed,
  )
const traffic = fc
  .record({ seed: fc.integer({ min: 0, max: 1e6 }), withSessions: fc.boolean() })
  .map(({ seed, withSessions }) => (withSessions ? sessions(seed) : chains(seed)))
const RUNS = { numRuns: 25 }

/** A request as it stands, by what does not change when others leave: lengths, and what it shares with its parent. */
const shapeOf = (w: Workload, i: number) => [w.isl[i], w.osl[i], w.waitNs?.[i] ?? 0, blockIdsOf(w, i).length, w.tenant?.[i] ?? -1]
const shapes = (w: Workload) => Array.from({ length: w.count }, (_, i) => JSON.stringify(shapeOf(w, i))).sort()
const unitSizes = (w: Workload) => {
  const { count, offset } = unitsOf(w)
  return Array.from({ length: count }, (_, unit) => offset[unit + 1] - offset[unit])
}

describe('a sample', () => {
  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('is never taken %d times', (factor) => {
    expect(() => sampled(chains(1, 20), factor, 1)).toThrow(/cannot be taken .* times/)
  })

  it('keeps the contract, whole sessions, and times', () => {
    fc.assert(
      fc.property(traffic, fc.double({ min: 0.1, max: 3, noNaN: true }), (w, factor) => {
        const sample = sampled(w, factor, 7)
        expect(workloadFault(sample)).toBeNull()
        const sizes = new Set(unitSizes(w))
        for (const size of unitSizes(sample)) expect(sizes.has(size)).toBe(true)
        const all = new Set(shapes(w))
        for (const shape of shapes(sample)) expect(all.has(shape)).toBe(true)
      }),
      RUNS,
    )
  })

  it('is the trace itself at 1, and has every request twice at 2', () => {
    fc.assert(
      fc.property(traffic, (w) => {
        const once = sampled(w, 1, 3)
        expect([once.arrivalNs, once.isl, once.parent, once.joins]).toEqual([w.arrivalNs, w.isl, w.parent, w.joins])
        const twice = sampled(w, 2, 3)
        expect(shapes(twice)).toEqual([...shapes(w), ...shapes(w)].sort())
      }),
      RUNS,
    )
  })

  it('keeps prompts that continue each other together, so that a tenth reuses almost as much', () => {
    const w = chains(5, 6000)
    const tenth = sampled(w, 0.1, 2)
    expect(tenth.count / w.count).toBeCloseTo(0.1, 1)
    expect(idealHitRate(tenth) as number).toBeGreaterThan(0.8 * (idealHitRate(w) as number))
  })

  it('takes prompts that share a system prompt for no chain: Poisson traffic thinned stays Poisson', () => {
    for (const tokens of [200, 5000]) {
      const system = { groups: 2, zipf: 1, tokens }
      const lengths = { isl: { lognormal: [8.5, 1] }, osl: 10 }
      const w = draw({ requests: 6000, block_tokens: 64, streams: { a: { rate_per_s: 4, lengths, prefixes: { system } } } })
      for (const seed of [1, 2, 3]) {
        const third = sampled(w, 1 / 3, seed)
        expect(Math.abs(third.count - 2000)).toBeLessThan(200)
        expect(indexOfDispersion(third.arrivalNs, 60)).toBeLessThan(2)
      }
    }
  })

  it('gives a copy prefix blocks of its own', () => {
    const w = chains(5, 500)
    expect(idealHitRate(sampled(w, 3, 2)) as number).toBeCloseTo(idealHitRate(w) as number, 1)
  })
})

describe('parts', () => {
  it.each([[[0.5]], [[]], [[0.5, 0.6]], [[0, 1]], [[1.5, -0.5]], [[Number.NaN, 1]]])('are never cut by shares %j', (shares) => {
    for (const cut of [splitByTime, splitByTenant])
      expect(() => cut(chains(1, 20), shares, 1)).toThrow(/shares add up to|is no share of a trace/)
  })

  const shares = fc.constantFrom([0.5, 0.5], [0.5, 0.25, 0.25], [0.9, 0.1])

  it('by time have every request once, in order, whole sessions', () => {
    fc.assert(
      fc.property(traffic, shares, (w, wanted) => {
        const parts = splitByTime(w, wanted)
        for (const part of parts) if (part.count > 0) expect(workloadFault(part)).toBeNull()
        expect(parts.flatMap(shapes).sort()).toEqual(shapes(w))
        expect(parts.flatMap(unitSizes).sort()).toEqual(unitSizes(w).sort())
        expect(parts.flatMap((part) => Array.from(part.isl))).toEqual(Array.from(w.isl))
      }),
      RUNS,
    )
  })

  it('by tenant have every tenant in one of them, near the wanted shares', () => {
    fc.assert(
      fc.property(traffic, shares, fc.integer({ min: 0, max: 99 }), (w, wanted, seed) => {
        const parts = splitByTenant(w, wanted, seed)
        expect(parts.flatMap(shapes).sort()).toEqual(shapes(w))
        const seen = parts.map((part) => new Set(part.tenant))
        for (const [a, one] of seen.entries())
          for (const other of seen.slice(a + 1)) for (const tenant of one) expect(other.has(tenant)).toBe(false)
      }),
      RUNS,
    )
  })
})

describe('a merge', () => {
  it('cut by tenant gives the parts back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e5 }), (seed) => {
        const one = { ...chains(seed), tenant: null, names: { tenant: null, class: null } }
        const other = { ...sessions(seed + 1), tenant: null, names: { tenant: null, class: null } }
        const both = merged(
          [
            { name: 'one', workload: one },
            { name: 'other', workload: other },
          ],
          { sameIds: false, name: 'both' },
        )
        expect(workloadFault(both)).toBeNull()
        expect(both.names.tenant).toEqual(['one', 'other'])
        const total = one.count + other.count
        const parts = splitByTenant(both, [one.count / total, other.count / total], 1)
        for (const part of parts) {
          const source = part.tenant?.[0] === 0 ? one : other
          expect([part.arrivalNs, part.isl, part.osl]).toEqual([source.arrivalNs, source.isl, source.osl])
          for (const key of ['parent', 'joins', 'waitNs'] as const)
            if (source[key] !== null) expect(part[key]).toEqual(source[key])
          const rename = new Map<number, number>()
          for (let i = 0; i < part.count; i++) {
            const [mine, theirs] = [blockIdsOf(part, i), blockIdsOf(source, i)]
            expect(mine.length).toBe(theirs.length)
            mine.forEach((id, k) => {
              expect(rename.get(id) ?? theirs[k]).toBe(theirs[k])
              rename.set(id, theirs[k])
            })
          }
        }
      }),
      { numRuns: 10 },
    )
  })

  it('keeps block ids apart, unless they are said to be the same', () => {
    const w = chains(3, 1000)
    const pair = [
      { name: 'a', workload: w },
      { name: 'b', workload: w },
    ]
    const apart = merged(pair, { sameIds: false, name: 'm' })
    const same = merged(pair, { sameIds: true, name: 'm' })
    expect(idealHitRate(apart) as number).toBeCloseTo(idealHitRate(w) as number, 6)
    expect(idealHitRate(same) as number).toBeGreaterThan(0.5)
    expect(workloadFault(same)).toBeNull()
  })

  describe('of files with the same ids', () => {
    const folder = mkdtempSync(join(tmpdir(), 'traces-transform-'))
    afterAll(() => rmSync(folder, { recursive: true, force: true }))
    const write = (name: string, prompts: readonly (readonly number[])[]): string => {
      const row = (ids: readonly number[], at: number) =>
        JSON.stringify({ timestamp: at, input_length: 512 * ids.length, output_length: at === 9 ? 0 : 5, hash_ids: ids })
      const path = join(folder, name)
      writeFileSync(path, prompts.map(row).join('\n'))
      return path
    }
    const range = (from: number, length: number) => Array.from({ length }, (_, i) => from + i)
    const mergeFiles = async (...paths: readonly string[]) => {
      const blockNumbers = createNumbering<number | string>()
      const parts = []
      for (const path of paths) parts.push({ name: path, workload: (await readTrace(path, { blockNumbers })).workload })
      return merged(parts, { sameIds: true, name: 'm' })
    }

    it('finds what they share, and nothing else', async () => {
      const a = write('a.jsonl', [range(1, 12)])
      expect(idealHitRate(await mergeFiles(a, write('b.jsonl', [range(5000, 12)])))).toBe(0)
      // the ids come in another order there
      const shared = await mergeFiles(a, write('c.jsonl', [[77, 78], range(1, 12)]))
      expect(workloadFault(shared)).toBeNull()
      const [one, other, same] = [0, 1, 2].map((i) => [...blockIdsOf(shared, i)])
      expect(same).toEqual(one)
      expect(other.some((id) => one.includes(id))).toBe(false)
      // the ids of a row that is skipped are in nothing that is kept
      const skipped = write('d.jsonl', [...range(0, 9).map((i) => [i]), range(9000, 40), [3]])
      const rest = await mergeFiles(skipped, a)
      expect(workloadFault(rest)).toBeNull()
      expect(idealHitRate(rest)).toBeGreaterThan(0)
    })

    it('refuses those whose ids mean nothing elsewhere', async () => {
      const a = write('e.jsonl', [range(1, 12)])
      const own = join(folder, 'own.swt')
      await writeTrace(own, (await readTrace(a)).workload)
      await expect(mergeFiles(a, own)).rejects.toThrow(
        /a file of the format shapewise has no ids of prefix blocks that mean the same in another file/,
      )
      const csv = join(folder, 'plain.csv')
      writeFileSync(csv, 'arrival_s,input_tokens,output_tokens\n0,1,1\n')
      await expect(mergeFiles(a, csv)).rejects.toThrow(/--same-ids {2}has no effect/)
      expect((await mergeFiles(a, csv, a)).count).toBe(3)
    })
  })

  it('aligns at zero, and keeps tenants and classes under the names of the files', () => {
    const w = chains(3)
    const late = { ...w, arrivalNs: w.arrivalNs.map((timeNs) => timeNs + 5 * NS_PER_S) }
    const mixed = draw({
      requests: 50,
      streams: { x: { rate_per_s: 1, lengths: LENGTHS }, y: { rate_per_s: 1, lengths: LENGTHS } },
    })
    const both = merged(
      [
        { name: 'late', workload: late },
        { name: 'mixed', workload: mixed },
      ],
      { sameIds: false, name: 'm' },
    )
    expect(both.arrivalNs[0]).toBe(0)
    expect(both.names.tenant?.filter((name) => name.startsWith('late/a-'))).toHaveLength(new Set(w.tenant).size)
    expect(both.names.tenant).toContain('mixed')
    expect([...(both.names.class ?? [])].sort()).toEqual(['late', 'mixed/x', 'mixed/y'])
  })

  it('refuses more classes than there are numbers for', () => {
    const half = Uint16Array.from({ length: 2 ** 15 }, (_, i) => i)
    const zeros = new Float64Array(half.length)
    const ones = new Int32Array(half.length).fill(1)
    const workload = { ...shapesOnly(zeros, ones, ones, chains(3).provenance), classId: half }
    const parts = ['a', 'b'].map((name) => ({ name, workload }))
    const { classId } = merged(parts, { sameIds: false, name: 'm' })
    expect(classId?.at(-1)).toBe(2 ** 16 - 1)
    const one = { name: 'c', workload: chains(3) }
    expect(() => merged([...parts, one], { sameIds: false, name: 'm' })).toThrow(/more than 65536 classes of requests/)
  })

  it('refuses blocks of two sizes', () => {
    const other = { ...chains(4), blockTokens: 64 }
    const pair = [
      { name: 'a', workload: chains(3) },
      { name: 'b', workload: other },
    ]
    expect(() => merged(pair, { sameIds: false, name: 'm' })).toThrow(/prefix blocks of 16 and 64 tokens/)
  })
})

describe('times', () => {
  const poisson = draw({ requests: 200, streams: { a: { rate_per_s: 4, lengths: LENGTHS } } })

  it('of a second copy are not those of the first', () => {
    const twice = sampled(poisson, 2, 7)
    expect(twice.count).toBe(400)
    expect(new Set(twice.arrivalNs).size).toBeGreaterThan(1.9 * new Set(poisson.arrivalNs).size)
  })

  it('of merged traces count from the start of each', () => {
    const late: Workload = { ...poisson, arrivalNs: poisson.arrivalNs.map((timeNs) => timeNs + 900 * NS_PER_S) }
    const both = merged(
      [
        { name: 'early', workload: poisson },
        { name: 'late', workload: late },
      ],
      { sameIds: false, name: 'both' },
    )
    expect(both.arrivalNs.filter((_, i) => both.tenant?.[i] === 1)).toEqual(poisson.arrivalNs)
  })
})
