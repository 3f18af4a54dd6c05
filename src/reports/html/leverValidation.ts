/** The page of `validate levers`: published against simulated points, every cell, the misses. */
import type { Cell } from '../../validation/levers/cells.js'
import type { ScoredCell } from '../../validation/levers/score.js'
import { armStyles } from '../colours.js'
import { percent } from '../format.js'
import {
  CELL_HEAD,
  CELL_KEY,
  cellCells,
  type LeverReport,
  missesOf,
  missText,
  otherText,
  publishedText,
  rangeText,
  simulatedText,
  totalsText,
  WRONG_HEAD,
  wrongCells,
} from '../leverValidation.js'
import { bullets, escapeHtml, htmlTable, section } from './markup.js'
import { page } from './page.js'
import { dotLegend, type ScatterPoint, scatterPlot } from './scatter.js'

const STYLES = armStyles(['one kernel', 'whole engine'])
const isEngine = ({ setting }: Cell): boolean => setting.kind === 'prefill-wait' || setting.kind === 'context-parallel'

function pointsOf(scored: readonly ScoredCell[]): ScatterPoint[] {
  return scored.flatMap((one) => {
    const { cell, simulated } = one
    if (cell.published === null || cell.role !== 'judge') return []
    const tip = `${cell.id}\npublished ${publishedText(cell)}, simulated ${simulatedText(one)} ${rangeText(one)}\nby ${simulated.by}`
    return [{ measured: cell.published, simulated: simulated.value, colour: STYLES[isEngine(cell) ? 1 : 0].colour, tip }]
  })
}

export function leverValidationHtml({ validation, others, wrong }: LeverReport, version: string): string {
  const { scored, totals } = validation
  const title = `${totals.signsRight} of ${totals.signs} published signs are right; sizes are off by ${percent(totals.medianError, 1)} (median)`
  const of = (role: Cell['role']): string => htmlTable(CELL_HEAD, scored.filter(({ cell }) => cell.role === role).map(cellCells))
  const header = `<header><p class="kicker">Levers against published measurements</p><h1>${escapeHtml(title)}</h1>${bullets(totalsText(validation).split('\n'))}<p class="identity">shapewise ${escapeHtml(version)}</p></header>`
  return page({
    title: 'Shapewise: levers against published measurements',
    header,
    sections: [
      section(
        'scatter',
        'Published against simulated',
        'Solid: equal. Dashed: 20 % beside it. Ratios of the older way over the newer way: above 1 is a gain.',
        `${dotLegend(STYLES)}<div class="cards"><figure>${scatterPlot(pointsOf(scored), 'ratio', 'published')}</figure></div>`,
      ),
      section('cells', 'Every judged cell', CELL_KEY, of('judge')),
      section(
        'others',
        'Other readings',
        'Had the balanced scheduler of the kernel cells been another policy.',
        bullets(others.map(otherText)),
      ),
      section('missed', 'Missed', 'Wrong sign, or off by more than 20 %.', bullets(missesOf(validation).map(missText))),
      section('fit', 'Fit rows', 'Constants were fitted to the kernel times alone.', of('fit')),
      section('context', 'Shown, not counted', 'Not read well enough to judge by.', of('context')),
      section(
        'wrong',
        'A planner that is wrong about the machine',
        `Judged by the exact form on ${wrong[0].batches} batches; planning time left out.`,
        htmlTable(WRONG_HEAD, wrong.map(wrongCells)),
      ),
    ],
    arms: [],
    charts: [],
  })
}
