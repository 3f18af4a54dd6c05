/** A cluster and traffic small enough to simulate in milliseconds: two engines of Llama-3.1-70B, TP4. */
import type { JobContext } from '../src/experiments/job.js'
import { stream } from '../src/rng.js'
import { clusterConfig, loadScenario } from '../src/scenario/index.js'
import type { Plan } from '../src/scenario/plan.js'
import { splitInTime } from '../src/traces/load.js'
import { shapesOnly, type Workload } from '../src/traces/workload.js'
import { NS_PER_S } from '../src/units.js'

export function tinyPlan(sets: readonly string[] = []): Plan {
  const text =
    'system: gb200\nmodel: llama-3.1-70b\nengines: [{ layout: TP4, count: 2, max_num_seqs: 64 }]\nworkload: { preset: chat }\n'
  return loadScenario({ text, file: 'tiny.yaml', sets })
}

/** `count` requests at one a second on average, of mixed lengths; all of `isl` and `osl` when given. */
export function tinyWorkload(count: number, equal?: { readonly isl: number; readonly osl: number }): Workload {
  const rng = stream(1, 'tiny')
  const arrivalNs = Float64Array.from({ length: count }, () => Math.floor(rng.uniform() * count * NS_PER_S)).sort()
  const isl = Int32Array.from({ length: count }, () => equal?.isl ?? Math.ceil(100 * Math.exp(1.5 * rng.normal())))
  const osl = Int32Array.from({ length: count }, () => equal?.osl ?? Math.ceil(20 * Math.exp(0.7 * rng.normal())))
  const provenance = { name: 'tiny', format: 'generated', note: 'lognormal lengths', rowsRead: count, rowsSkipped: 0 }
  return shapesOnly(arrivalNs, isl, osl, provenance)
}

export function tinyContext(sets: readonly string[] = [], workload: Workload = tinyWorkload(600)): JobContext {
  return contextOf(tinyPlan(sets), splitInTime(workload, 0, 0.5), splitInTime(workload, 0.5, 1))
}

/** Jobs on the engines of `plan`, of seed 1; both parts are the same unless two are given. */
export const contextOf = (plan: Plan, train: Workload, test: Workload = train): JobContext => ({
  config: clusterConfig(plan),
  slo: plan.slo.interactive,
  seed: 1,
  parts: { train, test },
  speedUp: null,
})
