/** Finds a job that is under way and stands still: a policy that never answers cannot stop itself. */
import { UserError } from '../errors.js'
import type { Job } from '../experiments/job.js'
import type { ArmSpec } from '../levers/lever.js'
import { decisionUnderWay, HEARTBEAT } from '../policies/index.js'
import { nsToS } from '../units.js'
import { BEAT, DECISION, UNDER_WAY } from './beat.js'

/** Time that a policy of the user's may take for one decision. */
export const DECISION_LIMIT_MS = 2000

export interface StallWatch {
  /** Looks at the heartbeats at `nowMs` (any clock that never goes back); the error of the first job that has stalled, or null. */
  look(nowMs: number): UserError | null
}

/**
 * `beats` holds BEAT doubles a job, as the workers write them. A job has stalled when its events stand still for `stallMs`, or when it is
 * within the same decision of a policy of the user's for DECISION_LIMIT_MS.
 */
export function createStallWatch(jobs: readonly Job[], beats: Float64Array, stallMs: number, startMs: number): StallWatch {
  const seen = jobs.map(() => ({ events: -1, atMs: startMs }))
  const decisions = jobs.map((_, index) => createDecisionWatch(beats.subarray(index * BEAT + DECISION, (index + 1) * BEAT)))
  return {
    look(nowMs) {
      for (const [index, { arm }] of jobs.entries()) {
        const [status, events, timeNs] = beats.subarray(index * BEAT)
        if (status !== UNDER_WAY || events !== seen[index].events) seen[index] = { events, atMs: nowMs }
        const late = status === UNDER_WAY ? decisions[index](nowMs, arm, `after event ${events} (t = ${nsToS(timeNs)} s)`) : null
        if (late !== null) return late
        if (status === UNDER_WAY && nowMs - seen[index].atMs >= stallMs) {
          const { name, ...policies } = arm
          return new UserError({
            where: `arms.${name}`,
            message: `no event was served for ${stallMs / 1e3} s after event ${events} (t = ${nsToS(timeNs)} s); its thread was ended`,
            hint: `look for an endless loop in one of its policies: ${JSON.stringify(policies)}`,
          })
        }
      }
      return null
    },
  }
}

/** The error of a decision that has lasted too long in a thread with this heartbeat (HEARTBEAT doubles), or null. */
export function createDecisionWatch(heartbeat: Float64Array): (nowMs: number, arm: ArmSpec, at: string) => UserError | null {
  if (heartbeat.length !== HEARTBEAT) throw new RangeError(`a heartbeat has ${HEARTBEAT} doubles`)
  let number = -1
  let sinceMs = 0
  return (nowMs, arm, at) => {
    const decision = decisionUnderWay(heartbeat)
    if (decision === null || decision.number !== number) {
      number = decision?.number ?? -1
      sinceMs = nowMs
      return null
    }
    if (nowMs - sinceMs < DECISION_LIMIT_MS) return null
    const { lever, hook, reads } = decision
    return new UserError({
      where: `arms.${arm.name}.${lever}`,
      message: `policy ${arm[lever]} did not answer within ${DECISION_LIMIT_MS / 1e3} s: ${hook}, decision ${number} of its thread, ${at}; the last numbers it read are ${reads.join(', ') || 'none'}; its thread was ended`,
      hint: `look for an endless loop in ${hook}, or for memory that grows`,
    })
  }
}
