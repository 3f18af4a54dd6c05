/** How long the runs of an experiment last, and how the capacity of an arm is sought: the same for a comparison and for a single run. */
import { UserError } from '../errors.js'
import type { ArmSpec } from '../levers/lever.js'
import type { LoadPlan } from '../scenario/plan.js'
import type { ClusterConfig } from '../simulator/config.js'
import { recordedRatePerS, splitInTime } from '../traces/load.js'
import { hasSessions, sessionShape, startAtOnce, unitsOf } from '../traces/sessions.js'
import type { Workload } from '../traces/workload.js'
import { NS_PER_S } from '../units.js'
import type { Job } from './job.js'
import type { TuningRound } from './tune.js'

/** Mean E2E for which traffic goes on after a window at least, and the least that a window lasts. */
export const TAIL = 2
const FEWEST_E2E = 8
/** Requests in flight for each rank that decodes, in the probe that finds how long a request lives; requests it measures, for each. */
const PROBE_IN_FLIGHT = 16
const PROBE_REQUESTS = 48
const FEWEST_PROBED = 400

export type Effort = 'quick' | 'normal'

/** Requests of one run are held within these, whatever the mean E2E says: statistics below, wall time above. */
interface Requests {
  readonly least: number
  readonly most: number
}

export interface EffortPlan {
  readonly tuning: readonly TuningRound[]
  /**
   * Runs of a search for a capacity: lengths in mean E2E. Their least number of requests is higher than that of other runs, since a queue needs time
   * to grow. Against what is found over 35,000 requests (one engine) or 140,000 (a rack): 1,000 requests of one engine promise 17 % too much, 10,000
   * 2 %; 15 mean E2E of a rack 1.8 %, 30 0.3 %.
   */
  readonly capacity: {
    readonly warmup: number
    readonly measure: number
    readonly replicates: number
    readonly requests: Requests
    /**
     * Draws of the training part over which the capacity of static, of which loads are fractions, is a mean, where one engine decodes; fewer where more
     * do: the search on n engines has the deviation of a mean of n searches on one (6 to 9 % on one, 1.5 % on 18). Default: 1 always.
     */
    readonly draws?: number
  }
  /** Length of a replicate, in mean E2E. */
  readonly measure: number
  /** Mean E2E before the window of a replicate, where the scenario names none and answers are not far longer than the mean, see `stretchOf`. */
  readonly warmup: number
  /** Share of those under way in the long run who may be missing when a window begins. */
  readonly missing: number
  /** Share of those under way at the end of a window who may still be inside when traffic ends. Absent (the claim): it goes on for `TAIL`, however long answers are. */
  readonly left?: number
  readonly requests: Requests
}

export const EFFORTS: Record<Effort, EffortPlan> = {
  quick: {
    tuning: [
      { keep: 1000, warmup: 2, measure: 2 },
      { keep: 6, warmup: 4, measure: 10 },
    ],
    capacity: { warmup: 4, measure: 8, replicates: 4, requests: { least: 4000, most: 30_000 }, draws: 4 },
    measure: 30,
    warmup: 10,
    missing: 0.02,
    left: 0.02,
    requests: { least: 500, most: 30_000 },
  },
  normal: {
    tuning: [
      { keep: 1000, warmup: 2, measure: 4 },
      { keep: 16, warmup: 5, measure: 12 },
      { keep: 4, warmup: 8, measure: 30 },
    ],
    capacity: { warmup: 6, measure: 30, replicates: 5, requests: { least: 10_000, most: 150_000 }, draws: 8 },
    measure: 40,
    warmup: 10,
    // with 2 % missing a gain of 10.0 % read 12.3 in the one case looked at (docs/SEMANTICS.md, warm-up)
    missing: 0.005,
    left: 0.005,
    requests: { least: 1000, most: 150_000 },
  },
}

/** The lengths of an effort, scaled such that a replicate is `measure` mean E2E long: longer ones may hold more requests alike. */
export function withMeasure(effort: EffortPlan, measure: number | null): EffortPlan {
  if (measure === null) return effort
  const factor = measure / effort.measure
  const requests = ({ least, most }: Requests): Requests => ({ least, most: Math.round(most * Math.max(1, factor)) })
  const { capacity } = effort
  return {
    ...effort,
    tuning: effort.tuning.map((round) => ({ ...round, measure: factor * round.measure })),
    capacity: { ...capacity, measure: factor * capacity.measure, requests: requests(capacity.requests) },
    measure,
    requests: requests(effort.requests),
  }
}

