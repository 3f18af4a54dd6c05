/** Lines on arrivals: rate, burstiness on several scales, also of the tokens that come, the law of the gaps. */
import { NS_PER_S } from '../../../units.js'
import type { Workload } from '../../workload.js'
import { type ArrivalStatistics, arrivalStatistics, countsPerBin, DISPERSION_BINS_S, type DispersionBin } from '../arrivals.js'
import { gapLawLine } from './laws.js'
import { type ComparisonLine, notCompared, relativeLine } from './line.js'
import { parts, stretches, UnitSums, type Units } from './units.js'

interface Side {
  readonly timesNs: Float64Array
  /** Input and output tokens of the requests of these times. */
  readonly isl: Int32Array
  readonly osl: Int32Array
  readonly found: ArrivalStatistics
  readonly minutes: Units
}

/** Added to figures of variation before a logarithm, so that clockwork can be compared too. */
const NEARLY_NONE = 0.01
/** Of fewer meetings the noise is not known either. */
const FEWEST_MEETINGS = 30
/** Shorter gaps are equal: clocks of traces are coarser. */
const SHORTEST_GAP_NS = 1e3
/** Added to the dispersion of tokens in the same way: what requests bring that have nothing to do with each other. Heavy tails make small values noisy. */
const ALONE = 1
/** Length of the bins in which tokens are counted. */
const TOKENS_BIN_S = 60
/** The noise of a variance of fewer counts is not known well enough. */
const FEWEST_BINS = 10

export function arrivalLines(
  a: Workload,
  b: Workload,
  scaleFree: boolean,
  errors: (units: number) => number,
  level: number,
): ComparisonLine[] {
  const first = sideOf(timesOf(a), a)
  const unscaled = sideOf(timesOf(b), b)
  if (first.found.ratePerS === null || unscaled.found.ratePerS === null) return untimed(first, unscaled, scaleFree)
  const second = scaleFree ? sideOf(scaled(unscaled.timesNs, unscaled.found.ratePerS / first.found.ratePerS), b) : unscaled
  const line = (
    statistic: string,
    read: (side: Side) => number | null,
    noise: (side: Side) => number,
    offset = 0,
  ): ComparisonLine =>
    relativeLine(statistic, read(first), read(second), bothErrors(first, second, noise), errors(first.minutes.count), offset)
  return [
    ...(scaleFree ? [] : [line('rate, 1/s', ({ found }) => found.ratePerS, rateError)]),
    line('gap CV', ({ found }) => found.gapCv, gapCvError, NEARLY_NONE),
    ...DISPERSION_BINS_S.map((binS) => {
      const statistic = `IDC ${binS} s`
      const lacking = whyNoDispersion(first, second, binS)
      if (lacking !== null) return notCompared(statistic, lacking, first.found.idc[binS], second.found.idc[binS])
      return line(
        statistic,
        ({ found }) => found.idc[binS],
        (side) => dispersionError(side, binS, NEARLY_NONE),
        NEARLY_NONE,
      )
    }),
    ...(['isl', 'osl'] as const).map((tokens) => {
      const statistic = `IDC ${TOKENS_BIN_S} s of ${tokens === 'isl' ? 'input' : 'output'} tokens`
      const lacking = whyNoDispersion(first, second, TOKENS_BIN_S)
      if (lacking !== null) return notCompared(statistic, lacking)
      return line(
        statistic,
        (side) => dispersionOf(dispersionSums(side, TOKENS_BIN_S, side[tokens]).totals()),
        (side) => dispersionError(side, TOKENS_BIN_S, ALONE, side[tokens]),
        ALONE,
      )
    }),
    first.found.tickS !== null || second.found.tickS !== null
      ? notCompared('law of the gaps', 'arrivals in coarse ticks have none')
      : gapLawLine('law of the gaps', gapsOf(first.timesNs), gapsOf(unscaled.timesNs), gapUnits(first), level),
  ]
}

/**
 * Standard error of a difference. A sample as long as the second has the error of the first times the root of the ratio of their lengths; but
 * figures of variation hang on few long silences and bursts, and a trace that happens to have none thinks itself quieter than it is: the
 * error that the second shows of itself counts where it is larger.
 */
function bothErrors(first: Side, second: Side, noise: (side: Side) => number): number {
  const own = noise(first)
  const expected = own * Math.sqrt(first.found.durationS / second.found.durationS)
  return Math.hypot(own, Math.max(expected, noise(second)))
}

