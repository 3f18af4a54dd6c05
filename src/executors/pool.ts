/** Worker threads that stay until the pool is closed. */
import { fileURLToPath } from 'node:url'
import { Piscina } from 'piscina'

export interface Pool {
  /** What a thread answers. Rejects when the thread ends without an answer, when `signal` is aborted, or when there is no thread left and none starts. */
  run<Answer>(task: unknown, signal?: AbortSignal): Promise<Answer>
  close(): Promise<void>
}

/** Each of `threads` threads runs the module `worker` and is given `workerData` once. `heapMb`: heap of each, MiB; default: what Node gives. */
export function startPool(worker: URL, threads: number, workerData: unknown, heapMb?: number): Pool {
  const pool = new Piscina({
    filename: fileURLToPath(worker),
    minThreads: threads,
    maxThreads: threads,
    workerData,
    idleTimeout: Number.MAX_SAFE_INTEGER,
    resourceLimits: heapMb === undefined ? {} : { maxOldGenerationSizeMb: heapMb },
  })
  let fault: Error | null = null
  const waiting = new Set<(error: Error) => void>()
  let reason = 'they end at once'
  // of a thread without a task: one that replaces others as the work is given up and does not start fails nothing
  pool.on('error', (error) => {
    reason = error.message
  })
  // a thread that ends is replaced at once, unless one did not start: when the last is gone, tasks would wait for ever
  const look = (): void => {
    if (pool.threads.length > 0) return
    fault = new Error(`no thread starts: ${reason}`)
    for (const fail of waiting) fail(fault)
  }
  // by then its task has its own answer, and its place is taken
  pool.on('workerDestroy', () => setImmediate(look))
  return {
    run: (task, signal) =>
      new Promise((resolve, reject) => {
        if (fault !== null) return reject(fault)
        waiting.add(reject)
        const failed = (error: Error): void => {
          waiting.delete(reject)
          reason = error.message
          reject(error)
        }
        pool.run(task, { signal }).then((answer) => {
          waiting.delete(reject)
          resolve(answer)
        }, failed)
      }),
    close: () => pool.destroy(),
  }
}
