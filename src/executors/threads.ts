/**
 * Jobs in worker threads (piscina). Each worker gets the context once. Every job has a heartbeat in shared memory (events served, simulated
 * time): a policy that never returns cannot stop itself, so the parent looks and ends the threads, naming the arm and the event.
 */
import { setMaxListeners } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Piscina } from 'piscina'
import { UserError } from '../errors.js'
import type { Job, Outcome } from '../experiments/job.js'
import { BEAT, type WorkerTask } from './beat.js'
import type { Executor, ExecutorOptions } from './executor.js'

const DEFAULT_STALL_MS = 60_000

export function threadExecutor({ context, threads, signal, stallMs = DEFAULT_STALL_MS }: ExecutorOptions): Executor {
  const pool = new Piscina({
    filename: fileURLToPath(new URL('./worker.js', import.meta.url)),
    minThreads: threads,
    maxThreads: threads,
    workerData: context,
    idleTimeout: Number.MAX_SAFE_INTEGER,
  })
  return {
    async run(jobs, onDone) {
      signal?.throwIfAborted()
      const beats = new SharedArrayBuffer(jobs.length * BEAT * 8)
      const stalled = new AbortController()
      const watch = watchBeats(jobs, new Float64Array(beats), stallMs, stalled)
      const stop = signal === undefined ? stalled.signal : AbortSignal.any([stalled.signal, signal])
      // one listener a job is meant
      setMaxListeners(0, stop)
      try {
        return await Promise.all(
          jobs.map(async (job, index) => {
            const task: WorkerTask = { job, beats, index }
            const outcome = (await pool.run(task, { signal: stop }).catch((error) => {
              throw stalled.signal.aborted ? stalled.signal.reason : named(error, job)
            })) as Outcome
            onDone?.(outcome)
            return outcome
          }),
        )
      } finally {
        clearInterval(watch)
      }
    },
    close: () => pool.destroy(),
  }
}

function watchBeats(jobs: readonly Job[], beats: Float64Array, stallMs: number, stalled: AbortController) {
  const seen = jobs.map(() => ({ events: -1, at: Date.now() }))
  return setInterval(
    () => {
      const now = Date.now()
      jobs.forEach((job, index) => {
        const events = beats[index * BEAT + 1]
        if (beats[index * BEAT] !== 1 || events !== seen[index].events) {
          seen[index] = { events, at: now }
          return
        }
        if (now - seen[index].at < stallMs) return
        stalled.abort(
          new UserError({
            where: `arms.${job.arm.name}`,
            message: `no event was served for ${Math.round(stallMs / 1e3)} s after event ${events} (t = ${beats[index * BEAT + 2] / 1e9} s); its thread was ended`,
            hint: `look for an endless loop in one of its policies: ${JSON.stringify(job.arm)}`,
          }),
        )
      })
    },
    Math.min(1000, stallMs / 2),
  )
}

/** A dead worker or a thrown error, with the arm it happened to. */
function named(error: unknown, job: Job): unknown {
  if (!(error instanceof Error) || error.name === 'AbortError') return error
  const named = new Error(`arm ${job.arm.name} (${job.kind}, replicate ${job.draw.replicate}): ${error.message}`, {
    cause: error,
  })
  named.name = error.name
  return named
}
