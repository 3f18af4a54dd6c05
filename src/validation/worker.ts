/** The entry of a worker thread of the pool: one row at a time. */
import { type RowAnswer, type RowJob, runRowJob } from './runRows.js'

export default function work(job: RowJob): RowAnswer {
  return runRowJob(job)
}
