/** What is drawn of a trace: counts in bins, plain data. */
import { nsToS } from '../../units.js'
import type { Workload } from '../workload.js'
import { countsPerBin } from './arrivals.js'
import { prefixStatistics } from './prefixes.js'
import { sessionSamples } from './sessions.js'

export interface RateCourse {
  readonly binS: number
  /** Requests per second in each bin, from the first arrival on. */
  readonly perS: readonly number[]
}

/** Counts between edges that are equally far apart on a logarithmic axis: counts[i] holds edges[i] <= value < edges[i + 1]. */
export interface LogHistogram {
  readonly edges: readonly number[]
  readonly counts: readonly number[]
}

export interface TracePictures {
  readonly rate: RateCourse | null
  readonly isl: LogHistogram
  readonly osl: LogHistogram
  /** counts[i][j]: requests of bin i of the input and bin j of the output. */
  readonly heat: {
    readonly islEdges: readonly number[]
    readonly oslEdges: readonly number[]
    readonly counts: readonly (readonly number[])[]
  }
  /** Hit rate (0..1) of LRU caches by size in tokens; null where there is none. */
  readonly lruCurve: readonly { readonly tokens: number; readonly hitRate: number }[] | null
  /** Requests per session. */
  readonly sessionLengths: LogHistogram | null
}

export interface PictureSizes {
  /** Most bins of the course of the rate. */
  readonly rateBins: number
  readonly lengthBins: number
  readonly heatBins: number
}

/** Sizes of the caches of the curve: sixths of a decade from 100 thousand to a billion tokens. */
const CURVE_TOKENS = Array.from({ length: 25 }, (_, i) => Math.round(10 ** (5 + i / 6)))

export function tracePictures(workload: Workload, sizes: PictureSizes): TracePictures {
  const { isl, osl } = workload
  const heatIsl = logEdges(isl, sizes.heatBins)
  const heatOsl = logEdges(osl, sizes.heatBins)
  return {
    rate: rateCourse(workload.arrivalNs, sizes.rateBins),
    isl: histogram(isl, logEdges(isl, sizes.lengthBins)),
    osl: histogram(osl, logEdges(osl, sizes.lengthBins)),
    heat: { islEdges: heatIsl, oslEdges: heatOsl, counts: jointCounts(isl, osl, heatIsl, heatOsl) },
    lruCurve: lruCurve(workload),
    sessionLengths: sessionLengths(workload, sizes.lengthBins),
  }
}

/** Bins of 1, 2, 5, 10 … s, the shortest that are few enough. */
function rateCourse(allNs: Float64Array, mostBins: number): RateCourse | null {
  const timesNs = allNs.filter((timeNs) => !Number.isNaN(timeNs))
  const durationS = timesNs.length === 0 ? 0 : nsToS(timesNs[timesNs.length - 1] - timesNs[0])
  if (!(durationS > 0)) return null
  const least = durationS / mostBins
  const power = 10 ** Math.floor(Math.log10(least))
  const binS = ([1, 2, 5, 10].find((step) => step * power >= least) ?? 10) * power
  const counts = countsPerBin(timesNs, binS)
  return counts.length < 2 ? null : { binS, perS: [...counts].map((count) => count / binS) }
}

/** Edges from the smallest to just above the largest value; no bin is narrower than one token. */
function logEdges(values: Int32Array, bins: number): number[] {
  let low = Number.POSITIVE_INFINITY
  let high = 1
  for (const value of values) {
    low = Math.min(low, value)
    high = Math.max(high, value)
  }
  const ratio = (high + 1) / low
  const edges = [low]
  for (let i = 1; i <= bins; i++) {
    const edge = Math.ceil(low * ratio ** (i / bins) - 1e-9)
    if (edge > edges[edges.length - 1]) edges.push(edge)
  }
  return edges
}

function binOf(value: number, edges: readonly number[]): number {
  let low = 0
  let high = edges.length - 2
  while (low < high) {
    const middle = (low + high + 1) >> 1
    if (edges[middle] <= value) low = middle
    else high = middle - 1
  }
  return low
}

function histogram(values: Int32Array, edges: readonly number[]): LogHistogram {
  const counts = new Array<number>(edges.length - 1).fill(0)
  for (const value of values) counts[binOf(value, edges)]++
  return { edges, counts }
}

function jointCounts(isl: Int32Array, osl: Int32Array, islEdges: readonly number[], oslEdges: readonly number[]): number[][] {
  const counts = Array.from({ length: islEdges.length - 1 }, () => new Array<number>(oslEdges.length - 1).fill(0))
  for (let i = 0; i < isl.length; i++) counts[binOf(isl[i], islEdges)][binOf(osl[i], oslEdges)]++
  return counts
}

function lruCurve(workload: Workload): TracePictures['lruCurve'] {
  const found = prefixStatistics(workload, CURVE_TOKENS)
  if (found === null) return null
  const points = found.lru.flatMap(({ tokens, published }) => (published === null ? [] : [{ tokens, hitRate: published }]))
  if (points.length === 0) return null
  // one point beyond saturation is enough
  const full = points.findIndex(({ hitRate }) => hitRate >= points[points.length - 1].hitRate)
  return points.slice(0, full + 2)
}

function sessionLengths(workload: Workload, bins: number): LogHistogram | null {
  const samples = sessionSamples(workload)
  if (samples === null) return null
  // no more bins than so few values fill
  const enough = Math.max(8, Math.ceil(Math.sqrt(samples.requests.length)))
  return histogram(samples.requests, logEdges(samples.requests, Math.min(bins, enough)))
}
