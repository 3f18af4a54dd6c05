/** What `run` and `explain` share: arms by name. */
import { UserError } from '../errors.js'
import { LEVERS, SHAPE_AWARE_ARM, staticArm } from '../levers/index.js'
import type { ArmSpec } from '../levers/lever.js'
import type { Plan } from '../scenario/plan.js'
import { suggest } from '../suggest.js'

/** Arms that exist without a comparison: the fixed ones and the user's. */
export function chooseArm(plan: Plan, name: string): ArmSpec {
  const fixed = staticArm(plan.engines)
  const arms = [fixed, { ...SHAPE_AWARE_ARM, chunk: fixed.chunk }, ...plan.arms]
  const found = arms.find((arm) => arm.name === name)
  if (found) return found
  throw new UserError({
    where: '--arm',
    message: `there is no arm '${name}' here`,
    hint: hintFor(
      name,
      arms.map((one) => one.name),
    ),
  })
}

function hintFor(name: string, known: readonly string[]): string {
  if (name === 'tuned-static' || name === 'tuned-size')
    return 'this arm is tuned on the trace by `shapewise compare`, which prints it as a text for --arm'
  if (LEVERS.some((lever) => name.startsWith(`${lever}:`))) return `give it a name: --arm mine=${name}`
  return `${suggest(name, known)}; write your own under \`arms:\` of a scenario, or as NAME=LEVER:POLICY`
}
