/**
 * A run with policies that are files of the user's: in a thread of its own, under the eyes of this one. A policy that never answers, or
 * fills the memory, is ended with a sentence, and nothing half-written is left.
 */
import { rmSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { UserError } from '../errors.js'
import { errorFrom, type Failure } from '../executors/failure.js'
import { createDecisionWatch, DECISION_LIMIT_MS } from '../executors/stallWatch.js'
import type { ArmSpec } from '../levers/lever.js'
import { HEARTBEAT, type PolicyFile, policyFiles } from '../policies/index.js'
import type { RunRequest } from './runOne.js'

/** Heap of the thread, MiB: what a run itself needs is in arrays outside of it. */
const HEAP_MB = 1024

/** What the thread is started with. */
export interface RunStart {
  readonly request: Omit<RunRequest, 'signal' | 'onPartial'>
  readonly files: readonly PolicyFile[]
  readonly heartbeat: SharedArrayBuffer
}

/** What the thread tells: the folder that it is filling, how it failed. */
export type RunMessage = { readonly partial: string } | { readonly failure: Failure }

export async function runWatched({ signal, onPartial: _, ...request }: RunRequest, arm: ArmSpec): Promise<void> {
  const heartbeat = new SharedArrayBuffer(HEARTBEAT * 8)
  const worker = new Worker(new URL('./runThread.js', import.meta.url), {
    workerData: { request, files: policyFiles(), heartbeat } satisfies RunStart,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  })
  const stop = () => worker.postMessage('stop')
  signal.addEventListener('abort', stop)
  const watch = createDecisionWatch(new Float64Array(heartbeat))
  let partial: string | null = null
  let failure: Error | null = null
  const look = setInterval(() => {
    const late = watch(performance.now(), arm, 'in a single run')
    if (late === null) return
    failure = late
    worker.terminate().catch(() => {})
  }, DECISION_LIMIT_MS / 4)
  await new Promise<void>((resolve) => {
    worker.on('message', (message: RunMessage) => {
      if ('partial' in message) partial = message.partial
      else failure ??= errorFrom(message.failure)
    })
    worker.on('error', (error: NodeJS.ErrnoException) => {
      failure ??= error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? memoryFault(arm) : error
    })
    worker.on('exit', () => resolve())
  })
  clearInterval(look)
  signal.removeEventListener('abort', stop)
  if (failure !== null) {
    if (partial !== null) rmSync(partial, { recursive: true, force: true })
    throw failure
  }
}

function memoryFault({ name, sourceHash, ...policies }: ArmSpec): UserError {
  const own = Object.keys(sourceHash ?? {}).map((lever) => policies[lever as keyof typeof policies])
  return new UserError({
    where: `arms.${name}`,
    message: `the thread with ${own.join(', ')} ran out of its ${HEAP_MB} MiB of memory and was ended`,
    hint: 'keep what a policy remembers in a `state` of fixed length; `shapewise check FILE` finds memory that grows',
  })
}
