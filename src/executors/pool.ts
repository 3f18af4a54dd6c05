/** Worker threads that stay until the pool is destroyed. */
import { fileURLToPath } from 'node:url'
import { Piscina } from 'piscina'

/** Each of `threads` threads runs the module `worker` and is given `workerData` once. `heapMb`: heap of each, MiB; default: what Node gives. */
export const startPool = (worker: URL, threads: number, workerData: unknown, heapMb?: number): Piscina =>
  new Piscina({
    filename: fileURLToPath(worker),
    minThreads: threads,
    maxThreads: threads,
    workerData,
    idleTimeout: Number.MAX_SAFE_INTEGER,
    resourceLimits: heapMb === undefined ? {} : { maxOldGenerationSizeMb: heapMb },
  })
