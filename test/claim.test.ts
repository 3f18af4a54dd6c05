/** The fair experiment: its rule, its cells, its statistics. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Executor } from '../src/executors/index.js'
import { extraArms, tuneOn } from '../src/experiments/claim/arms.js'
import { type Cell, primaryCell } from '../src/experiments/claim/cell.js'
import { allCells, quickCells } from '../src/experiments/claim/cells.js'
import { configOf, planOf } from '../src/experiments/claim/cluster.js'
import { AXES, AXIS_NAMES, hypercubePoints, latinHypercube, valueAt } from '../src/experiments/claim/hypercube.js'
import { NEUTRAL, perturbed } from '../src/experiments/claim/perturb.js'
import { cellKey, constantsHash, protocolOf, SEED } from '../src/experiments/claim/protocol.js'
import { openRequests, partsOf, withLengths } from '../src/experiments/claim/traffic.js'
import { verdictOf } from '../src/experiments/claim/verdict.js'
import type { Experiment } from '../src/experiments/experiment.js'
import type { Job, Outcome } from '../src/experiments/job.js'
import { holm, signedRankP } from '../src/experiments/multiple.js'
import type { OperatingPoint } from '../src/experiments/operatingPoint.js'
import type { TuningRound } from '../src/experiments/tune.js'
import { SHAPE_AWARE_ARM, STATIC_ARM } from '../src/levers/catalogue.js'
import { presetWorkload } from '../src/traces/presets.js'
import type { Workload } from '../src/traces/workload.js'
import { chainsOf, traffic } from './byHand.js'

describe('the arms of a cell', () => {
  const cell = primaryCell('azure-conv', 'r1-dep16')
  test.each([
    ['tuned-static', ['train', 'train', 'validation']],
    ['shape-aware', ['train', 'train', 'validation']],
    ['oracle-static', ['test', 'test', 'test']],
  ] as const)('%s is tuned on the parts %j, round by round', async (family, parts) => {
    const asked: string[][] = []
    const run: Executor['run'] = async (jobs) => {
      asked.push([...new Set(jobs.map((job) => job.draw.part))])
      const summary = {
        metrics: { tok_s_user: { p50: 1 }, e2e_ms: { mean: 1 } },
        slo_attainment: 1,
        saturation: { label: 'stable' },
      }
      return jobs.map(() => ({ summary, meetsSlo: true }) as unknown as Outcome)
    }
    const rounds = [1000, 4, 2].map((keep): TuningRound => ({ keep, warmup: 1, measure: 1 }))
    const config = configOf(planOf(cell, SEED), cell)
    const experiment = { config, executor: { run }, effort: { tuning: rounds } } as unknown as Experiment
    const tuning = (arm: Job['arm'], draw: Job['draw']) => ({ kind: 'open', arm, draw }) as Job
    await tuneOn(cell, experiment, { tuning } as unknown as OperatingPoint, family)
    expect(asked).toEqual(parts.map((part) => [part]))
  })
  test('that stand beside those that are tuned: the shipped rule, and the best split under shape-aware', () => {
    const tuned = [
      { ...STATIC_ARM, name: 'tuned-static', rank: 'least-requests' },
      { ...SHAPE_AWARE_ARM, rank: 'least-cost(5000)' },
    ]
    const [rule, oracle] = extraArms({ ...cell, extra: ['occupancy-rule', 'oracle-step'] }, STATIC_ARM, tuned)
    expect(rule).toEqual({ ...STATIC_ARM, split: 'occupancy-rule', name: 'occupancy-rule' })
    expect(oracle).toEqual({ ...tuned[1], split: 'oracle-split', name: 'oracle-step' })
    const [placebo] = extraArms({ ...cell, extra: ['placebo'] }, STATIC_ARM, tuned)
    expect(placebo).toEqual({ ...tuned[0], split: 'random-count(32)', name: 'placebo' })
  })
})

describe('the verdict', () => {
  const paired = (low: number, high: number) => ({ ratio: Math.sqrt(low * high), ci95: [low, high] as const, n: 20 })
  const cell = { void_because: null, arms: [] }
  test.each([
    ['reproduced', [1.2, 1.3], [1.5, 1.6], 0.001],
    ['undecided', [1.2, 1.3], [1.5, 1.6], 0.05],
    ['undecided', [1.199, 1.3], [1.5, 1.6], 0.001],
    ['undecided', [1.1, 1.2], [1.0, 1.1], 0.001],
    ['refuted in this model', [1.1, 1.199], [1.1, 1.4], 0.001],
    ['only against an untuned default', [1.1, 1.199], [1.2, 1.4], 0.001],
    ['undecided', [1.1, 1.199], [1.2, 1.4], 0.2],
    ['refuted in this model', [0.8, 0.9], [0.7, 0.9], 0.001],
  ] as const)('is %s for %j over tuned-static, %j over the shipped rule, p %f', (verdict, gain, shipped, p) => {
    expect(verdictOf(cell, paired(gain[0], gain[1]), paired(shipped[0], shipped[1]), p)).toBe(verdict)
  })
  test('is void without a result and undecided without an interval', () => {
    const none = { ratio: null, ci95: null, n: 0 }
    expect(verdictOf({ ...cell, void_because: 'no capacity' }, paired(2, 3), paired(2, 3), 0)).toBe('void')
    expect(verdictOf(cell, none, none, 0)).toBe('void')
    expect(verdictOf(cell, { ratio: 2, ci95: null, n: 3 }, none, 0)).toBe('undecided')
  })
  test('is not given where one of the two arms cannot keep up', () => {
    const arms = (name: string, overloaded: number) => [{ name, saturation: { stable: 20 - overloaded, overloaded } }] as never
    const judge = (name: string, overloaded: number) =>
      verdictOf({ ...cell, arms: arms(name, overloaded) }, paired(1.3, 1.4), paired(2, 3), 0.001)
    expect(judge('tuned-static', 3)).toBe('unstable')
    expect(judge('shape-aware', 3)).toBe('unstable')
    expect(judge('tuned-static', 2)).toBe('reproduced')
    expect(judge('occupancy-rule', 20)).toBe('reproduced')
  })
})

describe('tests on many cells', () => {
  /** By the definition: all 2^n choices of signs. */
  function enumerated(values: readonly number[]): number {
    const kept = values.filter((value) => value !== 0)
    const size = kept.map(Math.abs)
    const rank = size.map((own) => size.filter((x) => x < own).length + (size.filter((x) => x === own).length + 1) / 2)
    const total = rank.reduce((sum, r) => sum + r, 0)
    const positive = rank.reduce((sum, r, i) => (kept[i] > 0 ? sum + r : sum), 0)
    const extreme = Math.min(positive, total - positive)
    let as = 0
    for (let signs = 0; signs < 2 ** kept.length; signs++) {
      const sum = rank.reduce((all, r, i) => ((signs >> i) & 1 ? all + r : all), 0)
      if (sum <= extreme) as++
    }
    return kept.length === 0 ? 1 : Math.min(1, (2 * as) / 2 ** kept.length)
  }
  test("Wilcoxon's signed rank agrees with counting all signs, ties and zeros included", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -4, max: 6 }), { maxLength: 9 }), (values) => {
        expect(signedRankP(values)).toBeCloseTo(enumerated(values), 12)
        expect(signedRankP(values.map((value) => -value))).toBe(signedRankP(values))
      }),
      { numRuns: 200, seed: 1 },
    )
  })
  test('is exact of many values too', () => {
    for (const n of [20, 26, 60, 200]) expect(signedRankP(Array.from({ length: n }, (_, i) => i + 1)), `${n}`).toBe(2 / 2 ** n)
    const values = Array.from({ length: 60 }, (_, i) => (i % 4 === 0 ? -1 : 1) * (i + 1))
    // scipy.stats.wilcoxon(values, mode='exact')
    expect(signedRankP(values)).toBeCloseTo(0.000289953017725, 10)
  })
  test('Holm: a worked example, and never below what was given', () => {
    const adjusted = holm([0.01, 0.04, 0.03, 0.005])
    for (const [i, p] of [0.03, 0.06, 0.06, 0.02].entries()) expect(adjusted[i]).toBeCloseTo(p, 12)
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 }), (ps) => {
        const adjusted = holm(ps)
        for (const [i, p] of ps.entries()) {
          expect(adjusted[i]).toBeGreaterThanOrEqual(p)
          expect(adjusted[i]).toBeLessThanOrEqual(Math.min(1, p * ps.length))
          for (const [j, q] of ps.entries()) if (p < q) expect(adjusted[i]).toBeLessThanOrEqual(adjusted[j])
        }
      }),
      { numRuns: 100, seed: 2 },
    )
  })
})

