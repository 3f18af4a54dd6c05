/** Arms as `--arm` takes them, and what must be said of a user's arm beside tuned ones. */
import { staticArm } from '../levers/catalogue.js'
import { type ArmSpec, LEVERS, type LeverName } from '../levers/lever.js'
import type { ClusterConfig } from '../simulator/config.js'
import { BUILT_IN, hasOneRank, inertLevers } from './families.js'

/** `--arm "NAME=LEVER:POLICY,…"`: on the same engines. Levers of the static arm, and those without effect, are not named; null where none is left. */
export function armFlag(name: string, arm: ArmSpec, config: ClusterConfig): string | null {
  const fixed = staticArm(config.engines)
  const named = LEVERS.filter((lever) => arm[lever] !== fixed[lever] && !inertLevers(config).has(lever))
  return named.length === 0 ? null : `--arm "${name}=${named.map((lever) => `${lever}:${arm[lever]}`).join(',')}"`
}

/** Of each arm that is the user's: policies that decide nothing on these engines. */
export function inertNotes(arms: readonly ArmSpec[], config: ClusterConfig): string[] {
  const fixed = staticArm(config.engines)
  // one rank is all there is to spread a context over
  const span: [LeverName, string][] = hasOneRank(config) ? [['span', 'every engine has one rank']] : []
  const inert = [...inertLevers(config), ...span]
  const own = arms.filter(({ name }) => !BUILT_IN.includes(name))
  return own.flatMap((arm) =>
    inert
      .filter(([lever]) => arm[lever] !== fixed[lever])
      .map(([lever, why]) => `${arm.name}: ${lever} ${arm[lever]} has no effect here, since ${why}.`),
  )
}

/** A tuned arm for `run`, or for another comparison: its own name is taken. */
export const againFlag = (arm: ArmSpec, config: ClusterConfig): string | null => armFlag(`my-${arm.name}`, arm, config)

/**
 * Of each arm that has the static arm's policy where the tuned one has another: on which levers, and the arm with the tuned policies there. Whether
 * the user named the policy or left it out makes no difference to what is compared.
 */
export function untunedNotes(arms: readonly ArmSpec[], tuned: ArmSpec, config: ClusterConfig): string[] {
  const fixed = staticArm(config.engines)
  const inert = inertLevers(config)
  return arms.flatMap((arm) => {
    const levers = LEVERS.filter((lever) => !inert.has(lever) && arm[lever] === fixed[lever] && tuned[lever] !== fixed[lever])
    if (levers.length === 0) return []
    const policies = Object.fromEntries(levers.map((lever) => [lever, tuned[lever]])) as Partial<Record<LeverName, string>>
    const pairs = levers.map((lever) => `${lever} ${arm[lever]} instead of ${tuned[lever]}`).join(', ')
    const flag = armFlag(`${arm.name}-tuned`, { ...arm, ...policies }, config)
    return [
      `${arm.name} has policies of static where ${tuned.name} has tuned ones: ${pairs}. Part of its gain or loss over tuned arms comes from that; with the tuned ones it is ${flag}.`,
    ]
  })
}
