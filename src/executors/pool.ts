/** Worker threads that stay until the pool is destroyed. */
import { fileURLToPath } from 'node:url'
import { Piscina } from 'piscina'

/** Each of `threads` threads runs the module `worker` and is given `workerData` once. `heapMb`: heap of each, MiB; default: what Node gives. */
export function startPool(worker: URL, threads: number, workerData: unknown, heapMb?: number): Piscina {
  const pool = new Piscina({
    filename: fileURLToPath(worker),
    minThreads: threads,
    maxThreads: threads,
    workerData,
    idleTimeout: Number.MAX_SAFE_INTEGER,
    resourceLimits: heapMb === undefined ? {} : { maxOldGenerationSizeMb: heapMb },
  })
  // threads that are ended are replaced at once, the last time as the work is given up: one that does not start then fails no job
  pool.on('error', () => {})
  return pool
}
