/** The entry of a worker thread: runs one job at a time on the context it was started with, and beats. */
import { workerData } from 'piscina'
import { type JobContext, type Outcome, runJob } from '../experiments/job.js'
import { BEAT, type WorkerTask } from './beat.js'

const context = workerData as JobContext

export default function work({ job, beats, index }: WorkerTask): Outcome {
  const beat = new Float64Array(beats, index * BEAT * 8, BEAT)
  beat[0] = 1
  let before = 0
  const outcome = runJob(context, job, (simulatedNs, events) => {
    beat[1] += events > before ? events - before : events
    before = events
    beat[2] = simulatedNs
  })
  beat[0] = 2
  return outcome
}
