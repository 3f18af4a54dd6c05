/** Finds a job that is under way and serves no event any more: a policy that never returns cannot stop itself. */
import { UserError } from '../errors.js'
import type { Job } from '../experiments/job.js'
import { BEAT, UNDER_WAY } from './beat.js'

export interface StallWatch {
  /** Looks at the heartbeats at `nowMs` (any clock that never goes back); the error of the first job that has stalled, or null. */
  look(nowMs: number): UserError | null
}

/** `beats` holds BEAT doubles a job, as the workers write them. A job has stalled when its events stand still for `stallMs`. */
export function createStallWatch(jobs: readonly Job[], beats: Float64Array, stallMs: number, startMs: number): StallWatch {
  const seen = jobs.map(() => ({ events: -1, atMs: startMs }))
  return {
    look(nowMs) {
      for (const [index, { arm }] of jobs.entries()) {
        const events = beats[index * BEAT + 1]
        if (beats[index * BEAT] !== UNDER_WAY || events !== seen[index].events) seen[index] = { events, atMs: nowMs }
        else if (nowMs - seen[index].atMs >= stallMs) {
          const { name, ...policies } = arm
          return new UserError({
            where: `arms.${name}`,
            message: `no event was served for ${stallMs / 1e3} s after event ${events} (t = ${beats[index * BEAT + 2] / 1e9} s); its thread was ended`,
            hint: `look for an endless loop in one of its policies: ${JSON.stringify(policies)}`,
          })
        }
      }
      return null
    },
  }
}
