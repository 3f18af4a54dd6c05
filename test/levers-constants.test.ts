/** The constants of the SM-level model: which were fitted, to what, and that fitting again finds them. */
import { describe, expect, it } from 'vitest'
import { loadSystem } from '../src/hardware/load.js'
import { loadModel } from '../src/models/load.js'
import { loadSplitConstants, PLAIN_TIMING, splitMachine, splitMachineOf } from '../src/timing/index.js'
import { NS_PER_US } from '../src/units.js'
import { type Cell, loadCells } from '../src/validation/levers/cells.js'
import { fitMachine, type MachineConstant, type MachineFit } from '../src/validation/levers/fitMachine.js'
import { machineOf } from '../src/validation/levers/kernelCells.js'
import { kernelNs, launchOf, splitPolicy } from '../src/validation/levers/launches.js'

const cells = loadCells()
const constants = loadSplitConstants()
const few = constants.families.mla_few_heads

/** The rows are all of MLA with few heads, each one sequence: they fix the bandwidth of a CTA, and the fixed times only in sum. */
const PUBLISHED_FREE: readonly MachineConstant[] = ['ctaBandwidth', 'mergeFixedNs']

/** Where the search starts; the result does not depend on it. */
const START = { ctaBandwidth: 50, mergeFixedNs: 3000 }

/** Fits the free constants of `mla_few_heads` again, to the kernel times among the cells of role `fit`; the others are those shipped. */
function fitPublished(cells: readonly Cell[], free: readonly MachineConstant[] = PUBLISHED_FREE): MachineFit {
  const rows = cells.flatMap(({ role, setting, published }) => {
    if (role !== 'fit' || setting.kind !== 'kernel-time' || published === null) return []
    const launch = launchOf(new Array<number>(setting.sequences).fill(setting.tokens))
    const machine = { ...machineOf(setting), ...START }
    return [{ launch, policy: splitPolicy(setting.policy), machine, measuredNs: published * NS_PER_US }]
  })
  return fitMachine(rows, free)
}

describe('the constants fitted to published kernel times', () => {
  it('are those of the data file, fitted again', () => {
    const { constants: again, errors } = fitPublished(cells)
    expect(again.ctaBandwidth).toBeCloseTo(few.cta_bandwidth_gb_s.value, 1)
    expect(Math.abs((again.mergeFixedNs ?? 0) - few.merge_fixed_ns.value)).toBeLessThan(1)
    expect(errors.map((error) => Math.round(1000 * error) / 10)).toEqual([1.4, -3.6, 2.3])
  })

  it('are fitted to fit rows alone: a judged cell that lies tenfold higher moves nothing', () => {
    const moved = cells.map(
      (cell): Cell => (cell.role === 'judge' && cell.published ? { ...cell, published: 10 * cell.published } : cell),
    )
    expect(fitPublished(moved)).toEqual(fitPublished(cells))
    const doubled = cells.map(
      (cell): Cell => (cell.role === 'fit' && cell.published ? { ...cell, published: 2 * cell.published } : cell),
    )
    expect(fitPublished(doubled).constants.ctaBandwidth).toBeLessThan(0.6 * few.cta_bandwidth_gb_s.value)
  })

  it('leave the time of a CTA and of a merge open: only their sum is seen', () => {
    const { constants: three } = fitPublished(cells, ['ctaBandwidth', 'mergeFixedNs', 'ctaOverheadNs'])
    const { ctaOverheadNs = 0, mergeFixedNs = 0, ctaBandwidth } = three
    expect(ctaBandwidth).toBeCloseTo(few.cta_bandwidth_gb_s.value, 1)
    expect(Math.abs(ctaOverheadNs + mergeFixedNs - few.cta_overhead_ns.value - few.merge_fixed_ns.value)).toBeLessThan(2)
  })

  it('are named as fitted in no other family, and every fit row that was not used says why', () => {
    const fitted = Object.entries(constants.families).flatMap(([family, named]) =>
      Object.entries(named).flatMap(([name, { basis }]) => (basis === 'fitted' ? [`${family} ${name}`] : [])),
    )
    expect(fitted).toEqual(['mla_few_heads cta_bandwidth_gb_s', 'mla_few_heads merge_fixed_ns'])
    for (const { role, setting, unused } of cells)
      expect(unused !== undefined).toBe(role === 'fit' && setting.kind !== 'kernel-time')
  })
})

it('fitting finds the constants that rows were made with, from far away', () => {
  const machine = splitMachineOf({
    slots: 152,
    kvValueBytes: 1,
    attention: { kind: 'gqa', queryHeads: 8, kvHeads: 1, headDim: 128 },
  })
  const policies = ['fixed-count(1)', 'fixed-count(8)', 'fixed-size(4096)'].map((name) => splitPolicy(name))
  const rows = [1, 5, 40, 152, 160, 300].flatMap((n) =>
    policies.map((policy, i) => {
      const launch = launchOf(Array.from({ length: n }, (_, k) => 500 * (1 + ((7 * k + i) % 40))))
      return {
        launch,
        policy,
        machine: { ...machine, bandwidth: 3000, ctaBandwidth: 60, ctaOverheadNs: 9000 },
        measuredNs: kernelNs(launch, policy, machine),
      }
    }),
  )
  const { constants: found } = fitMachine(rows, ['bandwidth', 'ctaBandwidth', 'ctaOverheadNs'])
  expect(found.bandwidth).toBeCloseTo(machine.bandwidth, -1)
  expect(found.ctaBandwidth).toBeCloseTo(machine.ctaBandwidth, 0)
  expect(found.ctaOverheadNs).toBeCloseTo(machine.ctaOverheadNs, -1)
})

it('launches go in arrival order, or longest first whatever the policy says', () => {
  const machine = splitMachineOf({
    slots: 4,
    kvValueBytes: 1,
    attention: { kind: 'gqa', queryHeads: 8, kvHeads: 1, headDim: 128 },
  })
  const whole = splitPolicy('fixed-count(1)')
  const lengths = [1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 90_000]
  const late = kernelNs(launchOf(lengths), whole, machine)
  const early = kernelNs(launchOf([...lengths].reverse()), whole, machine)
  expect(early).toBeLessThan(late)
  expect(kernelNs(launchOf(lengths), whole, machine, true)).toBe(early)
})

it('a plan gets the constants of its kernel family', () => {
  const request = (model: string, tp: number) => ({
    ...PLAIN_TIMING,
    system: loadSystem('gb200'),
    model: loadModel(model),
    precision: 'fp8' as const,
    kvPrecision: 'fp8' as const,
    parallelism: { tp, pp: 1, dp: 1, cp: 1, moeTp: 1, moeEp: tp },
    maxNumSeqs: 64,
    maxNumBatchedTokens: 2048,
    maxModelLen: 4096,
  })
  const { gqa, mla_64_heads } = constants.families
  expect(splitMachine(request('llama-3.1-70b', 4))).toMatchObject({ ctaBandwidth: gqa.cta_bandwidth_gb_s.value, headGroups: 2 })
  expect(splitMachine(request('deepseek-r1', 8))).toMatchObject({ ctaBandwidth: few.cta_bandwidth_gb_s.value, headGroups: 1 })
  expect(splitMachine(request('deepseek-r1', 1))).toMatchObject({
    ctaBandwidth: mla_64_heads.cta_bandwidth_gb_s.value,
    bandwidth: 2 * mla_64_heads.bandwidth_gb_s.value,
    headGroups: 2,
  })
})
