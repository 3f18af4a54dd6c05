/** The oracle ladder: the gain of each arm beside the room that there was. */
import type { GapRow } from '../../experiments/oracles.js'
import type { ComparisonResult } from '../../experiments/result.js'
import { change, type Direction, directionOf, interval, metricText, readingText, whereText } from '../format.js'
import { decided, shareText } from '../ladder.js'
import { escapeHtml, htmlTable, nameRoom, nameText, percentAxis, px, svg, telling, text, textWidth } from './markup.js'

const NAMES = 150
const BAR = 400
/** Least room beside the bars. */
const NUMBERS = 170
const ROW = 26

/** Where the interval leaves open on which side of zero it is, neither gain nor loss. */
const FILLS: Readonly<Record<Direction, string>> = {
  gain: 'var(--gain)',
  loss: 'var(--loss)',
  'no difference': 'var(--same)',
  'not decided': 'var(--same)',
}

export interface Gain {
  readonly arm: string
  readonly ratio: number | null
  readonly ci95: readonly [number, number] | null
}

/** Bars from zero: what the arms gain over the baseline in `what` (higher is better), and below them what the oracles would. */
export function ladderBars(baseline: string, gains: readonly Gain[], oracles: readonly Gain[], what: string): string {
  const bars = [...gains.map((gain) => ({ ...gain, oracle: false })), ...oracles.map((gain) => ({ ...gain, oracle: true }))]
  const drawn = bars.filter((bar): bar is typeof bar & { ratio: number } => bar.ratio !== null)
  if (drawn.length === 0) return ''
  const ends = drawn.flatMap(({ ratio, ci95 }) => [ratio, ...(ci95 ?? [])])
  const low = Math.min(1, ...ends)
  const high = Math.max(1.005, ...ends)
  const names = nameRoom(
    drawn.map(({ arm }) => arm),
    NAMES,
  )
  const x = (ratio: number) => names + ((ratio - low) / (high - low)) * BAR
  const bottom = drawn.length * ROW
  const axis = percentAxis([(low - 1) * 100, (high - 1) * 100], (percent) => x(1 + percent / 100), [0, bottom])
  let width = names + BAR + NUMBERS
  const rows = drawn.map(({ arm, ratio, ci95, oracle }, i) => {
    const y = i * ROW + 4
    const style = oracle
      ? 'fill="none" stroke="var(--soft)" stroke-dasharray="4 3"'
      : `fill="${FILLS[directionOf({ ratio, ci95 }, 'higher')]}" fill-opacity=".8"`
    const whisker = ci95 ? `<path d="M${px(x(ci95[0]))} ${y + 9}H${px(x(ci95[1]))}" stroke="var(--ink)" stroke-width="1.2"/>` : ''
    const right = Math.max(x(1), x(ratio), ci95 ? x(ci95[1]) : 0)
    const numbers = `${change(ratio)} ${interval(ci95)}`
    width = Math.max(width, right + 7 + textWidth(numbers, 11.5))
    return `<g ${telling(`${arm} over ${baseline}\n${numbers}`)}>${nameText(names - 10, y + 13, arm, oracle ? ' class="soft"' : '')}<rect class="mark" x="${px(Math.min(x(1), x(ratio)))}" y="${y}" width="${px(Math.max(1, Math.abs(x(ratio) - x(1))))}" height="18" rx="2" ${style}/>${whisker}${text(right + 7, y + 13, numbers, 'font-size="11.5"')}</g>`
  })
  const name = text(names + BAR / 2, bottom + 32, `change of ${what}, %`, 'class="soft" text-anchor="middle"')
  return `<figure><h3>${escapeHtml(`Over ${baseline}`)}</h3><div class="wide">${svg(width, bottom + 38, `Oracle ladder over ${baseline}`, axis + rows.join('') + name)}</div></figure>`
}

/** Bars for each tuned baseline in the headline metric, and all gaps in a fold. */
export function ladderSection(result: ComparisonResult): string {
  const first = result.gaps[0]
  if (!first) return ''
  const at = result.gaps.filter((row) => row.reading === first.reading && row.metric === first.metric)
  const baselines = [...new Set(at.map(({ baseline }) => baseline))].filter((name) => name !== 'static')
  const bars = baselines.map((baseline) => {
    const own = at.filter((row) => row.baseline === baseline)
    const gains = [...new Set(own.map(({ arm }) => arm))].map((arm): Gain => {
      const row = result.comparisons.find(
        (entry) =>
          entry.arm === arm && entry.baseline === baseline && entry.reading === first.reading && entry.metric === first.metric,
      )
      return { arm, ratio: row?.ratio ?? null, ci95: row?.ci95 ?? null }
    })
    return ladderBars(baseline, gains, oracleGains(own), whereText(first))
  })
  return `${bars.join('')}${gapsTable(result.gaps)}`
}

export function oracleGains(rows: readonly GapRow[]): Gain[] {
  return [...new Map(rows.map((row) => [row.oracle, row])).values()].map((row) => ({
    arm: row.oracle,
    ratio: row.oracle_ratio,
    ci95: row.oracle_ci95,
  }))
}

export function gapsTable(gaps: readonly GapRow[]): string {
  const rows = gaps
    .map(decided)
    .map((row) => [
      row.arm,
      row.baseline,
      row.oracle,
      readingText[row.reading],
      metricText(row.metric).title,
      `${change(row.oracle_ratio)} ${interval(row.oracle_ci95)}`,
      shareText(row),
      String(row.n),
      row.note ?? '',
    ])
  const head = ['arm', 'baseline', 'oracle', 'reading', 'metric', 'oracle over baseline', 'gap closed', 'n', 'note']
  return `<details><summary>All ${rows.length} gaps</summary>${htmlTable(head, rows)}</details>`
}
