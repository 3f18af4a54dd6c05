/**
 * The comparison: capacity of the static arm on the training part, tuning of every family at the offered load, then all arms on the
 * same replicates of the test part, in three readings. Reading order: experiment.ts, this file, rows.ts and pictures.ts.
 */

import { staticArm } from '../levers/catalogue.js'
import type { ArmSpec } from '../levers/lever.js'
import { isOracleArm } from '../levers/oracles.js'
import type { Records } from '../metrics/records.js'
import { gpuRatesOf } from '../scenario/gpuRates.js'
import type { ClusterConfig } from '../simulator/config.js'
import { requestsPerArrival } from '../traces/load.js'
import { unitsOf } from '../traces/sessions.js'
import { idealHitRate, indexOfDispersion } from '../traces/statistics/index.js'
import type { Workload } from '../traces/workload.js'
import { armResult, evidenceNotes, type OfferedRate } from './armResult.js'
import { againFlag, inertNotes, untunedNotes } from './armText.js'
import { differing, factorialArms } from './attribution/arms.js'
import { type Attribution, attribute } from './attribution/attribute.js'
import { boundAsOracle, boundOutcomes, CLAIRVOYANT, clairvoyantBound } from './clairvoyant.js'
import { FIRST_DRAW } from './draw.js'
import { type Experiment, type ExperimentOptions, withExperiment } from './experiment.js'
import { FAMILIES, type Family } from './families.js'
import { identityOf } from './identity.js'
import type { Outcome } from './job.js'
import { openTraffic } from './jobTraffic.js'
import { METRICS } from './metrics.js'
import { findOperatingPoint, type OperatingPoint } from './operatingPoint.js'
import { type GapRow, gapRows, ORACLE_STATIC, oracleArms, oraclesOf, ownOracles } from './oracles.js'
import { frontierOf, gainGrid, pictureOfArm } from './pictures.js'
import { runReplicates } from './replicates.js'
import type { ComparisonResult, Reading, TuningRecord } from './result.js'
import { comparisonRows, ownReading, pairs, READINGS, type Readings } from './rows.js'
import { TAIL } from './sizing.js'
import { meanOf } from './statistics.js'
import { edgeNotes } from './tried.js'
import { type Tuned, tuneFamily } from './tune.js'

/** Replicates of the arms between tuned-static and shape-aware. */
const ATTRIBUTED = 4

export interface CompareOutput {
  readonly result: ComparisonResult
  /** All requests of the first replicate at fixed load (closed loop: at fixed concurrency), per arm. */
  readonly records: readonly { readonly arm: string; readonly records: Records }[]
}

export interface CompareOptions extends ExperimentOptions {
  /** Run oracle-static and the oracles that take long too. */
  readonly oracles?: boolean
}

/** Tunes the families on the first half of the trace and judges all arms on the second, paired by replicate. Starts `threads` threads and ends them; results do not depend on their number. Throws UserError, PolicyError, or what `signal` was aborted with. */
export const compare = (options: CompareOptions): Promise<CompareOutput> =>
  withExperiment(options, (experiment) => compareOn(experiment, options))

