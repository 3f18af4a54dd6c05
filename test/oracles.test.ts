/** What the oracle ladder guarantees, kernel by kernel and run by run, and that no oracle competes. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FAMILIES, familyGrid } from '../src/experiments/families.js'
import { dispatchNotes, oracleArms } from '../src/experiments/oracles.js'
import { pairs } from '../src/experiments/rows.js'
import { createArm, POLICIES, SHAPE_AWARE_ARM, STATIC_ARM } from '../src/levers/catalogue.js'
import { parsePolicy } from '../src/levers/index.js'
import { ORACLE_ARMS } from '../src/levers/oracles.js'
import { createSplitDecision } from '../src/levers/split/decision.js'
import { exactAttentionNs } from '../src/levers/split/exact.js'
import { createSplitEvaluator, floorNs } from '../src/levers/split/model.js'
import { clusterConfig } from '../src/scenario/index.js'
import { simulate } from '../src/simulator/index.js'
import { batchOf, MACHINES } from './levers/families.js'
import { tinyPlan, tinyWorkload } from './tinyCluster.js'

const SPLITS = POLICIES.filter(({ lever, oracle }) => lever === 'split' && !oracle).map(({ name }) => name)
const lengths = fc.array(fc.integer({ min: 1, max: 60_000 }), { minLength: 1, maxLength: 64 })
const machine = fc.constantFrom(...Object.values(MACHINES))

describe('LAW-42: the ladder of a kernel', () => {
  test('floor <= oracle-split <= every policy, under list scheduling', () => {
    fc.assert(
      fc.property(machine, lengths, fc.constantFrom(...SPLITS), (m, drawn, name) => {
        const batch = batchOf(drawn)
        const priced = (policy: string): number => {
          const decision = createSplitDecision(batch.n)
          parsePolicy('split', policy)().plan(batch, m, decision)
          // every other policy is launched longest first here, as the search does it: arrival order is worse in the mean, not in every draw
          if (policy !== 'oracle-split') decision.longestFirst = true
          return exactAttentionNs(batch, decision, m)
        }
        const best = priced('oracle-split')
        expect(best).toBeGreaterThanOrEqual(floorNs(batch, m) * (1 - 1e-9))
        expect(priced(name)).toBeGreaterThanOrEqual(best * (1 - TOLERANCE))
      }),
      { numRuns: 150, seed: 1 },
    )
  })

  test('the factor of oracle-floor is the floor over the reference, below that of every policy', () => {
    fc.assert(
      fc.property(machine, lengths, fc.constantFrom(...SPLITS, 'oracle-split'), (m, drawn, name) => {
        const batch = batchOf(drawn)
        const factor = (policy: string) => createSplitEvaluator(m, batch.n).factor(parsePolicy('split', policy)(), batch)
        expect(factor('oracle-floor')).toBeGreaterThan(0)
        expect(factor('oracle-floor')).toBeLessThanOrEqual(factor(name) * (1 + 1e-9))
      }),
      { numRuns: 150, seed: 1 },
    )
  })
})

/** The search is wide, not complete: a policy may find a partition a little better. */
const TOLERANCE = 0.01

test('LAW-43: with a fixed batch in flight no split policy is faster than oracle-floor', () => {
  const config = clusterConfig(tinyPlan())
  // equal answers that all begin together: the batch is the same in every step, whatever the policy
  const workload = { ...tinyWorkload(48), osl: new Int32Array(48).fill(64), arrivalNs: new Float64Array(48) }
  const endNs = (split: string): number =>
    simulate(config, createArm({ ...STATIC_ARM, split }), workload, { load: { kind: 'open' } }).endNs
  const floor = endNs('oracle-floor')
  for (const split of SPLITS) expect(floor, split).toBeLessThanOrEqual(endNs(split))
})

describe('no oracle competes', () => {
  const config = clusterConfig(tinyPlan())
  test('in a grid that is tuned', () => {
    for (const family of FAMILIES)
      for (const arm of familyGrid(family, config))
        for (const policy of Object.values(createArm(arm)).filter((held) => typeof held === 'object'))
          expect(policy.info.oracle, `${family}: ${policy.info.name}`).toBeUndefined()
  })
  test('in the rows of a comparison', () => {
    const arms = [STATIC_ARM, SHAPE_AWARE_ARM, { ...STATIC_ARM, name: 'oracle-mine' }]
    for (const pair of pairs(arms)) expect(`${pair.arm} ${pair.baseline}`).not.toContain('oracle')
  })
  test('or hides its name: every rung is the challenger with one policy replaced, by one that says it is an oracle', () => {
    const ranks = { ...config, engines: config.engines.map((engine) => ({ ...engine, ranks: 4 })) }
    const rungs = oracleArms(SHAPE_AWARE_ARM, ranks, true)
    expect(rungs.map(({ arm }) => arm.name)).toEqual(['oracle-floor', 'oracle-step', 'oracle-dispatch'])
    expect(oracleArms(SHAPE_AWARE_ARM, config, true).map(({ arm }) => arm.name)).not.toContain('oracle-dispatch')
    for (const { arm } of rungs) {
      expect(ORACLE_ARMS).toContain(arm.name)
      const changed = (['split', 'chunk', 'rank', 'span', 'pool'] as const).filter((l) => arm[l] !== SHAPE_AWARE_ARM[l])
      expect(changed).toHaveLength(1)
      expect(createArm(arm)[changed[0]].info.oracle).toBe(true)
    }
    const spread = { ...SHAPE_AWARE_ARM, span: 'fixed(2)' }
    expect(oracleArms(spread, ranks, true).map(({ arm }) => arm.name)).toEqual(['oracle-floor', 'oracle-step'])
    expect(dispatchNotes(spread, ranks)[0]).toContain('oracle-dispatch is left out: span fixed(2) of shape-aware')
    expect([...dispatchNotes(SHAPE_AWARE_ARM, ranks), ...dispatchNotes(spread, config)]).toEqual([])
    expect(oracleArms(SHAPE_AWARE_ARM, config, false).map(({ arm }) => arm.name)).toEqual(['oracle-floor'])
  })
})
