/**
 * Lengths of a trace as a recipe: the inverse CDF of the input length, and that of the output length in bins of the input length. Where the mix
 * of short and long requests changes over time (two services in one file, a client with a burst of its own) there are kinds of requests
 * with shares in steps: load comes from lengths as much as from arrivals, and what comes together queues together.
 */
import { NS_PER_S } from '../../units.js'
import type { LawsByBin, LengthSpec, PlainLengths } from '../generate/lengths.js'
import type { Workload } from '../workload.js'
import { changePoints, xLogX } from './changePoints.js'
import { tableOf } from './table.js'

const WHOLE = { nearest: 0.5, unit: 1 } as const
/** Requests that a bin of input lengths has at least, and most bins. */
const FEWEST_IN_BIN = 250
const MOST_BINS = 16
/** Divisions into kinds that are tried: so many bins of the input length, and whether each is halved by the output length. */
const DIVISIONS = [
  { bins: 2, halved: false },
  { bins: 4, halved: false },
  { bins: 2, halved: true },
  { bins: 6, halved: true },
] as const
type Division = (typeof DIVISIONS)[number]
/** Requests are looked at in groups, of which there are at most so many. */
const MOST_GROUPS = 1000

interface Mix {
  /** The kind of each request. */
  readonly kindOf: Int32Array
  /** First requests of the pieces in which each kind has a constant share. */
  readonly starts: readonly number[]
  /** Logarithm of the likelihood over that of one piece, less the price of the pieces; 0 for one piece. */
  readonly gain: number
}

/** `fromNs`: the time from which the steps are counted, at most that of the first request. */
export function fitLengths({ isl, osl, arrivalNs }: Workload, fromNs: number): LengthSpec {
  const timesS = Float64Array.from(arrivalNs, (timeNs) => Number(((timeNs - fromNs) / NS_PER_S).toPrecision(9)))
  const { kindOf, starts } = bestMix(isl, osl, groupStarts(timesS))
  if (starts.length === 1) return plainLengths(isl, osl)
  const kinds = kindOf.reduce((most, kind) => Math.max(most, kind + 1), 0)
  const ends = [...starts.slice(1), isl.length]
  const shares = starts.map((start, piece) => {
    const counts = new Float64Array(kinds)
    for (let i = start; i < ends[piece]; i++) counts[kindOf[i]]++
    return Array.from(counts, (count) => Number((count / (ends[piece] - start)).toPrecision(4)))
  })
  return {
    kinds: Array.from({ length: kinds }, (_, kind) => {
      const isKind = (_length: number, i: number): boolean => kindOf[i] === kind
      return plainLengths(isl.filter(isKind), osl.filter(isKind))
    }),
    until_s: ends.map((end) => timesS[end] ?? timesS[timesS.length - 1]),
    shares,
  }
}

/**
 * First requests of the groups, and so of pieces: only where the time changes, and before the last time, since a piece is told by the times at which it begins
 * and ends.
 */
function groupStarts(timesS: Float64Array): number[] {
  const inGroup = Math.ceil(timesS.length / MOST_GROUPS)
  const lastS = timesS[timesS.length - 1]
  const starts = [0]
  let next = inGroup
  for (let i = inGroup; i < timesS.length; i++) {
    if (i < next || timesS[i] === timesS[i - 1] || timesS[i] === lastS) continue
    starts.push(i)
    next = (Math.floor(i / inGroup) + 1) * inGroup
  }
  return starts
}

/**
 * The division into kinds whose changes of shares say most about the order of the requests, beyond their price. Few kinds tell bursts of a
 * hundred requests apart, many tell two services apart that take turns for minutes; the likelihoods of all are of the same order of the same requests.
 */
function bestMix(isl: Int32Array, osl: Int32Array, groups: readonly number[]): Mix {
  let best: Mix | null = null
  for (const division of DIVISIONS) {
    const kindOf = kindsOf(isl, osl, division)
    const mix = { kindOf, ...mixPieces(kindOf, groups) }
    if (best === null || mix.gain > best.gain) best = mix
  }
  return best as Mix
}

