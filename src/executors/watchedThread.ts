/**
 * One thread with policies of the user's, under the eyes of this one: a policy that never answers cannot stop itself, and one that fills the
 * memory would take the command with it, so each has a thread to be ended with.
 */
import { Worker } from 'node:worker_threads'
import { UserError } from '../errors.js'
import { type ArmSpec, LEVERS } from '../levers/lever.js'
import { isPolicyFile } from '../levers/own.js'
import { adoptPolicyFiles, beatInto, HEARTBEAT, openPolicyFiles, type PolicyFile, policyFiles } from '../policies/index.js'
import { createDecisionWatch, DECISION_LIMIT_MS } from './stallWatch.js'

/** Heap of a thread in which policies of the user's run, MiB: what a simulation itself needs is in arrays outside of it. */
export const OWN_POLICY_HEAP_MB = 1024

/** What the thread gets beside its own data; it calls `beginWatched` with it. */
export interface WatchedStart {
  readonly files: readonly PolicyFile[]
  readonly heartbeat: SharedArrayBuffer
}

export interface WatchedThread<Data, Message> {
  /** The module that the thread runs. */
  readonly module: URL
  readonly data: Data
  /** Whose policies may be late, and what they decide in, in words. */
  readonly arm: ArmSpec
  readonly place: string
  readonly onMessage: (message: Message) => void
  /** When it is aborted, the thread is sent 'stop'. */
  readonly signal?: AbortSignal
}

/** Resolves when the thread has ended; rejects with what ended it. */
export async function runWatchedThread<Data, Message>(thread: WatchedThread<Data, Message>): Promise<void> {
  const { module, data, arm, place, onMessage, signal } = thread
  const heartbeat = new SharedArrayBuffer(HEARTBEAT * 8)
  const worker = new Worker(module, {
    workerData: { ...data, files: policyFiles(), heartbeat } satisfies Data & WatchedStart,
    resourceLimits: { maxOldGenerationSizeMb: OWN_POLICY_HEAP_MB },
  })
  const stop = (): void => worker.postMessage('stop')
  signal?.addEventListener('abort', stop)
  const watch = createDecisionWatch(new Float64Array(heartbeat))
  let late: UserError | null = null
  const look = setInterval(() => {
    late ??= watch(performance.now(), arm, place)
    if (late !== null) worker.terminate().catch(() => {})
  }, DECISION_LIMIT_MS / 4)
  try {
    await new Promise<void>((ended, failed) => {
      worker.on('message', onMessage)
      worker.on('error', (error) => failed(late ?? error))
      worker.on('exit', () => (late === null ? ended() : failed(late)))
    })
  } finally {
    clearInterval(look)
    signal?.removeEventListener('abort', stop)
  }
}

/** The first thing that a watched thread does. */
export function beginWatched({ files, heartbeat }: WatchedStart): void {
  adoptPolicyFiles(files)
  openPolicyFiles()
  beatInto(new Float64Array(heartbeat))
}

export const isOutOfMemory = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException | null)?.code === 'ERR_WORKER_OUT_OF_MEMORY'

/** A thread that ran policies of the user's is out of memory: their growth is the first suspect. Null for other errors and other arms. */
export function memoryFault(error: unknown, arm: ArmSpec, heapMb = OWN_POLICY_HEAP_MB): UserError | null {
  const own = LEVERS.map((lever) => arm[lever]).filter(isPolicyFile)
  if (!isOutOfMemory(error) || own.length === 0) return null
  return new UserError({
    where: `arms.${arm.name}`,
    message: `the thread with ${own.join(', ')} ran out of its ${heapMb} MiB of memory and was ended`,
    hint: 'keep what a policy remembers in a `state` of fixed length; `shapewise check FILE` finds memory that grows',
  })
}
