/** A policy that fails is told with the event in which it was asked; one of the user's own is the user's error. */
import { PolicyError, UserError } from '../errors.js'
import { nsToS } from '../units.js'
import type { Core } from './core.js'
import { EVENTS, NOW } from './scalars.js'

export function atEvent({ state: { scalars }, deciding }: Core, error: unknown): unknown {
  const request = deciding < 0 ? '' : `, request ${deciding}`
  return policyFault(error, ` [t = ${nsToS(scalars[NOW])} s, event ${scalars[EVENTS]}${request}]`)
}

/** What is thrown in the place of `error`, which a policy may have caused; `at`: when, in words. */
export function policyFault(error: unknown, at = ''): unknown {
  if (!(error instanceof PolicyError)) return error
  const detail = `${error.detail}${at}`
  const { name, lever, file } = error.policy
  if (file === undefined) return new PolicyError(error.policy, detail)
  return new UserError({
    where: file,
    message: `${lever} policy ${name}: ${detail}`,
    hint: `mend the policy; \`shapewise check ${file}\` looks for a small scenario that shows it`,
  })
}