async function compareOn(experiment: Experiment, options: CompareOptions): Promise<CompareOutput> {
  const { plan, config, workload, effort, executor } = experiment
  const { replicates, seed } = plan.experiment
  const point = await findOperatingPoint(experiment)

  // every family is tuned on the training part at this load, then frozen
  const tuned = new Map<string, Tuned>()
  const families: readonly Family[] = options.oracles ? [...FAMILIES, 'oracle-static'] : FAMILIES
  for (const family of families) tuned.set(family, await tuneFamily(experiment, point, family))
  const armOf = (family: Family): ArmSpec => (tuned.get(family) as Tuned).arm
  const own = plan.arms.filter((arm) => !isOracleArm(arm))
  const arms: ArmSpec[] = [staticArm(config.engines), ...FAMILIES.map(armOf), ...own]
  const oracles = [
    ...(options.oracles ? [{ arm: armOf('oracle-static'), says: ORACLE_STATIC }] : []),
    ...oracleArms(armOf('shape-aware'), config, options.oracles ?? false),
    ...ownOracles(plan.arms),
  ]

  const readings = await runReplicates(experiment, point, arms, {
    replicates,
    readings: READINGS,
    pictured: arms.map(({ name }) => name),
  })
  const bounds = await runReplicates(
    experiment,
    point,
    oracles.map(({ arm }) => arm),
    { replicates, readings: ['fixedLoad', 'fixedConcurrency'], pictured: [], stage: 'oracles' },
  )
  const main = readings[ownReading(point.closed)]
  const outcomesOf = (name: string): Outcome[] => main.get(name) as Outcome[]
  const attribution = await attributeOwnLoad(experiment, point, armOf('tuned-static'), armOf('shape-aware'), outcomesOf)

  experiment.stage('frontier', arms.length * 4)
  const frontier = await frontierOf(
    executor,
    arms,
    point.concurrency,
    (arm, at) => point.closedLoop(arm, FIRST_DRAW, 2, 3, 'summary', at, TAIL),
    experiment.done,
  )
  const pictured = arms.map((arm) => ({ arm, outcome: outcomesOf(arm.name)[0] }))
  const bound = clairvoyantBound(config, experiment.context.parts.test)
  const gapsIn = (reading: Reading, key: keyof Readings): GapRow[] =>
    gapRows(
      reading,
      pairs(arms),
      oracles.map(({ arm }) => arm.name),
      (name) => readings[key].get(name) ?? bounds[key].get(name) ?? [],
      seed,
    )

  const offered = offeredRate(experiment, point)
  const armResults = arms.map((arm) =>
    armResult(
      arm,
      recordOf(tuned.get(arm.name), config),
      outcomesOf(arm.name),
      readings.capacity.get(arm.name) ?? [],
      offered,
      gpuRatesOf(plan),
    ),
  )
  const load = loadOf(experiment, point, pictured[0].outcome)
  const result: ComparisonResult = {
    ...identityOf(plan, workload, options.evidence),
    arms: armResults,
    comparisons: comparisonRows(arms, readings, seed, point.closed),
    attribution,
    oracles: [...oraclesOf(oracles), ...(bound === null || point.closed ? [] : [boundAsOracle(bound)])],
    gaps: [
      ...(point.closed ? [] : gapsIn('fixed_load', 'fixedLoad')),
      ...gapsIn('fixed_concurrency', 'fixedConcurrency'),
      ...(point.closed || bound === null
        ? []
        : gapRows(
            'capacity',
            pairs(arms),
            [CLAIRVOYANT],
            (name) => readings.capacity.get(name) ?? boundOutcomes(bound, replicates),
            seed,
          )),
    ],
    load,
    notes: [
      ...sessionNotes(point),
      ...tunedNotes(tuned.values(), config),
      ...untunedNotes(own, armOf('tuned-static'), config),
      ...inertNotes(own, config),
      ...evidenceNotes({
        plan,
        config,
        workload,
        closed: point.closed,
        arms: armResults,
        hitRates: arms.map(({ name }) => meanOf(outcomesOf(name).map(({ summary }) => summary?.prefix_cache?.hit_rate ?? null))),
        hitRate: idealHitRate(workload),
        areSessions: point.arrivals.are === 'sessions',
        copies: load.superposed_copies,
        dispersion: [load.idc_before, load.idc_after],
        windowS: point.replicateS,
        ratePerS: load.offered_rps,
        requestsPerArrival: point.arrivals.requests,
        requests: effort.requests,
        measure: effort.measure,
        tunedOnSecond: options.oracles ?? false,
      }),
    ],
    pictures: {
      arms: pictured.map(({ arm, outcome }) => pictureOfArm(arm, outcome)),
      frontier,
      grid: gainGrid(pictured, 'tuned-static', 'shape-aware'),
    },
  }
  return {
    result,
    records: pictured.flatMap(({ arm, outcome }) =>
      outcome.picture ? [{ arm: arm.name, records: outcome.picture.records }] : [],
    ),
  }
}

