/** Row jobs in this thread or in worker threads; answers come back in the order of the jobs and do not depend on the threads. */
import { setMaxListeners } from 'node:events'
import { startPool } from '../executors/pool.js'
import { jobWeight, type RowAnswer, type RowJob, runRowJob } from './runRows.js'

export interface RowPool {
  run(jobs: readonly RowJob[], onDone?: () => void): Promise<RowAnswer[]>
  close(): Promise<void>
}

export interface PoolOptions {
  readonly threads: number
  readonly signal?: AbortSignal
}

export function createRowPool({ threads, signal }: PoolOptions): RowPool {
  return threads <= 1 ? inline(signal) : threaded(threads, signal)
}

function inline(signal?: AbortSignal): RowPool {
  return {
    async run(jobs, onDone) {
      const answers: RowAnswer[] = []
      for (const job of jobs) {
        signal?.throwIfAborted()
        answers.push(runRowJob(job))
        onDone?.()
        // gives way to the event loop, so that Ctrl-C is heard
        await new Promise<void>((resume) => setImmediate(resume))
      }
      return answers
    },
    close: async () => {},
  }
}

function threaded(threads: number, signal?: AbortSignal): RowPool {
  const pool = startPool(new URL('./worker.js', import.meta.url), threads, undefined)
  // one listener a job is meant
  if (signal) setMaxListeners(0, signal)
  return {
    async run(jobs, onDone) {
      const answers = new Array<RowAnswer>(jobs.length)
      const order = jobs.map((_, i) => i).sort((a, b) => jobWeight(jobs[b]) - jobWeight(jobs[a]) || a - b)
      await Promise.all(
        order.map(async (i) => {
          answers[i] = await pool.run(jobs[i], signal)
          onDone?.()
        }),
      )
      return answers
    },
    close: () => pool.close(),
  }
}
