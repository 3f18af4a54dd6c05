/** The report of an ablation: one HTML file, the same bytes for the same result and plan. */
import type { AblationResult } from '../../experiments/result.js'
import type { Plan } from '../../scenario/plan.js'
import { headlinesOf, leverLosses, leverLossesAmong, sharesSentence } from '../attribution.js'
import { changeText, measured, metricText, percent, readingText, unbroken, whereText } from '../format.js'
import { ladderSentences, oracleNotes } from '../ladder.js'
import { loadSentence } from './comparison.js'
import { gapsTable, ladderBars, oracleGains } from './ladder.js'
import { bullets, escapeHtml, htmlTable, section } from './markup.js'
import { evidenceSection, INTERVALS, identityLine, kicker, lossList, page } from './page.js'
import { armsTable, triedTable } from './tables.js'
import { attributionFigures } from './waterfall.js'

/** The report of an ablation: one page that loads nothing. */
export function ablationHtml(result: AblationResult, plan: Plan): string {
  const { from, to } = result
  const headlines = headlinesOf(result)
  const sections = [
    ...headlines.map((attribution) =>
      section(
        `levers-${attribution.reading}`,
        `Which lever it comes from: ${attribution.reading === 'capacity' ? '' : 'at the '}${readingText[attribution.reading]}`,
        'Each bar is what a lever adds, averaged over all orders in which the levers may be changed (its Shapley value). The bars end at the total. In the matrix: Shapley values on the diagonal, beside it what two levers do beyond what each adds.',
        attributionFigures(attribution, from, to),
      ),
    ),
    ladder(result),
    section(
      'metrics',
      'Every metric',
      'Shapley values and the total, as changes of the metric, with 95 % intervals over replicates.',
      metricsTable(result),
    ),
    section(
      'arms',
      'All mixes',
      'Every mix of the policies of the two arms ran on the same replicates.',
      armsTable(result) + mixesTable(result) + triedTable(result.arms, plan),
    ),
    evidenceSection(result, [...oracleNotes(result.oracles), ...result.notes]),
  ]
  return page({
    title: `Shapewise: ablation of ${plan.model} on ${plan.system}`,
    header: header(result, plan),
    sections,
    arms: [],
    charts: [],
  })
}

function header(result: AblationResult, plan: Plan): string {
  const [first] = headlinesOf(result)
  const details = ladderSentences(result, {
    reading: first.reading,
    metric: first.metric,
    arm: result.to,
    baseline: result.from,
  })
  return `<header>${kicker(plan)}${lossList(leverLosses(result.attributions), leverLossesAmong(result.attributions))}<h1>${escapeHtml(unbroken(sharesSentence(first, result.from, result.to)))}</h1>${bullets([loadSentence(result.load), ...details])}${identityLine(result, INTERVALS)}</header>`
}

function ladder(result: AblationResult): string {
  const [first] = headlinesOf(result)
  const own = result.gaps.filter((row) => row.reading === first.reading && row.metric === first.metric)
  if (own.length === 0 || first.total === null) return ''
  const gain = { arm: result.to, ratio: first.total.ratio, ci95: first.total.ci95 }
  return section(
    'ladder',
    'How much room there was',
    'Dashed: oracles, bounds that no scheduler reaches; they never compete. The share of the gap closed is (T baseline − T arm) ÷ (T baseline − T oracle), T a time.',
    ladderBars(result.from, [gain], oracleGains(own), whereText(first)) + gapsTable(result.gaps),
  )
}

function metricsTable({ attributions, levers }: AblationResult): string {
  const rows = attributions.map(({ reading, metric, better, n, total, levers: terms, overlap, note }) => [
    readingText[reading],
    metricText(metric).title,
    better,
    ...levers.map((_, i) => (terms[i] ? changeText(terms[i].shapley) : '–')),
    total ? changeText(total) : '–',
    overlap ? changeText(overlap) : '–',
    String(n),
    note ?? '',
  ])
  return htmlTable(['reading', 'metric', 'better', ...levers, 'total', 'alone ÷ together', 'n', 'note'], rows)
}

function mixesTable({ arms }: AblationResult): string {
  const value = (arm: AblationResult['arms'][number], metric: string, name: string) => measured(arm.metrics[metric]?.[name])
  const rows = arms.map((arm) => [
    arm.changed.length === 0 ? 'none' : arm.changed.join(' + '),
    value(arm, 'tok_s_user', 'p50'),
    value(arm, 'tok_s_user', 'p10'),
    value(arm, 'ttft_ms', 'p95'),
    value(arm, 'output_tok_s_per_gpu', 'value'),
    percent(arm.metrics.slo_attainment?.value, 1),
  ])
  const head = ['changed', 'tokens/s/user p50', 'tokens/s/user p10', 'TTFT p95, ms', 'tokens/s/GPU', 'SLO attainment']
  return htmlTable(head, rows)
}
