/**
 * What `compare` and `ablate` share before anything is simulated: the halves of the trace, the threads, the progress. Reading order of an
 * experiment: this file, operatingPoint.ts (load and lengths), tune.ts (families), replicates.ts (the paired runs).
 */
import { createExecutor, type Executor } from '../executors/index.js'
import { createArm } from '../levers/catalogue.js'
import type { Plan } from '../scenario/plan.js'
import type { ClusterConfig } from '../simulator/config.js'
import type { Evidence } from '../timing/slices.js'
import { requireSpeed } from '../traces/speedUp.js'
import type { Workload } from '../traces/workload.js'
import type { JobContext, Outcome } from './job.js'
import { EFFORTS, type Effort, type EffortPlan, halvesOf, withMeasure } from './sizing.js'

export interface ExperimentOptions {
  readonly plan: Plan
  readonly config: ClusterConfig
  readonly workload: Workload
  /** `evidenceOfPlan(plan)`. */
  readonly evidence: Evidence
  /** Worker threads, 1 or more. */
  readonly threads: number
  readonly effort?: Effort
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: ExperimentProgress) => void
}

export interface ExperimentProgress {
  readonly stage: string
  readonly done: number
  readonly total: number
  readonly simulatedS: number
}

export interface Experiment {
  readonly plan: Plan
  readonly config: ClusterConfig
  readonly workload: Workload
  readonly context: JobContext
  readonly executor: Executor
  readonly effort: EffortPlan
  /** Absent for a cell of the claim, which has lengths of its own. */
  readonly effortName?: Effort
  /** Begins a stage of `jobs` jobs. */
  stage(name: string, jobs: number): void
  /** To be called as each job of the stage ends. */
  readonly done: (outcome: Outcome) => void
}

/** Does `work` with threads that are ended whatever happens. Throws UserError for a trace that is too short, or a policy that does not exist. */
export async function withExperiment<T>(options: ExperimentOptions, work: (experiment: Experiment) => Promise<T>): Promise<T> {
  const { plan, config, workload, signal } = options
  // a policy that does not exist is a mistake to tell before any thread is started
  for (const arm of plan.arms) createArm(arm)
  const parts = halvesOf(
    workload,
    plan.workload.load,
    "a comparison tunes on the first half of the trace's time and judges on the second",
    'use a longer trace, or `shapewise run` for a single simulation',
  )
  const { load } = plan.workload
  const speedUp = load.method === 'speed_up' ? (load.speedUp ?? 1) : null
  if (speedUp !== null) requireSpeed(workload, speedUp)
  const context: JobContext = { config, parts, seed: plan.experiment.seed, slo: plan.slo.interactive, speedUp }
  const executor = createExecutor({ context, threads: options.threads, signal })
  const effortName = options.effort ?? 'normal'
  const effort = withMeasure(EFFORTS[effortName], plan.experiment.measure)
  try {
    return await work({ plan, config, workload, context, executor, effort, effortName, ...stagesOf(options.onProgress) })
  } finally {
    await executor.close()
  }
}

/** Counts the jobs of one stage after the other, and tells `onProgress` of each. */
export function stagesOf(onProgress: ExperimentOptions['onProgress']): Pick<Experiment, 'stage' | 'done'> {
  let stage = ''
  let total = 0
  let done = 0
  let simulatedS = 0
  const tell = () => onProgress?.({ stage, done, total, simulatedS })
  return {
    stage(name, jobs) {
      stage = name
      total = jobs
      done = 0
      simulatedS = 0
      tell()
    },
    done(outcome) {
      done++
      simulatedS += outcome.simulatedS
      tell()
    },
  }
}
