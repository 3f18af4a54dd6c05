/** A comparison, and a run of one arm, for the terminal: percentiles before means. */

import { CLAIRVOYANT } from '../experiments/clairvoyant.js'
import type { GapRow } from '../experiments/oracles.js'
import type { ArmResult, ComparisonResult, ComparisonRow, Reading } from '../experiments/result.js'
import type { Distribution, Summary } from '../metrics/summary.js'
import { costText, fatesText, prefixCacheText, sessionsText } from './facts.js'
import {
  attentionColumns,
  behindText,
  capacityTitle,
  change,
  copiesText,
  costColumns,
  directionOf,
  insideText,
  interval,
  measured,
  metricText,
  migrationText,
  NOTHING,
  number,
  percent,
  policiesText,
  rateText,
  readingText,
  scoreText,
  staticCapacityText,
  stepsText,
  titleWithUnit,
  valueText,
} from './format.js'
import { findGap, oracleNotes, YARDSTICK } from './ladder.js'
import type { RunMeta } from './runReport.js'
import { attributionText, MARKS_TELL, WHERE_FROM } from './terminalAttribution.js'
import { againBlock, identity, LABEL_WIDTH, TABLE_WIDTH, type TableOptions, table, wrap } from './terminalTable.js'
import { ttftParts } from './ttft.js'
import { verdict } from './verdict.js'

export { TABLE_WIDTH, type TableOptions }

/** What the terminal shows of an arm, percentile first; the report and the JSON have everything. */
const ARM_ROWS = [
  ...['ttft_ms', 'tpot_ms', 'itl_ms', 'e2e_ms'].flatMap((metric) =>
    ['p50', 'p90', 'p95', 'p99', 'mean'].map((name) => `${metric}.${name}`),
  ),
  'gap_ms.p50',
  'gap_ms.p95',
  'tok_s_user.p50',
  'tok_s_user.p10',
  'output_tok_s_per_gpu.value',
  'slo_attainment.value',
]
/** Gains that the terminal shows. */
const GAIN_COLUMNS = ['tok_s_user.p50', 'tok_s_user.p10', 'ttft_ms.p95', 'output_tok_s_per_gpu']

/** Columns of arms that fit beside the labels; more arms go into a second table. */
const ARMS_PER_TABLE = 4

function armsTable(arms: readonly ArmResult[], { arrivals }: ComparisonResult['load'], options: TableOptions): string {
  const width = Math.min(24, Math.floor((TABLE_WIDTH - LABEL_WIDTH - 2 - arms.length) / arms.length))
  const sheet = table(['', ...arms.map((arm) => arm.name)], [LABEL_WIDTH, ...arms.map(() => width)], options)
  const row = (label: string, cell: (arm: ArmResult) => string) => sheet.push([label, ...arms.map(cell)])
  row(
    'saturation',
    (arm) =>
      `${behindText(arm.saturation)}${arm.saturation.binding === 'none' ? '' : `: ${arm.saturation.binding.replace('_', ' ')}`}`,
  )
  for (const dotted of ARM_ROWS) {
    const [metric, name] = dotted.split('.')
    if (!arms.some((arm) => name in (arm.metrics[metric] ?? {}))) continue
    row(titleWithUnit(dotted), (arm) => valueText(metric, arm.metrics[metric]?.[name]))
  }
  row(capacityTitle(arrivals), (arm) => measured(arm.capacity_rps))
  row('load ÷ own capacity', (arm) => percent(arm.own_load_fraction))
  for (const { title, of } of costColumns(arms)) row(title, (arm) => measured(of(arm)))
  for (const { title, of } of attentionColumns(arms)) row(title, of)
  row('mean batch', (arm) => measured(arm.mean_batch))
  return sheet.toString()
}

