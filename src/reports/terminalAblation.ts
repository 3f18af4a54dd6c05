/** An ablation for the terminal: losses first, then the waterfall of the headline metric in each reading, then the other metrics. */

import type { Attribution, Term } from '../experiments/attribution/attribute.js'
import type { AblationResult, Reading } from '../experiments/result.js'
import { headlinesOf, leverLosses, leverLossesAmong, sharesSentence } from './attribution.js'
import {
  change,
  directionOf,
  interval,
  metricText,
  NOTHING,
  number,
  policiesText,
  rateText,
  readingText,
  staticCapacityText,
} from './format.js'
import { ladderSentences, oracleNotes } from './ladder.js'
import { attributionText, MARKS, MARKS_TELL, termsTable, WHERE_FROM } from './terminalAttribution.js'
import { againBlock, identity, type TableOptions, table, wrap } from './terminalTable.js'

const READINGS: readonly Reading[] = ['fixed_load', 'fixed_concurrency', 'capacity']
/** Metrics whose Shapley values stand side by side. */
const COLUMNS = ['tok_s_user.p50', 'tok_s_user.p10', 'ttft_ms.p95', 'output_tok_s_per_gpu']

const cell = (term: Term, better: Attribution['better']): string =>
  `${MARKS[directionOf(term, better)]}${change(term.ratio)}\n${interval(term.ci95)}`

/** Shapley values of the metrics that matter most, one line a lever. */
function metricsTable(result: AblationResult, reading: Reading, options: TableOptions): string {
  const columns = COLUMNS.flatMap((metric) =>
    result.attributions.filter((entry) => entry.reading === reading && entry.metric === metric),
  )
  const sheet = table(
    [readingText[reading], ...columns.map(({ metric }) => metricText(metric).title)],
    [25, 16, 16, 16, 16],
    options,
  )
  for (const [i, lever] of result.levers.entries())
    sheet.push([lever, ...columns.map(({ levers, better }) => (levers[i] ? cell(levers[i].shapley, better) : NOTHING))])
  sheet.push(['all', ...columns.map(({ total, better }) => (total ? cell(total, better) : NOTHING))])
  return sheet.toString()
}

/** What `shapewise ablate` prints. */
export function ablationTable(result: AblationResult, options: TableOptions = {}): string {
  const { load, from, to, arms } = result
  const blocks = [
    identity(result),
    wrap(
      `load: ${load.method}, ${load.method === 'closed_loop' ? '' : `${rateText(load.offered_rps, load.arrivals)}, ${load.static_capacity_rps === null ? '' : `${staticCapacityText(load.static_capacity_rps, load.arrivals)}, `}`}concurrency ${number(load.concurrency)}; ${arms.length} arms; effort ${load.effort}`,
    ),
    [arms[0], arms[arms.length - 1]].map((arm) => wrap(`${arm.name}: ${policiesText(arm.policies)}`, '  ')).join('\n'),
  ]
  const losses = leverLosses(result.attributions)
  if (losses.length > 0)
    blocks.push(
      [`where levers lose (${leverLossesAmong(result.attributions)}):`, ...losses.map((line) => wrap(line, '  '))].join('\n'),
    )
  const headlines = headlinesOf(result)
  blocks.push([WHERE_FROM, ...headlines.map((entry) => attributionText(entry, from, to))].join('\n'))
  blocks.push(termsTable(headlines[0], options))
  for (const reading of READINGS.slice(0, 2))
    if (headlines.some((entry) => entry.reading === reading)) blocks.push(metricsTable(result, reading, options))
  blocks.push(MARKS_TELL)
  blocks.push(
    [
      wrap(sharesSentence(headlines[0], from, to)),
      ...headlines
        .filter(({ reading }) => reading !== 'fixed_concurrency' || headlines.length === 1)
        .flatMap(({ reading, metric }) => ladderSentences(result, { reading, metric, arm: to, baseline: from }))
        .map((line) => wrap(line, '  ')),
    ].join('\n'),
  )
  blocks.push(...againBlock(arms))
  blocks.push([...oracleNotes(result.oracles), ...result.notes].map((note) => wrap(`note: ${note}`, '  ')).join('\n'))
  return `${blocks.join('\n\n')}\n`
}
