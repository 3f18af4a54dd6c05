/**
 * Jobs in worker threads (piscina). Each worker gets the context once. Every job has a heartbeat in shared memory (events served, simulated
 * time): a policy that never returns cannot stop itself, so the parent looks and ends the threads, naming the arm and the event.
 */
import { setMaxListeners } from 'node:events'
import type { Job, Outcome } from '../experiments/job.js'
import { policyFiles } from '../policies/index.js'
import { BEAT, type WorkerAnswer, type WorkerStart, type WorkerTask } from './beat.js'
import type { Executor, ExecutorOptions } from './executor.js'
import { errorOf, failureOf } from './failure.js'
import { startPool } from './pool.js'
import { createStallWatch, DECISION_LIMIT_MS } from './stallWatch.js'
import { memoryFault, OWN_POLICY_HEAP_MB } from './watchedThread.js'

const DEFAULT_STALL_MS = 60_000
const OWN_WORKER = new URL('./worker.js', import.meta.url)

export interface ThreadSettings {
  /** The module each thread runs: its default export turns a WorkerTask into a WorkerAnswer. */
  readonly worker?: URL
  /** Heap of each thread, MiB; default: what Node gives, and 1024 where policies of the user's run. */
  readonly heapMb?: number
}

export function threadExecutor(options: ExecutorOptions, { worker = OWN_WORKER, heapMb }: ThreadSettings = {}): Executor {
  const { context, threads, signal, stallMs = DEFAULT_STALL_MS } = options
  const files = policyFiles()
  const heapLimitMb = heapMb ?? (files.length > 0 ? OWN_POLICY_HEAP_MB : undefined)
  const pool = startPool(worker, threads, { context, files } satisfies WorkerStart, heapLimitMb)

  async function runInThread(job: Job, task: WorkerTask, stop: AbortSignal): Promise<Outcome> {
    let answer: WorkerAnswer
    try {
      answer = await pool.run(task, stop)
    } catch (error) {
      // ended from outside, or the thread itself died (out of memory, process.exit)
      if (stop.aborted) throw stop.reason
      throw memoryFault(error, job.arm, heapLimitMb) ?? errorOf(failureOf(error), job)
    }
    if ('failure' in answer) throw errorOf(answer.failure, job)
    return answer.outcome
  }

  return {
    async run(jobs, onDone) {
      signal?.throwIfAborted()
      const beats = new SharedArrayBuffer(jobs.length * BEAT * 8)
      const stalled = new AbortController()
      const watch = createStallWatch(jobs, new Float64Array(beats), stallMs, performance.now())
      const look = setInterval(
        () => {
          const error = watch.look(performance.now())
          if (error) stalled.abort(error)
        },
        Math.min(1000, stallMs / 2, DECISION_LIMIT_MS / 2),
      )
      const stop = signal === undefined ? stalled.signal : AbortSignal.any([stalled.signal, signal])
      // one listener a job is meant
      setMaxListeners(0, stop)
      try {
        return await Promise.all(
          jobs.map(async (job, index) => {
            const outcome = await runInThread(job, { job, beats, index }, stop)
            onDone?.(outcome)
            return outcome
          }),
        )
      } finally {
        clearInterval(look)
      }
    },
    close: () => pool.close(),
  }
}
