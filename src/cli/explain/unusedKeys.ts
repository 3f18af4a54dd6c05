/** Keys of the command line that no price of a step depends on. */
import { UserError } from '../../errors.js'

/** Sections of a scenario that say what is served and judged, and not what a step costs. */
const ELSEWHERE = /^(workload|slo|admission|experiment)[.=]/

/**
 * Throws UserError for a flag without which the scenario is as good: others make one of those sections agree with engines that were changed, as
 * workload.cache_answers=false does where no engine caches prefixes any more. `load` fails where it is none.
 */
export async function refuseUnused(sets: readonly string[], load: (sets: readonly string[]) => Promise<unknown>): Promise<void> {
  const candidates = sets.filter((set) => ELSEWHERE.test(set))
  // all at once first: one of them may be there for another
  for (const left of [candidates, ...candidates.map((set) => [set])]) {
    if (
      left.length === 0 ||
      !(await isLoaded(
        sets.filter((set) => !left.includes(set)),
        load,
      ))
    )
      continue
    throw new UserError({
      where: `--set ${left[0]}`,
      message: 'has no effect here: what a step costs depends on system, model and engines, and not on what is served',
      hint: 'leave it out',
    })
  }
}

async function isLoaded(sets: readonly string[], load: (sets: readonly string[]) => Promise<unknown>): Promise<boolean> {
  try {
    await load(sets)
    return true
  } catch (error) {
    if (error instanceof UserError) return false
    throw error
  }
}
