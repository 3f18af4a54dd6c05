/** Is the system keeping up? A mean over a growing queue means nothing, so every row carries this verdict. */
import type { ClusterConfig, MeasureWindow } from '../simulator/config.js'
import { NS_PER_S } from '../units.js'
import { fullestKvUse } from './kvUse.js'
import { createPresence, type Presence } from './presence.js'
import { COMPLETED, IN_TRANSFER, QUEUED, type Records, RUNNING, type StepStatistics, UNSERVABLE } from './records.js'
import type { SaturationVerdict } from './summary.js'

/** Whether a label says that a queue grew or was long in being served: what was not judged says neither. */
export const fallsBehind = (label: string): boolean => label === 'backlogged' || label === 'overloaded'

/**
 * Growth of the number in the system while requests arrive, as a share of those arrivals: 1 - 1 / rho of a single queue, so 0.04 and 0.10
 * stand for loads of 1.04 and 1.11 times what can be served. Thresholds of our own choice.
 */
const BACKLOGGED = 0.04
const OVERLOADED = 0.1
/** Growth up to this many square roots of the arrivals may be chance: the deviation of a Poisson count, three times. Of 5,600 arrivals that is BACKLOGGED. */
const NOISE_DEVIATIONS = 3
/** A window with fewer arrivals than this cannot tell a trend from noise. */
export const FEWEST_ARRIVALS = 20
/**
 * A drain is long beyond this many E2E of those met inside in the first third, and this share of the time in which requests arrived. Of those met:
 * where a few answers are much longer than the rest, they are what is left at the end, at any load.
 */
const LONG_DRAIN_LIVES = 3
const LONG_DRAIN_SHARE = 0.2
/** Requests that come within this share of the run came at once: there is no time over which a number inside could grow. */
const AT_ONCE_SHARE = 1e-3
/** So do they where less than this share of them came after the beginning. Of our own choice. */
const LATER_SHARE = 0.1
/** Where this share of the time that requests are served went by in waits, nobody calls the wait short. Of our own choice. */
const SHORT_WAIT = 0.1
/** From this share of all places on, whoever waits does so for a place: ranks are never full to the last one all the time. Of our own choice. */
const FULL_SHARE = 0.9
/** The drain lasts until this share of the requests have left: the one longest answer is no sign of a queue. */
const DRAINED = 0.99

interface Period {
  readonly fromNs: number
  readonly toNs: number
}

/** Gathers what the verdict needs from records as they come; memory does not grow with them. */
export interface Saturation {
  add(records: Records): void
  verdict(statistics: StepStatistics, endNs: number): SaturationVerdict
}

