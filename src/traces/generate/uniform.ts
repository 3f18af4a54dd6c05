/** Lengths drawn evenly between two bounds, both included: how serving benchmarks with random prompts load a system. */
import { UserError } from '../../errors.js'
import { type Rng, stream } from '../../rng.js'
import { NS_PER_S } from '../../units.js'
import { shapesOnly, type Workload } from '../workload.js'
import { gapsOf } from './arrivals.js'

export interface UniformLengths {
  readonly isl: number
  readonly osl: number
  /** Shortest length as a share of the nominal one, (0, 1]. */
  readonly spread: number
  readonly requests: number
}

/** Of each request, its input and then its output length, whole tokens in [shortestOf(nominal), nominal]. */
export function uniformLengths(
  { isl, osl, requests }: Omit<UniformLengths, 'spread'>,
  shortestOf: (nominal: number) => number,
  rng: Rng,
): { readonly isl: Int32Array; readonly osl: Int32Array } {
  const draw = (nominal: number): number => {
    const shortest = shortestOf(nominal)
    return shortest + rng.integer(nominal - shortest + 1)
  }
  const columns = { isl: new Int32Array(requests), osl: new Int32Array(requests) }
  for (let i = 0; i < requests; i++) {
    columns.isl[i] = draw(isl)
    columns.osl[i] = draw(osl)
  }
  return columns
}

/**
 * The traffic of `workload: {isl, osl}`: lengths from spread x nominal, rounded down, as serving benchmarks do. Arrivals (Poisson, 8 a second)
 * matter only when the load is not a closed loop. Throws UserError for lengths and numbers of requests that are no whole numbers from 1 on, and a spread outside (0, 1].
 */
export function uniformWorkload(lengths: UniformLengths, seed: number): Workload {
  const { isl, osl, spread, requests } = lengths
  const wrong = Object.entries({ isl, osl, requests }).find(
    ([, value]) => !(Number.isInteger(value) && value >= 1 && value < 2 ** 31),
  )
  if (wrong !== undefined || !(spread > 0 && spread <= 1))
    throw new UserError({
      where: `uniformWorkload.${wrong?.[0] ?? 'spread'}`,
      message: `${wrong?.[1] ?? spread} is not possible`,
      hint: wrong === undefined ? 'give a share above 0 and up to 1' : 'give a whole number from 1 to 2^31 - 1',
    })
  const shortestOf = (nominal: number): number => Math.max(1, Math.floor(spread * nominal))
  const columns = uniformLengths(lengths, shortestOf, stream(seed, 'uniform/lengths'))
  return shapesOnly(poissonArrivals(requests, seed), columns.isl, columns.osl, {
    name: 'uniform',
    format: 'generated',
    note: `${isl} input and ${osl} output tokens, each drawn evenly from ${spread} of that up to all of it; Poisson arrivals`,
    rowsRead: requests,
    rowsSkipped: 0,
  })
}

/** Poisson arrivals, 8 a second. */
function poissonArrivals(count: number, seed: number): Float64Array {
  const gaps = gapsOf({ law: 'poisson' }, 8, stream(seed, 'uniform/arrivals'))
  const arrivalNs = new Float64Array(count)
  for (let i = 1, timeS = 0; i < count; i++) {
    timeS += gaps()
    arrivalNs[i] = Math.floor(timeS * NS_PER_S)
  }
  return arrivalNs
}
