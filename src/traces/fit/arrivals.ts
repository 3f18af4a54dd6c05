/**
 * Arrivals of a trace as a recipe: a profile of the rate in steps, and the law of the gaps that is left when the profile is taken out.
 *
 * The steps are where the rate changes beyond chance (changePoints.ts), so the look-alike rises and falls when the file does; what is new is
 * every arrival within.
 */
import { gamma } from 'simple-statistics'
import { NS_PER_S, sixDigits } from '../../units.js'
import { type ArrivalSpec, weibullShape } from '../generate/arrivals.js'
import type { ProfileSpec } from '../generate/pace.js'
import { changePoints, xLogX } from './changePoints.js'
import { tableOf } from './table.js'

export interface FittedArrivals {
  readonly rate_per_s: number
  readonly arrivals: ArrivalSpec
  /** Left out when the rate does not change. */
  readonly profile?: ProfileSpec
}

/** No step is shorter, s: shorter clumps are left to the law of the gaps. */
const SHORTEST_STEP_S = 1
const MOST_BINS = 6000
/** Price of a piece, in logarithms of the number of bins: one for its place, one half for its rate, and one half against false ones. */
const PRICE = 2
/** Kolmogorov distance, and difference of the CV, at which a law with one parameter is good enough; or what chance makes of a short sample. */
const GOOD_ENOUGH = 0.01
const BY_CHANCE = 2
/** Knots of a table are as near as this share of the mean gap, some µs: clumps are told by their short gaps, of which each is compared by its logarithm. */
const NEAREST = 1e-5

/** The time that a trace is about: its first and last arrival; those of one of its clients lie within. */
export interface Period {
  readonly fromNs: number
  readonly toNs: number
}

/** `timesNs`: two or more arrivals, sorted, not all at one time, all within `period`. */
export function fitArrivals(timesNs: Float64Array, { fromNs, toNs }: Period): FittedArrivals {
  const periodS = (toNs - fromNs) / NS_PER_S
  const binS = Math.max(SHORTEST_STEP_S, periodS / MOST_BINS)
  const bins = Math.max(1, Math.ceil(periodS / binS))
  const counts = new Float64Array(bins)
  for (const timeNs of timesNs) counts[Math.min(bins - 1, Math.floor((timeNs - fromNs) / NS_PER_S / binS))]++
  // after the last whole bin a moment may be left that is too short to be written
  const starts = ratePieces(counts).filter((start) => start === 0 || toMs(start * binS) < toMs(periodS))
  const ends = [...starts.slice(1), bins]
  const untilS = ends.map((end, i) => (i === ends.length - 1 ? periodS : end * binS))
  const inPiece = starts.map((start, i) => counts.subarray(start, ends[i]).reduce((sum, count) => sum + count, 0))
  const ratePerS = timesNs.length / periodS
  const factors = inPiece.map((count, i) => count / (untilS[i] - (untilS[i - 1] ?? 0)) / ratePerS)
  return {
    rate_per_s: sixDigits(ratePerS),
    arrivals: gapLaw(gapsAtConstantRate(timesNs, fromNs, untilS, factors)),
    ...(untilS.length === 1
      ? {}
      : {
          profile: {
            until_s: untilS.map(toMs),
            factors: factors.map((f) => Number(f.toPrecision(4))),
          },
        }),
  }
}

/** Seconds, whole ms of them. */
export const toMs = (seconds: number): number => Number(seconds.toFixed(3))

/** First bins of the pieces of constant rate, by the Poisson likelihood of the counts. */
function ratePieces(counts: Float64Array): number[] {
  const upTo = new Float64Array(counts.length + 1)
  for (let i = 0; i < counts.length; i++) upTo[i + 1] = upTo[i] + counts[i]
  const ofCount = xLogX(upTo[counts.length])
  const price = PRICE * Math.log(Math.max(2, counts.length))
  const likelihood = (from: number, to: number): number => {
    const n = upTo[to] - upTo[from]
    return n === 0 ? 0 : ofCount[n] - n * Math.log(to - from)
  }
  return changePoints(counts.length, likelihood, price)
}

/** Gaps in a time that passes by the profile, over their mean. */
function gapsAtConstantRate(
  timesNs: Float64Array,
  fromNs: number,
  untilS: readonly number[],
  factors: readonly number[],
): Float64Array {
  const passed = new Float64Array(timesNs.length)
  let piece = 0
  let before = 0
  let startS = 0
  for (let i = 0; i < timesNs.length; i++) {
    const timeS = (timesNs[i] - fromNs) / NS_PER_S
    while (piece + 1 < untilS.length && timeS >= untilS[piece]) {
      before += (untilS[piece] - startS) * factors[piece]
      startS = untilS[piece++]
    }
    passed[i] = before + (timeS - startS) * factors[piece]
  }
  const gaps = new Float64Array(timesNs.length - 1)
  const mean = (passed[passed.length - 1] - passed[0]) / gaps.length
  for (let i = 0; i < gaps.length; i++) gaps[i] = (passed[i + 1] - passed[i]) / mean
  return gaps
}

/** The simplest law that comes close: Poisson, Weibull of the same CV, else the inverse CDF. */
function gapLaw(gaps: Float64Array): ArrivalSpec {
  const sorted = gaps.slice().sort()
  let squares = 0
  for (const gap of gaps) squares += (gap - 1) ** 2
  const cv = Number(Math.sqrt(squares / gaps.length).toPrecision(4))
  const near = Math.max(GOOD_ENOUGH, BY_CHANCE / Math.sqrt(gaps.length))
  if (Math.abs(cv - 1) < near && distance(sorted, (x) => 1 - Math.exp(-x)) < near) return { law: 'poisson' }
  if (cv >= 0.05 && cv <= 20) {
    const shape = weibullShape(cv)
    const scale = 1 / gamma(1 + 1 / shape)
    if (distance(sorted, (x) => 1 - Math.exp(-((x / scale) ** shape))) < near) return { law: 'weibull', cv }
  }
  return { law: 'table', gaps: tableOf(gaps, { nearest: NEAREST }) }
}

/** Largest difference between the sample's distribution function and `cdf`. */
function distance(sorted: Float64Array, cdf: (x: number) => number): number {
  let most = 0
  for (let i = 0; i < sorted.length; i++) {
    const at = cdf(sorted[i])
    most = Math.max(most, at - i / sorted.length, (i + 1) / sorted.length - at)
  }
  return most
}
