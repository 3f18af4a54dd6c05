/**
 * Look-alikes of public traces: traffic drawn from a recipe fitted to a file passes the comparison with it, and serving it gives the latencies
 * that serving the file gives. Two engines of Llama-3.1-70B on 4 GPUs each, at 0.7 of what they carry within the SLO, as `load: {fraction: 0.7}` means it:
 * minutes of the trace, superposed, on end. Prefix caching off.
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { arrivalShape, capacitySize, EFFORTS, probeJob, runJob } from '../src/experiments/index.js'
import { createArm, staticArm } from '../src/levers/index.js'
import { summarise } from '../src/metrics/summarise.js'
import { clusterConfig, loadScenario } from '../src/scenario/index.js'
import { simulate } from '../src/simulator/index.js'
import { drawAlike, fitRecipe } from '../src/traces/fit/index.js'
import { readTrace, type Workload } from '../src/traces/index.js'
import { offeredTraffic } from '../src/traces/load.js'
import { NS_PER_S } from '../src/units.js'
import { contextOf } from './tinyCluster.js'

const data = new URL('../../shared/data/traces/', import.meta.url)
const present = existsSync(data)
if (!present && !process.env.CI) console.warn('skipped: no shared/data beside the repository, so no public traces to imitate')

/** Requests of a run beside it: azure-code has 39 bursts, and each is drawn often enough only in a long one. */
const TRACES = [
  ['azure-conv', 'azure-2023/AzureLLMInferenceTrace_conv.first-half.csv', false, 60_000],
  ['azure-code', 'azure-2023/AzureLLMInferenceTrace_code.first-half.csv', false, 200_000],
  ['mooncake-conversation', 'mooncake-fast25/conversation_trace.first-half.jsonl.gz', true, 60_000],
  ['servegen-deepseek-r1', 'servegen-sampled/deepseek-r1.1h.csv.gz', false, 60_000],
  ['servegen-m-mid', 'servegen-sampled/m-mid.30min.thinned.csv.gz', false, 60_000],
] as const

const LOAD = 0.7
const TOLERATED = 0.15

const plan = loadScenario({
  text: 'system: gb200\nmodel: llama-3.1-70b\nengines: [{ layout: TP4, count: 2, max_num_seqs: 256, max_model_len: 131072 }]\nworkload: { preset: chat }\n',
  file: 'fit-data.yaml',
})
const config = clusterConfig(plan)
const arm = staticArm(config.engines)

/** Requests per second that the engines carry within the SLO, sought as `compare` seeks it. */
function capacityOf(workload: Workload): number {
  const context = contextOf(plan, workload)
  const { summary } = runJob(context, probeJob(arm, config, null))
  const e2eS = (summary?.metrics.e2e_ms.mean ?? Number.NaN) / 1e3
  const size = capacitySize(e2eS, summary?.request_s ?? Number.NaN, EFFORTS.normal, arrivalShape(workload))
  const draw = { part: 'train', mode: 'draw', replicate: 0 } as const
  return runJob(context, { kind: 'capacity', arm, draw, ...size }).capacityPerS as number
}

function latencies(workload: Workload, ratePerS: number, served: number): Record<string, number> {
  const durationNs = (served / ratePerS) * NS_PER_S
  const traffic = offeredTraffic({ part: workload, ratePerS, durationNs, seed: 1, replicate: 0, mode: 'draw', e2eNs: 0 })
  const window = { fromNs: 0.05 * durationNs, toNs: 0.98 * durationNs }
  const result = simulate(config, createArm(arm), traffic.workload, { load: { kind: 'open' }, window })
  const { ttft_ms: ttft, tpot_ms: tpot } = summarise(result, config, { slo: plan.slo.interactive, window }).metrics
  return { 'TTFT p50': ttft.p50, 'TTFT p99': ttft.p99, 'TPOT p50': tpot.p50, 'TPOT p99': tpot.p99 } as Record<string, number>
}

if (process.env.CI) {
  it('finds the public traces', () => {
    expect(present, 'shared/data is missing beside the repository').toBe(true)
  })
}

describe.runIf(present || process.env.CI).each(TRACES)('%s', (_, path, spreadTicks, served) => {
  it('has a look-alike that passes the comparison and is served alike', async () => {
    const { workload } = await readTrace(fileURLToPath(new URL(path, data)), { spreadTicks })
    const { workload: alike, comparison } = drawAlike(workload, fitRecipe(workload).recipe, 1, 'alike')
    expect(comparison.lines.filter((line) => line.verdict === 'different')).toEqual([])

    const ratePerS = LOAD * capacityOf(workload)
    const original = latencies(workload, ratePerS, served)
    for (const [name, value] of Object.entries(latencies(alike, ratePerS, served)))
      expect(Math.abs(value / original[name] - 1), `${name}: ${value} ms, of the original ${original[name]}`).toBeLessThan(
        TOLERATED,
      )
  })
})
