/** One shape in a process of its own, so that the peak memory is its own: `node bench/shape.mjs NAME [--smoke]` prints one JSON line. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import {
  clusterConfig,
  createArm,
  readTrace,
  SHAPE_AWARE_ARM,
  STATIC_ARM,
  scenarioFromDefaults,
  simulate,
  summarise,
} from '../dist/index.js'
import { repeatTo } from '../dist/traces/load.js'
import { SHAPES, SMOKE_REQUESTS } from './shapes.mjs'

const [name, flag] = process.argv.slice(2)
const shape = SHAPES.find((candidate) => candidate.name === name)
if (!shape) throw new Error(`no shape '${name}': ${SHAPES.map((candidate) => candidate.name).join(', ')}`)

const at = (path) => fileURLToPath(new URL(path, import.meta.url))
const RECORDED = {
  azure: at('../../shared/data/traces/azure-2023/AzureLLMInferenceTrace_conv.first-half.csv'),
  mooncake: at('../../shared/data/traces/mooncake-arxiv/mooncake_trace_1000.jsonl.gz'),
}
const source = existsSync(RECORDED[shape.recorded]) ? RECORDED[shape.recorded] : at(`../traces/${shape.preset}.swt.gz`)

const sets = [
  `system=${shape.cluster.system}`,
  `model=${shape.cluster.model}`,
  ...Object.entries(shape.cluster.engines[0]).map(([key, value]) => `engines.0.${key}=${value}`),
]
const plan = scenarioFromDefaults({ sets, workloadPath: source })
const config = clusterConfig(plan)
const { workload: trace } = await readTrace(source, { spreadTicks: true })
const repeated = repeatTo(trace, flag === '--smoke' ? SMOKE_REQUESTS : shape.requests)
// later turns of sessions have no time of their own (NaN): the last request that has one
const lastNs = repeated.arrivalNs.reduce((last, timeNs) => (timeNs > last ? timeNs : last), 0)
const recordedPerS = repeated.count / ((lastNs - repeated.arrivalNs[0]) / 1e9)
const pace = recordedPerS / shape.ratePerS
const workload = { ...repeated, arrivalNs: repeated.arrivalNs.map((timeNs) => Math.floor(timeNs * pace)) }
const arm = createArm(shape.arm === 'static' ? STATIC_ARM : SHAPE_AWARE_ARM)
const window = { fromNs: 0, toNs: Number.POSITIVE_INFINITY }

const begun = performance.now()
const result = simulate(config, arm, workload, { load: { kind: 'open' }, window })
const summary = summarise(result, config, { slo: plan.slo.interactive, window })
const wallS = (performance.now() - begun) / 1e3

const { records, statistics } = result
const hash = createHash('sha256')
for (const column of [records.request, records.firstTokenNs, records.endNs, records.fate])
  hash.update(new Uint8Array(column.buffer, column.byteOffset, records.count * column.BYTES_PER_ELEMENT))
const six = (value) => Number(value.toPrecision(6))
process.stdout.write(
  `${JSON.stringify({
    name,
    about: shape.about,
    trace: trace.provenance.name,
    arm: shape.arm,
    requests: workload.count,
    wall_s: six(wallS),
    requests_per_s: six(workload.count / wallS),
    output_tokens_per_s: six(statistics.outputTokens / wallS),
    events_per_s: six(result.events / wallS),
    mean_batch: summary.mean_batch === null ? null : six(summary.mean_batch),
    saturation: summary.saturation.label,
    peak_rss_mb: Math.round(process.resourceUsage().maxRSS / 1024),
    hash: hash.digest('hex').slice(0, 12),
  })}\n`,
)
