/** What parent and worker share of a job under way. */
import type { Job, JobContext, Outcome } from '../experiments/job.js'
import { HEARTBEAT, type PolicyFile } from '../policies/index.js'
import type { Failure } from './failure.js'

/** Doubles of one job's heartbeat: 0 = not begun, 1 = under way, 2 = ended, 3 = traffic is drawn; events served; simulated ns; then the decision of a policy of the user's. */
export const DECISION = 3
export const BEAT = DECISION + HEARTBEAT
export const UNDER_WAY = 1
export const ENDED = 2
export const DRAWING = 3

/** What a thread is started with. */
export interface WorkerStart {
  readonly context: JobContext
  /** Policies that are files, as the parent read them: all threads run the same text. */
  readonly files: readonly PolicyFile[]
}

/** What a worker is called with. */
export interface WorkerTask {
  readonly job: Job
  readonly beats: SharedArrayBuffer
  readonly index: number
}

/** What a worker answers. A failure travels as plain data: an Error loses its class and name on the way between threads. */
export type WorkerAnswer = { readonly outcome: Outcome } | { readonly failure: Failure }
