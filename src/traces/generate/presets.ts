/**
 * The shipped workloads: look-alikes that the recipes of data/recipes drew from published statistics. They are not recordings; the provenance
 * of each says what it imitates. `buildPreset` draws one anew, `presetWorkload` reads the shipped file.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { stream } from '../../rng.js'
import { NS_PER_S } from '../../units.js'
import type { PresetName } from '../presetNames.js'
import { shapesOnly, type Workload } from '../workload.js'
import { gapsOf } from './arrivals.js'
import { readRecipe } from './readRecipe.js'
import type { Recipe } from './recipe.js'
import { synthesise } from './synth.js'

/** Seed of the shipped files. */
export const PRESET_SEED = 20231116

/** The text of a preset's recipe, comments included. */
export const presetRecipeText = (name: PresetName): string => readFileSync(presetRecipePath(name), 'utf8')

export const presetRecipe = (name: PresetName): Recipe => readRecipe(presetRecipeText(name), `data/recipes/${name}.yaml`)

const presetRecipePath = (name: string): string => fileURLToPath(new URL(`../../../data/recipes/${name}.yaml`, import.meta.url))

export const buildPreset = (name: PresetName): Workload => synthesise(presetRecipe(name), PRESET_SEED, name)

export interface UniformLengths {
  readonly isl: number
  readonly osl: number
  /** Shortest length as a share of the nominal one, (0, 1]. */
  readonly spread: number
  readonly requests: number
}

/**
 * Lengths drawn evenly from [spread x nominal, nominal], both ends included: how serving benchmarks with random prompts load a system.
 * Arrivals (Poisson, 8 a second) matter only when the load is not a closed loop.
 */
export function uniformWorkload({ isl, osl, spread, requests }: UniformLengths, seed: number): Workload {
  const rng = stream(seed, 'uniform/lengths')
  const shortest = (nominal: number): number => Math.max(1, Math.floor(spread * nominal))
  const draw = (nominal: number): number => shortest(nominal) + rng.integer(nominal - shortest(nominal) + 1)
  const islColumn = new Int32Array(requests)
  const oslColumn = new Int32Array(requests)
  for (let i = 0; i < requests; i++) {
    islColumn[i] = draw(isl)
    oslColumn[i] = draw(osl)
  }
  return shapesOnly(poissonArrivals(requests, seed), islColumn, oslColumn, {
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
