/**
 * The comparison: capacity of the static arm on the training part, tuning of every family at the offered load, then all arms on the
 * same replicates of the test part, in three readings. Reading order: compare, then rows.ts and pictures.ts.
 */

import { UserError } from '../errors.js'
import { createExecutor, type Executor } from '../executors/index.js'
import { createArm, STATIC_ARM } from '../levers/catalogue.js'
import type { ArmSpec } from '../levers/lever.js'
import type { Records } from '../metrics/records.js'
import type { Plan } from '../scenario/plan.js'
import type { ClusterConfig } from '../simulator/config.js'
import { traceHash } from '../traces/hash.js'
import { splitInTime } from '../traces/load.js'
import { idealHitRate, indexOfDispersion } from '../traces/statistics/index.js'
import type { Workload } from '../traces/workload.js'
import { armResult, evidenceNotes } from './armResult.js'
import type { Draw, Job, JobContext, Outcome } from './job.js'
import { dropOne, frontierOf, gainGrid, pictureOfArm } from './pictures.js'
import type { ComparisonResult, Evidence } from './result.js'
import { comparisonRows, type Readings } from './rows.js'
import { arrivalShape, capacitySize, EFFORTS, type Effort, probeJob, requireHalves, TAIL, windowS } from './sizing.js'
import { armOn, type Family, familyGrid, staticSetting, type Tuned, type TuningRound, tune } from './tune.js'

export interface CompareOptions {
  readonly plan: Plan
  readonly config: ClusterConfig
  readonly workload: Workload
  readonly evidence: Evidence
  readonly threads: number
  readonly effort?: Effort
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: CompareProgress) => void
}

export interface CompareProgress {
  readonly stage: string
  readonly done: number
  readonly total: number
  readonly simulatedS: number
}

export interface CompareOutput {
  readonly result: ComparisonResult
  /** All requests of the first replicate at fixed load (closed loop: at fixed concurrency), per arm. */
  readonly records: readonly { readonly arm: string; readonly records: Records }[]
}

/** Share of the trace, in time, that is tuned on; the rest judges. */
const TRAIN_SHARE = 0.5

export async function compare(options: CompareOptions): Promise<CompareOutput> {
  const { plan, config, workload, signal } = options
  // a policy that does not exist is a mistake to tell before any thread is started
  for (const arm of plan.arms) createArm(arm)
  const parts = { train: splitInTime(workload, 0, TRAIN_SHARE), test: splitInTime(workload, TRAIN_SHARE, 1) }
  requireHalves(
    workload,
    [parts.train, parts.test],
    "a comparison tunes on the first half of the trace's time and judges on the second",
    'use a longer trace, or `shapewise run` for a single simulation',
  )
  const { load } = plan.workload
  const context: JobContext = {
    config,
    parts,
    seed: plan.experiment.seed,
    slo: plan.slo.interactive,
    speedUp: load.method === 'speed_up' ? (load.speedUp ?? 1) : null,
  }
  const executor = createExecutor({ context, threads: options.threads, signal })
  try {
    return await compareWith(options, context, executor)
  } finally {
    await executor.close()
  }
}