/** One line for each reading and pair of arms; the columns are the metrics that matter most. */
function gainsTable(result: ComparisonResult, options: TableOptions): string {
  const order: readonly Reading[] = ['fixed_load', 'fixed_concurrency', 'capacity']
  const verdictOf = new Map(result.arms.map((arm) => [arm.name, arm.saturation.label]))
  const head = ['', ...GAIN_COLUMNS.map((metric) => metricText(metric).title), 'saturation']
  const sheet = table(head, [25, ...GAIN_COLUMNS.map(() => 16), 13], options)
  for (const reading of order) {
    const rows = result.comparisons.filter((row) => row.reading === reading)
    const pairs = [...new Set(rows.map((row) => `${row.arm}/${row.baseline}`))]
    if (pairs.length > 0)
      sheet.push([
        options.colour ? { content: readingText[reading], style: { head: ['bold'] } } : readingText[reading],
        ...GAIN_COLUMNS.map(() => ''),
        '',
      ])
    for (const pair of pairs) {
      const [arm, baseline] = pair.split('/')
      const cells = GAIN_COLUMNS.map((metric, column) => {
        // capacity has a metric of its own, shown in the first column
        const wanted = reading === 'capacity' ? (column === 0 ? 'capacity_rps' : '') : metric
        const row = rows.find((entry) => entry.arm === arm && entry.baseline === baseline && entry.metric === wanted)
        return row ? gainCell(row, findGap(result, row, reading === 'capacity' ? CLAIRVOYANT : YARDSTICK)) : ''
      })
      // the verdict is of the arms at the load of the comparison; a capacity is where saturation begins, and nothing is offered at a fixed concurrency
      const isOwn = reading === (result.load.method === 'closed_loop' ? 'fixed_concurrency' : 'fixed_load')
      const labels = [arm, baseline].map((name) => (isOwn ? (verdictOf.get(name) ?? NOTHING) : NOTHING))
      sheet.push([`  ${arm}\n  ÷ ${baseline}`, ...cells, labels.join('\n')])
    }
  }
  return sheet.toString()
}

/** The change, its interval, and the share of the way to the byte floor that it is. */
function gainCell(row: ComparisonRow, gap: GapRow | null): string {
  if (row.ratio === null) return NOTHING
  const sign = { gain: '▲ ', loss: '▼ ', 'no difference': '= ', 'not decided': '' }[directionOf(row, row.better)]
  const ofGap = gap === null || gap.gap_closed === null ? '' : `\n${percent(gap.gap_closed)} of gap`
  return `${sign}${change(row.ratio)}\n${interval(row.ci95)}${ofGap}`
}

/** The setting that came second in the tuning of each arm. */
const runnersUp = (result: ComparisonResult): string[] =>
  result.arms.flatMap(({ name, tuning }) =>
    (tuning?.runners_up ?? []).slice(0, 1).map(({ policies, score }) => {
      const winner = tuning?.score === undefined ? '' : `; winner ${scoreText(tuning.score)}`
      return wrap(`runner-up of ${name}: ${policiesText(policies)} (score ${scoreText(score)}${winner})`, '  ')
    }),
  )

function loadText(load: ComparisonResult['load']): string {
  // nothing is offered at a rate, and the warm-up is one of requests
  if (load.method === 'closed_loop')
    return `load: closed_loop, concurrency ${number(load.concurrency)}, replicate ${number(load.replicate_s)} s; effort ${load.effort}`
  const capacity = load.static_capacity_rps === null ? '' : `${staticCapacityText(load.static_capacity_rps, load.arrivals)}, `
  return `load: ${load.method}, ${rateText(load.offered_rps, load.arrivals)} (${copiesText(load.superposed_copies, load.arrivals)}), concurrency ${number(load.concurrency)}, ${capacity}replicate ${number(load.replicate_s)} s after ${number(load.warmup_s)} s of warm-up, index of dispersion ${number(load.idc_before)} recorded, ${number(load.idc_after)} offered; effort ${load.effort}`
}

