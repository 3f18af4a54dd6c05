/** What parent and worker share of a job under way. */
import type { Job } from '../experiments/job.js'

/** Doubles of one job's heartbeat: 0 = not begun, 1 = under way, 2 = ended; events served; simulated ns. */
export const BEAT = 3

/** What a worker is called with. */
export interface WorkerTask {
  readonly job: Job
  readonly beats: SharedArrayBuffer
  readonly index: number
}
