/**
 * The comparison: capacity of the static arm on the training part, tuning of every family at the offered load, then all arms on the
 * same replicates of the test part, in three readings. Reading order: experiment.ts, this file, rows.ts and pictures.ts.
 */

import { STATIC_ARM } from '../levers/catalogue.js'
import type { ArmSpec } from '../levers/lever.js'
import type { Records } from '../metrics/records.js'
import { traceHash } from '../traces/hash.js'
import { idealHitRate, indexOfDispersion } from '../traces/statistics/index.js'
import { armResult, evidenceNotes } from './armResult.js'
import { type Experiment, type ExperimentOptions, withExperiment } from './experiment.js'
import { armOn, FAMILIES } from './families.js'
import type { Outcome } from './job.js'
import { findOperatingPoint, type OperatingPoint } from './operatingPoint.js'
import { dropOne, frontierOf, gainGrid, pictureOfArm } from './pictures.js'
import { runReplicates } from './replicates.js'
import type { ComparisonResult } from './result.js'
import { comparisonRows, ownLoad } from './rows.js'
import { type Tuned, tuneFamily } from './tune.js'

export interface CompareOutput {
  readonly result: ComparisonResult
  /** All requests of the first replicate at fixed load (closed loop: at fixed concurrency), per arm. */
  readonly records: readonly { readonly arm: string; readonly records: Records }[]
}

export const compare = (options: ExperimentOptions): Promise<CompareOutput> =>
  withExperiment(options, (experiment) => compareOn(experiment, options))

async function compareOn(experiment: Experiment, options: ExperimentOptions): Promise<CompareOutput> {
  const { plan, config, workload, effort, executor } = experiment
  const { replicates, warmup, seed } = plan.experiment
  const point = await findOperatingPoint(experiment)

  // every family is tuned on the training part at this load, then frozen
  const tuned = new Map<string, Tuned>()
  for (const family of FAMILIES) tuned.set(family, await tuneFamily(experiment, point, family))
  const arms: ArmSpec[] = [armOn(STATIC_ARM, config), ...[...tuned.values()].map((entry) => entry.arm), ...plan.arms]

  const readings = await runReplicates(experiment, point, arms, {
    replicates,
    readings: ['fixedLoad', 'mix', 'fixedConcurrency', 'capacity'],
    pictures: true,
  })
  const main = ownLoad(readings, point.closed)
  const outcomesOf = (name: string): Outcome[] => main.get(name) as Outcome[]

  // pictures: the frontier, and the shape-aware arm with one lever put back at a time
  experiment.stage('pictures', arms.length * 4 + 4 * Math.min(4, replicates))
  const frontier = await frontierOf(
    executor,
    arms,
    point.concurrency,
    (arm, at) => point.closedLoop(arm, { part: 'test', mode: 'draw', replicate: 0 }, 2, 3, 'summary', at),
    experiment.done,
  )
  const levers = await dropOne({
    executor,
    shapeAware: (tuned.get('shape-aware') as Tuned).arm,
    tunedStatic: (tuned.get('tuned-static') as Tuned).arm,
    baseline: outcomesOf('tuned-static'),
    jobOf: (arm, replicate) => point.own(arm, { part: 'test', mode: 'draw', replicate }, warmup, effort.measure),
    replicates: Math.min(4, replicates),
    onDone: experiment.done,
  })
  const pictured = arms.map((arm) => ({ arm, outcome: outcomesOf(arm.name)[0] }))

  const result: ComparisonResult = {
    version: plan.version,
    plan_hash: plan.planHash,
    trace_hash: traceHash(workload),
    seed,
    evidence: options.evidence,
    arms: arms.map((arm) =>
      armResult(
        arm,
        tuned.get(arm.name)?.record ?? null,
        outcomesOf(arm.name),
        readings.capacity.get(arm.name) ?? [],
        point.closed ? null : point.ratePerS,
      ),
    ),
    comparisons: comparisonRows(arms, readings, seed, point.closed),
    load: loadOf(experiment, point, pictured[0].outcome),
    notes: [
      ...sessionNotes(point),
      ...evidenceNotes({
        plan,
        config,
        workload,
        closed: point.closed,
        arms: pictured,
        hitRate: idealHitRate(workload),
        replicates,
        windowS: point.replicateS,
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

/** The load as it was offered; `first` is a run of it whose picture was kept. */
export function loadOf({ plan, context }: Experiment, point: OperatingPoint, first: Outcome): ComparisonResult['load'] {
  const { closed } = point
  return {
    method: plan.workload.load.method,
    offered_rps: point.ratePerS,
    concurrency: point.concurrency,
    static_capacity_rps: point.staticCapacity,
    superposed_copies: first.copies,
    idc_before: indexOfDispersion(context.parts.test.arrivalNs, 1),
    idc_after: closed ? null : offeredDispersion(first),
    replicate_s: closed ? (first.summary?.window_s ?? 0) : point.replicateS,
    warmup_s: closed ? 0 : plan.experiment.warmup * point.unitS,
  }
}

export const sessionNotes = ({ arrivals }: OperatingPoint): string[] =>
  arrivals.are === 'sessions'
    ? [
        `Rates and capacities count sessions, of ${arrivals.requests.toFixed(1)} requests in the mean; concurrency counts sessions under way.`,
      ]
    : []

function offeredDispersion(outcome: Outcome): number | null {
  if (!outcome.picture) return null
  const { records } = outcome.picture
  return indexOfDispersion(records.arrivalNs.slice(0, records.count).sort(), 1)
}
