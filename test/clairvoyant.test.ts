/** LAW-50: no schedule does with less engine time than the least work says, and the bound is near enough to mean something. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { clairvoyantBound } from '../src/experiments/clairvoyant.js'
import { createArm, SHAPE_AWARE_ARM, STATIC_ARM } from '../src/levers/catalogue.js'
import type { ArmSpec } from '../src/levers/lever.js'
import { clusterConfig, loadScenario } from '../src/scenario/index.js'
import type { ClusterConfig } from '../src/simulator/config.js'
import { simulate } from '../src/simulator/index.js'
import { promptPrices } from '../src/simulator/leastWork.js'
import { createStepTimer, promptsPs } from '../src/timing/index.js'
import type { SharedCall } from '../src/timing/stepTimer.js'
import type { Workload } from '../src/traces/workload.js'
import { NS_PER_S } from '../src/units.js'
import { traffic } from './byHand.js'
import { tinyPlan } from './tinyCluster.js'

const plan = (text: string) => clusterConfig(loadScenario({ text, file: 'law.yaml', sets: [] }))
const DEP =
  'system: gb200\nmodel: deepseek-r1\nprecision: nvfp4\nengines: [{ layout: DEP8, count: 1, max_num_seqs: 16, max_num_batched_tokens: 1024, max_model_len: 32768 }]\nworkload: { preset: chat }\n'
const POOLS =
  'system: gb200\nmodel: llama-3.1-70b\nengines:\n  - { name: p, role: prefill, layout: TP4, count: 2, max_num_batched_tokens: 4096 }\n  - { name: d, role: decode, layout: TP4, count: 1, max_num_seqs: 32, mtp: 2 }\nworkload: { preset: chat }\n'
const CLUSTERS: Readonly<Record<string, ClusterConfig>> = {
  'two engines of one rank': clusterConfig(tinyPlan()),
  'one engine of eight ranks': plan(DEP),
  'prefill and decode apart, with drafts': plan(POOLS),
}
const TWO = (a: number, b: number) =>
  `system: gb200\nmodel: llama-3.1-70b\nengines:\n  - { name: a, layout: TP4, count: 1, max_num_seqs: ${a}, max_model_len: 16384 }\n  - { name: b, layout: TP4, count: 1, max_num_seqs: ${b}, max_model_len: 16384 }\nworkload: { preset: chat }\n`
const ROLES =
  'system: gb200\nmodel: llama-3.1-70b\nengines:\n  - { name: p, role: prefill, layout: TP4, count: 1, max_num_seqs: 64, max_model_len: 16384, may_switch: true }\n  - { name: d, role: decode, layout: TP4, count: 4, max_num_seqs: 64, max_model_len: 16384, may_switch: true }\nworkload: { preset: chat }\narms: { mine: { pool: "adaptive-roles(dwell=1,memory=1)" } }\n'
const ARMS: readonly ArmSpec[] = [STATIC_ARM, SHAPE_AWARE_ARM, { ...SHAPE_AWARE_ARM, split: 'oracle-floor' }]

function workloadOf(shapes: readonly (readonly [number, number])[]): Workload {
  return traffic(
    shapes.map(() => 0),
    shapes.map(([isl]) => isl),
    shapes.map(([, osl]) => osl),
  )
}

/** Requests a second from the first arrival to the last end, all of them there at once. */
function ratePerS(config: ClusterConfig, arm: ArmSpec, workload: Workload): number {
  const { endNs } = simulate(config, createArm(arm), workload, { load: { kind: 'open' } })
  return (workload.count * NS_PER_S) / endNs
}

const length = (most: number) => fc.double({ min: 0, max: 1, noNaN: true }).map((u) => Math.ceil(most ** u))
const shapes = fc.array(fc.tuple(length(12_000), length(400)), { minLength: 1, maxLength: 80, size: 'max' })

test.each(Object.entries(CLUSTERS))('%s: nobody is faster than the bound', (_name, config) => {
  fc.assert(
    fc.property(shapes, fc.constantFrom(...ARMS), (drawn, arm) => {
      const workload = workloadOf(drawn)
      const bound = clairvoyantBound(config, workload)
      if (bound !== null) expect(ratePerS(config, arm, workload)).toBeLessThanOrEqual(bound.capacity_rps)
    }),
    { numRuns: 25, seed: 1 },
  )
})

test.each(Object.entries(CLUSTERS))('%s: the bound is within a factor of three of a full engine', (name, config) => {
  const workload = workloadOf(Array.from({ length: 600 }, () => [500, 300]))
  const best = ratePerS(config, ARMS[2], workload)
  const bound = clairvoyantBound(config, workload)?.capacity_rps ?? 0
  console.info(`${name}: ${best.toFixed(1)} requests/s of at most ${bound.toFixed(1)}`)
  expect(best).toBeGreaterThan(bound / 3)
  expect(best).toBeLessThanOrEqual(bound)
})

const alike = (count: number, isl: number, osl: number) => Array.from({ length: count }, () => [isl, osl] as const)

test('engines that differ: prompts go to the one that holds few sequences, answers to the one that holds many', () => {
  const config = plan(TWO(256, 8))
  const lanes = { ...SHAPE_AWARE_ARM, pool: 'lanes(1000,spill=1000000)' }
  const workload = workloadOf([...alike(138, 8000, 1), ...alike(1200, 100, 300)])
  const bound = clairvoyantBound(config, workload)?.capacity_rps ?? 0
  const best = ratePerS(config, lanes, workload)
  console.info(`engines that differ: ${best.toFixed(1)} requests/s of at most ${bound.toFixed(1)}`)
  expect(best).toBeLessThanOrEqual(bound)
  expect(best).toBeGreaterThan(bound / 3)
})

