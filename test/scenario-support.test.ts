import { describe, expect, test } from 'vitest'
import { SYSTEM_NAMES } from '../src/hardware/load.js'
import { MODEL_NAMES } from '../src/models/load.js'
import { type EvidenceShares, supportRows } from '../src/scenario/support.js'

const rows = supportRows({ systems: SYSTEM_NAMES, models: MODEL_NAMES })
const served = rows.filter(({ refused }) => refused === null)
const sum = (shares: EvidenceShares | null) => Object.values(shares ?? {}).reduce((total, share) => total + share, 0)

describe('support', () => {
  test('every shipped system and model is served in some layout', () => {
    for (const system of SYSTEM_NAMES) expect(served.some((row) => row.system === system)).toBe(true)
    expect([...new Set(rows.map(({ model }) => model))].sort()).toEqual([...MODEL_NAMES].sort())
  })

  test('shares of a step add up to one, and the evidence is the weakest that carries a tenth', () => {
    for (const row of served) {
      expect(sum(row.decode)).toBeCloseTo(1, 9)
      expect(sum(row.prefill)).toBeCloseTo(1, 9)
      const most = (kind: 'roofline' | 'transferred') => Math.max(row.decode?.[kind] ?? 0, row.prefill?.[kind] ?? 0)
      const weakest = most('roofline') >= 0.1 ? 'roofline' : most('transferred') >= 0.1 ? 'transferred' : 'interpolated'
      expect(row.evidence).toBe(weakest)
      expect(row.kvTokens).toBeGreaterThan(0)
    }
  })

  test('nothing is measured on a system whose kernels are those of another', () => {
    const lent = served.filter(({ system }) => system === 'b200' || system === 'b300')
    expect(lent.length).toBeGreaterThan(0)
    for (const { decode, prefill } of lent)
      expect([decode?.measured, decode?.interpolated, prefill?.measured, prefill?.interpolated]).toEqual([0, 0, 0, 0])
  })

  test('what does not fit is refused with a sentence, and larger than a domain is not asked', () => {
    const find = (system: string, layout: string) =>
      rows.find(
        (row) => row.system === system && row.model === 'deepseek-r1' && row.precision === 'nvfp4' && row.layout === layout,
      )
    expect(find('gb200', 'TP1')).toMatchObject({ refused: expect.stringContaining('weights leave no room'), evidence: null })
    expect(find('b200', 'DEP16')).toBeUndefined()
    expect(find('gb200', 'DEP16')?.refused).toBeNull()
  })

  test('a misspelt name is told', () => {
    expect(() => supportRows({ systems: ['gb20'], models: MODEL_NAMES })).toThrow(/unknown system 'gb20'/)
    expect(() => supportRows({ systems: ['gb200'], models: ['deepseek'] })).toThrow(/unknown model 'deepseek'/)
  })
})
