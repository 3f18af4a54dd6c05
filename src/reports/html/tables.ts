/** The tables of a report: arms and how they were chosen, and every number. */
import type { ArmResult, ComparisonResult } from '../../experiments/result.js'
import { choicesText } from '../../experiments/tried.js'
import { LEVERS } from '../../levers/lever.js'
import type { Distribution, Summary } from '../../metrics/summary.js'
import type { Plan } from '../../scenario/plan.js'
import {
  attentionColumns,
  behindText,
  capacityTitle,
  change,
  costColumns,
  directionOf,
  interval,
  measured,
  metricText,
  number,
  percent,
  policiesText,
  readingText,
  scoreText,
  titleWithUnit,
  valueText,
} from '../format.js'
import { untriedWords } from '../untried.js'
import { escapeHtml, htmlTable } from './markup.js'

const COLUMNS = ['p5', 'p10', 'p50', 'p90', 'p95', 'p99', 'mean'] as const

export function armsTable({ arms, load }: Pick<ComparisonResult, 'arms' | 'load'>): string {
  const attention = attentionColumns(arms)
  const costs = costColumns(arms)
  const head = [
    'arm',
    'split',
    'chunk',
    'rank',
    'span',
    'pool',
    'saturation',
    'binds',
    capacityTitle(load.arrivals),
    'load ÷ own capacity',
    ...costs.map(({ title }) => title),
    ...attention.map(({ title }) => title),
    'mean batch',
  ]
  const rows = arms.map(({ name, policies: p, saturation, ...arm }) => [
    name,
    p.split,
    p.chunk,
    p.rank,
    p.span,
    p.pool,
    behindText(saturation),
    saturation.binding.replace('_', ' '),
    measured(arm.capacity_rps),
    percent(arm.own_load_fraction),
    ...costs.map(({ of }) => measured(of(arm))),
    ...attention.map(({ of }) => of(arm)),
    measured(arm.mean_batch),
  ])
  return htmlTable(head, rows)
}

/** What each tuned arm was chosen from; nothing for folders of versions that did not keep it. */
export function triedTable(arms: readonly ArmResult[], plan: Plan): string {
  const tuned = arms.flatMap(({ name, tuning }) => (tuning?.tried ? [{ name, tuning, tried: tuning.tried }] : []))
  if (tuned.length === 0) return ''
  const levers = LEVERS.filter((lever) => lever !== 'span')
  const rows = tuned.map(({ name, tuning, tried }) => [
    name,
    ...levers.map((lever) => choicesText(tried[lever])),
    number(tuning.candidates),
  ])
  const lead =
    'Tried, for each tuned arm: every combination of what stands in its row, where it has an effect here; span always one.'
  const untried = untriedWords(
    tuned.map(({ tried }) => tried),
    plan,
  )
  return `<p>${escapeHtml(lead)}</p>${htmlTable(['tuned arm', ...levers, 'settings'], rows)}<p>${escapeHtml(untried)}</p>`
}

export function tuningTables(arms: readonly ArmResult[]): string {
  return arms
    .filter((arm) => arm.tuning !== null)
    .map(({ name, policies, tuning }) => {
      const rows = [{ policies, score: tuning?.score }, ...(tuning?.runners_up ?? [])].flatMap(({ policies, score }, i) =>
        score === undefined ? [] : [[String(i + 1), policiesText(policies), scoreText(score)]],
      )
      const lead = `${name}: best of ${number(tuning?.candidates)} by ${tuning?.criterion}`
      const again = tuning?.again === undefined ? '' : `<p>Again, on these engines: <code>${escapeHtml(tuning.again)}</code></p>`
      return `<details><summary>${escapeHtml(lead)}</summary>${again}${htmlTable(['place', 'setting', 'score'], rows)}</details>`
    })
    .join('')
}

/** One row a metric and arm, percentiles across. */
export function numbersTable(arms: readonly ArmResult[]): string {
  const metrics = [...new Set(arms.flatMap((arm) => Object.keys(arm.metrics)))]
  const single = (values: Record<string, number | null>) =>
    !Object.keys(values).some((name) => (COLUMNS as readonly string[]).includes(name))
  const rows = metrics.flatMap((metric) => {
    const having = arms.filter((arm) => arm.metrics[metric])
    const [{ metrics: first }] = having
    // values of a metric without percentiles stand below each other, where a mean would
    const keys = single(first[metric]) ? Object.keys(first[metric]) : [null]
    return keys.flatMap((key) =>
      having.map(({ name, metrics: { [metric]: values } }) => [
        titleWithUnit(key === null ? metric : `${metric}.${key}`),
        name,
        ...COLUMNS.map((column) => {
          const shown = key === null ? column : column === 'mean' ? key : ''
          return shown in values ? valueText(metric, values[shown]) : ''
        }),
      ]),
    )
  })
  return htmlTable(['metric', 'arm', ...COLUMNS], rows)
}

export function summaryTable(summary: Summary): string {
  const rows = Object.entries(summary.metrics).map(([metric, values]) => {
    const all = values as Distribution & Readonly<Record<string, number | null>>
    return [
      titleWithUnit(metric),
      ...COLUMNS.map((column) => (column in all ? measured(all[column]) : '')),
      metricText(metric).formula,
    ]
  })
  return htmlTable(['metric', ...COLUMNS, 'how it is computed'], rows)
}

export function comparisonsTable(result: ComparisonResult): string {
  const rows = result.comparisons.map((row) => [
    row.arm,
    row.baseline,
    readingText[row.reading],
    metricText(row.metric).title,
    row.better,
    change(row.ratio),
    interval(row.ci95),
    interval(row.mix_ci95),
    String(row.n),
    directionOf(row, row.better),
    row.note ?? '',
  ])
  return htmlTable(
    ['arm', 'baseline', 'reading', 'metric', 'better', 'change', '95 % interval', 'over mixes', 'n', 'outcome', 'note'],
    rows,
  )
}