describe('the Latin hypercube', () => {
  test('has one point in every slice of every axis, and an axis more leaves the others alone', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.nat(), (count, seed) => {
        const points = latinHypercube(count, ['a', 'b', 'c'], seed)
        for (const axis of [0, 1, 2])
          expect(points.map((point) => Math.floor(point[axis] * count)).sort((a, b) => a - b)).toEqual(
            Array.from({ length: count }, (_, i) => i),
          )
        expect(latinHypercube(count, ['a', 'new', 'c'], seed).map(([a, , c]) => [a, c])).toEqual(points.map(([a, , c]) => [a, c]))
      }),
      { numRuns: 50, seed: 3 },
    )
  })
  test('stays in its box, and choices come equally often', () => {
    const points = hypercubePoints(60, 5)
    for (const name of AXIS_NAMES) {
      const axis = AXES[name]
      for (const point of points)
        if (axis.kind === 'number') {
          expect(point[name]).toBeGreaterThanOrEqual(axis.low)
          expect(point[name]).toBeLessThanOrEqual(axis.high)
        } else {
          const times = points.filter((other) => other[name] === point[name]).length
          expect(times).toBe(60 / axis.values.length)
        }
    }
    expect(valueAt(AXES.o, 0.5)).toBe(1)
  })
})

