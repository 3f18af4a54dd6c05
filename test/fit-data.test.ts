/**
 * Look-alikes of public traces: traffic drawn from a recipe fitted to a file passes the comparison with it, and serving it gives the latencies
 * that serving the file gives. Two engines of Llama-3.1-70B on 4 GPUs each, at 0.7 of what they serve in a full closed loop, prefix caching off.
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { armOn } from '../src/experiments/index.js'
import { createArm, STATIC_ARM } from '../src/levers/index.js'
import { summarise } from '../src/metrics/summarise.js'
import { clusterConfig, loadScenario } from '../src/scenario/index.js'
import { type LoadConfig, simulate } from '../src/simulator/index.js'
import { fitRecipe } from '../src/traces/fit/index.js'
import { synthesise } from '../src/traces/generate/synth.js'
import { closedLoopTraffic, compareTraces, readTrace, type Workload } from '../src/traces/index.js'
import { NS_PER_S } from '../src/units.js'

const data = new URL('../../shared/data/traces/', import.meta.url)
const present = existsSync(data)
if (!present && !process.env.CI) console.warn('skipped: no shared/data beside the repository, so no public traces to imitate')

const TRACES = [
  ['azure-conv', 'azure-2023/AzureLLMInferenceTrace_conv.first-half.csv', false],
  ['azure-code', 'azure-2023/AzureLLMInferenceTrace_code.first-half.csv', false],
  ['mooncake-conversation', 'mooncake-fast25/conversation_trace.first-half.jsonl.gz', true],
  ['servegen-deepseek-r1', 'servegen-sampled/deepseek-r1.1h.csv.gz', false],
  ['servegen-m-mid', 'servegen-sampled/m-mid.30min.thinned.csv.gz', false],
] as const

const LOAD = 0.7
const CONCURRENCY = 256
const PROBED = 3000
const TOLERATED = 0.15

const plan = loadScenario({
  text: 'system: gb200\nmodel: llama-3.1-70b\nengines: [{ layout: TP4, count: 2, max_num_seqs: 256, max_model_len: 131072 }]\nworkload: { preset: chat }\n',
  file: 'fit-data.yaml',
})
const config = clusterConfig(plan)
const arm = armOn(STATIC_ARM, config)

function served(workload: Workload, load: LoadConfig) {
  const window = { fromNs: 0, toNs: Number.POSITIVE_INFINITY }
  const result = simulate(config, createArm(arm), workload, { load, window })
  return summarise(result, config, { slo: plan.slo.interactive, window })
}

function latencies(workload: Workload, speedUp: number): Record<string, number> {
  const faster = { ...workload, arrivalNs: workload.arrivalNs.map((timeNs) => Math.floor(timeNs / speedUp)) }
  const { ttft_ms: ttft, tpot_ms: tpot } = served(faster, { kind: 'open' }).metrics
  return { 'TTFT p50': ttft.p50, 'TTFT p99': ttft.p99, 'TPOT p50': tpot.p50, 'TPOT p99': tpot.p99 } as Record<string, number>
}

if (process.env.CI) {
  it('finds the public traces', () => {
    expect(present, 'shared/data is missing beside the repository').toBe(true)
  })
}

describe.runIf(present || process.env.CI).each(TRACES)('%s', (_, path, spreadTicks) => {
  it('has a look-alike that passes the comparison and is served alike', { timeout: 60_000 }, async () => {
    const { workload } = await readTrace(fileURLToPath(new URL(path, data)), { spreadTicks })
    const alike = synthesise(fitRecipe(workload).recipe, 1, 'alike')
    expect(compareTraces(workload, alike).lines.filter((line) => line.verdict === 'different')).toEqual([])

    const loop = closedLoopTraffic({ part: workload, count: PROBED, seed: 1, replicate: 0, mode: 'draw' })
    const capacityPerS = served(loop, { kind: 'closed', concurrency: CONCURRENCY }).request_s
    const recordedPerS = workload.count / (workload.arrivalNs[workload.count - 1] / NS_PER_S)
    const speedUp = (LOAD * capacityPerS) / recordedPerS
    const original = latencies(workload, speedUp)
    for (const [name, value] of Object.entries(latencies(alike, speedUp)))
      expect(Math.abs(value / original[name] - 1), `${name}: ${value} ms, of the original ${original[name]}`).toBeLessThan(
        TOLERATED,
      )
  })
})
