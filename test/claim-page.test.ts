/** What docs/CLAIM.md says of results that are made up here; nothing was measured. */
import { describe, expect, test } from 'vitest'
import { primaryCell } from '../src/experiments/claim/cell.js'
import { type CellResult, gapTo, judge, leverShares } from '../src/experiments/claim/index.js'
import { VOID } from '../src/experiments/claim/result.js'
import { controlSection, outcome } from '../src/reports/claim/controls.js'
import { spread } from '../src/reports/claim/markdown.js'
import { ladder, levers, primaryTable, togetherTable, worstFirst } from '../src/reports/claim/primary.js'

type Speeds = Readonly<Record<string, number>>

/** Replicates differ by a few per cent from each other, in all arms alike; the arms differ by `speeds` and a little noise. */
function cellOf(id: string, speeds: Speeds, replicates: number, more: Partial<CellResult> = {}): CellResult {
  const values = Object.fromEntries(
    Object.entries(speeds).map(([arm, speed], at) => [
      arm,
      {
        'tok_s_user.p50': Array.from(
          { length: replicates },
          (_, i) => speed * (1 + 0.01 * i) * (1 + 0.001 * ((i * (at + 3)) % 5)),
        ),
      },
    ]),
  )
  return { id, void_because: null, ...VOID, offered_rps: 10, values: { fixedLoad: values }, ...more } as CellResult
}
const family = (speeds: Speeds, replicates: number, cells: number): CellResult[] =>
  Array.from({ length: cells }, (_, i) => cellOf(`primary/${i}`, speeds, replicates))
const FAST = { 'tuned-static': 100, 'occupancy-rule': 100, 'shape-aware': 150 }

describe('judging a family', () => {
  const verdicts = (cells: readonly CellResult[], of: number) => [...new Set(judge(cells, of).map(({ verdict }) => verdict))]
  test('finds what is plain in 20 replicates', () => {
    expect(verdicts(family(FAST, 20, 18), 18)).toEqual(['reproduced'])
    expect(verdicts(family({ ...FAST, 'shape-aware': 110 }, 20, 18), 18)).toEqual(['refuted in this model'])
    expect(verdicts(family({ ...FAST, 'shape-aware': 110, 'occupancy-rule': 50 }, 20, 18), 18)).toEqual([
      'only against an untuned default',
    ])
  })
  test('counts the cells that have no answer: a run cut short has no milder bar', () => {
    // 11 replicates of one sign: p = 2 / 2^11 = 0.00098, times 18 = 0.018, times 60 = 0.059
    const cells = family(FAST, 11, 3)
    expect(verdicts(cells, 18)).toEqual(['reproduced'])
    expect(verdicts(cells, 60)).toEqual(['undecided'])
    expect(judge(cells, 18)[0].pClaimed).toBeCloseTo(18 * 2 ** -10, 12)
  })
  test('cannot decide anything in 8 replicates of 18 cells, so the page speaks of intervals there', () => {
    const together = judge(family(FAST, 8, 18), 18)
    expect(new Set(together.map(({ verdict }) => verdict))).toEqual(new Set(['undecided']))
    const table = togetherTable(together)
    expect(table).toContain('above +20.0 %')
    expect(table).not.toContain('undecided')
    expect(togetherTable(judge([cellOf('together/x', { ...FAST, 'shape-aware': 110 }, 8)], 18))).toContain('below +20.0 %')
    expect(togetherTable(judge([cellOf('together/x', { ...FAST, 'shape-aware': 120.24 }, 8)], 18))).toContain('across +20.0 %')
  })
  test('marks a gain over an arm that could not keep up', () => {
    const overloaded = (arm: string, label = 'overloaded') =>
      judge([cellOf('primary/x', FAST, 20, { arms: [{ name: arm, saturation: { stable: 5, [label]: 15 } }] as never })], 18)
    expect(primaryTable(overloaded('occupancy-rule', 'backlogged'))).toMatch(/\] †/)
    expect(primaryTable(overloaded('tuned-static', 'backlogged'))).toMatch(/\] †/)
    expect(primaryTable(overloaded('shape-aware', 'backlogged'))).toContain('reproduced')
    expect(primaryTable(overloaded('occupancy-rule'))).toMatch(/\] †/)
    expect(primaryTable(overloaded('tuned-size'))).not.toMatch(/\] †/)
    expect(primaryTable(overloaded('shape-aware'))).toContain('unstable')
  })
})

