/**
 * Where arms meet: the offered rate (a fraction of what the static arm can carry, or as stated), the concurrency that goes with it, and how long the
 * runs last. Found once, on the training part, with the static arm; every arm then gets the same.
 */
import { mean } from 'simple-statistics'
import { UserError } from '../errors.js'
import type { Executor } from '../executors/executor.js'
import { staticArm } from '../levers/catalogue.js'
import type { ArmSpec } from '../levers/lever.js'
import { percentWords } from '../scenario/describe.js'
import { type LoadPlan, USUAL_ATTAINMENT } from '../scenario/plan.js'
import { type ClusterConfig, longestTaken } from '../simulator/config.js'
import { hasSessions } from '../traces/sessions.js'
import type { Workload } from '../traces/workload.js'
import { LATEST_NS, sToNs } from '../units.js'
import { triedAt } from './capacity.js'
import { type Draw, FIRST_DRAW } from './draw.js'
import type { Experiment } from './experiment.js'
import type { CapacityJob, Job, JobContext, OpenJob, Outcome } from './job.js'
import { requireHeld } from './jobTraffic.js'
import {
  type ArrivalShape,
  arrivalShape,
  capacitySize,
  loadSearches,
  probeJob,
  stretchOf,
  TAIL,
  tailOf,
  windowS,
} from './sizing.js'
import type { TuningRound } from './tune.js'
import { type Shortfall, shortfall } from './unserved.js'

type Keep = 'summary' | 'picture'

export interface OperatingPoint {
  /** A fixed number of requests (or sessions) in flight, and no rate. */
  readonly closed: boolean
  readonly arrivals: ArrivalShape
  /** Arrivals (requests or sessions) per second that every arm is offered where it is judged; 0 in a closed loop. */
  readonly ratePerS: number
  /** Arrivals in flight: as stated in a closed loop, else what the static arm holds at the rate of the training part. */
  readonly concurrency: number
  /** Arrivals per second that the static arm carries within the SLO on the training part; null in a closed loop, or when it carries none. */
  readonly staticCapacity: number | null
  /** What warm-ups and windows of open runs are counted in, s. */
  readonly unitS: number
  /** Length of the window of a replicate of open traffic, s. */
  readonly replicateS: number
  /** Units before that window. */
  readonly warmup: number
  /** A run of a round of tuning at the comparison's own load. */
  tuning(arm: ArmSpec, draw: Draw, round: TuningRound): Job
  /** A run at `ratePerS`; by methods as_recorded and speed_up each part has the rate of its own record. */
  open(arm: ArmSpec, draw: Draw, warm: number, measure: number, keep?: Keep, tail?: number): Job
  /**
   * A run with `at` (default: `concurrency`) arrivals in flight; `warm` and `measure` in requests for each place. The warm-up is as long as open traffic
   * needs, where that is more. Traffic goes on for `tail` (default: `tailOf`).
   */
  closedLoop(arm: ArmSpec, draw: Draw, warm: number, measure: number, keep?: Keep, at?: number, tail?: number): Job
  /** A search for the largest rate within the SLO. */
  capacity(arm: ArmSpec, draw: Draw): Job
}

/** Units before the window of the run that tells how long a request lives. */
const PILOT_WARMUP = 5

const TRAIN: Draw = { part: 'train', mode: 'draw', replicate: 0 }

const tooRare = ({ method }: LoadPlan, ratePerS: number, { are }: ArrivalShape): UserError =>
  new UserError({
    where: 'workload.load',
    message: `at ${Number(ratePerS.toPrecision(3))} ${are}/s enough requests take longer than 104 days (2^53 ns), the longest time that is simulated`,
    hint:
      method === 'as_recorded'
        ? 'give a denser trace, or speed_up'
        : `ask for a larger ${method === 'speed_up' ? 'factor' : 'rate'}`,
  })