/** Requests that live on the engines of a cluster decode on these ranks. */
export const decodingRanks = ({ engines }: ClusterConfig): number =>
  engines.reduce((sum, { role, ranks }) => sum + (role === 'prefill' ? 0 : ranks), 0)

/** Searches for the capacity of static: where the load is no fraction of it nothing but where other searches begin hangs on it, and one is enough. */
export const loadSearches = (
  { engines }: ClusterConfig,
  { capacity: { draws = 1 } }: EffortPlan,
  { fraction }: LoadPlan,
): number => (fraction === null ? 1 : Math.ceil(draws / engines.filter(({ role }) => role !== 'prefill').length))

/** A closed loop on the training part that tells how long a request lives and about how many are served a second. */
export function probeJob(arm: ArmSpec, config: ClusterConfig, concurrency: number | null): Job {
  const ranks = decodingRanks(config)
  return {
    kind: 'closed',
    arm,
    draw: { part: 'train', mode: 'draw', replicate: 0 },
    concurrency: concurrency ?? ranks * PROBE_IN_FLIGHT,
    // of an open load: more are sent at once than a short queue would take
    admitsAll: concurrency === null,
    warmupRequests: ranks * PROBE_IN_FLIGHT,
    requests: Math.max(FEWEST_PROBED, ranks * PROBE_REQUESTS),
    tail: TAIL,
    keep: 'summary',
  }
}

/** What a rate counts in a part, and how long it is there. */
export interface ArrivalShape {
  readonly are: 'requests' | 'sessions'
  /** Requests of one arrival. */
  readonly requests: number
  /** Arrivals per second as recorded; null where all begin at one time. */
  readonly recordedPerS: number | null
  /** Mean time from the first sending of an arrival to its last token when a request takes `e2eS`. */
  lifeS(e2eS: number): number
  /** What warm-ups and windows are counted in: the mean E2E of a request, of sessions a quarter of the mean time that one takes. */
  unitS(e2eS: number): number
  /** Units after which an empty system holds all but a share of those it will, see `fillLives`; 0 of sessions, which are under way from the beginning. */
  fillUnits(missing: number): number
}

/**
 * Mean lives after which a system that began empty holds all but a share of those who are under way in the long run, if a life goes with the answer: with
 * arrivals at a constant rate E[(L - t)+] / E[L] of them are not there yet at time t (the M/G/infinity queue). Answers of one length: 1 - missing. A few that
 * are far longer than the rest take far more: after 6 mean lives 15 % are missing of a reasoning trace, those who decode on the longest contexts.
 */
export function fillLives(osl: Int32Array, missing: number): number {
  const longestFirst = osl.slice().sort().reverse()
  const sum = longestFirst.reduce((total, tokens) => total + tokens, 0)
  let above = 0
  for (let k = 1; k <= longestFirst.length; k++) {
    above += longestFirst[k - 1]
    const t = (above - missing * sum) / k
    if (t >= (longestFirst[k] ?? 0)) return Math.max(0, (t * longestFirst.length) / sum)
  }
  return 0
}

/** Times as long as an effort says that warm-ups of open runs, and of closed loops, last: until the system is full where answers are of very unequal lengths. */
export const stretchOf = ({ warmup, missing }: EffortPlan, { fillUnits }: ArrivalShape): number =>
  Math.max(1, fillUnits(missing) / warmup)

/** Mean lives (closed loop: requests of each place) for which traffic goes on after a window: in the long run as many leave in any time as come to their number in it. */
export const tailOf = ({ left }: EffortPlan, { fillUnits }: ArrivalShape): number =>
  left === undefined ? TAIL : Math.max(TAIL, fillUnits(left))

/** Sessions are under way from the beginning; a warm-up of some units fills engines and caches, a window sees whole sessions too. */
const UNITS_OF_SESSION = 4

