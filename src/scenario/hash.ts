/** Identity of a plan. */
import { createHash } from 'node:crypto'
import type { ArmSpec } from '../levers/lever.js'
import type { Constants } from '../timing/calibration.js'
import { kernelsDigest, loadSplitConstants } from '../timing/index.js'
import type { Plan } from './plan.js'
import type { Specs } from './specs.js'

/** JSON with sorted keys and no spaces: the same value gives the same text. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const entries = Object.entries(value as Record<string, unknown>).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  return `{${entries.map(([key, held]) => `${JSON.stringify(key)}:${canonicalJson(held)}`).join(',')}}`
}

/**
 * First 12 hex digits of sha256 over the plan without paths and version. A user's own system or model file counts by its content, and so do
 * the shipped ones, the constants of the split model and the kernel tables: a corrected number is another plan, and so is one fitted anew. A
 * policy of the user's counts by its text.
 */
export function planHash(
  plan: Omit<Plan, 'planHash' | 'stateHash'>,
  specs: Specs & { readonly constants: Constants },
  kernels = kernelsDigest(),
): string {
  const { version: _version, workload, ...others } = plan
  const rest = { ...others, arms: plan.arms.map(withoutPaths) }
  const { path: _path, ...shapes } = workload
  return createHash('sha256')
    .update(canonicalJson({ ...rest, ...specs, split: loadSplitConstants(), kernels, workload: shapes }))
    .digest('hex')
    .slice(0, 12)
}

/** A policy that is a file counts by its text. */
function withoutPaths({ sourceHash, ...arm }: ArmSpec): object {
  return { ...arm, ...sourceHash }
}
