/** Lines on lengths: means, quantiles, laws, what goes together, and how unequal requests are. */
import type { Workload } from '../../workload.js'
import { quantile } from '../distribution.js'
import { correlation, islFifths, shapeStatistics, tokenRanks } from '../shapes.js'
import { lawLine, quantileLine } from './laws.js'
import { absoluteLine, type ComparisonLine, notCompared, relativeLine } from './line.js'
import { requestUnits, UnitSums, type Units } from './units.js'

const QUANTILES = [0.5, 0.9, 0.99]
/** A fifth with fewer requests of either trace is not compared: the law of ISL has said that it differs. */
const FEWEST_IN_FIFTH = 20
/** Shares of fewer large requests are ruled by the few largest. */
const FEWEST_AT_TOP = 50

export function shapeLines(a: Workload, b: Workload, errors: (units: number) => number, level: number): ComparisonLine[] {
  const units = requestUnits(a)
  const lines: ComparisonLine[] = []
  for (const [kind, name] of [
    ['isl', 'ISL'],
    ['osl', 'OSL'],
  ] as const) {
    lines.push(meanLine(`${name} mean`, a[kind], b[kind], units, errors))
    for (const q of QUANTILES) lines.push(quantileLine(`${name} p${100 * q}`, q, a[kind], b[kind], units, errors))
    lines.push(lawLine(`law of ${name}`, a[kind], b[kind], units, level))
  }
  return [...lines, ...oslGivenIslLines(a, b, units, errors), ...jointLines(a, b, units, errors)]
}

export function meanLine(
  statistic: string,
  a: Int32Array | Float64Array,
  b: Int32Array | Float64Array,
  units: Units,
  errors: (units: number) => number,
): ComparisonLine {
  const sums = new UnitSums(units, 2)
  for (let i = 0; i < a.length; i++) sums.add(i, [1, a[i]])
  const [n, sum] = sums.totals()
  let sumB = 0
  for (const value of b) sumB += value
  const error = sums.error(([rows, total]) => Math.log(total / rows)) * Math.sqrt(1 + a.length / b.length)
  return relativeLine(statistic, sum / n, sumB / b.length, error, errors(units.count))
}

/** The median OSL in each fifth of the ISL of `a`. */
function oslGivenIslLines(a: Workload, b: Workload, units: Units, errors: (units: number) => number): ComparisonLine[] {
  const { fifthOf } = islFifths(a.isl)
  return [0, 1, 2, 3, 4].map((fifth) => {
    const statistic = `OSL p50 at ISL ${20 * fifth}–${20 * (fifth + 1)} %`
    const rows = (workload: Workload): Int32Array =>
      Int32Array.from({ length: workload.count }, (_, i) => i).filter((i) => fifthOf(workload.isl[i]) === fifth)
    const rowsA = rows(a)
    const rowsB = rows(b)
    if (rowsA.length < FEWEST_IN_FIFTH || rowsB.length < FEWEST_IN_FIFTH)
      return notCompared(statistic, `fewer than ${FEWEST_IN_FIFTH} requests have such an ISL`)
    const inFifth: Units = { count: units.count, of: (row) => units.of(rowsA[row]) }
    return quantileLine(
      statistic,
      0.5,
      rowsA.map((i) => a.osl[i]),
      rowsB.map((i) => b.osl[i]),
      inFifth,
      errors,
    )
  })
}

function jointLines(a: Workload, b: Workload, units: Units, errors: (units: number) => number): ComparisonLine[] {
  const foundA = shapeStatistics(a.isl, a.osl)
  const foundB = shapeStatistics(b.isl, b.osl)
  const both = Math.sqrt(1 + a.count / b.count)
  const total = Float64Array.from(a.isl, (input, i) => input + a.osl[i])
  const share = (name: string, tokens: Int32Array | Float64Array, top: number, valueA: number, valueB: number): ComparisonLine =>
    top * Math.min(a.count, b.count) < FEWEST_AT_TOP
      ? notCompared(name, `fewer than ${FEWEST_AT_TOP} requests are that`, valueA, valueB)
      : relativeLine(name, valueA, valueB, topShareError(tokens, top, units) * both, errors(units.count))
  return [
    absoluteLine('Spearman of ISL and OSL', foundA.spearman, foundB.spearman, rankError(a, units) * both, errors(units.count), {
      from: -1,
    }),
    share('tokens in top 1 %', total, 0.01, foundA.tokens.top1, foundB.tokens.top1),
    share('tokens in top 10 %', total, 0.1, foundA.tokens.top10, foundB.tokens.top10),
    share('output in top 1 %', a.osl, 0.01, foundA.output.top1, foundB.output.top1),
    share('output in top 10 %', a.osl, 0.1, foundA.output.top10, foundB.output.top10),
  ]
}

/** Standard error of Spearman's correlation, ranks taken as given. */
function rankError({ isl, osl, count }: Workload, units: Units): number {
  const x = tokenRanks(isl)
  const y = tokenRanks(osl)
  if (correlation(x, y) === null) return 0
  const sums = new UnitSums(units, 6)
  for (let i = 0; i < count; i++) sums.add(i, [1, x[i], y[i], x[i] ** 2, y[i] ** 2, x[i] * y[i]])
  return sums.error(
    ([n, sx, sy, xx, yy, xy]) =>
      (n * xy - sx * sy) / Math.sqrt(Math.max(Number.MIN_VALUE, (n * xx - sx * sx) * (n * yy - sy * sy))),
  )
}

/** Standard error of the logarithm of the share of tokens in the largest requests, the bound of "largest" following the size of what is left. */
function topShareError(tokens: Int32Array | Float64Array, top: number, units: Units): number {
  const bound = quantile(tokens.slice().sort(), 1 - top)
  const sums = new UnitSums(units, 4)
  for (let i = 0; i < tokens.length; i++) {
    const isTop = tokens[i] > bound
    sums.add(i, [1, tokens[i], isTop ? 1 : 0, isTop ? tokens[i] : 0])
  }
  return sums.error(([n, all, largest, inLargest]) => Math.log((inLargest + bound * (top * n - largest)) / all))
}