/** What a load is found with. */
interface LoadSearch extends Pick<Experiment, 'config' | 'context' | 'executor' | 'effort'> {
  readonly load: LoadPlan
  /** Whether the capacity of the static arm is wanted where the load does not depend on it. */
  readonly wantsCapacity: boolean
  /** Warm-up of the runs that judge, in units; null: as long as the effort says and the traffic needs. They are `effort.measure` long. */
  readonly warmup: number | null
  /** The file that the traffic is of: only of one can `workload.read` leave requests out. */
  readonly path: string | null
  readonly done?: (outcome: Outcome) => void
}

/** The load of a plan, and how long a request lives under it. */
interface FoundLoad extends Pick<OperatingPoint, 'arrivals' | 'ratePerS' | 'concurrency' | 'staticCapacity' | 'warmup'> {
  /** Mean E2E of the static arm at this load, s. */
  readonly e2eS: number
  open(arm: ArmSpec, draw: Draw, warm: number, measure: number, keep?: Keep, tail?: number): OpenJob
}

/** Jobs that `findLoad` takes: the probe and the pilot, of sessions one between, and the searches. */
export function loadJobs(search: Omit<LoadSearch, 'executor' | 'warmup' | 'path' | 'done'>): number {
  const { config, context, effort, load, wantsCapacity } = search
  if (load.method === 'closed_loop') return 1
  const searches = wantsCapacity || load.fraction !== null ? loadSearches(config, effort, load) : 0
  return searches + (hasSessions(context.parts.train) ? 3 : 2)
}

/** The load at which arms are compared, or one is run. Throws as `findOperatingPoint` does. */
export async function findLoad(search: LoadSearch): Promise<FoundLoad> {
  const { config, context, executor, effort, load, wantsCapacity, path, done } = search
  // the lengths tell before anything is run
  if (load.fraction !== null) refuseTooLong(context, config, path)
  const closed = load.method === 'closed_loop'
  const arm = staticArm(config.engines)
  const run = async (job: Job): Promise<Outcome> => (await executor.run([job], done))[0]

  const probe = await run(probeJob(arm, config, closed ? load.concurrency : null))
  let e2eS = meanE2eS(probe) ?? 1
  const arrivals = arrivalShape(context.parts.train, Object.values(context.parts))
  const { recordedPerS } = arrivals
  const warmup = search.warmup ?? effort.warmup * stretchOf(effort, arrivals)
  // of methods that keep the record; a rate from another part would thin it, or double it
  const times = load.method === 'as_recorded' ? 1 : load.method === 'speed_up' ? (load.speedUp ?? 1) : null
  const parts = Object.entries(context.parts) as [Draw['part'], Workload][]
  const recorded = new Map(times === null ? [] : parts.map(([name, part]) => [name, arrivalShape(part).recordedPerS]))
  if ([...recorded.values()].includes(null))
    throw new UserError({
      where: context.parts.train.provenance.name,
      message: `its sessions all begin at the same time, so method ${load.method} gives no rate`,
      hint: 'use method closed_loop, or superpose with rate_per_s (sessions per second)',
    })
  const fullTail = tailOf(effort, arrivals)
  const openJob = (
    ratePerS: number,
    arm: ArmSpec,
    draw: Draw,
    warm: number,
    measure: number,
    keep: Keep,
    tail: number,
  ): OpenJob => {
    const warmupS = warm * arrivals.unitS(e2eS)
    const measureS = windowS(measure, arrivals.unitS(e2eS), ratePerS * arrivals.requests, effort.requests)
    const tailS = tail * e2eS
    if (!(sToNs(warmupS + measureS + tailS) < LATEST_NS)) throw tooRare(load, ratePerS, arrivals)
    return { kind: 'open', arm, draw, ratePerS, warmupS, measureS, tailS, e2eS, keep }
  }
  const open: FoundLoad['open'] = (one, draw, warm, measure, keep = 'summary', tail = fullTail) =>
    openJob(ratePerSOf(draw.part), one, draw, warm, measure, keep, tail)
  const pilotAt = (ratePerS: number, measure: number): OpenJob =>
    openJob(ratePerS, arm, { ...TRAIN, replicate: 1 }, PILOT_WARMUP * stretchOf(effort, arrivals), measure, 'summary', fullTail)
  const guess = probe.summary?.request_s ?? (recordedPerS ?? 1) * arrivals.requests
  // By the E2E of a loop far beyond capacity more sessions would be under way at the beginning than there ever are at a load that is served. So it is
  // asked again at half of what the loop served, beginning as if answers came at once: too few are made up for sooner than a queue is worked off.
  if (!closed && arrivals.are === 'sessions')
    e2eS = meanE2eS(await run({ ...pilotAt(guess / 2 / arrivals.requests, 15), e2eS: 0 })) ?? e2eS
  let statedPerS = load.ratePerS ?? 0
  const ratePerSOf = (part: Draw['part']): number => (times === null ? statedPerS : times * (recorded.get(part) ?? 0))
  // what runs are sized by until the pilot has told how long a request lives at this load
  const searchE2eS = e2eS
  let concurrency = load.concurrency ?? 1
  const flyPilot = async (): Promise<void> => {
    // as long as what it stands for: what is in flight on average hangs on the bursts that a window holds
    const pilot = await run(pilotAt(ratePerSOf('train'), effort.measure))
    e2eS = meanE2eS(pilot) ?? e2eS
    // of sessions the number under way at once: rate x life
    const inFlight = arrivals.are === 'sessions' ? ratePerSOf('train') * arrivals.lifeS(e2eS) : pilot.meanInside
    concurrency = Math.max(1, Math.round(inFlight))
    requireHeld(context, open(arm, FIRST_DRAW, warmup, effort.measure))
  }
  // a rate at which nothing can be measured is refused before the long search
  if (!closed && load.fraction === null) await flyPilot()
  let jobs: CapacityJob[] = []
  let searches: Outcome[] = []
  if (!closed && (wantsCapacity || load.fraction !== null)) {
    const size = capacitySize(searchE2eS, guess, effort, arrivals)
    const draws = Array.from({ length: loadSearches(config, effort, load) }, (_, replicate) => ({ ...TRAIN, replicate }))
    jobs = draws.map((draw) => ({ kind: 'capacity', arm, draw, ...size }))
    searches = await executor.run(jobs, done)
  }
  const found = searches.map(({ capacityPerS }) => capacityPerS).filter((perS) => perS !== null)
  const staticCapacity = found.length > 0 && found.length === searches.length ? mean(found) : null
  if (load.fraction !== null)
    statedPerS = load.fraction * (staticCapacity ?? (await refuseFraction(jobs, searches, search, arrivals)))
  if (!closed && load.fraction !== null) await flyPilot()
  return {
    arrivals,
    ratePerS: ratePerSOf('test'),
    concurrency,
    staticCapacity,
    e2eS,
    warmup,
    open,
  }
}

