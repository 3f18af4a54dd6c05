/**
 * Records and step sums → Summary. Requests belong to the window of their arrival; steps to that of their end, and so does `request_s`,
 * the rate at which requests complete.
 */
import { logBinValue, logHistogramQuantile } from '../collections/logHistogram.js'
import { quantilesOf } from '../collections/select.js'
import type { SloPlan } from '../scenario/plan.js'
import type { ClusterConfig, MeasureWindow } from '../simulator/config.js'
import type { SimulationResult } from '../simulator/index.js'
import { NS_PER_MS, NS_PER_S, PS_PER_S } from '../units.js'
import { COMPLETED, FATES, PHASES, type Records } from './records.js'
import { saturationVerdict } from './saturation.js'
import type { Distribution, Summary } from './summary.js'

const PERCENTILES = [0.5, 0.9, 0.95, 0.99]
/** Of tokens/s/user also the bad tail. */
const SPEED_PERCENTILES = [0.05, 0.1, ...PERCENTILES]
const UNDEFINED: Distribution = { mean: null, p50: null, p90: null, p95: null, p99: null }
const ZERO: Distribution = { mean: 0, p50: 0, p90: 0, p95: 0, p99: 0 }

export interface SummariseOptions {
  readonly slo: SloPlan
  readonly window: MeasureWindow
}

export function summarise(result: SimulationResult, config: ClusterConfig, options: SummariseOptions): Summary {
  const { records, statistics } = result
  const { fromNs } = options.window
  const toNs = Math.min(options.window.toNs, result.endNs)
  const windowNs = Math.max(0, toNs - Math.max(fromNs, firstArrival(records)))
  const windowS = windowNs / NS_PER_S
  const rows = rowsOfWindow(records, options.window)
  const columns = completedColumns(records, rows)
  const undefinedBecause: Record<string, string> = {}
  const isMissing = (key: string, count: number): boolean => {
    if (count === 0) undefinedBecause[`metrics.${key}`] = 'no request of the window has it'
    return count === 0
  }
  const distribution = (key: string, values: Float64Array, count: number): Distribution => {
    if (isMissing(key, count)) return UNDEFINED
    const mean = meanOf(values, count)
    // times are never negative: nobody was preempted, or no KV was moved
    if (mean === 0) return ZERO
    const [p50, p90, p95, p99] = quantilesOf(values, count, PERCENTILES)
    return { mean, p50, p90, p95, p99 }
  }
  const speeds = (): Summary['metrics']['tok_s_user'] => {
    const count = columns.tpotCount
    if (isMissing('tok_s_user', count)) return { ...UNDEFINED, p10: null, p5: null }
    const mean = meanOf(columns.speed, count)
    const [p5, p10, p50, p90, p95, p99] = quantilesOf(columns.speed, count, SPEED_PERCENTILES)
    return { mean, p50, p90, p95, p99, p10, p5 }
  }
  const phase = (index: number) => distribution(`${PHASES[index]}_ms`, columns.phase(index), columns.completed)
  const metrics: Summary['metrics'] = {
    ttft_ms: distribution('ttft_ms', columns.ttft, columns.completed),
    tpot_ms: distribution('tpot_ms', columns.tpot, columns.tpotCount),
    itl_ms: pooledItl(statistics.itl, undefinedBecause),
    e2e_ms: distribution('e2e_ms', columns.e2e, columns.completed),
    queue_ms: phase(0),
    prefill_ms: phase(1),
    transfer_ms: phase(2),
    decode_wait_ms: phase(3),
    decode_ms: phase(4),
    stall_ms: phase(5),
    gap_ms: distribution('gap_ms', columns.gap, columns.tpotCount),
    tok_s_user: speeds(),
  }
  const fates = Object.fromEntries(FATES.map((fate, index) => [fate, columns.fates[index]]))
  const gpus = config.engines.reduce((sum, engine) => sum + engine.gpus, 0)
  const share = (part: number, whole: number, key: string): number | null => {
    if (whole > 0) return part / whole
    undefinedBecause[key] = 'no step of the window needs it'
    return null
  }
  const slo = options.slo
  const limited = slo.ttftMs !== null || slo.tpotMs !== null || slo.gapMs !== null || slo.e2eMs !== null
  const attainment = limited && rows.count > 0 ? attained(records, rows, slo) / rows.count : null
  if (attainment === null)
    undefinedBecause.slo_attainment = limited ? 'no request arrived in the window' : 'the plan states no SLO'
  const perS = (amount: number): number => (windowS > 0 ? amount / windowS : 0)
  return {
    window_s: windowS,
    requests: { injected: rows.count, ...fates },
    metrics,
    output_tok_s: perS(statistics.outputTokens),
    output_tok_s_per_gpu: perS(statistics.outputTokens) / gpus,
    total_tok_s: perS(statistics.outputTokens + statistics.inputTokens),
    request_s: perS(completionsIn(records, options.window)),
    slo_attainment: attainment,
    attention_share: share(statistics.gatingAttentionPs, statistics.stepPs, 'attention_share'),
    balance: share(statistics.meanAttentionPs, statistics.maxAttentionPs, 'balance'),
    kv_use: share(statistics.kvUsePs, statistics.stepPs, 'kv_use'),
    mean_batch: share(statistics.decodeSequences, statistics.steps, 'mean_batch'),
    mean_step_ms: share((statistics.stepPs / PS_PER_S) * 1e3, statistics.steps, 'mean_step_ms'),
    preemptions: statistics.preemptions,
    saturation: saturationVerdict(records, statistics, options.window, result.endNs, config.frontendNs),
    undefined_because: undefinedBecause,
  }
}

