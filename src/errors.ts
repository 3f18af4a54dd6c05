/**
 * Kinds of error, never mixed: a UserError is a user's mistake or a fault in the data or the policy they gave (exit code 2, with its place
 * named); a PolicyError is a fault of a policy that is no file of theirs. That, like any other error, is a bug of ours (exit code 1).
 */

/** One fault of the user's input: where it is, what is wrong, and what to do about it. */
export interface Fault {
  /** `file:line:column`, `file:line`, a flag such as `--set workload.path`, or a file name. */
  readonly where: string
  /** One sentence: what was found and what is allowed. */
  readonly message: string
  /** The remedy, one sentence, imperative. */
  readonly hint?: string
}

export class UserError extends Error {
  readonly faults: readonly Fault[]
  constructor(faults: readonly Fault[] | Fault) {
    const all = (Array.isArray(faults) ? (faults as readonly Fault[]) : [faults as Fault]).map(visible)
    super(all.map(formatFault).join('\n'))
    this.name = 'UserError'
    this.faults = all
  }
}

/** With control characters of the input as their codes: printed as they are, they would move the cursor or clear the screen. */
function visible({ where, message, hint }: Fault): Fault {
  const shown = (text: string): string =>
    text.replace(/[^\P{Cc}\n\t]/gu, (one) => `\\u${(one.codePointAt(0) as number).toString(16).padStart(4, '0')}`)
  return { where: shown(where), message: shown(message), ...(hint === undefined ? {} : { hint: shown(hint) }) }
}

function formatFault(fault: Fault): string {
  return `${fault.where}  ${fault.message}${fault.hint ? `\n  hint: ${fault.hint}` : ''}`
}

/** What the codes mean with which the file system refuses to write. */
export const WRITE_REFUSALS: Readonly<Record<string, string>> = {
  EACCES: 'no permission to write here',
  EPERM: 'no permission to write here',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space is left on the device',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EISDIR: 'it is a folder, not a file',
  EEXIST: 'a part of the path is a file, not a folder',
  ELOOP: 'its links lead in a circle',
  // no code of the file system: see wholeFile.ts
  ENOTFILE: 'it is a device or a pipe, not a file',
}

/** Whose fault it is: a policy may share its name with another one of its arm. */
export interface FaultyPolicy {
  readonly name: string
  readonly lever?: string
  /** Of a user's own policy: its file. */
  readonly file?: string
}

/** A policy returned something its contract forbids. Names the policy, the event and the value. */
export class PolicyError extends Error {
  readonly policy: FaultyPolicy
  /** The message without the name of the policy. */
  readonly detail: string
  constructor(policy: FaultyPolicy, message: string) {
    super(`policy ${policy.name}: ${message}`)
    this.name = 'PolicyError'
    this.policy = policy
    this.detail = message
  }
}