export function createSaturation(
  window: MeasureWindow,
  { frontendNs, engines }: Pick<ClusterConfig, 'frontendNs' | 'engines'>,
): Saturation {
  const presence = createPresence()
  /** Of those that have a place on an engine: from the first chunk on. */
  const placed = createPresence()
  const places = engines.reduce((sum, { ranks, maxNumSeqs }) => sum + ranks * maxNumSeqs, 0)
  let arrivals = 0
  let lost = 0
  let tooLong = 0
  let inside = 0
  let firstNs = Number.POSITIVE_INFINITY
  let lastNs = Number.NEGATIVE_INFINITY
  /** Of the queue without the frontend, which takes its time at any load. */
  const phaseNs = new Float64Array(6)
  const add = (records: Records): void => {
    const { arrivalNs: arrivalsNs, endNs, fate: fates, phaseNs: phasesNs } = records
    let earliestNs = firstNs
    let latestNs = lastNs
    for (let row = 0; row < records.count; row++) {
      const arrivalNs = arrivalsNs[row]
      if (arrivalNs < earliestNs) earliestNs = arrivalNs
      if (arrivalNs > latestNs) latestNs = arrivalNs
      const fate = fates[row]
      const isInWindow = arrivalNs >= window.fromNs && arrivalNs < window.toNs
      presence.add(arrivalNs, endNs[row], fate === COMPLETED, isInWindow)
      if (fate === COMPLETED || fate === RUNNING) placed.add(arrivalNs + phasesNs[0][row], endNs[row], false, false)
      if (!isInWindow) continue
      arrivals++
      if (fate === QUEUED || fate === IN_TRANSFER || fate === RUNNING) inside++
      else if (fate === UNSERVABLE) tooLong++
      else if (fate !== COMPLETED) lost++
      phaseNs[0] += Math.max(0, phasesNs[0][row] - frontendNs)
      for (let phase = 1; phase < 5; phase++) phaseNs[phase] += phasesNs[phase][row]
    }
    firstNs = earliestNs
    lastNs = latestNs
  }
  const verdict = (statistics: StepStatistics, endNs: number): SaturationVerdict => {
    const [queueNs, prefillNs, transferNs, decodeWaitNs, decodeNs] = phaseNs
    // what follows the last arrival is the drain, in which every system empties
    const period = { fromNs: Math.max(window.fromNs, Math.min(firstNs, endNs)), toNs: Math.min(window.toNs, endNs, lastNs) }
    const areMany = arrivals >= FEWEST_ARRIVALS
    const isSpread = areMany && lastNs - firstNs > AT_ONCE_SHARE * (endNs - firstNs) && period.toNs > period.fromNs
    const early = firstThird(period)
    const lifeNs = isSpread ? presence.meanLifeNs(early.fromNs, early.toNs) : 0
    const seen = isSpread ? growthOver(presence, window.fromNs <= firstNs ? warmedUp(period, lifeNs) : period) : NO_TREND
    const judged = isSpread && seen.arrivals >= LATER_SHARE * arrivals
    const cameAtOnce = areMany && !judged
    const trend = judged ? seen : NO_TREND
    const metLifeNs = judged ? presence.metLifeNs(early.fromNs, early.toNs) : 0
    const drainNs = judged ? Math.max(0, presence.leftShare(DRAINED, endNs) - period.toNs) : 0
    const isLongDrain = drainNs > LONG_DRAIN_LIVES * metLifeNs && drainNs > LONG_DRAIN_SHARE * (period.toNs - period.fromNs)
    const growth = mayBeChance(trend) ? 0 : trend.growth / trend.arrivals
    const waitNs = queueNs + decodeWaitNs
    const servedNs = prefillNs + decodeNs
    const isLongWait = waitNs > 0 && waitNs >= SHORT_WAIT * servedNs
    const isOverloaded = growth > OVERLOADED || lost > 0.05 * arrivals
    const isBacklogged = growth > BACKLOGGED || isLongDrain || (cameAtOnce && isLongWait)
    const steady = judged || cameAtOnce ? 'stable' : 'not judged'
    const label = isOverloaded ? 'overloaded' : isBacklogged ? 'backlogged' : steady
    const hasPools = transferNs + decodeWaitNs > 0
    const kvUse = fullestKvUse(statistics) ?? 0
    const areTaken = (fromNs: number, toNs: number): boolean =>
      placed.insideNs(fromNs, toNs) > FULL_SHARE * places * (toNs - fromNs)
    // of those that came at once the first half, before places are left empty
    const hasFullBatches = cameAtOnce ? areTaken(firstNs, presence.leftShare(0.5, endNs)) : areTaken(early.toNs, period.toNs)
    const isFull = kvUse > 0.9 || statistics.preemptions > 0.02 * arrivals
    // with pools the longer wait tells which one is short; without, whether batches are full, then what a request spends its time on
    const inPools = decodeWaitNs > queueNs ? 'decode_slots' : 'prefill'
    const together = hasFullBatches ? 'decode_slots' : prefillNs > decodeNs ? 'prefill' : 'time'
    const slowest = hasPools ? inPools : together
    const binding = !fallsBehind(label) && !isLongWait ? 'none' : isFull ? 'kv_memory' : slowest
    const atOnceText = (): string => {
      const last = inside === 0 ? 'the last left' : `${inside.toLocaleString('en-US')} were still inside`
      return `${isSpread ? 'nearly all' : 'all'} ${arrivals.toLocaleString('en-US')} requests arrived at once: ${last} after ${seconds(endNs - firstNs)} s, and the mean wait was ${seconds(waitNs / arrivals)} s`
    }
    const signals = [
      cameAtOnce ? atOnceText() : trendText(trend),
      `${lost} turned away`,
      ...(tooLong > 0 ? [`${tooLong} longer than the engines take, at any load`] : []),
      ...(isLongDrain ? [`serving went on for ${seconds(drainNs)} s after the last arrival`] : []),
      `KV of the fullest rank ${(kvUse * 100).toFixed(0)} % used`,
    ]
    return { label, reason: signals.join('; '), binding }
  }
  return { add, verdict }
}

interface Trend extends Period {
  /** Requests by which the number in the system grew from the beginning of the period to its end. */
  readonly growth: number
  /** Requests that arrived in the period. */
  readonly arrivals: number
}
const NO_TREND: Trend = { fromNs: 0, toNs: 0, growth: 0, arrivals: 0 }

const mayBeChance = ({ growth, arrivals }: Trend): boolean => growth <= NOISE_DEVIATIONS * Math.sqrt(arrivals)

/** The means over the first and the last third lie two thirds of the period apart: half as much again is the growth over all of it. */
function growthOver(presence: Presence, period: Period): Trend {
  const { fromNs, toNs } = period
  const third = (toNs - fromNs) / 3
  const early = presence.insideNs(fromNs, fromNs + third)
  const late = presence.insideNs(toNs - third, toNs)
  return { ...period, growth: (1.5 * (late - early)) / third, arrivals: Math.round(presence.arrivals(fromNs, toNs)) }
}

/** A run that begins empty fills up for one mean E2E at any load; that is no trend. At most a third of the period is left out. */
const warmedUp = ({ fromNs, toNs }: Period, lifeNs: number): Period => ({
  fromNs: fromNs + Math.min(lifeNs, (toNs - fromNs) / 3),
  toNs,
})

const firstThird = ({ fromNs, toNs }: Period): Period => ({ fromNs, toNs: fromNs + (toNs - fromNs) / 3 })

const seconds = (ns: number): string =>
  (ns / NS_PER_S).toLocaleString('en-US', { minimumFractionDigits: 1, maximumFractionDigits: 1 })

function trendText(trend: Trend): string {
  const { growth, arrivals, fromNs, toNs } = trend
  if (arrivals === 0) return `too few arrivals to tell a trend: at least ${FEWEST_ARRIVALS} at different times are due`
  const share = ((Math.abs(growth) / arrivals) * 100).toFixed(1)
  // counted in bins of time
  const about = Number(arrivals.toPrecision(3)).toLocaleString('en-US')
  const doubt = growth > BACKLOGGED * arrivals && mayBeChance(trend) ? ', which may be chance' : ''
  return `requests inside ${growth < 0 ? 'shrank' : 'grew'} by ${share} % of about ${about} arrivals over ${seconds(toNs - fromNs)} s${doubt}`
}
