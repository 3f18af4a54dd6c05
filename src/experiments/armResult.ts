/** One arm's row of a comparison, and the caveats in plain words. */
import { type ArmSpec, policiesOf } from '../levers/lever.js'
import { type GpuRates, tokenCost } from '../metrics/cost.js'
import { fallsBehind } from '../metrics/saturation.js'
import type { AttentionOfSteps, Summary } from '../metrics/summary.js'
import { cautionsOf } from '../scenario/cautions.js'
import { costNote } from '../scenario/gpuRates.js'
import type { Plan } from '../scenario/plan.js'
import type { ClusterConfig } from '../simulator/config.js'
import type { Workload } from '../traces/workload.js'
import type { Outcome } from './job.js'
import type { ArmResult, AttentionByRole, TuningRecord } from './result.js'
import { meanOf, meanOfAll } from './statistics.js'

const SCALARS = [
  'output_tok_s',
  'output_tok_s_per_gpu',
  'total_tok_s',
  'request_s',
  'slo_attainment',
  'kv_use',
  'mean_step_ms',
  'preemptions',
] as const

/** Arrivals/s that were asked for, and the mean number of requests of one: of sessions more than one. */
export interface OfferedRate {
  readonly perS: number
  readonly requests: number
}

/** `offered` null: closed loop. Metrics are means over replicates of each replicate's statistic. */
export function armResult(
  arm: ArmSpec,
  tuning: TuningRecord | null,
  outcomes: readonly Outcome[],
  capacities: readonly Outcome[],
  offered: OfferedRate | null,
  rates: GpuRates,
): ArmResult {
  const summaries = outcomes.flatMap((outcome) => (outcome.summary ? [outcome.summary] : []))
  const metrics: Record<string, Record<string, number | null>> = {}
  for (const [name, first] of Object.entries(summaries[0].metrics)) {
    metrics[name] = {}
    for (const statistic of Object.keys(first))
      metrics[name][statistic] = meanOf(
        summaries.map((s) => (s.metrics as unknown as Record<string, Record<string, number | null>>)[name][statistic]),
      )
  }
  for (const name of SCALARS) metrics[name] = { value: meanOf(summaries.map((s) => s[name])) }
  const order = ['not judged', 'stable', 'backlogged', 'overloaded']
  const worst = summaries.reduce((a, b) => (order.indexOf(b.saturation.label) > order.indexOf(a.saturation.label) ? b : a))
  const capacity = meanOfAll(capacities.map((outcome) => outcome.capacityPerS))
  const ownLoad = capacity === null || offered === null ? null : offered.perS / capacity
  const behind = summaries.filter((summary) => fallsBehind(summary.saturation.label)).length
  // tokens grow with the load as long as all of it is served; draws of bursty traffic hold more or less of it than was asked for
  const drawnPerS = meanOf(summaries.map(({ requests, window_s }) => (window_s > 0 ? requests.injected / window_s : null)))
  const atCapacity =
    behind > 0 || capacity === null || offered === null || drawnPerS === null ? null : drawnPerS / offered.requests / capacity
  const cost = tokenCost(metrics.output_tok_s_per_gpu.value, rates)
  for (const name of ['usd_per_mtok_output', 'joules_per_output_token'] as const) {
    const value = cost?.[name] ?? null
    metrics[name] = { value, at_capacity: value === null || atCapacity === null ? null : value * atCapacity }
  }
  return {
    name: arm.name,
    policies: policiesOf(arm),
    ...(arm.sourceHash === undefined ? {} : { source_hash: arm.sourceHash }),
    tuning,
    metrics,
    saturation: { ...worst.saturation, behind, replicates: summaries.length },
    capacity_rps: capacity,
    attention_share: meanOf(summaries.map((s) => s.attention_share)),
    balance: meanOf(summaries.map((s) => s.balance)),
    attention_by_role: attentionByRole(summaries),
    mean_batch: meanOf(summaries.map((s) => s.mean_batch)),
    own_load_fraction: ownLoad,
  }
}

function attentionByRole(summaries: readonly Summary[]): AttentionByRole | null {
  const byRole = summaries.flatMap((summary) => summary.steps_by_role ?? [])
  if (byRole.length === 0) return null
  const ofRole = (role: 'prefill' | 'decode'): AttentionOfSteps => ({
    attention_share: meanOf(byRole.map((steps) => steps[role].attention_share)),
    balance: meanOf(byRole.map((steps) => steps[role].balance)),
  })
  return { prefill: ofRole('prefill'), decode: ofRole('decode') }
}

interface NoteSource {
  readonly plan: Plan
  readonly config: ClusterConfig
  readonly workload: Workload
  readonly closed: boolean
  readonly arms: readonly ArmResult[]
  /** Of each arm, where engines cache prefixes: share of the input tokens that were found, mean over replicates. */
  readonly hitRates: readonly (number | null)[]
  readonly hitRate: number | null
  /** Whether arrivals are sessions. */
  readonly areSessions: boolean
  /** Copies of the trace that the offered load is made of; the last one is thinned where that is no whole number. */
  readonly copies: number
  /** Index of dispersion of the arrivals, recorded and offered. */
  readonly dispersion: readonly [number | null, number | null]
  /** Length of a replicate of open traffic. */
  readonly windowS: number
  /** Arrivals/s that were offered, and the requests of one: of sessions more than one. */
  readonly ratePerS: number | null
  readonly requestsPerArrival: number
  readonly requests: { readonly least: number; readonly most: number }
  /** Mean E2E that a window is meant to last. */
  readonly measure: number
  /** Whether an oracle was tuned on the part that judges. */
  readonly tunedOnSecond: boolean
}

