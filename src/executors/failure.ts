/** A thrown error as plain data and back, with the place it happened at: work fails in the same words in this thread and in another. */
import { type Fault, PolicyError, UserError } from '../errors.js'
import type { Job } from '../experiments/job.js'

export interface Failure {
  readonly name: string
  readonly message: string
  /** Lines of the stack below the message. */
  readonly frames: string
  /** Of a UserError. */
  readonly faults: readonly Fault[]
}

export function failureOf(thrown: unknown): Failure {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  return {
    name: error.name,
    message: error.message,
    frames: frames.join('\n'),
    faults: error instanceof UserError ? error.faults : [],
  }
}

/** The error in the same words; a UserError is one again, all others are plain errors under their name. */
export function errorFrom({ name, message, frames, faults }: Failure): Error {
  if (name === 'UserError') return new UserError(faults)
  const error = new Error(message)
  error.name = name
  error.stack = `${name}: ${message}\n${frames}`
  return error
}

/** The error of the same kind (so that the exit code is right), naming `where` it happened. */
export function errorAt(failure: Failure, where: string): Error {
  if (failure.name === 'UserError')
    return new UserError(failure.faults.map((fault) => ({ ...fault, where: `${where}: ${fault.where}` })))
  const error = rebuilt(failure, where)
  error.stack = `${error.name}: ${error.message}\n${failure.frames}`
  return error
}

/** Named by arm, kind of job and replicate. */
export const errorOf = (failure: Failure, { arm, kind, draw }: Job): Error =>
  errorAt(failure, `arm ${arm.name} (${kind}, replicate ${draw.replicate})`)

function rebuilt({ name, message }: Failure, where: string): Error {
  const policy = /^policy (.*?): ([\s\S]*)$/.exec(message)
  if (name === 'PolicyError' && policy) return new PolicyError({ name: policy[1] }, `${policy[2]} [${where}]`)
  const error = new Error(`${where}: ${message}`)
  error.name = name
  return error
}
