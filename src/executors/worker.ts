/** The entry of a worker thread: runs one job at a time on the context it was started with, and beats. */
import { workerData } from 'piscina'
import { runJob } from '../experiments/job.js'
import { adoptPolicyFiles, beatInto, HEARTBEAT, openPolicyFiles } from '../policies/index.js'
import { BEAT, DECISION, DRAWING, ENDED, UNDER_WAY, type WorkerAnswer, type WorkerStart, type WorkerTask } from './beat.js'
import { failureOf } from './failure.js'

const { context, files } = workerData as WorkerStart
adoptPolicyFiles(files)
openPolicyFiles()

export default function work({ job, beats, index }: WorkerTask): WorkerAnswer {
  const beat = new Float64Array(beats, index * BEAT * 8, BEAT)
  beat[0] = UNDER_WAY
  beatInto(new Float64Array(beats, (index * BEAT + DECISION) * 8, HEARTBEAT))
  let before = 0
  try {
    const outcome = runJob(context, job, {
      onProgress(simulatedNs, events) {
        // a job may be several simulations, each of which counts from zero
        beat[1] += events > before ? events - before : events
        before = events
        beat[2] = simulatedNs
      },
      onDrawing(isUnderWay) {
        beat[0] = isUnderWay ? DRAWING : UNDER_WAY
      },
    })
    return { outcome }
  } catch (error) {
    return { failure: failureOf(error) }
  } finally {
    beat[0] = ENDED
  }
}
