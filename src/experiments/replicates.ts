/** The paired runs: every arm on the same replicates of the test part, in the readings that are asked for. */
import type { ArmSpec } from '../levers/lever.js'
import type { Draw } from './draw.js'
import type { Experiment } from './experiment.js'
import type { Job } from './job.js'
import type { OperatingPoint } from './operatingPoint.js'
import { READINGS, type Readings } from './rows.js'

export interface ReplicateOptions {
  readonly replicates: number
  /** Which readings to run, that at the comparison's own load included. */
  readonly readings: readonly (keyof Readings)[]
  /** Arms whose records and pictures of the first replicate at the comparison's own load are kept. */
  readonly pictured: readonly string[]
  /** Arms for which no capacity is sought. */
  readonly withoutCapacity?: readonly string[]
  readonly stage?: string
}

/** In requests for each place: warm-up and window of a closed-loop replicate. */
const CLOSED_WARM = 3
const CLOSED_MEASURE = 6

/** Readings that do not exist in a closed loop are left empty. */
export async function runReplicates(
  experiment: Experiment,
  point: OperatingPoint,
  arms: readonly ArmSpec[],
  options: ReplicateOptions,
): Promise<Readings> {
  const jobs = replicateJobs(experiment, point, arms, options)
  experiment.stage(options.stage ?? 'replicates', jobs.length)
  const outcomes = await experiment.executor.run(
    jobs.map(({ job }) => job),
    experiment.done,
  )
  const readings: Readings = { fixedLoad: new Map(), mix: new Map(), fixedConcurrency: new Map(), capacity: new Map() }
  jobs.forEach(({ reading, job }, i) => {
    const byArm = readings[reading]
    byArm.set(job.arm.name, [...(byArm.get(job.arm.name) ?? []), outcomes[i]])
  })
  return readings
}

function replicateJobs(
  { effort }: Experiment,
  point: OperatingPoint,
  arms: readonly ArmSpec[],
  { replicates, readings, pictured, withoutCapacity = [] }: ReplicateOptions,
): { reading: keyof Readings; job: Job }[] {
  const { closed, warmup } = point
  const wants = (reading: keyof Readings): boolean => readings.includes(reading) && (!closed || reading === 'fixedConcurrency')
  const all: { reading: keyof Readings; job: Job }[] = []
  for (let replicate = 0; replicate < replicates; replicate++) {
    const draw: Draw = { part: 'test', mode: 'draw', replicate }
    const keepOf = (arm: ArmSpec) => (replicate === 0 && pictured.includes(arm.name) ? 'picture' : 'summary')
    const jobOf: Record<keyof Readings, (arm: ArmSpec) => Job> = {
      fixedLoad: (arm) => point.open(arm, draw, warmup, effort.measure, keepOf(arm)),
      mix: (arm) => point.open(arm, { ...draw, mode: 'mix' }, warmup, effort.measure),
      fixedConcurrency: (arm) => point.closedLoop(arm, draw, CLOSED_WARM, CLOSED_MEASURE, closed ? keepOf(arm) : 'summary'),
      capacity: (arm) => point.capacity(arm, draw),
    }
    const armsOf = (reading: keyof Readings): readonly ArmSpec[] => {
      if (reading !== 'capacity') return arms
      return replicate < effort.capacity.replicates ? arms.filter(({ name }) => !withoutCapacity.includes(name)) : []
    }
    // arms side by side: on open traffic those of one thread share what is drawn for the first of them
    for (const reading of READINGS)
      if (wants(reading)) for (const arm of armsOf(reading)) all.push({ reading, job: jobOf[reading](arm) })
  }
  return all
}