const sideOf = (timesNs: Float64Array, { arrivalNs, isl, osl }: Workload): Side => ({
  timesNs,
  isl: isl.filter((_, i) => !Number.isNaN(arrivalNs[i])),
  osl: osl.filter((_, i) => !Number.isNaN(arrivalNs[i])),
  found: arrivalStatistics(timesNs),
  minutes: stretches(timesNs),
})
const timesOf = ({ arrivalNs }: Workload): Float64Array =>
  arrivalNs.some(Number.isNaN) ? arrivalNs.filter((timeNs) => !Number.isNaN(timeNs)) : arrivalNs
const scaled = (timesNs: Float64Array, by: number): Float64Array => timesNs.map((timeNs) => (timeNs - timesNs[0]) * by)

/** Where the level of the rate does not matter, a trace without one is compared by all else. */
function untimed(first: Side, second: Side, scaleFree: boolean): ComparisonLine[] {
  const [a, b] = [first.found.ratePerS, second.found.ratePerS]
  if (a === null && b === null) return [notCompared('arrivals', 'neither trace has a rate')]
  const line = notCompared('arrivals', `only the ${a === null ? 'second' : 'first'} trace has a rate`, a, b)
  return [scaleFree ? line : { ...line, verdict: 'different' }]
}

/** Of the logarithm, as all of them here. */
function rateError({ timesNs, minutes }: Side): number {
  const sums = new UnitSums(minutes, 1)
  for (let i = 0; i < timesNs.length; i++) sums.add(i, [1])
  // units are equally long: one less of them is less time too
  return sums.error(([count]) => count) / timesNs.length
}

function gapCvError({ timesNs, minutes }: Side): number {
  const sums = new UnitSums(minutes, 3)
  for (let i = 1; i < timesNs.length; i++) {
    const gap = (timesNs[i] - timesNs[i - 1]) / NS_PER_S
    sums.add(i, [1, gap, gap * gap])
  }
  return sums.error(([n, gaps, squares]) => Math.log(NEARLY_NONE + Math.sqrt(Math.max(0, (n * squares) / gaps ** 2 - 1))))
}

/** Sums over bins that an index of dispersion is made of: bins, what comes in them, its square, and the squares of what single requests bring. */
function dispersionSums({ timesNs, minutes }: Side, binS: DispersionBin, weights?: Int32Array): UnitSums {
  const counts = countsPerBin(timesNs, binS, weights)
  const singles =
    weights === undefined
      ? counts
      : countsPerBin(
          timesNs,
          binS,
          Float64Array.from(weights, (weight) => weight ** 2),
        )
  const sums = new UnitSums(parts(counts.length, minutes.count), 4)
  counts.forEach((count, bin) => {
    sums.add(bin, [1, count, count * count, singles[bin]])
  })
  return sums
}

/** 1 for Poisson traffic whose lengths do not hang together; of tokens more, too, where long requests come at one time and short ones at another. */
const dispersionOf = ([bins, sum, squares, singles]: Float64Array): number => Math.max(0, (squares - sum ** 2 / bins) / singles)

const dispersionError = (side: Side, binS: DispersionBin, offset: number, weights?: Int32Array): number =>
  dispersionSums(side, binS, weights).error((totals) => Math.log(offset + dispersionOf(totals)))

function whyNoDispersion(first: Side, second: Side, binS: DispersionBin): string | null {
  if (Math.min(first.found.durationS, second.found.durationS) < FEWEST_BINS * binS)
    return `a trace is shorter than ${FEWEST_BINS} times that`
  return Math.min(meetingsIn(first, binS), meetingsIn(second, binS)) < FEWEST_MEETINGS
    ? 'too few arrivals for so short times'
    : null
}

/** Pairs of requests that chance alone would bring into one bin: what an index of dispersion rests on. */
const meetingsIn = ({ found: { timed, durationS } }: Side, binS: number): number => (timed ** 2 * binS) / (2 * durationS)

const gapUnits = ({ minutes }: Side): Units => ({ count: minutes.count, of: (row) => minutes.of(row + 1) })

/** The gap before each arrival but the first in steps of `SHORTEST_GAP_NS`; one step is 0. Equal gaps stay equal where rounding moved them by less than half a step. */
const gapsOf = (timesNs: Float64Array): Float64Array =>
  Float64Array.from({ length: timesNs.length - 1 }, (_, i) => {
    const steps = Math.round((timesNs[i + 1] - timesNs[i]) / SHORTEST_GAP_NS)
    return steps <= 1 ? 0 : steps
  })
