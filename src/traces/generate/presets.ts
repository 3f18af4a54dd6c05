/**
 * The shipped workloads: look-alikes that the recipes of data/recipes drew from published statistics. They are not recordings; the provenance
 * of each says what it imitates. `buildPreset` draws one anew, `presetWorkload` reads the shipped file.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { PresetName } from '../presetNames.js'
import type { Workload } from '../workload.js'
import { readRecipe } from './readRecipe.js'
import type { Recipe } from './recipe.js'
import { synthesise } from './synth.js'

/** Seed of the shipped files. */
const PRESET_SEED = 20231116

/** The text of a preset's recipe, comments included. */
export const presetRecipeText = (name: PresetName): string => readFileSync(presetRecipePath(name), 'utf8')

export const presetRecipe = (name: PresetName): Recipe => readRecipe(presetRecipeText(name), `data/recipes/${name}.yaml`)

const presetRecipePath = (name: string): string => fileURLToPath(new URL(`../../../data/recipes/${name}.yaml`, import.meta.url))

export const buildPreset = (name: PresetName): Workload => synthesise(presetRecipe(name), PRESET_SEED, name)