/** The attribution that every comparison draws: one metric, at its own load, on at most ATTRIBUTED replicates. `ablate` gives all of it. */
async function attributeOwnLoad(
  experiment: Experiment,
  point: OperatingPoint,
  from: ArmSpec,
  to: ArmSpec,
  outcomesOf: (name: string) => readonly Outcome[],
): Promise<Attribution> {
  const replicates = Math.min(ATTRIBUTED, experiment.plan.experiment.replicates)
  const levers = differing(from, to, experiment.config)
  const arms = factorialArms(from, to, levers, experiment.config)
  const own = ownReading(point.closed)
  const mixed = await runReplicates(experiment, point, arms.slice(1, -1), {
    replicates,
    readings: [own],
    pictured: [],
    stage: 'levers',
  })
  return attribute(
    levers,
    arms.map(({ name }) => (mixed[own].get(name) ?? outcomesOf(name)).slice(0, replicates)),
    point.closed ? 'fixed_concurrency' : 'fixed_load',
    METRICS[0],
    experiment.plan.experiment.seed,
  )
}

/** The load as it was offered; `first` is a run of it whose picture was kept. */
export function loadOf(experiment: Experiment, point: OperatingPoint, first: Outcome): ComparisonResult['load'] {
  const { plan, context, effortName } = experiment
  const { closed } = point
  return {
    method: plan.workload.load.method,
    effort: effortName,
    arrivals: point.arrivals.are,
    offered_rps: point.ratePerS,
    concurrency: point.concurrency,
    static_capacity_rps: point.staticCapacity,
    superposed_copies: first.copies,
    idc_before: dispersionOf(context.parts.test),
    idc_after: closed ? null : offeredDispersion(experiment, point),
    replicate_s: closed ? (first.summary?.window_s ?? 0) : point.replicateS,
    warmup_s: closed ? 0 : point.warmup * point.unitS,
  }
}

/** What the part that judges is offered; null in a closed loop. */
export const offeredRate = (
  { context }: Pick<Experiment, 'context'>,
  { closed, ratePerS }: Pick<OperatingPoint, 'closed' | 'ratePerS'>,
): OfferedRate | null => (closed ? null : { perS: ratePerS, requests: requestsPerArrival(context.parts.test) })

/** How an arm was tuned; null of one that was not. */
export const recordOf = (tuned: Tuned | undefined, config: ClusterConfig): TuningRecord | null =>
  tuned === undefined ? null : { ...tuned.record, ...again(tuned.arm, config) }

/** An arm that has the policies of static is that arm. */
function again(arm: ArmSpec, config: ClusterConfig): Pick<TuningRecord, 'again'> {
  const flag = againFlag(arm, config)
  return flag === null ? {} : { again: flag }
}

/** What tuning left open. */
export const tunedNotes = (tuned: Iterable<Tuned>, config: ClusterConfig): string[] =>
  [...tuned].flatMap(({ arm, record }) => edgeNotes(arm, record.tried, config))

export const sessionNotes = ({ arrivals }: OperatingPoint): string[] =>
  arrivals.are === 'sessions'
    ? [
        `Rates and capacities count sessions, of ${arrivals.requests.toFixed(1)} requests on average; concurrency counts sessions under way.`,
      ]
    : []

/**
 * Index of dispersion per second of what comes at a time of its own: the beginnings of sessions, since these are what is superposed and turns
 * wait for answers; without sessions all requests. `begunBefore`: rows of sessions that were under way before.
 */
export function dispersionOf(workload: Workload, begunBefore: Int32Array = new Int32Array(0)): number | null {
  const units = unitsOf(workload)
  const before = new Set(begunBefore)
  const firsts = Int32Array.from({ length: units.count }, (_, unit) => units.rows[units.offset[unit]])
  const timesNs = Float64Array.from(firsts.filter((row) => !before.has(row))).map((row) => workload.arrivalNs[row])
  return indexOfDispersion(timesNs.filter((timeNs) => !Number.isNaN(timeNs)).sort(), 1)
}

/** That of the traffic of the first replicate. */
function offeredDispersion({ config, context, effort }: Experiment, point: OperatingPoint): number | null {
  const job = point.open(staticArm(config.engines), FIRST_DRAW, point.warmup, effort.measure)
  if (job.kind !== 'open') return null
  const { workload, begunBefore } = openTraffic(context, job)
  return dispersionOf(workload, begunBefore)
}