async function compareWith(options: CompareOptions, context: JobContext, executor: Executor): Promise<CompareOutput> {
  const { plan, config, workload } = options
  const effort = EFFORTS[options.effort ?? 'normal']
  const staticArm = armOn(STATIC_ARM, config)
  const { load } = plan.workload
  const closed = load.method === 'closed_loop'
  const { replicates } = plan.experiment
  const warmup = plan.experiment.warmup
  const report = progressOf(options)

  // 1. How long a request lives, and what the static arm can carry, on the training part.
  report.stage('capacity of static', closed ? 1 : 3)
  const [probe] = await executor.run([probeJob(staticArm, config, closed ? load.concurrency : null)], report.done)
  const probeE2eS = (probe.summary?.metrics.e2e_ms.mean ?? 1000) / 1e3
  const arrivals = arrivalShape(context.parts.train)
  const recordedPerS = arrivals.recordedPerS
  if (recordedPerS === null && (load.method === 'as_recorded' || load.method === 'speed_up'))
    throw new UserError({
      where: workload.provenance.name,
      message: `its sessions all begin at the same time, so method ${load.method} gives no rate`,
      hint: 'use method closed_loop, or superpose with rate_per_s (sessions per second)',
    })
  let staticCapacity: number | null = null
  let ratePer = load.ratePerS ?? 0
  if (!closed) {
    const [outcome] = await executor.run(
      [
        {
          kind: 'capacity',
          arm: staticArm,
          draw: { part: 'train', mode: 'draw', replicate: 0 },
          ...capacitySize(probeE2eS, probe.summary?.request_s ?? (recordedPerS ?? 1) * arrivals.requests, effort, arrivals),
        },
      ],
      report.done,
    )
    staticCapacity = outcome.capacityPerS
    if (load.method === 'as_recorded') ratePer = recordedPerS ?? 0
    else if (load.method === 'speed_up') ratePer = (recordedPerS ?? 0) * (load.speedUp ?? 1)
    else if (load.fraction !== null) {
      if (staticCapacity === null)
        throw new UserError({
          where: 'workload.load.fraction',
          message: 'the static arm meets the SLO at no load, so a fraction of its capacity means nothing',
          hint: 'loosen slo.interactive, give more or wider engines, or state rate_per_s',
        })
      ratePer = load.fraction * staticCapacity
    }
  }

  // 2. Lengths of the runs, from a run of the static arm at the comparison's own load.
  let e2eS = probeE2eS
  const window = (measure: number) => windowS(measure, arrivals.unitS(e2eS), ratePer * arrivals.requests, effort)
  const openJob = (arm: ArmSpec, draw: Draw, warm: number, measure: number, keep: 'summary' | 'picture'): Job => ({
    kind: 'open',
    arm,
    draw,
    ratePerS: ratePer,
    warmupS: warm * arrivals.unitS(e2eS),
    measureS: window(measure),
    tailS: TAIL * e2eS,
    keep,
  })
  let concurrency = load.concurrency ?? 1
  if (!closed) {
    const pilotJob = openJob(staticArm, { part: 'train', mode: 'draw', replicate: 1 }, 5, 15, 'summary')
    const [pilot] = await executor.run([pilotJob], report.done)
    e2eS = (pilot.summary?.metrics.e2e_ms.mean ?? probeE2eS * 1e3) / 1e3
    // of sessions the number under way at once: rate x life
    const inFlight = arrivals.are === 'sessions' ? ratePer * arrivals.lifeS(e2eS) : pilot.meanInside
    concurrency = Math.max(1, Math.round(inFlight))
  }
  const closedJob = (
    arm: ArmSpec,
    draw: Draw,
    warm: number,
    measure: number,
    keep: 'summary' | 'picture',
    at = concurrency,
  ): Job => ({
    kind: 'closed',
    arm,
    draw,
    concurrency: at,
    keep,
    warmupRequests: Math.min(Math.ceil(Math.max(1, warm) * at * arrivals.requests), effort.requests.most),
    requests: Math.min(Math.max(effort.requests.least, Math.ceil(measure * at * arrivals.requests)), effort.requests.most),
  })
  const runAt = (arm: ArmSpec, draw: Draw, warm: number, measure: number, keep: 'summary' | 'picture' = 'summary'): Job =>
    closed ? closedJob(arm, draw, warm, measure, keep) : openJob(arm, draw, warm, measure, keep)

  // 3. Every family is tuned on the training part at this load, then frozen.
  const tuned = new Map<string, Tuned>()
  for (const family of ['tuned-static', 'tuned-size', 'shape-aware'] as Family[]) {
    const grid = familyGrid(family, config)
    report.stage(
      `tuning ${family}`,
      effort.tuning.reduce((sum, round) => sum + Math.min(round.keep, grid.length), 0),
    )
    const jobOf = (arm: ArmSpec, round: TuningRound) =>
      runAt(arm, { part: 'train', mode: 'draw', replicate: 2 }, round.warmup, round.measure)
    const incumbent = family === 'tuned-static' ? staticSetting(config) : undefined
    tuned.set(family, await tune({ executor, grid, rounds: effort.tuning, incumbent, jobOf, onDone: report.done }))
  }
  const arms: ArmSpec[] = [staticArm, ...[...tuned.values()].map((entry) => entry.arm), ...plan.arms]

  // 4. The same replicates of the test part for every arm.
  const jobs = replicateJobs()
  report.stage('replicates', jobs.length)
  const outcomes = await executor.run(
    jobs.map(({ job }) => job),
    report.done,
  )
  const readings: Readings = { fixedLoad: new Map(), mix: new Map(), fixedConcurrency: new Map(), capacity: new Map() }
  jobs.forEach(({ reading, job }, i) => {
    const byArm = readings[reading]
    byArm.set(job.arm.name, [...(byArm.get(job.arm.name) ?? []), outcomes[i]])
  })

  function replicateJobs(): { reading: keyof Readings; job: Job }[] {
    const all: { reading: keyof Readings; job: Job }[] = []
    for (let replicate = 0; replicate < replicates; replicate++)
      for (const arm of arms) {
        const keep = replicate === 0 ? 'picture' : 'summary'
        const draw: Draw = { part: 'test', mode: 'draw', replicate }
        if (!closed) {
          all.push({ reading: 'fixedLoad', job: openJob(arm, draw, warmup, effort.measure, keep) })
          all.push({ reading: 'mix', job: openJob(arm, { ...draw, mode: 'mix' }, warmup, effort.measure, 'summary') })
        }
        all.push({ reading: 'fixedConcurrency', job: closedJob(arm, draw, 3, 6, closed ? keep : 'summary') })
        if (!closed && replicate < effort.capacity.replicates)
          all.push({
            reading: 'capacity',
            job: {
              kind: 'capacity',
              arm,
              draw,
              ...capacitySize(e2eS, (staticCapacity ?? ratePer) * arrivals.requests, effort, arrivals),
            },
          })
      }
    return all
  }

  // 5. Pictures: the frontier, and the shape-aware arm with one lever put back at a time.
  const main = closed ? readings.fixedConcurrency : readings.fixedLoad
  const tunedStatic = tuned.get('tuned-static') as Tuned
  const shapeAware = tuned.get('shape-aware') as Tuned
  report.stage('pictures', arms.length * 4 + 4 * Math.min(4, replicates))
  const frontier = await frontierOf(
    executor,
    arms,
    concurrency,
    (arm, at) => closedJob(arm, { part: 'test', mode: 'draw', replicate: 0 }, 2, 3, 'summary', at),
    report.done,
  )
  const levers = await dropOne({
    executor,
    shapeAware: shapeAware.arm,
    tunedStatic: tunedStatic.arm,
    baseline: main.get('tuned-static') as Outcome[],
    jobOf: (arm, replicate) => runAt(arm, { part: 'test', mode: 'draw', replicate }, warmup, effort.measure),
    replicates: Math.min(4, replicates),
    onDone: report.done,
  })
  const pictured = arms.map((arm) => ({ arm, outcome: (main.get(arm.name) as Outcome[])[0] }))

  const result: ComparisonResult = {
    version: plan.version,
    plan_hash: plan.planHash,
    trace_hash: traceHash(workload),
    seed: plan.experiment.seed,
    evidence: options.evidence,
    arms: arms.map((arm) =>
      armResult(
        arm,
        tuned.get(arm.name)?.record ?? null,
        main.get(arm.name) as Outcome[],
        readings.capacity.get(arm.name) ?? [],
        closed ? null : ratePer,
      ),
    ),
    comparisons: comparisonRows(arms, readings, plan.experiment.seed, closed),
    load: {
      method: load.method,
      offered_rps: closed ? 0 : ratePer,
      concurrency,
      static_capacity_rps: staticCapacity,
      superposed_copies: pictured[0].outcome.copies,
      idc_before: indexOfDispersion(context.parts.test.arrivalNs, 1),
      idc_after: closed ? null : offeredDispersion(pictured[0].outcome),
      replicate_s: closed ? (pictured[0].outcome.summary?.window_s ?? 0) : window(effort.measure),
      warmup_s: closed ? 0 : warmup * arrivals.unitS(e2eS),
    },
    notes: [
      ...(arrivals.are === 'sessions'
        ? [
            `Rates and capacities count sessions, of ${arrivals.requests.toFixed(1)} requests in the mean; concurrency counts sessions under way.`,
          ]
        : []),
      ...evidenceNotes({
        plan,
        config,
        workload,
        closed,
        arms: pictured,
        hitRate: idealHitRate(workload),
        replicates,
        measure: effort.measure,
        lifeS: window(effort.measure) / effort.measure,
        ratePer,
        requests: effort.requests,
      }),
    ],
    pictures: {
      arms: pictured.map(({ arm, outcome }) => pictureOfArm(arm, outcome)),
      frontier,
      grid: gainGrid(pictured, 'tuned-static', 'shape-aware'),
      levers,
    },
  }
  return {
    result,
    records: pictured.flatMap(({ arm, outcome }) =>
      outcome.picture ? [{ arm: arm.name, records: outcome.picture.records }] : [],
    ),
  }
}

function offeredDispersion(outcome: Outcome): number | null {
  if (!outcome.picture) return null
  const { records } = outcome.picture
  return indexOfDispersion(records.arrivalNs.slice(0, records.count).sort(), 1)
}

function progressOf(options: CompareOptions) {
  let stage = ''
  let total = 0
  let done = 0
  let simulatedS = 0
  const tell = () => options.onProgress?.({ stage, done, total, simulatedS })
  return {
    stage(name: string, jobs: number) {
      stage = name
      total = jobs
      done = 0
      simulatedS = 0
      tell()
    },
    done: (outcome: Outcome) => {
      done++
      simulatedS += outcome.simulatedS
      tell()
    },
  }
}
