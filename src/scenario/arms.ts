/** The user's arms: policies by name, the rest as in the static arm. What is wrong with them: `armProblems.ts`. */
import { staticArm } from '../levers/catalogue.js'
import type { ArmSpec } from '../levers/lever.js'
import { isPolicyFile } from '../levers/own.js'
import { openPolicyFiles, readPolicyFile } from '../policies/index.js'
import type { EnginePlan } from './plan.js'
import type { LeversInput, ScenarioInput } from './schema.js'

openPolicyFiles()

/** Levers that an arm does not name are those of the static arm. */
export function resolveArms(arms: ScenarioInput['arms'], engines: readonly EnginePlan[]): ArmSpec[] {
  return Object.entries(arms ?? {}).map(([name, levers]) => ({
    ...staticArm(engines),
    ...dropUndefined(levers),
    name,
    ...sourceHashes(name, levers),
  }))
}

/** Of the policies that are files: what was read, so that a result says which text of a file it is of. */
function sourceHashes(name: string, levers: LeversInput): Pick<ArmSpec, 'sourceHash'> {
  const own = Object.entries(levers).filter(([, text]) => text !== undefined && isPolicyFile(text))
  if (own.length === 0) return {}
  return {
    sourceHash: Object.fromEntries(own.map(([lever, path]) => [lever, readPolicyFile(path, `arms.${name}.${lever}`).hash])),
  }
}

const dropUndefined = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, held]) => held !== undefined)) as T
