/**
 * Traffic like a file: of many draws from the recipe that was fitted to it, the one in which queues are most like those of the file. Of 29 minutes of code
 * completion the slowest hundredth of all requests lie within 5 s, in the largest burst: whatever draws that burst anew makes it 20 % lighter or heavier.
 */
import { stream } from '../../rng.js'
import type { Recipe } from '../generate/recipe.js'
import { synthesise } from '../generate/synth.js'
import { compareTraces, type TraceComparison } from '../statistics/compare.js'
import type { Workload } from '../workload.js'
import { queueDistance, queueFigures } from './queues.js'

export interface Alike {
  readonly workload: Workload
  /** The seed that draws it from the recipe again. */
  readonly seed: number
  /** How many draws it is the nearest of. */
  readonly of: number
  readonly comparison: TraceComparison
}

const MOST_DRAWS = 128
/** Requests drawn in all, about: the shorter a trace is, the more its slowest requests hang on chance. */
const MOST_DRAWN = 640_000
/** Draws held against the trace before the nearest one is given as it is: one in twenty of the same traffic is called different by chance. */
const MOST_COMPARED = 4

/**
 * `recipe`: fitted to `file`, perhaps at another rate or length. The nearest draw that passes the comparison with `file`; the nearest if none does. Sessions are
 * drawn once: when their requests come depends on how they are served.
 */
export function drawAlike(
  file: Workload,
  recipe: Recipe,
  seed: number,
  name: string,
  { scaleFree = false }: { readonly scaleFree?: boolean } = {},
): Alike {
  const compared = (workload: Workload, ownSeed: number, of: number): Alike => ({
    workload,
    seed: ownSeed,
    of,
    comparison: compareTraces(file, workload, { scaleFree, sessions: fitsSessions(recipe) }),
  })
  const draws = isTimed(file) ? Math.max(1, Math.min(MOST_DRAWS, Math.floor(MOST_DRAWN / expectedRequests(recipe)))) : 1
  if (draws === 1) return compared(synthesise(recipe, seed, name), seed, 1)
  const wanted = queueFigures(file)
  const rng = stream(seed, 'draws of a look-alike')
  const ranked = Array.from({ length: draws }, () => {
    const ownSeed = rng.integer(2 ** 31 - 1)
    return { ownSeed, distance: queueDistance(wanted, queueFigures(synthesise(recipe, ownSeed, name))) }
  }).sort((a, b) => a.distance - b.distance)
  let nearest: Alike | null = null
  for (const { ownSeed } of ranked.slice(0, MOST_COMPARED)) {
    const alike = compared(synthesise(recipe, ownSeed, name), ownSeed, draws)
    if (alike.comparison.verdict !== 'different') return alike
    nearest ??= alike
  }
  return nearest as Alike
}

const fitsSessions = ({ streams }: Recipe): boolean => Object.values(streams).some(({ session }) => session !== undefined)

const isTimed = ({ arrivalNs, count }: Workload): boolean => !arrivalNs.some(Number.isNaN) && arrivalNs[count - 1] > arrivalNs[0]

const expectedRequests = ({ requests, duration_s: durationS = 0, streams }: Recipe): number =>
  Math.max(1, requests ?? durationS * Object.values(streams).reduce((sum, { rate_per_s }) => sum + rate_per_s, 0))
