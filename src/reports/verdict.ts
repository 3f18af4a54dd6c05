/** What a comparison says, in plain words. The terminal and the HTML report print the same sentences. */
import { grouped } from '../collections/grouped.js'
import { includesZero } from '../experiments/change.js'
import { BUILT_IN } from '../experiments/families.js'
import type { ComparisonResult, ComparisonRow } from '../experiments/result.js'
import { fallsBehind } from '../metrics/saturation.js'
import {
  behindText,
  changeText,
  type Direction,
  directionOf,
  INTERVAL_NEEDS,
  interval,
  metricText,
  readingText,
  whereText,
} from './format.js'
import { ladderSentences } from './ladder.js'
import { amongText, lossSentences } from './losses.js'

export interface Verdict {
  readonly direction: Direction
  /** Where challengers lose, to be said before any gain: one sentence for each arm, baseline and reading. */
  readonly losses: readonly string[]
  /** Among how many rows losses were looked for, and how many of these chance would name. */
  readonly lossesAmong: string
  /** The main row, null when the result has no comparison. */
  readonly row: ComparisonRow | null
  readonly headline: string
  /** One sentence each: the other readings, the weaker baseline, the mix of traffic, saturation. */
  readonly details: readonly string[]
}

/** Baselines from the hardest to the easiest, arms and metrics from the most to the least telling. */
const BASELINES = ['tuned-static', 'tuned-size', 'static']
const READINGS = ['fixed_load', 'fixed_concurrency', 'capacity']
const METRICS = ['tok_s_user.p50', 'tpot_ms.p50', 'capacity_rps']

const place = (order: readonly string[], name: string): number => (order.indexOf(name) + order.length) % order.length
const rank = (row: ComparisonRow): number =>
  (row.arm === 'shape-aware' ? 0 : 1000) +
  (BASELINES.includes(row.baseline) ? place(BASELINES, row.baseline) * 100 : 900) +
  (METRICS.includes(row.metric) ? place(METRICS, row.metric) * 10 : 90) +
  place(READINGS, row.reading)

/** The row that answers the headline question: shape-aware over tuned-static, tokens/s/user p50, at the same offered load. */
function mainRow(result: ComparisonResult): ComparisonRow | null {
  const decided = result.comparisons.filter((row) => row.ratio !== null)
  return decided.reduce<ComparisonRow | null>((best, row) => (best === null || rank(row) < rank(best) ? row : best), null)
}

function headline(row: ComparisonRow): string {
  const where = whereText(row)
  const numbers = `${changeText(row)}, n = ${row.n}`
  switch (directionOf(row, row.better)) {
    case 'gain':
      return `${row.arm} beats ${row.baseline} on ${where}: ${numbers}.`
    case 'loss':
      return `${row.arm} loses to ${row.baseline} on ${where}: ${numbers}.`
    case 'no difference':
      return `No difference between ${row.arm} and ${row.baseline} on ${where}: ${numbers}; the interval includes zero.`
    default:
      return `${row.arm} against ${row.baseline} on ${where}: ${numbers}; no interval, so nothing is decided; ${INTERVAL_NEEDS}.`
  }
}

export function verdict(result: ComparisonResult): Verdict {
  const losses = armLosses(result)
  const lossesAmong = amongText(challenges(result).filter(({ ci95 }) => ci95 !== null).length)
  const row = mainRow(result)
  if (!row)
    return {
      direction: 'not decided',
      losses,
      lossesAmong,
      row,
      headline: 'No pair of arms could be compared.',
      details: saturationWords(result),
    }
  const details: string[] = []
  if (row.mix_ci95) {
    details.push(
      `With another mix of traffic (minutes of the trace, or its sessions, resampled) the interval is ${interval(row.mix_ci95)} %${includesZero(row.mix_ci95) && directionOf(row, row.better) !== 'no difference' ? ': it includes zero, so the result rests on this mix' : ''}.`,
    )
  }
  const others = result.comparisons.filter((other) => other.arm === row.arm && other.ratio !== null)
  const sameMetric = others.filter((other) => other.baseline === row.baseline && other.reading !== row.reading)
  for (const other of sameMetric.filter((entry) => entry.metric === row.metric || entry.metric === 'capacity_rps'))
    details.push(
      `Over ${other.baseline}, ${other.reading === 'capacity' ? '' : 'at the '}${readingText[other.reading]}: ${changeText(other)} on ${metricText(other.metric).title}.`,
    )
  const weaker = others.find(
    (other) => other.baseline === 'static' && other.reading === row.reading && other.metric === row.metric,
  )
  if (weaker && row.baseline !== 'static')
    details.push(
      `Over the untuned static arm the same number is ${changeText(weaker)}: the difference is the gain of tuning alone.`,
    )
  details.push(...ladderSentences(result, row))
  if (row.reading !== 'capacity')
    details.push(...ladderSentences(result, { ...row, reading: 'capacity', metric: 'capacity_rps' }))
  if (splitCarriesMost(result, row))
    details.push('The split lever accounts for more than half of the gain (upper bound: the planner is scored by its own model).')
  return {
    direction: directionOf(row, row.better),
    losses,
    lossesAmong,
    row,
    headline: headline(row),
    details: [...details, ...saturationWords(result)],
  }
}

/** Whether the Shapley value of split is more than half of the gain. The attribution is of shape-aware over tuned-static in tokens/s/user p50. */
function splitCarriesMost({ attribution }: ComparisonResult, row: ComparisonRow): boolean {
  const attributed = row.arm === 'shape-aware' && row.baseline === 'tuned-static' && row.metric === attribution.metric
  const share = attribution.levers.find(({ lever }) => lever === 'split')?.share ?? null
  return attributed && share !== null && directionOf(row, row.better) === 'gain' && share > 0.5
}

/** Metrics named in a sentence on an arm of the user's; untuned as it is, it may lose in all of them, in three readings, to four baselines. */
const MOST_OF_OWN = 3

/** Every challenger against every baseline in every reading and metric, tails too. */
const challenges = ({ comparisons }: ComparisonResult): ComparisonRow[] =>
  comparisons.filter((row) => !BASELINES.includes(row.arm))

/** What of these lies on the wrong side of zero. */
function armLosses(result: ComparisonResult): string[] {
  const losses = challenges(result)
    .filter((row) => directionOf(row, row.better) === 'loss')
    .map((row) => ({ ...row, ratio: row.ratio as number, text: changeText(row) }))
  const pairs = grouped(losses, ({ arm, baseline }) => `${arm} loses to ${baseline}`)
  return [...pairs].flatMap(([pair, own]) => lossSentences(pair, own, BUILT_IN.includes(own[0].arm) ? undefined : MOST_OF_OWN))
}

function saturationWords(result: ComparisonResult): string[] {
  return result.arms
    .filter((arm) => fallsBehind(arm.saturation.label))
    .map(
      ({ name, saturation }) =>
        `${name} is ${behindText(saturation)}: its means hang on how long one looked, or on who was turned away (the worst replicate: ${saturation.reason}).`,
    )
}