describe('cells', () => {
  const cells = allCells()
  test('are 18 primary ones first, named once each, and 200 points', () => {
    expect(new Set(cells.map(({ id }) => id)).size).toBe(cells.length)
    expect(cells.slice(0, 18).every(({ family }) => family === 'primary')).toBe(true)
    expect(cells.filter(({ family }) => family === 'primary')).toHaveLength(18)
    expect(cells.filter(({ family }) => family === 'hypercube')).toHaveLength(200)
  })
  test('make plans that resolve, the batch cap equal for all arms of a cell', () => {
    for (const cell of [...cells.slice(0, 60), ...quickCells()]) {
      const decode = planOf(cell, 1).engines.find(({ role }) => role !== 'prefill')
      expect(decode?.maxNumSeqs, cell.id).toBe(cell.maxNumSeqs)
    }
  })
  test('LAW-45: have keys that change with whatever the answer depends on', () => {
    const cell = primaryCell('azure-conv', 'oss-tp4')
    const others: Cell[] = [
      { ...cell, tpotMs: cell.tpotMs + 1 },
      { ...cell, perturbation: { ...NEUTRAL, o: 2 } },
      { ...cell, effort: 'point' },
    ]
    const keys = [
      cellKey(cell, 'trace', 'constants', '1'),
      ...others.map((other) => cellKey(other, 'trace', 'constants', '1')),
      cellKey(cell, 'other', 'constants', '1'),
      cellKey(cell, 'trace', 'other', '1'),
      cellKey(cell, 'trace', 'constants', '2'),
    ]
    expect(new Set(keys).size).toBe(keys.length)
  })
  test('the protocol is frozen: what would be run is what was committed', () => {
    const committed = new URL('../data/claim/protocol.json', import.meta.url)
    expect(protocolOf()).toEqual(JSON.parse(readFileSync(committed, 'utf8')))
    expect(protocolOf().constants_hash).toBe(constantsHash())
  })
})

