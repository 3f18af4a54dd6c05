/** Lines on arrivals: rate, burstiness on several scales, the law of the gaps. */
import { NS_PER_S } from '../../../units.js'
import type { Workload } from '../../workload.js'
import { type ArrivalStatistics, arrivalStatistics, countsPerBin, DISPERSION_BINS_S } from '../arrivals.js'
import { lawLine } from './laws.js'
import { type ComparisonLine, notCompared, relativeLine } from './line.js'
import { parts, stretches, UnitSums, type Units } from './units.js'

interface Side {
  readonly timesNs: Float64Array
  readonly found: ArrivalStatistics
}

/** Added to figures of variation before a logarithm, so that clockwork can be compared too. */
const NEARLY_NONE = 0.01
/** The noise of a variance of fewer counts is not known well enough. */
const FEWEST_BINS = 10

export function arrivalLines(
  a: Workload,
  b: Workload,
  scaleFree: boolean,
  errors: (units: number) => number,
  level: number,
): ComparisonLine[] {
  const first = sideOf(timesOf(a))
  const unscaled = sideOf(timesOf(b))
  if (first.found.ratePerS === null || unscaled.found.ratePerS === null) return untimed(first, unscaled)
  const second = scaleFree ? sideOf(scaled(unscaled.timesNs, unscaled.found.ratePerS / first.found.ratePerS)) : unscaled
  const minutes = stretches(first.timesNs)
  // a sample as long as `b` has this times the standard error of one as long as `a`, and the difference has both
  const both = Math.sqrt(1 + first.found.durationS / second.found.durationS)
  const lines: ComparisonLine[] = []
  if (!scaleFree) lines.push(rateLine(first, second, minutes, both, errors))
  lines.push(gapCvLine(first, second, minutes, both, errors))
  for (const binS of DISPERSION_BINS_S) lines.push(dispersionLine(first, second, binS, minutes.count, both, errors))
  if (first.found.tickS !== null || second.found.tickS !== null)
    lines.push(notCompared('law of the gaps', 'arrivals in coarse ticks have none'))
  else lines.push(lawLine('law of the gaps', gapsOverMean(first.timesNs), gapsOverMean(second.timesNs), minutes, level))
  return lines
}

const sideOf = (timesNs: Float64Array): Side => ({ timesNs, found: arrivalStatistics(timesNs) })
const timesOf = ({ arrivalNs }: Workload): Float64Array =>
  arrivalNs.some(Number.isNaN) ? arrivalNs.filter((timeNs) => !Number.isNaN(timeNs)) : arrivalNs
const scaled = (timesNs: Float64Array, by: number): Float64Array => timesNs.map((timeNs) => (timeNs - timesNs[0]) * by)

function untimed(first: Side, second: Side): ComparisonLine[] {
  const which = first.found.ratePerS === null ? (second.found.ratePerS === null ? 'neither' : 'the second') : 'the first'
  return [
    notCompared(
      'arrivals',
      `${which} trace has a rate${which === 'neither' ? '' : ' alone'}`,
      first.found.ratePerS,
      second.found.ratePerS,
    ),
  ]
}

function rateLine(first: Side, second: Side, minutes: Units, both: number, errors: (units: number) => number): ComparisonLine {
  const sums = new UnitSums(minutes, 1)
  for (let i = 0; i < first.timesNs.length; i++) sums.add(i, [1])
  // units are equally long: one less of them is less time too
  const relativeError = sums.error(([count]) => count) / first.timesNs.length
  return relativeLine('rate, 1/s', first.found.ratePerS, second.found.ratePerS, relativeError * both, errors(minutes.count))
}

function gapCvLine(first: Side, second: Side, minutes: Units, both: number, errors: (units: number) => number): ComparisonLine {
  const sums = new UnitSums(minutes, 3)
  for (let i = 1; i < first.timesNs.length; i++) {
    const gap = (first.timesNs[i] - first.timesNs[i - 1]) / NS_PER_S
    sums.add(i, [1, gap, gap * gap])
  }
  const error = sums.error(([n, gaps, squares]) => Math.log(NEARLY_NONE + Math.sqrt(Math.max(0, (n * squares) / gaps ** 2 - 1))))
  return relativeLine('gap CV', first.found.gapCv, second.found.gapCv, error * both, errors(minutes.count), NEARLY_NONE)
}

function dispersionLine(
  first: Side,
  second: Side,
  binS: (typeof DISPERSION_BINS_S)[number],
  mostUnits: number,
  both: number,
  errors: (units: number) => number,
): ComparisonLine {
  const statistic = `IDC ${binS} s`
  const counts = countsPerBin(first.timesNs, binS)
  if (Math.min(first.found.durationS, second.found.durationS) < FEWEST_BINS * binS)
    return notCompared(
      statistic,
      `a trace is shorter than ${FEWEST_BINS} times that`,
      first.found.idc[binS],
      second.found.idc[binS],
    )
  const units = parts(counts.length, mostUnits)
  const sums = new UnitSums(units, 3)
  counts.forEach((count, bin) => {
    sums.add(bin, [1, count, count * count])
  })
  const error = sums.error(([n, sum, squares]) => Math.log(NEARLY_NONE + Math.max(0, squares / sum - sum / n)))
  return relativeLine(statistic, first.found.idc[binS], second.found.idc[binS], error * both, errors(units.count), NEARLY_NONE)
}

/** The gap before each arrival, over the mean gap; the first has none and gets 0, to keep the rows. */
function gapsOverMean(timesNs: Float64Array): Float64Array {
  const mean = (timesNs[timesNs.length - 1] - timesNs[0]) / (timesNs.length - 1)
  return timesNs.map((timeNs, i) => (i === 0 ? 0 : (timeNs - timesNs[i - 1]) / mean))
}