function plainLengths(isl: Int32Array, osl: Int32Array): PlainLengths {
  return { isl: tableOf(isl, WHOLE), osl: outputByInput(isl, osl) }
}

/** Bins of the input length, each halved at its median output length if so wanted; kinds are numbered without gaps. */
function kindsOf(isl: Int32Array, osl: Int32Array, { bins: wanted, halved }: Division): Int32Array {
  const edges = binEdges(isl, wanted)
  const bins: number[][] = edges.slice(1).map(() => [])
  for (let i = 0; i < isl.length; i++) bins[binOf(edges, isl[i])].push(osl[i])
  const medians = bins.map((lengths) => lengths.sort((a, b) => a - b)[lengths.length >> 1])
  const raw = isl.map((length, i) => {
    const bin = binOf(edges, length)
    return 2 * bin + (halved && osl[i] > medians[bin] ? 1 : 0)
  })
  const used = [...new Set(raw)].sort((a, b) => a - b)
  return raw.map((kind) => used.indexOf(kind))
}

/** By the multinomial likelihood; `firstOf`: the first request of each group. */
function mixPieces(kindOf: Int32Array, firstOf: readonly number[]): Pick<Mix, 'starts' | 'gain'> {
  const kinds = kindOf.reduce((most, kind) => Math.max(most, kind + 1), 0)
  const groups = firstOf.length
  const upTo = new Int32Array((groups + 1) * kinds)
  for (let group = 0; group < groups; group++) {
    for (let kind = 0; kind < kinds; kind++) upTo[(group + 1) * kinds + kind] = upTo[group * kinds + kind]
    for (let i = firstOf[group]; i < (firstOf[group + 1] ?? kindOf.length); i++) upTo[(group + 1) * kinds + kindOf[i]]++
  }
  const ofCount = xLogX(kindOf.length)
  const likelihood = (from: number, to: number): number => {
    let sum = 0
    let n = 0
    for (let kind = 0; kind < kinds; kind++) {
      const count = upTo[to * kinds + kind] - upTo[from * kinds + kind]
      sum += ofCount[count]
      n += count
    }
    return sum - ofCount[n]
  }
  // one logarithm for the place of a piece and one half for each share that is free
  const price = ((kinds + 1) / 2) * Math.log(Math.max(2, groups))
  const starts = changePoints(groups, likelihood, price)
  const pieces = starts.reduce((sum, start, i) => sum + likelihood(start, starts[i + 1] ?? groups), 0)
  return {
    starts: starts.map((group) => firstOf[group]),
    gain: pieces - likelihood(0, groups) - price * (starts.length - 1),
  }
}

function outputByInput(isl: Int32Array, osl: Int32Array): LawsByBin {
  const edges = binEdges(isl, Math.max(1, Math.min(MOST_BINS, Math.floor(isl.length / FEWEST_IN_BIN))))
  const bins: number[][] = edges.slice(1).map(() => [])
  for (let i = 0; i < isl.length; i++) bins[binOf(edges, isl[i])].push(osl[i])
  return { edges, laws: bins.map((lengths) => tableOf(lengths, WHOLE)) }
}

/** Edges of about equally full bins: bin i holds lengths in (edges[i], edges[i + 1]], the first also its lower edge. None is empty. */
export function binEdges(lengths: Int32Array, bins: number): number[] {
  const sorted = lengths.slice().sort()
  const edges = [sorted[0]]
  for (let bin = 1; bin < bins; bin++) {
    const edge = sorted[Math.floor((bin * sorted.length) / bins) - 1]
    if (edge > edges[edges.length - 1] && edge < sorted[sorted.length - 1]) edges.push(edge)
  }
  edges.push(sorted[sorted.length - 1])
  return edges
}

export function binOf(edges: readonly number[], length: number): number {
  let bin = 0
  while (bin + 2 < edges.length && length > edges[bin + 1]) bin++
  return bin
}