describe('another machine', () => {
  const cell = primaryCell('azure-conv', 'r1-dep16')
  const config = configOf(planOf(cell, SEED), cell)
  test('is the same one where nothing is changed', () => expect(perturbed(config, NEUTRAL)).toEqual(config))
  test('has what was changed, in every engine, and the input is left alone', () => {
    const before = structuredClone(config)
    const changed = perturbed(config, { ...NEUTRAL, b: 2, o: 0.5, merge: 3, experts: 1.5, exchange: 0.8, hostMs: 2 })
    expect(config).toEqual(before)
    const [old, own] = [config.engines[1], changed.engines[1]]
    expect(own.machine.ctaBandwidth).toBe(2 * old.machine.ctaBandwidth)
    expect(own.machine.ctaOverheadNs).toBe(0.5 * old.machine.ctaOverheadNs)
    expect(own.machine.mergeFixedNs).toBe(3 * old.machine.mergeFixedNs)
    expect(own.tables.hostPs).toBe(old.tables.hostPs + 2e9)
    expect(own.tables.sharedPs[100]).toBe(Math.round(1.5 * old.tables.sharedPs[100]))
    expect(own.tables.exchangePs[100]).toBe(Math.round(0.8 * old.tables.exchangePs[100]))
    expect(own.tables.localPs).toBe(old.tables.localPs)
  })
})

describe('traffic', () => {
  const shapes = ({ isl, osl }: Workload) => Array.from(isl, (input, i) => `${input}/${osl[i]}`).sort()
  test('parts share no request of a trace, and hold all of it', async () => {
    const chat = await presetWorkload('chat')
    const { train, validation, test: judged } = partsOf(chat, 1)
    expect(train.count + validation.count + judged.count).toBe(chat.count)
    expect(train.count / chat.count).toBeCloseTo(0.5, 1)
  })
  test('sessions as open requests: each request once, in order of time, within the hour', async () => {
    const agent = await presetWorkload('agent')
    const open = openRequests(agent, 1, 'x')
    expect(shapes(open)).toEqual(shapes(agent))
    expect(open.parent).toBeNull()
    for (let i = 1; i < open.count; i++) expect(open.arrivalNs[i]).toBeGreaterThanOrEqual(open.arrivalNs[i - 1])
    expect(open.arrivalNs[open.count - 1]).toBeLessThan(3600e9)
    expect(openRequests(agent, 1, 'x').arrivalNs).toEqual(open.arrivalNs)
  })
  test('a pause within a session counts for a minute at most', () => {
    const [short, long] = [30, 600].map((waitS) => openRequests(chainsOf([2, 2, 2], waitS), 1, 'x'))
    /** Time between the two requests of each session, on the ring of an hour. */
    const apartS = (open: Workload): number[] => {
      const answerS = 5 * 0.02
      const firsts = [...open.isl].flatMap((isl, i) => (isl === 30 ? [open.arrivalNs[i] / 1e9] : [])).sort((a, b) => a - b)
      const seconds = [...open.isl].flatMap((isl, i) => (isl === 31 ? [open.arrivalNs[i] / 1e9] : []))
      return firsts.map((first) => Math.min(...seconds.map((second) => (second - first - answerS + 3600) % 3600)))
    }
    for (const [open, pauseS] of [
      [short, 30],
      [long, 60],
    ] as const)
      for (const seconds of apartS(open)) expect(seconds).toBeCloseTo(pauseS, 3)
  })
  test('lengths of controls', () => {
    const part = traffic([0, 1, 2, 3], [1, 2, 3, 6], [10, 20, 30, 60])
    expect(withLengths(part, 'own', 1)).toBe(part)
    expect(shapes(withLengths(part, 'shuffled', 3))).toEqual(shapes(part))
    expect(withLengths(part, 'mean', 1).isl).toEqual(Int32Array.of(3, 3, 3, 3))
    expect(withLengths(part, 'mean', 1).osl).toEqual(Int32Array.of(30, 30, 30, 30))
    expect(new Set(withLengths(part, 'equal', 1).isl).size).toBe(1)
    for (const lengths of ['shuffled', 'mean', 'equal'] as const)
      expect(withLengths(part, lengths, 1).arrivalNs).toBe(part.arrivalNs)
  })
})
