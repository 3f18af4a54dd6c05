/** The arms of a factorial experiment: every mix of the policies of two arms, lever by lever. */
import { type ArmSpec, LEVERS, type LeverName } from '../../levers/lever.js'
import type { ClusterConfig } from '../../simulator/config.js'
import { inertLevers } from '../families.js'

/** Levers on which two arms differ, where that has an effect on the cluster. */
export function differing(from: ArmSpec, to: ArmSpec, config: ClusterConfig): LeverName[] {
  const inert = inertLevers(config)
  return LEVERS.filter((lever) => from[lever] !== to[lever] && !inert.has(lever))
}

/**
 * 2^k arms by coalition: bit i of the index says that lever i has the policy of `to`, all else is `from`. The first is `from` itself; the last is
 * `to` itself when `levers` are all that differ on the cluster.
 */
export function factorialArms(from: ArmSpec, to: ArmSpec, levers: readonly LeverName[], config: ClusterConfig): ArmSpec[] {
  const complete = differing(from, to, config).every((lever) => levers.includes(lever))
  return Array.from({ length: 2 ** levers.length }, (_, coalition): ArmSpec => {
    if (coalition === 0) return from
    const changed = levers.filter((_lever, i) => (coalition & (1 << i)) !== 0)
    if (complete && changed.length === levers.length) return to
    const policies = Object.fromEntries(changed.map((lever) => [lever, to[lever]]))
    return { ...from, ...policies, ...hashesOf(from, to, changed), name: `${from.name} + ${changed.join(' + ')}` }
  })
}

/** A policy that is a file brings its hash along; one that is replaced takes it away. */
function hashesOf(from: ArmSpec, to: ArmSpec, changed: readonly LeverName[]): Pick<ArmSpec, 'sourceHash'> {
  if (from.sourceHash === undefined && to.sourceHash === undefined) return {}
  const all = LEVERS.map((lever) => [lever, (changed.includes(lever) ? to : from).sourceHash?.[lever]] as const)
  return { sourceHash: Object.fromEntries(all.filter(([, hash]) => hash !== undefined)) }
}
