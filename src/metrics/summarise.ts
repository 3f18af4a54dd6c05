/**
 * Records and step sums → Summary. Requests belong to the window of their arrival; steps to that of their end, and so does `request_s`,
 * the rate at which requests complete.
 */
import { logBinValue, logHistogramQuantile } from '../collections/logHistogram.js'
import { createSample, type Sample } from '../collections/sample.js'
import type { SloPlan } from '../scenario/plan.js'
import type { ClusterConfig, MeasureWindow } from '../simulator/config.js'
import type { SimulationResult } from '../simulator/index.js'
import type { SessionShape } from '../traces/sessions.js'
import { NS_PER_MS, NS_PER_S, nsToMs, PS_PER_S } from '../units.js'
import { fullestKvUse } from './kvUse.js'
import { COMPLETED, FATES, IN_TRANSFER, PHASES, type Records, RUNNING, type StepStatistics } from './records.js'
import { createSaturation } from './saturation.js'
import { createSessionTally } from './sessions.js'
import { createSloTest, isLimited } from './slo.js'
import type { Distribution, StepsByRole, Summary } from './summary.js'

const PERCENTILES = [0.5, 0.9, 0.95, 0.99]
/** Of tokens/s/user also the bad tail. */
const SPEED_PERCENTILES = [0.05, 0.1, ...PERCENTILES]
const UNDEFINED: Distribution = { mean: null, p50: null, p90: null, p95: null, p99: null }
const ZERO: Distribution = { mean: 0, p50: 0, p90: 0, p95: 0, p99: 0 }

export interface SummariseOptions {
  readonly slo: SloPlan
  /** From 0 to Infinity: all. */
  readonly window: MeasureWindow
  /** `sessionShape` of the workload; without it the summary has no sessions. */
  readonly sessions?: SessionShape | null
  /** Up to this many values of a metric are kept for exact quantiles; see collections/sample.ts. */
  readonly exactValues?: number
  /** Hint: records that will be added. */
  readonly expectedRequests?: number
}

/** Latencies of the requests of the window at evenly spaced probabilities from 0 to 1, ms; empty without requests. */
export interface LatencyCurves {
  readonly ttft_ms: number[]
  readonly tpot_ms: number[]
  readonly e2e_ms: number[]
}

/** Gathers a summary from records as they come: memory is bounded whatever their number. */
export interface Summariser {
  add(records: Records): void
  /** Requests that have left in an earlier part of the run, whose records will not come. */
  leave(requests: Int32Array): void
  /** `notSent`: requests that gave up before they were sent. */
  summary(statistics: StepStatistics, endNs: number, notSent: number): Summary
  /** Quantiles at `points` probabilities. */
  curves(points: number): LatencyCurves
}

