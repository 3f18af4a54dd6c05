/** The entry of the thread of a run with policies of the user's (runWatched.ts). */
import { parentPort, workerData } from 'node:worker_threads'
import { failureOf } from '../../executors/failure.js'
import { beginWatched, type WatchedStart } from '../../executors/watchedThread.js'
import { runOne } from './runOne.js'
import type { RunMessage, RunStart } from './runWatched.js'

const { request, ...start } = workerData as RunStart & WatchedStart
const tell = (message: RunMessage): void => parentPort?.postMessage(message)
const stopping = new AbortController()
const onStop = (): void => stopping.abort(new Error('stopped'))

beginWatched(start)
parentPort?.once('message', onStop)
try {
  await runOne({ ...request, signal: stopping.signal, onPartial: tell })
} catch (error) {
  tell({ failure: failureOf(error) })
} finally {
  parentPort?.off('message', onStop)
}