/** Throws UserError when the load of the plan means nothing on this trace, or the static arm has no capacity to take a fraction of. */
export async function findOperatingPoint(experiment: Experiment): Promise<OperatingPoint> {
  const { plan, effort } = experiment
  const { load, path } = plan.workload
  const closed = load.method === 'closed_loop'
  const search = { ...experiment, load, wantsCapacity: true, warmup: plan.experiment.warmup, path }
  experiment.stage('capacity of static', loadJobs(search))
  const found = await findLoad(search)
  const { arrivals, ratePerS, concurrency, staticCapacity, e2eS, warmup, open } = found
  const stretch = stretchOf(effort, arrivals)
  const mostBeside = effort.requests.most * stretch
  const closedLoop: OperatingPoint['closedLoop'] = (
    arm,
    draw,
    warm,
    measure,
    keep = 'summary',
    at = concurrency,
    tail = Math.max(TAIL, Math.min(tailOf(effort, arrivals), mostBeside / (at * arrivals.requests))),
  ) => ({
    kind: 'closed',
    arm,
    draw,
    concurrency: at,
    // a limit of the plan is one for its own load; more may be in flight here
    queuesAll: !closed || at > concurrency,
    tail,
    keep,
    warmupRequests: Math.ceil(
      Math.min(Math.max(1, warm, arrivals.fillUnits(effort.missing)) * at * arrivals.requests, mostBeside),
    ),
    requests: Math.min(Math.max(effort.requests.least, Math.ceil(measure * at * arrivals.requests)), effort.requests.most),
  })
  return {
    closed,
    arrivals,
    ratePerS,
    concurrency,
    staticCapacity,
    unitS: arrivals.unitS(e2eS),
    replicateS: windowS(effort.measure, arrivals.unitS(e2eS), ratePerS * arrivals.requests, effort.requests),
    warmup,
    tuning: (arm, draw, round) => {
      const warm = round.warmup * stretch
      // settings are told apart by their median speed, which the tail hardly moves
      return closed
        ? closedLoop(arm, draw, warm, round.measure, 'summary', concurrency, TAIL)
        : open(arm, draw, warm, round.measure, 'summary', TAIL)
    },
    open,
    closedLoop,
    capacity: (arm, draw) => ({
      kind: 'capacity',
      arm,
      draw,
      ...capacitySize(e2eS, (staticCapacity ?? ratePerS) * arrivals.requests, effort, arrivals),
    }),
  }
}

