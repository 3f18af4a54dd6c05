/** The random numbers of users' own policies. */
import { stream } from '../rng.js'
import type { Chance, LeverName } from './lever.js'
import { mixed } from './mixed.js'

/** Numbers named by the run (see `createArm`), the lever and their place: nothing is remembered, so a snapshot has nothing to carry. */
export function chanceOf(run: string, lever: LeverName): Chance {
  const salt = Math.floor(stream(run, `${lever}/own`).uniform() * 2 ** 32)
  return (k) => {
    if (!(Number.isInteger(k) && k >= 0 && k < 2 ** 32))
      throw new RangeError(`chance(${k}): a whole number from 0 to 2^32 - 1 is due`)
    return mixed(k, salt) / 2 ** 32
  }
}
