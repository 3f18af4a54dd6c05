/**
 * Jobs in worker threads (piscina). Each worker gets the context once. Every job has a heartbeat in shared memory (events served, simulated
 * time): a policy that never returns cannot stop itself, so the parent looks and ends the threads, naming the arm and the event.
 */
import { setMaxListeners } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Piscina } from 'piscina'
import type { Job, Outcome } from '../experiments/job.js'
import { BEAT, type WorkerAnswer, type WorkerTask } from './beat.js'
import type { Executor, ExecutorOptions } from './executor.js'
import { errorOf, failureOf } from './failure.js'
import { createStallWatch } from './stallWatch.js'

const DEFAULT_STALL_MS = 60_000
const OWN_WORKER = new URL('./worker.js', import.meta.url)

export interface ThreadSettings {
  /** The module each thread runs: its default export turns a WorkerTask into a WorkerAnswer. */
  readonly worker?: URL
  /** Heap of each thread, MiB; default: what Node gives. */
  readonly heapMb?: number
}

export function threadExecutor(options: ExecutorOptions, { worker = OWN_WORKER, heapMb }: ThreadSettings = {}): Executor {
  const { context, threads, signal, stallMs = DEFAULT_STALL_MS } = options
  const pool = new Piscina({
    filename: fileURLToPath(worker),
    minThreads: threads,
    maxThreads: threads,
    workerData: context,
    idleTimeout: Number.MAX_SAFE_INTEGER,
    resourceLimits: heapMb === undefined ? {} : { maxOldGenerationSizeMb: heapMb },
  })

  async function runInThread(job: Job, task: WorkerTask, stop: AbortSignal): Promise<Outcome> {
    let answer: WorkerAnswer
    try {
      answer = await pool.run(task, { signal: stop })
    } catch (error) {
      // ended from outside, or the thread itself died (out of memory, process.exit)
      if (stop.aborted) throw stop.reason
      throw errorOf(failureOf(error), job)
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
        Math.min(1000, stallMs / 2),
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
    close: () => pool.destroy(),
  }
}