test('a tuned-static past its own limit is named first', () => {
  const at = (capacity: number, other: number | null = capacity): string => {
    const cell = cellOf('primary/x', FAST, 20)
    const capacities = { 'tuned-static': { capacity_rps: [capacity, other, capacity] } }
    return worstFirst(judge([{ ...cell, values: { ...cell.values, capacity: capacities } }], 18), [])
  }
  expect(at(8)).toContain('primary/x 1.25')
  expect(at(12)).not.toContain('past its limit')
  // a mean over the draws that could be served would flatter it
  expect(at(8, null)).not.toContain('primary/x')
})

describe('the ladder', () => {
  test('counts the gap in times, as a comparison does, on the replicates of the oracle', () => {
    const cell = cellOf('primary/x', { 'tuned-static': 100, 'shape-aware': 150 }, 20)
    const [base, arm] = ['tuned-static', 'shape-aware'].map((name) => cell.values.fixedLoad[name])
    const oracle = { 'tok_s_user.p50': (base['tok_s_user.p50'] as number[]).slice(0, 4).map((speed) => 2 * speed) }
    const values = { fixedLoad: { 'tuned-static': base, 'shape-aware': arm, 'oracle-step': oracle } }
    const gap = gapTo({ ...cell, values }, 'oracle-step')
    // (1 - 1 / 1.5) / (1 - 1 / 2)
    expect(gap.share).toBeCloseTo(2 / 3, 2)
    expect(gap.n).toBe(4)
    expect(ladder(judge([{ ...cell, values }], 18))).toMatch(/67 % \[6\d, 6\d\]/)
  })
  test('prints no share of a gap that may not be there', () => {
    const cell = cellOf('primary/x', { 'tuned-static': 100, 'shape-aware': 101, 'oracle-step': 100 }, 4)
    expect(ladder(judge([cell], 18))).toMatch(/ {2}\|$/)
  })
})

test('levers: what they multiply to stands beside them, not the gain of other replicates', () => {
  const log = Math.log
  const attribution = { levers: ['split', 'rank'] as const, games: [[0, log(1.2), log(1.1), log(1.3)].map((x) => x + 3)] }
  const cell = cellOf('primary/x', FAST, 20, { attribution } as never)
  const shared = leverShares(cell)
  expect(shared?.total).toBeCloseTo(1.3, 9)
  expect(shared?.levers.reduce((product, { shapley }) => product * shapley, 1)).toBeCloseTo(1.3, 9)
  expect(levers(judge([cell], 18))).toContain('| primary/x | +30.0 % |')
})

test('a range over one cell, or over cells that print alike, is one number', () => {
  expect(spread([0.9968])).toBe('-0.3 %')
  expect(spread([1.2001, 1.1999])).toBe('+20.0 %')
  expect(spread([1.3, 0.9, 1.1])).toBe('-10.0 % to +30.0 %')
})

describe('controls', () => {
  const ratio = (value: number) => ({ ratio: value, ci95: null, n: 8 })
  test.each([
    ['mean', 1.019, null, 'yes'],
    ['mean', 0.97, null, '**no**'],
    ['equal-off', 1.021, null, '**no**'],
    ['placebo', 0.7, null, 'yes'],
    ['placebo', 1.03, null, '**no**'],
    ['shuffled', 1.2, 1.25, 'yes: +25.0 % as recorded'],
    ['shuffled', 1.01, 1.25, '**no**: +25.0 % as recorded'],
    ['shuffled', 1.01, 1.01, 'no gain to keep'],
    ['shuffled', 1.2, null, 'nothing to compare with'],
  ] as const)('%s with a ratio of %f where it was %j', (control, value, recorded, said) => {
    expect(outcome(control, ratio(value), recorded === null ? null : ratio(recorded))).toBe(said)
  })
  test('the row of a placebo is its own in every column', () => {
    const speeds = { 'tuned-static': 100, 'occupancy-rule': 50, 'shape-aware': 150, placebo: 75 }
    const row = (id: string) => {
      const cell = { ...primaryCell('moon-conv', 'r1-dep32'), id }
      const lines = controlSection([{ cell, result: cellOf(id, speeds, 8) }], () => null).split('\n')
      return lines
        .find((line) => line.includes('moon-conv'))
        ?.split('|')
        .slice(4, 6)
        .map((cell) => 5 * Math.round(Number.parseFloat(cell) / 5))
    }
    expect(row('control/placebo')).toEqual([-25, 50])
    expect(row('control/mean')).toEqual([50, 200])
  })
})