test('engines that change their roles: all of them may be at the work of one', () => {
  const config = plan(ROLES)
  const switching = { ...SHAPE_AWARE_ARM, pool: 'adaptive-roles(dwell=1,memory=1)' }
  const shapes = alike(3000, 8000, 4)
  const workload = { ...workloadOf(shapes), arrivalNs: Float64Array.from(shapes, (_, i) => i * 1.1e8) }
  const bound = clairvoyantBound(config, workload)
  const best = ratePerS(config, switching, workload)
  console.info(`engines that change: ${best.toFixed(1)} requests/s of at most ${bound?.capacity_rps.toFixed(1)}`)
  expect(bound?.binding).toBe('all')
  expect(best).toBeLessThanOrEqual(bound?.capacity_rps ?? 0)
  expect(best).toBeGreaterThan((bound?.capacity_rps ?? 0) / 3)
})

const LAYOUTS = ['llama-3.1-70b TP4', 'deepseek-r1 DEP8', 'gpt-oss-120b TP4', 'glm-5 DEP8'] as const
test.each([...LAYOUTS.map((what) => [what, 1] as const), [LAYOUTS[1], 0] as const])(
  '%s, next chunks of a call at %d of their times: no step takes less attention than the prices of its chunks',
  (what, part) => {
    const [model, layout] = what.split(' ')
    const limits = 'max_num_seqs: 128, max_num_batched_tokens: 8192, max_model_len: 8192'
    const [shipped] = plan(
      `system: gb200\nmodel: ${model}\nengines: [{ layout: ${layout}, count: 1, ${limits} }]\nworkload: { preset: chat }\n`,
    ).engines
    const together = shipped.tables.together as SharedCall
    const nextPs = together.nextPs.map((ps) => part * ps)
    const engine = { ...shipped, tables: { ...shipped.tables, together: { ...together, nextPs } } }
    const timer = createStepTimer(engine.tables)
    const upTo = (most: number) => fc.double({ min: 0, max: 1, noNaN: true }).map((u) => Math.round(most ** u))
    const tiny = fc.record({ tokens: upTo(40), prefix: fc.constant(0) })
    const any = fc.record({ tokens: upTo(8000), prefix: fc.oneof(fc.constant(0), upTo(4000)) })
    const equal = upTo(32).map((count) => Array.from({ length: count }, () => ({ tokens: Math.floor(8192 / count), prefix: 0 })))
    const drawn = fc.oneof(equal, fc.array(fc.oneof(tiny, any), { minLength: 2, maxLength: 100 }))
    let nearest = Number.POSITIVE_INFINITY
    fc.assert(
      fc.property(drawn, upTo(60_000), (all, mean) => {
        const chunks: { tokens: number; prefix: number }[] = []
        let room = 8192
        for (const chunk of all) {
          if (chunk.tokens > room) continue
          chunks.push(chunk)
          room -= chunk.tokens
        }
        if (chunks.length < 2) return
        const demand = { promptTokens: mean, pairs: (mean * (mean + 1)) / 2, sequenceSteps: 0, kvTokens: 0 }
        const { pairPs, tokenPs } = promptPrices(engine, timer, demand)
        const ps = promptsPs(timer, chunks)
        const least = chunks.reduce(
          (sum, { tokens, prefix }) => sum + tokens * (pairPs * (prefix + (tokens + 1) / 2) - tokenPs),
          0,
        )
        expect(ps).toBeGreaterThanOrEqual(least)
        if (least > 0) nearest = Math.min(nearest, ps / least)
      }),
      { numRuns: 400, seed: 1 },
    )
    console.info(`${what}: attention of a step is ${nearest.toFixed(2)} of its chunks' prices or more`)
    if (part === 1) expect(nearest).toBeLessThan(5)
  },
)

test('steps of attention alone: the bound holds, and is near for long prompts', () => {
  const { engines, ...rest } = plan(TWO(256, 256).replaceAll('max_model_len', 'max_num_batched_tokens: 8192, max_model_len'))
  const zero = (row: Float64Array) => new Float64Array(row.length)
  const config = {
    ...rest,
    engines: engines.map((engine) => {
      const { localPs, headPs, decodeRowsPs, ...tables } = engine.tables
      const free = { localPs: zero(localPs), headPs: zero(headPs), decodeRowsPs: zero(decodeRowsPs) }
      return { ...engine, tables: { ...tables, ...free, hostPs: 1 } }
    }),
  }
  let nearest = 0
  for (const isl of [4, 32, 128, 512, 1024, 4096, 16_000]) {
    const workload = workloadOf(alike(400, isl, 1))
    const bound = clairvoyantBound(config, workload)
    const share = ratePerS(config, STATIC_ARM, workload) / (bound?.capacity_rps ?? Number.POSITIVE_INFINITY)
    expect(share, `${isl} tokens`).toBeLessThanOrEqual(1)
    nearest = Math.max(nearest, share)
  }
  console.info(`steps of attention alone: ${nearest.toFixed(2)} of the bound`)
  expect(nearest).toBeGreaterThan(0.4)
})

test('counts for nothing what a prefix cache may hold, and is null where nothing is left', () => {
  const config = CLUSTERS['two engines of one rank']
  const caching = { ...config, engines: config.engines.map((engine) => ({ ...engine, prefixCaching: true })) }
  const workload = workloadOf([[4000, 100]])
  const rate = (c: ClusterConfig) => clairvoyantBound(c, workload)?.capacity_rps ?? 0
  expect(rate(caching)).toBeGreaterThan(1.2 * rate(config))
  expect(clairvoyantBound(caching, workloadOf([[4000, 1]]))).toBeNull()
})
