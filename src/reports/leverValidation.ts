/** The model of the levers against published measurements, as text: every cell, a picture on a logarithmic line, misses, totals. */
import type { Cell } from '../validation/levers/cells.js'
import { type LeverValidation, type OtherReading, type ScoredCell, SIGN_BAR, SIZE_BAR } from '../validation/levers/score.js'
import type { WrongConstants } from '../validation/levers/wrongConstants.js'
import { columns } from './columns.js'
import { change, NOTHING, number, percent } from './format.js'

const UNITS: Readonly<Record<Cell['quantity'], string>> = {
  speed_up: 'x',
  balance_ratio: 'x',
  share: '',
  kernel_us: ' us',
  tiles: ' tiles',
  pieces_per_sqrt_token: '',
}

export const publishedText = ({ published, sign, quantity }: Cell): string =>
  published === null ? (sign ?? NOTHING) : `${number(published)}${UNITS[quantity]}`
export const simulatedText = ({ cell, simulated }: ScoredCell): string => `${number(simulated.value)}${UNITS[cell.quantity]}`
export const rangeText = ({ simulated: { range } }: ScoredCell): string =>
  range === null ? '' : `${number(range[0])}–${number(range[1])}`
const errorText = ({ error }: ScoredCell): string => (error === null ? NOTHING : change(1 + error))

/** Verdict of a cell in a word; '' for rows that are not judged. */
function verdictText({ cell, sign, error, missed }: ScoredCell): string {
  if (cell.role !== 'judge') return ''
  if (sign !== null && sign.published !== sign.simulated) return 'wrong sign'
  if (!missed) return 'right'
  return (error ?? 0) > 0 ? 'too large' : 'too small'
}

/** What the columns of a cell mean that do not say so themselves. */
export const CELL_KEY =
  'Range: over the batches that a cell may mean, or the middle 80 % of draws. Trust: A from the maker or source code, B a public measurement that was read, C recalled or read in an excerpt.'

export const CELL_HEAD = ['cell', 'GPU', 'trust', 'published', 'simulated', 'range', 'error', 'by', 'verdict'] as const
export const cellCells = (scored: ScoredCell): string[] => [
  scored.cell.id,
  scored.cell.gpu,
  scored.cell.trust,
  publishedText(scored.cell),
  simulatedText(scored),
  rangeText(scored),
  errorText(scored),
  scored.simulated.by,
  verdictText(scored),
]

/** Ends of the line on which ratios are drawn, and its width in characters. */
const LINE_LOW = 0.5
const LINE_HIGH = 5
const LINE_WIDTH = 41

/** `o` published, `x` simulated, `*` both, `|` no change. */
export function ratioLine(published: number | null, simulated: number): string {
  const at = (ratio: number): number =>
    Math.round(
      (Math.log(Math.min(LINE_HIGH, Math.max(LINE_LOW, ratio)) / LINE_LOW) / Math.log(LINE_HIGH / LINE_LOW)) * (LINE_WIDTH - 1),
    )
  const line = new Array<string>(LINE_WIDTH).fill('·')
  line[at(1)] = '|'
  line[at(simulated)] = 'x'
  if (published !== null) line[at(published)] = at(published) === at(simulated) ? '*' : 'o'
  return line.join('')
}

const isRatio = ({ quantity }: Cell): boolean => quantity === 'speed_up' || quantity === 'balance_ratio'

function picture(scored: readonly ScoredCell[]): string {
  const rows = scored
    .filter(({ cell }) => cell.role !== 'fit' && isRatio(cell))
    .map(({ cell, simulated }) => [cell.id, ratioLine(cell.published, simulated.value)])
  return columns([['', `${LINE_LOW}x${' '.repeat(LINE_WIDTH - 6)}${LINE_HIGH}x`], ...rows])
}

export function totalsText({ totals }: LeverValidation): string {
  const { signs, signsRight, gains, sizes, medianError, cells, missed } = totals
  const met = (good: boolean): string => (good ? 'met' : 'MISSED')
  return [
    `right signs ${signsRight} of ${signs} judged cells: ${percent(signsRight / signs)} (bar ${percent(SIGN_BAR)}: ${met(signsRight >= SIGN_BAR * signs)}); calling everything a gain would get ${gains}`,
    `median error of ${sizes} sizes: ${percent(medianError, 1)} (bar ${percent(SIZE_BAR)}: ${met(medianError <= SIZE_BAR)})`,
    `${cells - missed} of ${cells} cells right in sign and within ${percent(SIZE_BAR)}`,
  ].join('\n')
}

export const otherText = ({ policy, totals: { signs, signsRight, medianError } }: OtherReading): string =>
  `${policy}: right signs ${signsRight} of ${signs}, median error ${percent(medianError, 1)}`

/** All that is printed, drawn and written. */
export interface LeverReport {
  readonly validation: LeverValidation
  readonly others: readonly OtherReading[]
  readonly wrong: readonly WrongConstants[]
}

export const missText = ({ cell }: ScoredCell): string => `${cell.id}: ${cell.missed ?? 'not explained'}`
export const missesOf = ({ scored }: LeverValidation): readonly ScoredCell[] =>
  scored.filter(({ cell, missed }) => cell.role === 'judge' && missed)

export const WRONG_HEAD = [
  ...['planner believes', 'over true constants', 'most over them', 'gain over the occupancy rule'],
  ...['least gain', 'least gain, equal lengths'],
] as const
export const wrongCells = ({ b, o, loss, worstLoss, gain, worstGain, worstEqualGain }: WrongConstants): string[] => [
  `b x ${b}, o x ${o}`,
  change(loss),
  change(worstLoss),
  `${number(gain)}x`,
  `${number(worstGain)}x`,
  `${number(worstEqualGain)}x`,
]

const NUMBERS = [3, 4, 5, 6]

export function leverValidationTable({ validation, others, wrong }: LeverReport): string {
  const { scored } = validation
  const of = (role: Cell['role']): string[][] => scored.filter(({ cell }) => cell.role === role).map(cellCells)
  const fitted = scored.flatMap(({ cell }) => (cell.unused === undefined ? [] : [`  ${cell.id}: ${cell.unused}`]))
  return [
    columns([['judged'], [...CELL_HEAD].map((name, i) => (i === 0 ? '' : name)), ...of('judge')], NUMBERS),
    `published o, simulated x\n${picture(scored)}`,
    totalsText(validation),
    `had 'balanced' in the kernel cells meant\n${others.map((other) => `  ${otherText(other)}`).join('\n')}`,
    `missed\n${missesOf(validation)
      .map((miss) => `  ${missText(miss)}`)
      .join('\n')}`,
    columns([['fit rows'], ...of('fit')], NUMBERS),
    `no constant was fitted to\n${fitted.join('\n')}`,
    columns([['shown, not counted'], ...of('context')], NUMBERS),
    `planner with wrong constants, judged by the exact form on ${wrong[0].batches} batches\n${columns([[...WRONG_HEAD], ...wrong.map(wrongCells)], [1, 2, 3, 4, 5])}`,
  ].join('\n\n')
}
