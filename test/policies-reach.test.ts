/** The scenarios of the kit reach what a policy can do: its hooks are called, contexts are spread, roles change, sequences move. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parsePolicy } from '../src/levers/catalogue.js'
import type { EngineNeeds, LeverName, RankPolicy } from '../src/levers/lever.js'
import { HOOKS } from '../src/policies/index.js'
import { makerOf, needsOf, stageOf } from '../src/testing/check.js'
import { scenarioOn } from '../src/testing/rules.js'
import { runFast } from '../src/testing/run.js'
import { smallScenarios } from '../src/testing/small.js'
import { findFault, SHIPPED } from '../src/testing.js'

const RUNS = 60
const SEED = Number(process.env.SHAPEWISE_SEED ?? 20_253)

interface Reach {
  /** Hook -> scenarios in which it was asked. */
  readonly hooks: ReadonlyMap<string, number>
  /** Scenarios in which a context is spread, a role changes, a sequence moves. */
  readonly spans: number
  readonly switches: number
  readonly moves: number
}

function reachOf(lever: LeverName, name: string): Reach {
  const make = makerOf(name, lever)
  const hooks = new Map<string, number>(HOOKS[lever].map((hook) => [hook.name, 0]))
  const reach = { hooks, spans: 0, switches: 0, moves: 0 }
  for (const drawn of fc.sample(smallScenarios(lever, needsOf(make, lever)), { numRuns: RUNS, seed: SEED })) {
    const { result, decisions } = runFast(scenarioOn(stageOf(drawn), lever, make, () => {}))
    const asked = {
      plan: decisions.split,
      prefillTokens: decisions.chunk,
      hold: decisions.hold,
      place: decisions.rank,
      assign: decisions.assign,
      migrate: decisions.migrate,
      degree: decisions.span,
      route: decisions.pool,
      switchRole: decisions.roles,
    }
    for (const [hook, log] of Object.entries(asked))
      if (log.length > 0 && hooks.has(hook)) hooks.set(hook, (hooks.get(hook) ?? 0) + 1)
    if (decisions.span.some((entry) => (entry.at(-1) ?? 0) > 1)) reach.spans++
    if (result.statistics.roleChanges > 0) reach.switches++
    if (result.statistics.migrations > 0) reach.moves++
  }
  return reach
}

test.each(SHIPPED.filter(({ oracle }) => !oracle))('$lever $policy: every hook is asked', ({ lever, policy }) => {
  const { hooks } = reachOf(lever, policy)
  const own = makerOf(policy, lever)().info.hooks
  for (const hook of own) expect([hook, hooks.get(hook)]).toEqual([hook, expect.toSatisfy((n: number) => n >= RUNS / 4)])
})

/** At least so many of the scenarios. */
test.each([
  ['span', 'fixed(8)', 'spans', 1],
  ['span', 'by-shape(theta=0.25,min=8)', 'spans', 0.5],
  ['span', 'by-shape(theta=0.25,min=100000)', 'spans', 0.1],
  ['pool', 'adaptive-roles(dwell=0,memory=0.001,hysteresis=0)', 'switches', 0.3],
  ['pool', 'adaptive-roles(dwell=30,memory=60,hysteresis=0.5)', 'switches', 0.1],
  ['rank', 'round-robin(migrate=0.01,steps=1)', 'moves', 0.1],
] as const)('%s %s: %s in a good share of the scenarios', (lever, policy, what, share) => {
  expect(reachOf(lever, policy)[what] / RUNS).toBeGreaterThanOrEqual(share)
})

test('a span policy that would spread a context over more ranks than a rack has is checked on what there is', () => {
  const wide = () => ({ ...parsePolicy('span', 'by-shape(theta=0.25,min=8)')(), largest: 128 })
  expect(needsOf(wide, 'span').degree).toBe(64)
  expect(findFault(wide, { lever: 'span', runs: 5 })).toBeNull()
})

test('what a policy needs of engines is there wherever it is checked; what no scenario has is refused', () => {
  const { info } = parsePolicy('rank', 'round-robin')()
  const needing = (needs: EngineNeeds, place: RankPolicy['place']) => () => ({
    info: { ...info, hooks: ['place'], needs },
    place,
  })
  const several = needing({ severalRanks: 'wants several ranks' }, ({ count }) => (count === 1 ? -1 : 0))
  expect(findFault(several, { lever: 'rank', runs: 60 })).toBeNull()
  const wrong = needing({ severalRanks: 'wants several ranks', prefixCaches: 'reads them' }, ({ count }) => count)
  const fault = findFault(wrong, { lever: 'rank', runs: 60 })
  expect(fault?.faults.join()).toMatch(/LAW-60 .*place returned/)
  expect([fault?.scenario.caching, fault?.scenario.engines.some(({ layout }) => layout !== 'TP4')]).toEqual([true, true])
  expect(() =>
    findFault(
      needing({ lanes: 40 }, () => 0),
      { lever: 'rank', runs: 5 },
    ),
  ).toThrow(/none of 300 generated scenarios has what it says that it needs of engines/)
})

test('memory is weighed where a policy finds what it needs', () => {
  const { info } = parsePolicy('rank', 'round-robin')()
  const needs = { prefixCaches: 'reads them', lanes: 3, stepTokens: 512 }
  const kept: object[] = []
  const make = () => ({ info: { ...info, hooks: ['place'], needs }, place: () => kept.push({}) * 0 })
  const fault = findFault(make, { lever: 'rank', runs: 5 })
  expect(fault?.faults.join()).toMatch(/LAW-62 place: memory/)
  expect(fault?.scenario).toMatchObject({ caching: true, engines: [{ count: 3, maxNumBatchedTokens: 512 }] })
})
