/** Whether two traces are the same traffic: line by line in the terminal, and as JSON. */
import type { ComparisonLine, TraceComparison } from '../../traces/index.js'
import { columns } from '../columns.js'
import { change, NOTHING, number } from '../format.js'

/** The names of the traces, first and second. */
export type TraceNames = readonly [string, string]

export function comparisonTable({ lines, ...judged }: TraceComparison, names: TraceNames): string {
  const head = ['', 'first', 'second', 'difference', 'allowed for the second', '']
  const rows = lines.filter((line) => line.verdict !== 'not compared' || line.a !== null || line.b !== null).map(row)
  const left = lines.filter((line) => line.verdict === 'not compared')
  return [
    `first: ${names[0]}\nsecond: ${names[1]}`,
    ...(rows.length > 0 ? [columns([head, ...rows], [1, 2, 3])] : []),
    ...(left.length > 0 ? [left.map(({ statistic, note }) => `not compared: ${statistic} (${note})`).join('\n')] : []),
    verdictText({ lines, ...judged }),
  ].join('\n\n')
}

export function verdictText({ verdict, compared, different, lines }: TraceComparison): string {
  if (verdict === 'undecided')
    return lines.length === 0
      ? 'Undecided: a trace has fewer than 50 requests, of which nothing can be said.'
      : 'Undecided: no statistic has a noise that is known.'
  if (verdict === 'same') return `Same traffic, as far as ${compared} statistics tell.`
  return `Different traffic: ${different} of ${compared} statistics are further apart than samples of the same traffic would be.`
}

function row(line: ComparisonLine): string[] {
  const { statistic, a, b, scale, verdict } = line
  const isDistance = scale === 'distance'
  return [statistic, isDistance ? '' : number(a), isDistance ? '' : number(b), difference(line), allowed(line), marks[verdict]]
}

const marks: Readonly<Record<ComparisonLine['verdict'], string>> = { same: '=', different: '≠ different', 'not compared': '' }

function difference({ scale, difference: by, a, b, note, verdict }: ComparisonLine): string {
  if (by === null) return verdict === 'different' ? (note ?? NOTHING) : NOTHING
  if (scale === 'relative' && a !== null && b !== null) return change(b / a)
  const sign = by < 0 ? '−' : by > 0 && scale === 'absolute' ? '+' : ''
  return `${sign}${number(Math.abs(Number(by.toPrecision(3))))}`
}

function allowed({ low, high, scale, verdict }: ComparisonLine): string {
  if (verdict === 'not compared' || (low === null && high === null)) return ''
  if (scale === 'distance') return `up to ${number(high)}`
  if (low === null) return `up to ${number(high)}`
  return high === null ? `${number(low)} and more` : `${number(low)} to ${number(high)}`
}

export function comparisonJson(
  { verdict, compared, different, lines }: TraceComparison,
  names: TraceNames,
): Readonly<Record<string, unknown>> {
  return { first: names[0], second: names[1], verdict, compared, different, lines }
}