const meanE2eS = ({ summary }: Outcome): number | null => {
  const ms = summary?.metrics.e2e_ms.mean ?? null
  return ms === null ? null : ms / 1e3
}

/** Throws UserError where so many requests are longer than the engines take that the SLO is met at no load. */
function refuseTooLong({ parts, slo }: JobContext, { engines }: ClusterConfig, path: string | null): void {
  const part = parts.train
  const { attainment = USUAL_ATTAINMENT } = slo
  const { whole, prompt } = longestTaken(engines)
  const tooLong = part.isl.reduce((sum, isl, row) => sum + (isl + part.osl[row] > whole || isl > prompt ? 1 : 0), 0) / part.count
  if (tooLong <= 1 - attainment) return
  const leaveOut = path === null ? '' : ', leave such requests out with workload.read.context_limit'
  throw new UserError({
    where: 'workload.load.fraction',
    message: `${(100 * tooLong).toFixed(0)} % of the requests are longer than the engines take (${Math.min(whole, prompt)} tokens), so the SLO, which ${percentWords(attainment)} must meet, is met at no load`,
    hint: `raise max_model_len${leaveOut}, or state rate_per_s`,
  })
}

/** Says why the static arm has no capacity: one draw without is enough, since a mean over the others would be one of chosen draws. */
async function refuseFraction(
  jobs: readonly CapacityJob[],
  searches: readonly Outcome[],
  { context, executor }: Pick<LoadSearch, 'context' | 'executor'>,
  { are }: ArrivalShape,
): Promise<never> {
  const unserved = searches.filter(({ capacityPerS, isUnbounded }) => capacityPerS === null && !isUnbounded).length
  const isUnbounded = unserved === 0
  const lacking = isUnbounded ? searches.filter((outcome) => outcome.isUnbounded).length : unserved
  const draws = lacking < searches.length ? ` on ${lacking} of ${searches.length} draws of the traffic` : ''
  if (isUnbounded)
    throw new UserError({
      where: 'workload.load.fraction',
      message: `the static arm meets the SLO at every load tried${draws}, so a fraction of its capacity means nothing`,
      hint: 'tighten slo.interactive, or state rate_per_s',
    })
  const at = searches.findIndex(({ lowestPerS }) => lowestPerS !== undefined)
  const why = at < 0 ? null : await shortfallAt(triedAt(jobs[at], searches[at].lowestPerS as number), context, executor, are)
  throw new UserError({
    where: 'workload.load.fraction',
    message: `the static arm meets the SLO at no load${draws}, so a fraction of its capacity means nothing${why === null ? '' : `: ${why.says}`}`,
    hint: why?.hint ?? 'loosen slo.interactive, give more or wider engines, or state rate_per_s',
  })
}

/** A search ends a run as soon as it is lost: this one is whole. */
async function shortfallAt(
  tried: Omit<OpenJob, 'keep'>,
  context: JobContext,
  executor: Executor,
  are: ArrivalShape['are'],
): Promise<Shortfall | null> {
  const [{ summary, picture }] = await executor.run([{ ...tried, keep: 'picture' }])
  return shortfall(context.slo, { summary, picture, rate: `${Number(tried.ratePerS.toPrecision(2))} ${are}/s` })
}