function meanOf(values: Float64Array, count: number): number {
  let sum = 0
  for (let i = 0; i < count; i++) sum += values[i]
  return sum / count
}

const firstArrival = (records: Records): number => {
  let first = Number.POSITIVE_INFINITY
  for (let row = 0; row < records.count; row++) if (records.arrivalNs[row] < first) first = records.arrivalNs[row]
  return first === Number.POSITIVE_INFINITY ? 0 : first
}

/** Requests that completed in the window, whenever they arrived. */
function completionsIn(records: Records, window: MeasureWindow): number {
  let count = 0
  for (let row = 0; row < records.count; row++) {
    const endNs = records.endNs[row]
    if (records.fate[row] === COMPLETED && endNs >= window.fromNs && endNs < window.toNs) count++
  }
  return count
}

interface Rows {
  readonly count: number
  readonly at: Int32Array
}

function rowsOfWindow(records: Records, window: MeasureWindow): Rows {
  const at = new Int32Array(records.count)
  let count = 0
  for (let row = 0; row < records.count; row++) {
    const arrivalNs = records.arrivalNs[row]
    if (arrivalNs >= window.fromNs && arrivalNs < window.toNs) at[count++] = row
  }
  return { count, at }
}

function completedColumns(records: Records, rows: Rows) {
  const ttft = new Float64Array(rows.count)
  const e2e = new Float64Array(rows.count)
  const tpot = new Float64Array(rows.count)
  const speed = new Float64Array(rows.count)
  const gap = new Float64Array(rows.count)
  const fates = FATES.map(() => 0)
  let completed = 0
  let tpotCount = 0
  for (let i = 0; i < rows.count; i++) {
    const row = rows.at[i]
    const fate = records.fate[row]
    fates[fate]++
    if (fate !== COMPLETED) continue
    const firstNs = records.firstTokenNs[row]
    const endNs = records.endNs[row]
    ttft[completed] = (firstNs - records.arrivalNs[row]) / NS_PER_MS
    e2e[completed++] = (endNs - records.arrivalNs[row]) / NS_PER_MS
    if (records.osl[row] > 1) {
      const perToken = (endNs - firstNs) / NS_PER_MS / (records.osl[row] - 1)
      tpot[tpotCount] = perToken
      gap[tpotCount] = records.maxGapNs[row] / NS_PER_MS
      speed[tpotCount++] = 1e3 / perToken
    }
  }
  // one column at a time is looked at, and then no longer needed
  const values = new Float64Array(completed)
  const phase = (index: number): Float64Array => {
    const column = records.phaseNs[index]
    let count = 0
    for (let i = 0; i < rows.count; i++)
      if (records.fate[rows.at[i]] === COMPLETED) values[count++] = column[rows.at[i]] / NS_PER_MS
    return values
  }
  return { ttft, e2e, tpot, speed, gap, fates, completed, tpotCount, phase }
}

/** Requests that met every limit; those that did not complete met none. OSL 1 has neither TPOT nor gap and meets both. */
function attained(records: Records, rows: Rows, slo: SloPlan): number {
  const ttftNs = (slo.ttftMs ?? Number.POSITIVE_INFINITY) * NS_PER_MS
  const tpotNs = (slo.tpotMs ?? Number.POSITIVE_INFINITY) * NS_PER_MS
  const gapNs = (slo.gapMs ?? Number.POSITIVE_INFINITY) * NS_PER_MS
  const e2eNs = (slo.e2eMs ?? Number.POSITIVE_INFINITY) * NS_PER_MS
  let met = 0
  for (let i = 0; i < rows.count; i++) {
    const row = rows.at[i]
    if (records.fate[row] !== COMPLETED) continue
    const firstNs = records.firstTokenNs[row]
    const endNs = records.endNs[row]
    const gaps = records.osl[row] - 1
    if (firstNs - records.arrivalNs[row] > ttftNs || endNs - records.arrivalNs[row] > e2eNs) continue
    if (gaps > 0 && (endNs - firstNs > tpotNs * gaps || records.maxGapNs[row] > gapNs)) continue
    met++
  }
  return met
}

function pooledItl(histogram: Float64Array, undefinedBecause: Record<string, string>): Distribution {
  let weight = 0
  let sum = 0
  histogram.forEach((count, bin) => {
    if (count === 0) return
    weight += count
    sum += count * logBinValue(bin)
  })
  if (weight === 0) {
    undefinedBecause['metrics.itl_ms'] = 'no sequence decoded in the window'
    return UNDEFINED
  }
  const [p50, p90, p95, p99] = PERCENTILES.map((p) => logHistogramQuantile(histogram, p) / NS_PER_MS)
  return { mean: sum / weight / NS_PER_MS, p50, p90, p95, p99 }
}
