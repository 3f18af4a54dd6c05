/**
 * Policies that are files of a user's own, `rank: ./my-policy.ts`. Reading order: file.ts (text to module), trial.ts (in another process first),
 * sandbox.ts (where it runs), shape.ts (is it a policy), guard.ts with shield.ts and hooks.ts (what happens around each decision), heartbeat.ts
 * (what the parent thread sees of it).
 */
import { UserError } from '../errors.js'
import { chanceOf } from '../levers/chance.js'
import { type Chance, LEVERS, type LeverName } from '../levers/lever.js'
import { setPolicyOpener } from '../levers/own.js'
import { describeThrown, evaluate, type PolicyFile, readPolicyFile } from './file.js'
import { guarded } from './guard.js'
import { withinLimit } from './sandbox.js'
import { aboutFile } from './sentence.js'
import { type PolicyShape, shapeFaults } from './shape.js'

export { adoptPolicyFiles, type PolicyFile, policyFiles, readPolicyFile, withoutTypes } from './file.js'
export { guarded } from './guard.js'
export { beatInto, decisionUnderWay, HEARTBEAT } from './heartbeat.js'
export { HOOKS } from './hooks.js'
export { LOAD_LIMIT_MS, withinLimit } from './sandbox.js'
export { shapeFaults } from './shape.js'

/** A fresh policy of the file, as it was written: not yet under guard. `run` as for `createArm`. */
function policyOf(file: PolicyFile, lever: LeverName, where: string, run: string): PolicyShape {
  const made = evaluate(file, where)
  if (typeof made !== 'function')
    throw new UserError({
      where,
      message: aboutFile(file.path, where, ' has no function as its default export'),
      hint: 'export default a function that makes a fresh policy, as in what `shapewise policy new LEVER FILE` writes',
    })
  let policy: unknown
  let faults: string[]
  try {
    policy = withinLimit(() => (made as (chance: Chance) => unknown)(chanceOf(run, lever)))
    faults = shapeFaults(lever, policy)
  } catch (error) {
    throw new UserError({
      where,
      message: aboutFile(file.path, where, ` fails while it makes a policy: ${describeThrown(error, file.path)}`),
      hint: 'mend it',
    })
  }
  if (faults.length > 0)
    throw new UserError(
      faults.map((fault) => ({
        where,
        message: aboutFile(file.path, where, `: ${fault}`),
        hint: `compare with what \`shapewise policy new ${lever} FILE\` writes`,
      })),
    )
  return policy as PolicyShape
}

/** The lever that a policy says it is of. */
export function leverOf(file: PolicyFile, where: string): LeverName {
  const made = evaluate(file, where)
  let lever: unknown
  try {
    const make = made as (chance: Chance) => Partial<PolicyShape> | undefined
    lever = typeof made === 'function' ? withinLimit(() => make(chanceOf('', 'rank')))?.info?.lever : undefined
  } catch {
    // told with its place when it is opened as a policy
  }
  return LEVERS.includes(lever as LeverName) ? (lever as LeverName) : 'rank'
}

/** From now on this thread opens policies that are files. */
export function openPolicyFiles(): void {
  setPolicyOpener((lever, path, where) => {
    const file = readPolicyFile(path, where)
    // its faults are told now, and not when a simulation begins
    policyOf(file, lever, where, '')
    return (run = '') => guarded(lever, policyOf(file, lever, where, run), path)
  })
}
