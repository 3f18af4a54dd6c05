/**
 * A policy under guard: read-only views that write down what is read, answers checked, a heartbeat around each decision. For policies that
 * come from outside; the shipped ones are called directly.
 */
import { PolicyError } from '../errors.js'
import type { PolicyOf } from '../levers/catalogue.js'
import { LEVERS, type LeverName } from '../levers/lever.js'
import { describeThrown } from './file.js'
import { beginDecision, endDecision } from './heartbeat.js'
import { HOOK_NAMES, HOOKS, type Hook } from './hooks.js'
import { FIELDS, type PolicyShape } from './shape.js'
import { createShield, type Shield } from './shield.js'

/** Names of the arguments in messages: `view.running(0)`, `request.inputTokens`, `batch.lengths`. */
const ARGUMENT_NAMES: Readonly<Record<string, readonly string[]>> = {
  plan: ['batch', 'machine', 'out'],
}
const USUAL_NAMES = ['view', 'request', 'phase']

/** `file`: where the policy comes from; absent for one that was handed over as an object. */
export function guarded<L extends LeverName>(lever: L, policy: PolicyShape, file?: string): PolicyOf[L] {
  const shield = createShield()
  const { state } = policy
  const length = state?.length
  // the methods that are called, whatever it says of them: states of arms with other hooks do not fit
  const hooks = HOOKS[lever].map(({ name }) => name).filter((name) => name !== 'planningPs' && typeof policy[name] === 'function')
  const made: Record<string, unknown> = { info: { ...policy.info, hooks, ...(file === undefined ? {} : { file }) } }
  for (const key of FIELDS) if (policy[key] !== undefined) made[key] = policy[key]
  const fail = (hook: Hook, what: string): never => {
    throw new PolicyError({ name: policy.info.name, lever, file }, `${hook.name} ${what}; it had read ${shield.reads()}`)
  }
  for (const hook of HOOKS[lever]) {
    const method = policy[hook.name]
    if (typeof method !== 'function') continue
    const names = ARGUMENT_NAMES[hook.name] ?? USUAL_NAMES
    const [leverIndex, hookIndex] = [LEVERS.indexOf(lever), HOOK_NAMES.indexOf(hook.name)]
    made[hook.name] = (...args: unknown[]): unknown => {
      shield.open()
      hook.clear?.(args)
      beginDecision(leverIndex, hookIndex)
      let answer: unknown
      try {
        answer = method.apply(policy, covered(shield, hook, names, args))
      } catch (error) {
        const thrown = describeThrown(error, file ?? '')
        fail(hook, shield.trespass() ?? (thrown.startsWith('threw ') ? thrown : `threw: ${thrown}`))
      } finally {
        endDecision()
      }
      const fault = shield.trespass() ?? hook.fault(answer, args)
      if (fault !== null) fail(hook, fault)
      if (policy.state !== state || policy.state?.length !== length) fail(hook, 'replaced its state, whose length is fixed')
      return answer
    }
  }
  return made as unknown as PolicyOf[L]
}

const covered = (shield: Shield, hook: Hook, names: readonly string[], args: readonly unknown[]): unknown[] =>
  args.map((value, i) => (hook.arguments[i] === 'view' ? shield.cover(value as object, names[i]) : value))
