/** Numbers and names as they are printed, the same in the terminal and in HTML. */

import { FEWEST_FOR_INTERVAL } from '../collections/bootstrap.js'
import { type Change, changePercent, includesZero } from '../experiments/change.js'
import type { ArmResult, ComparisonResult, Reading } from '../experiments/result.js'
import { isMiss } from '../experiments/tune.js'
import { type ArmSpec, LEVERS } from '../levers/lever.js'
import type { AttentionOfSteps, Summary } from '../metrics/summary.js'

/** Printed where a number is undefined. */
export const NOTHING = '–'

const defined = (value: number | null | undefined): value is number => typeof value === 'number' && Number.isFinite(value)

/** Three significant digits, thousands separated, never an exponent: 1,234 · 56.7 · 0.0123. */
export function number(value: number | null | undefined): string {
  if (!defined(value)) return NOTHING
  if (value === 0) return '0'
  const size = Math.floor(Math.log10(Math.abs(value)))
  const options = { minimumFractionDigits: 0, maximumFractionDigits: Math.min(9, Math.max(0, 2 - size)) }
  return value.toLocaleString('en-US', options).replace('-', '−')
}

/** A measured quantity: three significant digits, zeros too, so that a column reads alike (72.0 under 71.2). Whole numbers are counts and stay whole. */
export function measured(value: number | null | undefined): string {
  if (!defined(value) || Number.isInteger(value)) return number(value)
  // rounding may carry into the next digit: 99.96 is 100
  const size = Math.floor(Math.log10(Math.abs(Number(value.toPrecision(3)))))
  const digits = Math.min(9, Math.max(0, 2 - size))
  return value.toLocaleString('en-US', { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace('-', '−')
}

/** A share in [0, 1] as a whole percentage, or with `digits` decimals. */
export function percent(share: number | null | undefined, digits = 0): string {
  if (!defined(share)) return NOTHING
  // what rounds to zero has no sign
  const rounded = Number((share * 100).toFixed(digits)) + 0
  return `${rounded.toFixed(digits).replace('-', '−')} %`
}

/** A share in JSON, in percent: three decimals. */
export const pct = (share: number): number => Number((100 * share).toFixed(3))

/** A ratio arm / baseline as a signed change: 1.043 -> +4.3 %, 2.5 -> +150 %. */
export function change(ratio: number | null | undefined): string {
  if (!defined(ratio)) return NOTHING
  const value = changePercent(ratio)
  const size = Math.abs(value)
  const text = size.toFixed(size >= 100 ? 0 : 1)
  return size === 0 ? '0.0 %' : `${value > 0 ? '+' : '−'}${text} %`
}

/** An interval of ratios as changes in percent: [+2.9, +5.3]. */
export function interval(ci: readonly [number, number] | null): string {
  if (!ci || !defined(ci[0]) || !defined(ci[1])) return ''
  return `[${ci.map((bound) => change(bound).replace(' %', '')).join(', ')}]`
}

/** Said where there is no interval. */
export const INTERVAL_NEEDS = `an interval needs ${FEWEST_FOR_INTERVAL} replicates or more`

/** +4.3 % [+2.9, +5.3] */
export const changeText = ({ ratio, ci95 }: Change): string => `${change(ratio)}${ci95 ? ` ${interval(ci95)}` : ''}`

export type Direction = 'gain' | 'loss' | 'no difference' | 'not decided'

/** Which side of zero the interval of a change, as printed, lies on, seen in the direction in which the metric is better. */
export function directionOf({ ratio, ci95 }: Change, better: 'higher' | 'lower'): Direction {
  if (ratio === null || ci95 === null) return 'not decided'
  if (includesZero(ci95)) return 'no difference'
  return ci95[0] > 1 === (better === 'higher') ? 'gain' : 'loss'
}

export const readingText: Readonly<Record<Reading, string>> = {
  fixed_load: 'same offered load',
  fixed_concurrency: 'same concurrency',
  capacity: 'capacity at equal SLO',
}

/** Where a metric was read: "at the same offered load", "at equal SLO". */
export const readingWhere = (reading: Reading): string =>
  reading === 'capacity' ? 'at equal SLO' : `at the ${readingText[reading]}`

/** The capacity that a load is a fraction of; arms are judged on the other half of the trace, so their own capacities differ from it. */
export const staticCapacityText = (capacityRps: number, arrivals: Arrivals): string =>
  `static capacity ${rateText(capacityRps, arrivals)} on the tuning half`

/** Title of the capacities of arms. */
export const capacityTitle = (arrivals: Arrivals): string =>
  `capacity on the judging half, ${arrivals === 'sessions' ? 'sessions' : 'req'}/s`

type Arrivals = ComparisonResult['load']['arrivals']

/** What a load was made of, as in `copiesOf(2, 'requests', 'the trace')`: 2 copies of the trace. */
export const copiesOf = (copies: number, arrivals: Arrivals, whole: string): string =>
  `${copiesText(copies, arrivals)}${arrivals === 'sessions' ? ',' : ''} of ${whole}`

/** The label of the worst replicate, and how many fell behind where that is not all. */
export const behindText = ({ label, behind = 0, replicates = behind }: ArmResult['saturation']): string =>
  behind > 0 && behind < replicates ? `${label} (${behind} of ${replicates} fell behind)` : label

/** How the load was made of a trace: copies of it, the last one thinned, or its sessions. */
export const copiesText = (copies: number, arrivals: Arrivals): string =>
  arrivals === 'sessions'
    ? `sessions, each up to ${copies} times`
    : `${number(copies)} ${number(copies) === '1' ? 'copy' : 'copies'}`

/** A number stays in one line with its percent sign, and the bounds of an interval with each other. */
export const unbroken = (words: string): string =>
  words.replaceAll(' %', '\u00a0%').replace(/\[([+−]?[\d.,]+,) ([+−]?[\d.,]+\])/g, '[$1\u00a0$2')

/** A rate of arrivals, which are requests where nothing else is said. */
export const rateText = (perS: number, arrivals: Arrivals): string =>
  `${number(perS)} ${arrivals === 'sessions' ? 'sessions' : 'req'}/s`

export interface MetricText {
  readonly title: string
  readonly unit: string
  /** One sentence: the formula. */
  readonly formula: string
}

/** Unit of shares, which are printed in percent. */
export const SHARE = 'share'

/** Metrics by the part of their name before the dot; keys are those of `Summary` and of comparison rows. */
const METRICS: Readonly<Record<string, MetricText>> = {
  tok_s_user: {
    title: 'tokens/s/user',
    unit: 'tok/s',
    formula: '1000 ÷ TPOT of each request; its low percentiles are the bad tail',
  },
  ttft_ms: { title: 'TTFT', unit: 'ms', formula: 'first token − arrival, queueing included' },
  tpot_ms: { title: 'TPOT', unit: 'ms', formula: '(E2E − TTFT) ÷ (output tokens − 1), per request' },
  itl_ms: {
    title: 'token gap',
    unit: 'ms',
    formula: 'gaps between tokens while a sequence decodes, pooled; the gap of a preempted request is stall',
  },
  e2e_ms: { title: 'E2E', unit: 'ms', formula: 'last token − arrival' },
  queue_ms: { title: 'queue', unit: 'ms', formula: 'time before the first chunk is scheduled, the frontend included' },
  prefill_ms: { title: 'prefill', unit: 'ms', formula: 'first chunk scheduled to first token computed' },
  transfer_ms: { title: 'transfer', unit: 'ms', formula: 'KV on its way from the prefill to the decode engine' },
  decode_wait_ms: { title: 'decode wait', unit: 'ms', formula: 'prefilled, waiting for a place and KV on a decode engine' },
  decode_ms: {
    title: 'decode',
    unit: 'ms',
    formula:
      'first token (on a decode engine: end of the transfer) to last token, stalls left out; with first_token: decode it begins before the first token',
  },
  stall_ms: { title: 'stall', unit: 'ms', formula: 'preempted, recomputed or moved time' },
  gap_ms: {
    title: 'largest gap',
    unit: 'ms',
    formula: 'longest time between two deliveries of tokens to a request, stalls included',
  },
  output_tok_s: { title: 'output throughput', unit: 'tok/s', formula: 'output tokens in the window ÷ window' },
  output_tok_s_per_gpu: { title: 'tokens/s/GPU', unit: 'tok/s/GPU', formula: 'output tokens per second ÷ all GPUs of the plan' },
  total_tok_s: {
    title: 'total throughput',
    unit: 'tok/s',
    formula: '(output tokens + prompts of completed requests, cached tokens included) ÷ window',
  },
  request_s: { title: 'requests', unit: 'req/s', formula: 'completed requests ÷ window' },
  capacity_rps: {
    title: 'capacity',
    unit: 'req/s',
    formula:
      'highest offered rate at which 95 % of the requests, or as many as slo.interactive.attainment says, meet every limit and no queue grows',
  },
  slo_attainment: { title: 'SLO attainment', unit: SHARE, formula: 'requests that met every limit ÷ injected requests' },
  kv_use: {
    title: 'KV use',
    unit: SHARE,
    formula: 'blocks in use ÷ blocks of the fullest rank, mean while its engine steps, of the fullest engine',
  },
  usd_per_mtok_output: {
    title: 'cost',
    unit: 'USD/M output tokens',
    formula: 'USD per GPU-hour ÷ (3600 × tokens/s/GPU) × 10^6',
  },
  joules_per_output_token: {
    title: 'energy',
    unit: 'J/output token',
    formula: 'watts per GPU ÷ tokens/s/GPU',
  },
  mean_step_ms: { title: 'mean step', unit: 'ms', formula: 'time of steps ÷ steps' },
  preemptions: { title: 'preemptions', unit: '', formula: 'sequences preempted in the window' },
}

/** Moves of sequences between ranks, and what they put on the fabric. */
export const migrationText = ({ migrations, migrated_bytes }: Pick<Summary, 'migrations' | 'migrated_bytes'>): string =>
  `${number(migrations)} moves of decoding sequences to other ranks, ${number(migrated_bytes / 1e9)} GB through ports of GPUs`

type ArmMetrics = Pick<ArmResult, 'metrics'>

/** What output tokens cost, at the load and at an arm's capacity, as far as it is known of any arm. */
export const costColumns = (arms: readonly ArmMetrics[]) =>
  [
    { title: 'USD/M output tokens', of: ({ metrics }: ArmMetrics) => metrics.usd_per_mtok_output?.value },
    { title: 'USD/M, own capacity', of: ({ metrics }: ArmMetrics) => metrics.usd_per_mtok_output?.at_capacity },
  ].filter(({ of }) => arms.some((arm) => typeof of(arm) === 'number'))

type ArmAttention = AttentionOfSteps & Pick<ArmResult, 'attention_by_role'>

const attentionText = ({ attention_share, balance }: AttentionOfSteps): string =>
  `attention share ${percent(attention_share)}, balance ${percent(balance)}`

/** Attention share and balance of arms, for each role where engines have two. */
export function attentionColumns(
  arms: readonly Pick<ArmResult, 'attention_by_role'>[],
): readonly { readonly title: string; readonly of: (arm: ArmAttention) => string }[] {
  const columns = (role: string, of: (arm: ArmAttention) => AttentionOfSteps | undefined) => [
    { title: `attention share${role}`, of: (arm: ArmAttention) => percent(of(arm)?.attention_share) },
    { title: `balance${role}`, of: (arm: ArmAttention) => percent(of(arm)?.balance, 1) },
  ]
  if (!arms.some((arm) => arm.attention_by_role)) return columns('', (arm) => arm)
  return [
    ...columns(', prefill', (arm) => arm.attention_by_role?.prefill),
    ...columns(', decode', (arm) => arm.attention_by_role?.decode),
  ]
}

/** What a run that was ended early leaves out; null where nobody was inside. */
export function insideText({ requests }: Pick<Summary, 'requests'>): string | null {
  const inside = requests.queued + requests.in_transfer + requests.running
  if (inside === 0) return null
  const who =
    inside === 1
      ? '1 request was still inside at the end: it counts'
      : `${number(inside)} requests were still inside at the end: they count`
  return `${who} as missing the SLO, and latencies are those of the others, so that long answers are rarer in them than in the traffic`
}

/** How long steps take and what they carry, for each role where engines have two. */
export function stepsText(summary: Summary): string {
  const { mean_step_ms, mean_batch, steps_by_role: byRole } = summary
  // undefined in folders of earlier versions
  if (!byRole) return `mean ${number(mean_step_ms)} ms, mean batch ${number(mean_batch)}, ${attentionText(summary)}`
  const { prefill, decode } = byRole
  return [
    `prefill mean ${number(prefill.mean_step_ms)} ms with ${number(prefill.mean_input_tokens)} input tokens (${number(prefill.steps)} steps), ${attentionText(prefill)}`,
    `decode mean ${number(decode.mean_step_ms)} ms with a batch of ${number(decode.mean_batch)} (${number(decode.steps)} steps), ${attentionText(decode)}`,
  ].join('; ')
}

/** Text of a dotted metric such as `ttft_ms.p95`; an unknown name is printed as it is. */
export function metricText(metric: string): MetricText {
  const [head, tail] = metric.split('.', 2)
  const known = METRICS[head] ?? { title: head, unit: '', formula: '' }
  return tail && tail !== 'value' ? { ...known, title: `${known.title} ${tail.replace('_', ' ')}` } : known
}

/** "TTFT p50, ms": a title that holds the unit, and a share, stand alone. */
export function titleWithUnit(metric: string): string {
  const { title, unit } = metricText(metric)
  return unit === '' || unit === SHARE || title.includes('tokens/s') ? title : `${title}, ${unit}`
}

/** A value of a metric: shares in percent, all else as measured. */
export const valueText = (metric: string, value: number | null | undefined): string =>
  metricText(metric).unit === SHARE ? percent(value, 1) : measured(value)

/** "tokens/s/user p50 at the same offered load" */
export const whereText = ({ metric, reading }: { readonly metric: string; readonly reading: Reading }): string =>
  `${metricText(metric).title} ${readingWhere(reading)}`

/** The five policies in one line. */
export const policiesText = (policies: Omit<ArmSpec, 'name'>): string =>
  LEVERS.map((lever) => `${lever} ${policies[lever]}`).join(' · ')

/** What a setting scored in tuning; below 0 it only ranks those that serve too little. */
export const scoreText = (score: number): string => (isMiss(score) ? 'none: overloads or misses the SLO' : measured(score))
