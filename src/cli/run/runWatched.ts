/**
 * A run with policies that are files of the user's: in a thread of its own, under the eyes of this one. A policy that never answers, or
 * fills the memory, is ended with a sentence, and nothing half-written is left.
 */
import { errorFrom, type Failure } from '../../executors/failure.js'
import { memoryFault, runWatchedThread } from '../../executors/watchedThread.js'
import type { ArmSpec } from '../../levers/lever.js'
import { removePartial } from '../../reports/folder.js'
import type { PartialFolder, RunRequest } from './runOne.js'

/** What the thread is to do. */
export interface RunStart {
  readonly request: Omit<RunRequest, 'signal' | 'onPartial'>
}

/** What the thread tells: the folder that it is filling, how it failed. */
export type RunMessage = PartialFolder | { readonly failure: Failure }

export async function runWatched({ signal, onPartial: _, ...request }: RunRequest, arm: ArmSpec): Promise<void> {
  let partial: PartialFolder | null = null
  const failures: Error[] = []
  try {
    await runWatchedThread<RunStart, RunMessage>({
      module: new URL('./runThread.js', import.meta.url),
      data: { request },
      arm,
      place: 'in a single run',
      signal,
      onMessage: (message) => {
        if ('partial' in message) partial = message
        else failures.push(errorFrom(message.failure))
      },
    })
  } catch (error) {
    failures.push(memoryFault(error, arm) ?? (error as Error))
  }
  if (failures.length === 0) return
  if (partial !== null) removePartial(partial)
  throw failures[0]
}