/** What `shapewise compare` prints: identity first, then arms side by side, then the paired gains, then the verdict in words. */
export function comparisonTable(result: ComparisonResult, options: TableOptions = {}): string {
  const { load } = result
  const said = verdict(result)
  const blocks = [identity(result)]
  blocks.push(wrap(loadText(load)))
  blocks.push(
    [...result.arms.map((arm) => wrap(`${arm.name}: ${policiesText(arm.policies)}`, '  ')), ...runnersUp(result)].join('\n'),
  )
  if (said.losses.length > 0)
    blocks.push([`where it loses (${said.lossesAmong}):`, ...said.losses.map((line) => wrap(line, '  '))].join('\n'))
  for (let at = 0; at < result.arms.length; at += ARMS_PER_TABLE)
    blocks.push(armsTable(result.arms.slice(at, at + ARMS_PER_TABLE), result.load, options))
  blocks.push(
    gainsTable(result, options),
    [
      MARKS_TELL,
      `of gap: share of the way to ${YARDSTICK} (capacity: to ${CLAIRVOYANT}), a bound that no scheduler reaches`,
      'the floor bounds kernels: a metric that also depends on other levers may pass 100 % of it',
      'the headline was chosen beforehand; the other rows are not corrected for their number',
    ].join('\n'),
  )
  blocks.push([WHERE_FROM, attributionText(result.attribution, 'tuned-static', 'shape-aware', said.row)].join('\n'))
  blocks.push([wrap(said.headline), ...said.details.map((line) => wrap(line, '  '))].join('\n'))
  blocks.push(...againBlock(result.arms))
  const notes = [...oracleNotes(result.oracles), ...result.notes]
  if (notes.length > 0) blocks.push(notes.map((note) => wrap(`note: ${note}`, '  ')).join('\n'))
  return `${blocks.join('\n\n')}\n`
}

const named = (name: string, text: string | null): (readonly [string, string])[] => (text === null ? [] : [[name, text]])

/** One arm for the terminal. */
export function runTable(summary: Summary, meta: RunMeta, options: TableOptions = {}): string {
  const names = ['p5', 'p10', 'p50', 'p90', 'p95', 'p99', 'mean'] as const
  // the first two hold tokens/s/user alone; in the others a wait of eleven days has room
  const sheet = table(['', ...names], [20, 7, 7, ...names.slice(2).map(() => 13)], options)
  const handedOver = (summary.metrics.transfer_ms.mean ?? 0) > 0
  for (const [metric, values] of Object.entries(summary.metrics) as [
    string,
    Distribution & Partial<Record<string, number | null>>,
  ][]) {
    if (!handedOver && (metric === 'transfer_ms' || metric === 'decode_wait_ms')) continue
    const text = metricText(metric)
    sheet.push([
      `${text.title}${metric === 'tok_s_user' ? '' : `, ${text.unit}`}`,
      ...names.map((name) => (name in values ? measured(values[name]) : '')),
    ])
  }
  const inside = insideText(summary)
  const parts = ttftParts(summary).map(({ name, ms }) => `${name} ${measured(ms)}`)
  const facts: readonly (readonly [string, string])[] = [
    ...(parts.length > 0 ? [['mean TTFT', `${measured(summary.metrics.ttft_ms.mean)} ms = ${parts.join(' + ')}`] as const] : []),
    ['output', `${number(summary.output_tok_s)} tok/s, ${number(summary.output_tok_s_per_gpu)} tok/s/GPU`],
    ...named('cost', costText(summary, meta)),
    ['requests', `${number(summary.request_s)} req/s in a window of ${number(summary.window_s)} s; ${fatesText(summary)}`],
    ...(inside === null ? [] : [['cut short', inside] as const]),
    ['SLO attainment', percent(summary.slo_attainment, 1)],
    ['steps', stepsText(summary)],
    ...(summary.role_changes === null ? [] : [['roles', `changed ${number(summary.role_changes)} times`] as const]),
    ['KV use', `${percent(summary.kv_use)} of the fullest rank on average, ${number(summary.preemptions)} preemptions`],
    ...(summary.migrations > 0 ? [['migration', migrationText(summary)] as const] : []),
    ...named('prefix cache', prefixCacheText(summary)),
    ...named('sessions', sessionsText(summary.sessions)),
    [
      'saturation',
      `${summary.saturation.label}: ${summary.saturation.reason}${summary.saturation.binding === 'none' ? '' : `; binding: ${summary.saturation.binding.replace('_', ' ')}`}`,
    ],
    ...Object.entries(summary.undefined_because).map(([key, reason]) => [`no ${key}`, reason] as const),
  ]
  const head = [identity(meta), wrap(`${meta.arm.name}: ${policiesText(meta.arm)}`, '  ')]
  return `${[...head, '', sheet.toString(), ...facts.map(([name, text]) => wrap(`${name}: ${text}`, '  '))].join('\n')}\n`
}