export function createSummariser(config: ClusterConfig, options: SummariseOptions): Summariser {
  const { window, slo } = options
  const sample = () => createSample(options.exactValues, options.expectedRequests)
  const ttft = sample()
  const tpot = sample()
  const e2e = sample()
  const gap = sample()
  const speed = sample()
  const phases = PHASES.map(sample)
  const fates = FATES.map(() => 0)
  const saturation = createSaturation(window, config)
  const sessions = options.sessions ? createSessionTally(options.sessions, window) : null
  const meetsSlo = createSloTest(slo)
  let firstNs = Number.POSITIVE_INFINITY
  let completions = 0
  /** Of the prompts of these, cached tokens included: what a prefix cache saves was served all the same. */
  let promptTokens = 0
  let injected = 0
  let met = 0
  // of requests of the window that were certainly admitted
  let cachedTokens = 0
  let loadedTokens = 0
  let admittedTokens = 0
  const isCaching = config.engines.some((engine) => engine.prefixCaching)
  const add = (records: Records): void => {
    saturation.add(records)
    sessions?.add(records)
    const { arrivalNs: arrivalsNs, firstTokenNs: firstTokensNs, endNs: endsNs, fate: fateOf, isl, osl, phaseNs } = records
    let earliestNs = firstNs
    for (let row = 0; row < records.count; row++) {
      const arrivalNs = arrivalsNs[row]
      const endNs = endsNs[row]
      const fate = fateOf[row]
      const isCompleted = fate === COMPLETED
      if (arrivalNs < earliestNs) earliestNs = arrivalNs
      // requests that complete in the window, whenever they arrived
      if (isCompleted && endNs >= window.fromNs && endNs < window.toNs) {
        completions++
        promptTokens += isl[row]
      }
      if (!(arrivalNs >= window.fromNs && arrivalNs < window.toNs)) continue
      injected++
      fates[fate]++
      if (isCaching && (isCompleted || fate === RUNNING || fate === IN_TRANSFER)) {
        cachedTokens += records.cachedTokens[row]
        loadedTokens += records.loadedTokens[row]
        admittedTokens += isl[row]
      }
      if (!isCompleted) continue
      if (meetsSlo(records, row)) met++
      const firstTokenNs = firstTokensNs[row]
      ttft.add((firstTokenNs - arrivalNs) / NS_PER_MS)
      e2e.add((endNs - arrivalNs) / NS_PER_MS)
      for (let phase = 0; phase < phases.length; phase++) phases[phase].add(phaseNs[phase][row] / NS_PER_MS)
      // where decode engines deliver the first token, it may come with the last one: no time between tokens
      if (osl[row] < 2 || endNs === firstTokenNs) continue
      const perToken = (endNs - firstTokenNs) / NS_PER_MS / (osl[row] - 1)
      tpot.add(perToken)
      gap.add(records.maxGapNs[row] / NS_PER_MS)
      speed.add(1e3 / perToken)
    }
    firstNs = earliestNs
  }
  const summary = (statistics: StepStatistics, endNs: number, notSent: number): Summary => {
    const undefinedBecause: Record<string, string> = {}
    const isMissing = (key: string, values: Sample): boolean => {
      if (values.count === 0) undefinedBecause[`metrics.${key}`] = 'no request of the window has it'
      return values.count === 0
    }
    const distribution = (key: string, values: Sample): Distribution => {
      if (isMissing(key, values)) return UNDEFINED
      const { mean } = values
      // times are never negative: nobody was preempted, or no KV was moved
      if (mean === 0) return ZERO
      const [p50, p90, p95, p99] = values.quantiles(PERCENTILES)
      return { mean, p50, p90, p95, p99 }
    }
    const speeds = (): Summary['metrics']['tok_s_user'] => {
      if (isMissing('tok_s_user', speed)) return { ...UNDEFINED, p10: null, p5: null }
      const [p5, p10, p50, p90, p95, p99] = speed.quantiles(SPEED_PERCENTILES)
      return { mean: speed.mean, p50, p90, p95, p99, p10, p5 }
    }
    const phase = (index: number) => distribution(`${PHASES[index]}_ms`, phases[index])
    const metrics: Summary['metrics'] = {
      ttft_ms: distribution('ttft_ms', ttft),
      tpot_ms: distribution('tpot_ms', tpot),
      itl_ms: pooledItl(statistics.itl, undefinedBecause),
      e2e_ms: distribution('e2e_ms', e2e),
      queue_ms: phase(0),
      prefill_ms: phase(1),
      transfer_ms: phase(2),
      decode_wait_ms: phase(3),
      decode_ms: phase(4),
      stall_ms: phase(5),
      gap_ms: distribution('gap_ms', gap),
      tok_s_user: speeds(),
    }
    // what is measured from the beginning on begins with the first request
    const beganNs = window.fromNs > 0 ? window.fromNs : Math.max(window.fromNs, Number.isFinite(firstNs) ? firstNs : 0)
    const windowNs = Math.max(0, Math.min(window.toNs, endNs) - beganNs)
    const windowS = windowNs / NS_PER_S
    const perS = (amount: number): number => (windowS > 0 ? amount / windowS : 0)
    const gpus = config.engines.reduce((sum, engine) => sum + engine.gpus, 0)
    const share = (part: number, whole: number, key: string): number | null => {
      if (whole > 0) return part / whole
      undefinedBecause[key] = 'no step of the window needs it'
      return null
    }
    const stepMs = (ps: number, steps: number, key: string): number | null => share((ps / PS_PER_S) * 1e3, steps, key)
    const decodeSteps = statistics.steps - statistics.prefillSteps
    const stepsByRole = (): StepsByRole => {
      const { stepPs, prefillSteps, prefillStepPs, prefillInputTokens, decodeSequences } = statistics
      const { gatingAttentionPs, meanAttentionPs, maxAttentionPs, prefillGatingPs, prefillMeanPs, prefillMaxPs } = statistics
      const [prefill, decode] = ['steps_by_role.prefill', 'steps_by_role.decode']
      const decodeStepPs = stepPs - prefillStepPs
      return {
        prefill: {
          steps: prefillSteps,
          mean_step_ms: stepMs(prefillStepPs, prefillSteps, `${prefill}.mean_step_ms`),
          mean_input_tokens: share(prefillInputTokens, prefillSteps, `${prefill}.mean_input_tokens`),
          attention_share: share(prefillGatingPs, prefillStepPs, `${prefill}.attention_share`),
          balance: share(prefillMeanPs, prefillMaxPs, `${prefill}.balance`),
        },
        decode: {
          steps: decodeSteps,
          mean_step_ms: stepMs(decodeStepPs, decodeSteps, `${decode}.mean_step_ms`),
          mean_batch: share(decodeSequences, decodeSteps, `${decode}.mean_batch`),
          attention_share: share(gatingAttentionPs - prefillGatingPs, decodeStepPs, `${decode}.attention_share`),
          balance: share(meanAttentionPs - prefillMeanPs, maxAttentionPs - prefillMaxPs, `${decode}.balance`),
        },
      }
    }
    const limited = isLimited(slo)
    const kvUse = fullestKvUse(statistics)
    if (kvUse === null) undefinedBecause.kv_use = 'no step of the window needs it'
    const attainment = limited && injected > 0 ? met / injected : null
    if (attainment === null)
      undefinedBecause.slo_attainment = limited ? 'no request arrived in the window' : 'the plan states no SLO'
    const hitRate = admittedTokens > 0 ? cachedTokens / admittedTokens : null
    if (isCaching && hitRate === null) undefinedBecause['prefix_cache.hit_rate'] = 'no request of the window was admitted'
    const bySession = sessions?.summary(notSent) ?? null
    if (bySession !== null && bySession.completed === 0)
      undefinedBecause['sessions.duration_s'] = 'no session that began in the window came to its end'
    else if (bySession?.waiting_share === null) undefinedBecause['sessions.waiting_share'] = 'turns come at times of their own'
    return {
      window_s: windowS,
      requests: { injected, ...Object.fromEntries(FATES.map((fate, index) => [fate, fates[index]])) },
      metrics,
      frontend_ms: nsToMs(config.frontendNs),
      quantiles: e2e.isExact ? 'exact' : 'within 0.05 %',
      output_tok_s: perS(statistics.outputTokens),
      output_tok_s_per_gpu: perS(statistics.outputTokens) / gpus,
      total_tok_s: perS(statistics.outputTokens + promptTokens),
      request_s: perS(completions),
      slo_attainment: attainment,
      attention_share: share(statistics.gatingAttentionPs, statistics.stepPs, 'attention_share'),
      balance: share(statistics.meanAttentionPs, statistics.maxAttentionPs, 'balance'),
      kv_use: kvUse,
      mean_batch: share(statistics.decodeSequences, decodeSteps, 'mean_batch'),
      mean_step_ms: stepMs(statistics.stepPs, statistics.steps, 'mean_step_ms'),
      steps_by_role: config.engines.some(({ role }) => role === 'prefill') ? stepsByRole() : null,
      preemptions: statistics.preemptions,
      migrations: statistics.migrations,
      migrated_bytes: statistics.migratedBytes,
      role_changes: config.engines.some(({ switched }) => switched !== null) ? statistics.roleChanges : null,
      prefix_cache: isCaching
        ? {
            cached_tokens: cachedTokens,
            hit_rate: hitRate,
            loaded_tokens: loadedTokens,
            evicted_blocks: statistics.evictedBlocks,
          }
        : null,
      sessions: bySession,
      saturation: saturation.verdict(statistics, endNs),
      undefined_because: undefinedBecause,
    }
  }
  const curves = (points: number): LatencyCurves => {
    // between few requests there is nothing to interpolate: those that are there are their own curve
    const curve = (values: Sample): number[] => {
      const length = values.isExact ? Math.min(points, values.count) : points
      return length === 0 ? [] : values.quantiles(Array.from({ length }, (_, i) => i / Math.max(1, length - 1)))
    }
    return { ttft_ms: curve(ttft), tpot_ms: curve(tpot), e2e_ms: curve(e2e) }
  }
  return { add, leave: (requests) => sessions?.leave(requests), summary, curves }
}

/** The summary of a run whose records are all at hand. */
export function summarise(result: SimulationResult, config: ClusterConfig, options: SummariseOptions): Summary {
  const summariser = createSummariser(config, { ...options, expectedRequests: result.records.count })
  summariser.add(result.records)
  return summariser.summary(result.statistics, result.endNs, result.notSent)
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
