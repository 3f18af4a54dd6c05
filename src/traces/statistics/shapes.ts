/** How input and output lengths go together, and how unequal requests are. */
import { ranksOf } from '../../collections/ranks.js'
import { quantile } from './distribution.js'

export interface Concentration {
  /** Share (0..1) of the tokens in the 1 % of the requests that have most of them. */
  readonly top1: number
  readonly top10: number
}

export interface ShapeStatistics {
  readonly inputTokens: number
  readonly outputTokens: number
  /** Correlation of ISL and OSL; null when one of them is constant. */
  readonly pearson: number | null
  readonly spearman: number | null
  /** Concentration of input and output tokens together, and of output tokens alone. */
  readonly tokens: Concentration
  readonly output: Concentration
  /** OSL in each fifth of the requests by ISL, from the shortest inputs to the longest; null where no request has such an ISL. */
  readonly oslGivenIsl: readonly ({ readonly p50: number; readonly p90: number } | null)[]
}

export function shapeStatistics(isl: Int32Array, osl: Int32Array): ShapeStatistics {
  const total = Float64Array.from(isl, (input, i) => input + osl[i])
  const sumOf = (values: Int32Array): number => values.reduce((sum, value) => sum + value, 0)
  return {
    inputTokens: sumOf(isl),
    outputTokens: sumOf(osl),
    pearson: correlation(isl, osl),
    spearman: correlation(tokenRanks(isl), tokenRanks(osl)),
    tokens: concentration(total),
    output: concentration(osl),
    oslGivenIsl: oslByIslFifth(isl, osl),
  }
}

/** Pearson's correlation; null when a side is constant. */
export function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  const n = a.length
  let meanA = 0
  let meanB = 0
  for (let i = 0; i < n; i++) {
    meanA += a[i] / n
    meanB += b[i] / n
  }
  let product = 0
  let squaresA = 0
  let squaresB = 0
  for (let i = 0; i < n; i++) {
    product += (a[i] - meanA) * (b[i] - meanB)
    squaresA += (a[i] - meanA) ** 2
    squaresB += (b[i] - meanB) ** 2
  }
  return squaresA > 0 && squaresB > 0 ? product / Math.sqrt(squaresA * squaresB) : null
}

/** Ranks from 0. */
export const tokenRanks = (tokens: Int32Array): Float64Array => ranksOf(tokens, rowsBy(tokens))

/** Row numbers in ascending order of their values. Value and row are packed into one double, so that the sort needs no comparator. */
function rowsBy(values: Int32Array): Float64Array {
  const rows = values.length
  const packed = Float64Array.from(values, (value, row) => value * rows + row).sort()
  return packed.map((key) => key % rows)
}

function concentration(tokens: Float64Array | Int32Array): Concentration {
  const sorted = tokens.slice().sort()
  let sum = 0
  for (const value of sorted) sum += value
  const shareOfTop = (share: number): number => {
    const taken = Math.max(1, Math.floor(share * sorted.length))
    let top = 0
    for (let i = sorted.length - taken; i < sorted.length; i++) top += sorted[i]
    return top / sum
  }
  return { top1: shareOfTop(0.01), top10: shareOfTop(0.1) }
}

/** The fifth (0..4) of each request by ISL: values at an edge belong to the fifth above it. */
export function islFifths(isl: Int32Array): { fifthOf: (tokens: number) => number; edges: number[] } {
  const sorted = isl.slice().sort()
  const edges = [0.2, 0.4, 0.6, 0.8].map((q) => quantile(sorted, q))
  return { edges, fifthOf: (tokens) => edges.filter((edge) => tokens >= edge).length }
}

function oslByIslFifth(isl: Int32Array, osl: Int32Array): ShapeStatistics['oslGivenIsl'] {
  const { fifthOf } = islFifths(isl)
  const fifths = Uint8Array.from(isl, fifthOf)
  return [0, 1, 2, 3, 4].map((fifth) => {
    const outputs = osl.filter((_, i) => fifths[i] === fifth).sort()
    return outputs.length === 0 ? null : { p50: quantile(outputs, 0.5), p90: quantile(outputs, 0.9) }
  })
}
