/** Where jobs run: in this thread (inline.ts) or in worker threads (threads.ts). Outcomes come back in the order of the jobs. */
import type { Job, JobContext, Outcome } from '../experiments/job.js'

export interface Executor {
  /** Runs all jobs; `onDone` is called as each ends. Rejects with the first failure, naming the arm. */
  run(jobs: readonly Job[], onDone?: (outcome: Outcome) => void): Promise<Outcome[]>
  close(): Promise<void>
}

export interface ExecutorOptions {
  readonly context: JobContext
  readonly threads: number
  /** Aborting rejects the jobs under way with an AbortError. */
  readonly signal?: AbortSignal
  /** A worker whose simulation serves no event for this long is ended. Default: 60 s. */
  readonly stallMs?: number
}