export function evidenceNotes(source: NoteSource): string[] {
  const { plan, config, workload, arms } = source
  const notes: string[] = []
  const caps = [...new Set(config.engines.map((engine) => engine.maxNumSeqs))].join(', ')
  notes.push(
    `The batch cap is equal in all arms: max_num_seqs ${caps} per rank. A lower cap changes the gain more than most levers do.`,
  )
  for (const { name, saturation, mean_batch: batch, ...arm } of arms) {
    const binding = saturation.binding === 'none' ? 'nothing binds' : `${saturation.binding.replace('_', ' ')} binds`
    const attention = ({ attention_share, balance }: AttentionOfSteps, step: string): string =>
      `attention is ${percent(attention_share)} of ${step} at a balance of ${percent(balance)} over ranks`
    const byRole = arm.attention_by_role
    const shares = byRole
      ? `${attention(byRole.prefill, 'a prefill step')}; ${attention(byRole.decode, 'a decode step')}`
      : attention(arm, 'the step')
    notes.push(`${name}: ${binding}; ${shares}; mean batch ${batch?.toFixed(1) ?? 'undefined'} per engine.`)
  }
  const isCaching = config.engines.some((engine) => engine.prefixCaching)
  if (isCaching) {
    const rates = arms.map(({ name }, i) => `${name} ${percent(source.hitRates[i])}`)
    notes.push(
      `Input tokens found in prefix caches: ${rates.join(', ')}; an endless cache that starts cold would hit ${percent(source.hitRate)} of the whole trace's. A prompt drawn twice counts as two different prompts.`,
    )
  }
  if (source.hitRate !== null && !isCaching)
    notes.push(
      `The trace has prefix ids and caching is off: an ideal cache would hit ${percent(source.hitRate)} of the prompt tokens. No arm gets this gain.`,
    )
  if (!source.closed) {
    const { windowS, ratePerS, requestsPerArrival } = source
    const isCapped = ratePerS !== null && windowS * ratePerS * requestsPerArrival >= 0.99 * source.requests.most
    const meanE2eS = (arms[0].metrics.e2e_ms.mean ?? 0) / 1e3
    // a little less is chance: the pilot ran on other draws
    if (windowS < 0.8 * source.measure * meanE2eS)
      notes.push(
        `A replicate lasts ${(windowS / meanE2eS).toFixed(1)} mean E2E, less than the intended ${source.measure}: ${isCapped ? `runs are capped at ${source.requests.most} requests` : 'requests lived longer than in the pilot run that set its length'}.`,
      )
    const [before, after] = source.dispersion.map((index) => (index === null ? 'undefined' : number(index)))
    const both = `${before} recorded, ${after} offered`
    const dispersion = `index of dispersion ${both}`
    notes.push(
      source.areSessions
        ? `The load is whole sessions drawn from the trace; they begin at random, not when they were recorded (${dispersion}).`
        : plan.workload.load.method === 'superpose'
          ? superposedText(source.copies, both)
          : `The load is the trace ${plan.workload.load.method === 'speed_up' ? 'sped up' : 'as recorded'}: its recorded arrivals, minutes resampled${plan.workload.load.method === 'speed_up' ? ', time compressed' : ''}.`,
    )
  } else
    notes.push('Closed loop: the only reading is at fixed concurrency. A closed loop cannot overload, so saturation says little.')
  notes.push(costNote(plan))
  notes.push(...cautionsOf(plan))
  notes.push(
    `Arms were tuned on the first half of ${workload.provenance.name} alone${source.tunedOnSecond ? ' (oracle-static on the second)' : ''}; they are judged on the second.`,
  )
  notes.push(
    'The split planner chooses with the cost model that scores it, so the gain of the split lever is an upper bound of a real planner.',
  )
  return notes
}

/**
 * Independent copies add up in variance as in rate: the index of dispersion stays, the bursts are smaller beside the rate. Of a copy of which a share p of
 * the requests is kept, bursts are p times as large.
 */
function superposedText(copies: number, indices: string): string {
  const rest = copies % 1
  const smaller = copies / Math.sqrt(Math.floor(copies) + rest * rest)
  if (copies > 1)
    return `The load is ${number(copies)} superposed copies of the trace, made of resampled minutes: beside the mean rate their bursts are ${smaller.toPrecision(2)} times smaller than those of one, which the index of dispersion does not show (${indices}).`
  const thinned = copies < 1 ? ` thinned to ${percent(copies)} of its requests` : ' itself'
  return `The load is the trace${thinned}, made of resampled minutes (index of dispersion ${indices}).`
}

/** Three digits. */
const number = (value: number): string => String(Number(value.toPrecision(3)))

const percent = (share: number | null): string => (share === null ? 'undefined' : `${(share * 100).toFixed(1)} %`)
