/** A policy that fails is told with the event in which it was asked; one of the user's own is the user's error. */
import { PolicyError, UserError } from '../errors.js'
import { nsToS } from '../units.js'
import type { Core } from './core.js'
import { EVENTS, NOW } from './scalars.js'

export function atEvent(core: Core, error: unknown): unknown {
  if (!(error instanceof PolicyError)) return error
  const { scalars } = core.state
  const request = core.deciding < 0 ? '' : `, request ${core.deciding}`
  const detail = `${error.detail} [t = ${nsToS(scalars[NOW])} s, event ${scalars[EVENTS]}${request}]`
  const { split, chunk, rank, span, pool } = core.arm
  const { info } = [split, chunk, rank, span, pool].find((policy) => policy.info.name === error.policy) ?? {}
  if (info?.file === undefined) return new PolicyError(error.policy, detail)
  return new UserError({
    where: info.file,
    message: `${info.lever} policy ${info.name}: ${detail}`,
    hint: `mend the policy; \`shapewise check ${info.file}\` looks for a small scenario that shows it`,
  })
}