/** `others`: parts on which runs are made as well; the warm-up is long enough for all. */
export function arrivalShape(part: Workload, others: readonly Workload[] = []): ArrivalShape {
  const units = unitsOf(part)
  const first = (unit: number) => part.arrivalNs[units.rows[units.offset[unit]]]
  const spanNs = first(units.count - 1) - first(0)
  const meanPerS = () => (units.areSessions ? (units.count - 1) / (spanNs / NS_PER_S) : recordedRatePerS(part))
  const recordedPerS = spanNs > 0 ? meanPerS() : null
  if (!units.areSessions) {
    // sorting millions of lengths takes a while, and every run is sized by the same
    const parts = [...new Set([part, ...others])]
    const known = new Map<number, number>()
    const fillUnits = (missing: number): number => {
      const found = known.get(missing) ?? Math.max(...parts.map(({ osl }) => fillLives(osl, missing)))
      known.set(missing, found)
      return found
    }
    return { are: 'requests', requests: 1, recordedPerS, fillUnits, lifeS: (e2eS) => e2eS, unitS: (e2eS) => e2eS }
  }
  const requests = part.count / units.count
  const waitS =
    (sessionShape(part, false)?.waitNs ?? new Float64Array(0)).reduce((sum, ns) => sum + ns, 0) / NS_PER_S / units.count
  let recordedS = 0
  for (let unit = 0; unit < units.count; unit++) {
    for (let at = units.offset[unit + 1] - 1; at >= units.offset[unit]; at--) {
      const apartNs = part.arrivalNs[units.rows[at]] - first(unit)
      if (Number.isNaN(apartNs)) continue
      recordedS += apartNs / NS_PER_S / units.count
      break
    }
  }
  // branches of a fork are counted one after the other: a bound where they run at once
  const lifeS = (e2eS: number) => waitS + recordedS + requests * e2eS
  return {
    are: 'sessions',
    requests,
    recordedPerS,
    fillUnits: () => 0,
    lifeS,
    unitS: (e2eS) => Math.max(e2eS, lifeS(e2eS) / UNITS_OF_SESSION),
  }
}

/** A window of `measure` units, stretched or cut so that it holds a sensible number of requests. Warm-up and tail are never cut. */
export function windowS(measure: number, unitS: number, requestsPerS: number, { least, most }: Requests): number {
  return Math.min(Math.max(measure * unitS, least / requestsPerS), Math.max(most / requestsPerS, FEWEST_E2E * unitS))
}

/** Lengths of every run of a search for a capacity, from the mean E2E and a guess in requests per second. */
export function capacitySize(e2eS: number, requestsPerS: number, effort: EffortPlan, arrivals: ArrivalShape) {
  const { warmup, measure, requests } = effort.capacity
  const unitS = arrivals.unitS(e2eS)
  return {
    guessPerS: requestsPerS / arrivals.requests,
    warmupS: warmup * stretchOf(effort, arrivals) * unitS,
    measureS: windowS(measure, unitS, requestsPerS, requests),
    fewest: requests.least / arrivals.requests,
    tailS: TAIL * e2eS,
    e2eS,
  }
}

/** Fewest arrivals of a half of a trace that can be resampled. */
const FEWEST_ARRIVALS = 20

/** Share of a trace, in time, that is tuned on; the rest judges. */
const TRAIN_SHARE = 0.5

/**
 * A trace in the part that is tuned on and the part that judges. Throws UserError when one of them cannot stand for traffic; `what` is done with them.
 * A closed loop needs no times.
 */
export function halvesOf(
  workload: Workload,
  { method }: Pick<LoadPlan, 'method'>,
  what: string,
  hint: string,
): { readonly train: Workload; readonly test: Workload } {
  const parts = { train: splitInTime(workload, 0, TRAIN_SHARE), test: splitInTime(workload, TRAIN_SHARE, 1) }
  requireHalves(workload, [parts.train, parts.test], method === 'closed_loop', what, hint)
  return parts
}

function requireHalves(workload: Workload, halves: readonly Workload[], isClosed: boolean, what: string, hint: string): void {
  if (!isClosed && !hasSessions(workload) && startAtOnce(workload))
    throw new UserError({
      where: workload.provenance.name,
      message: `${what}; its ${workload.count.toLocaleString('en-US')} requests have no times, or one and the same`,
      hint: 'name the column of times (workload.read.columns.time), or use method closed_loop',
    })
  const shapes = halves.map((half) => arrivalShape(half))
  const enough = halves.every((half, i) => {
    const { are, requests, recordedPerS } = shapes[i]
    return half.count / requests >= FEWEST_ARRIVALS && (isClosed || are === 'sessions' || recordedPerS !== null)
  })
  if (enough) return
  const { are } = arrivalShape(workload)
  const counts = halves.map((half, i) => Math.round(half.count / shapes[i].requests))
  throw new UserError({
    where: workload.provenance.name,
    message: `${what}; of ${counts.reduce((sum, count) => sum + count, 0)} ${are} ${counts.join(' and ')} lie there, and each half needs ${FEWEST_ARRIVALS} or more${isClosed || are === 'sessions' ? '' : ' at different times'}`,
    hint,
  })
}
