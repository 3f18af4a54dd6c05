/**
 * Equal lengths in whole simulations: with nothing to tell requests apart, a policy that knows shapes may cost at most 2 % of a user's speed against
 * the best of the static arms. (test/split-gate.test.ts asks the same of single batches.) Chunk policies that trade throughput for the time between
 * tokens, lanes and context-parallel decode are no composites: what they cost on equal lengths is what they are for.
 */
import { describe, expect, it } from 'vitest'
import { runJob } from '../src/experiments/job.js'
import { SHAPE_AWARE_ARM, STATIC_ARM } from '../src/levers/catalogue.js'
import type { ArmSpec } from '../src/levers/lever.js'
import { loadScenario } from '../src/scenario/index.js'
import { shapesOnly } from '../src/traces/workload.js'
import { contextOf } from './tinyCluster.js'

const STATIC_SPLITS = [
  'fixed-count(1)',
  'fixed-count(2)',
  'fixed-count(4)',
  'fixed-count(8)',
  'fixed-count(16)',
  'occupancy-rule',
]
const COMPOSITES: readonly Partial<ArmSpec>[] = [
  {},
  { split: 'gated' },
  { split: 'wave-repair' },
  { rank: 'lpt' },
  { rank: 'barrier(40,w=5000)' },
  { span: 'by-shape' },
]
const SEQUENCES = 1500

/** Sequences of a rank: off a full wave of the attention kernel (37), and where no whole wave can be (33). */
describe.each([
  { model: 'deepseek-r1', layout: 'DEP8', ranks: 8, isl: 1024, osl: 16, perRank: 37 },
  { model: 'deepseek-r1', layout: 'DEP8', ranks: 8, isl: 8192, osl: 64, perRank: 33 },
  { model: 'llama-3.1-70b', layout: 'TP4', ranks: 1, isl: 1024, osl: 16, perRank: 32 },
])('$model $layout, $isl in, $osl out, $perRank for each rank', ({ model, layout, ranks, isl, osl, perRank }) => {
  const concurrency = perRank * ranks * 2
  const scenario = {
    system: 'gb200',
    model,
    engines: [{ layout, count: 2, max_num_seqs: 128 }],
    workload: { preset: 'equal', load: { method: 'closed_loop', concurrency } },
  }
  const plan = loadScenario({ text: JSON.stringify(scenario), file: 'equal lengths', folder: '.', sets: [] })
  const all = (value: number) => new Int32Array(SEQUENCES).fill(value)
  const arrivalNs = Float64Array.from({ length: SEQUENCES }, (_, i) => i * 1e6)
  const part = shapesOnly(arrivalNs, all(isl), all(osl), { name: 'equal' } as never)
  const context = contextOf(plan, part)
  const userSpeed = (arm: ArmSpec): number =>
    runJob(context, {
      kind: 'closed',
      arm,
      draw: { part: 'test', mode: 'draw', replicate: 0 },
      concurrency,
      warmupRequests: concurrency,
      requests: 2 * concurrency,
      tail: 2,
      keep: 'summary',
    }).summary?.metrics.tok_s_user.p50 ?? 0
  const best = Math.max(...STATIC_SPLITS.map((split) => userSpeed({ ...STATIC_ARM, split })))
  it.each(COMPOSITES)('shape-aware with %j loses at most 2 % to the best static arm', (change) => {
    expect(userSpeed({ ...SHAPE_AWARE_ARM, ...change }) / best).toBeGreaterThan(0.98)
  })
  // short contexts of DeepSeek-R1 leave attention too small a share of a step
  if (isl > 1024 || ranks === 1)
    it('a bad count loses more than 2 %, so the bar can be missed', () => {
      expect(userSpeed({ ...STATIC_ARM, split: 'fixed-count(32)' }) / best).toBeLessThan(0.98)
    })
})
