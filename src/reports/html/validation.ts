/** The report of a validation: scatter plots, group errors, the worst rows. */
import { counts, rankScores, type Scored, type ScoredRow } from '../../validation/scores.js'
import { armStyles } from '../colours.js'
import { change, number } from '../format.js'
import { GROUP_HEAD, groupCells, meanMedian, measuredGroups, RANK_HEAD, ROW_HEAD, rankCells, rowCells } from '../validation.js'
import { escapeHtml, htmlTable, section } from './markup.js'
import { page } from './page.js'
import { dotLegend, type ScatterPoint, scatterPlot } from './scatter.js'

/** Rows in the table of the worst. */
const WORST = 40

export interface ValidationPage {
  readonly scored: Scored
  /** One sentence: where the constants come from. */
  readonly constants: string
  readonly version: string
}

/** Colour by kind of row: speculation, and whether the measured system was queue bound. */
const kindOf = ({ plan, ...row }: ScoredRow): string =>
  (row.measuredSaturated ?? row.saturated) ? 'saturated' : plan.draftTokens > 0 ? 'speculative' : 'non-speculative'
const STYLES = armStyles(['non-speculative', 'speculative', 'saturated'])
const colourOf = (row: ScoredRow): string => STYLES.find(({ name }) => name === kindOf(row))?.colour ?? '#7A7A7A'

type Key = 'tpotMs' | 'ttftMs' | 'outputTokSPerGpu'

function pointsOf(rows: readonly ScoredRow[], key: Key): ScatterPoint[] {
  return rows.flatMap((row) => {
    const measured = row.measured[key]
    const error = row.error[key]
    if (measured === null || error === null) return []
    const tip = `${row.row.id}\nmeasured ${number(measured)}, simulated ${number(row.simulated[key])}\n${change(1 + error)}, concurrency ${row.plan.concurrency}`
    return [{ measured, simulated: row.simulated[key], colour: colourOf(row), tip }]
  })
}

/** Rows by the larger of their TPOT error and half their TTFT error: TTFT repeats some two to four times worse. */
const badness = ({ error }: ScoredRow): number => Math.max(Math.abs(error.tpotMs ?? 0), Math.abs(error.ttftMs ?? 0) / 2)
export const worstFirst = (rows: readonly ScoredRow[]): ScoredRow[] => [...rows].sort((a, b) => badness(b) - badness(a))

/** A section with a table, or nothing where there is no row. */
const tableSection = (id: string, title: string, lead: string, head: readonly string[], rows: readonly string[][]): string =>
  rows.length === 0 ? '' : section(id, title, lead, htmlTable(head, rows))

export function validationHtml({ scored, constants, version }: ValidationPage): string {
  const { rows, refused } = scored
  const groups = measuredGroups(rows)
  const all = groups[0]
  const plots = [
    ['TPOT, ms', 'tpotMs'],
    ['TTFT, ms', 'ttftMs'],
    ['output tokens/s/GPU', 'outputTokSPerGpu'],
  ] as const
  const scatter = plots.map(([name, key]) => `<figure><h3>${name}</h3>${scatterPlot(pointsOf(rows, key), name)}</figure>`)
  const title = all?.tpot
    ? `TPOT is off by ${meanMedian(all.tpot)} % (mean / median), TTFT by ${meanMedian(all.ttft)} %, on ${all.tpot.rows} measured rows`
    : `${rows.length} rows simulated`
  const header = `<header><p class="kicker">Simulated against measured</p><h1>${escapeHtml(title)}</h1><ul><li>${escapeHtml(constants)}</li><li>${escapeHtml(`${rows.length} rows simulated, ${refused.length} refused.`)}</li></ul><p class="identity">shapewise ${escapeHtml(version)}</p></header>`
  const isMeasured = ({ measured: { tpotMs, ttftMs } }: ScoredRow): boolean => tpotMs !== null || ttftMs !== null
  const measured = rows.filter(isMeasured)
  return page({
    title: 'Shapewise: validation',
    header,
    sections: [
      measured.length === 0
        ? ''
        : section(
            'scatter',
            'Simulated against measured',
            `Solid: equal. Dashed: 20 % beside it.${rows.every(counts) ? '' : ' Rows of tier C are drawn and listed, but count in no error of a group.'}`,
            `${dotLegend(STYLES)}<div class="cards">${scatter.join('')}</div>`,
          ),
      tableSection(
        'groups',
        'Errors by group',
        'Absolute errors in percent, mean / median, over rows and over true shapes; 95 % intervals by bootstrap over shapes.',
        GROUP_HEAD,
        groups.map(groupCells),
      ),
      tableSection('ranks', 'Rank correlation', 'Spearman, inside each group.', RANK_HEAD, rankScores(rows).map(rankCells)),
      tableSection(
        'worst',
        'The worst rows',
        `The ${Math.min(WORST, measured.length)} rows with the largest errors.`,
        ROW_HEAD,
        worstFirst(measured).slice(0, WORST).map(rowCells),
      ),
      tableSection(
        'simulated',
        'Rows without a measurement',
        'Simulated only.',
        ROW_HEAD,
        rows.filter((row) => !isMeasured(row)).map(rowCells),
      ),
      tableSection(
        'refused',
        'Refused rows',
        'Not simulated, with the reason.',
        ['row', 'tier', 'reason'],
        refused.map(({ row, refused: reason }) => [row.id, row.tier, reason]),
      ),
    ],
    arms: [],
    charts: [],
  })
}
