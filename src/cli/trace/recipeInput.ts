/** A recipe as named on the command line: a preset or a file, with flags over it. */
import { readFileSync } from 'node:fs'
import { UserError } from '../../errors.js'
import { applyOverrides, flagGiving, flagOf, refuseUndone } from '../../scenario/overrides.js'
import { suggest } from '../../suggest.js'
import { refuseEndless, textOf } from '../../textFile.js'
import { presetRecipeText } from '../../traces/generate/presets.js'
import { RECIPE_FORM, type RecipeChange, readRecipe } from '../../traces/generate/readRecipe.js'
import type { Recipe } from '../../traces/generate/recipe.js'
import { PRESETS, type PresetName } from '../../traces/presetNames.js'

export interface RecipeFlags {
  readonly requests?: number
  /** Sum of the streams' rates, per second. */
  readonly ratePerS?: number
  readonly sets: readonly string[]
}

/** Throws UserError for unknown names, unreadable files and whatever a recipe can get wrong. */
export function namedRecipe(name: string, flags: RecipeFlags): Recipe {
  refuseUndone(flags.sets)
  refuseAmounts(flags)
  const preset = (PRESETS as readonly string[]).includes(name)
  const text = preset ? presetRecipeText(name as PresetName) : recipeFile(name)
  const recipe = readRecipe(text, preset ? `data/recipes/${name}.yaml` : name, (data) => changed(data, flags))
  if (flags.ratePerS === undefined) return recipe
  refuseOnlyRate(recipe, flags.sets)
  return atRate(recipe, flags.ratePerS)
}

/** `--requests` takes the place of what a recipe says of how much is drawn, not of what another flag says. */
function refuseAmounts({ requests, sets }: RecipeFlags): void {
  const other = flagGiving(sets, 'requests') ?? flagGiving(sets, 'duration_s')
  if (requests === undefined || other === undefined) return
  throw new UserError({ where: '--requests', message: `says how much is drawn, and so does ${other}`, hint: 'keep one of them' })
}

/** Beside a total, the rates of several streams are their proportions; that of a single one is nothing. */
function refuseOnlyRate({ streams }: Recipe, sets: readonly string[]): void {
  const [only, ...others] = Object.keys(streams)
  const set = flagGiving(sets, `streams.${only}.rate_per_s`)
  if (others.length > 0 || set === undefined) return
  throw new UserError({
    where: set,
    message: 'has no effect with --rate, which gives the rate of the only stream',
    hint: 'keep one of them',
  })
}

function recipeFile(name: string): string {
  if (!/\.ya?ml$/i.test(name)) {
    throw new UserError({
      where: 'trace synth',
      message: `there is no preset '${name}'`,
      hint: `${suggest(name, PRESETS)}; or name a recipe of your own, a .yaml file`,
    })
  }
  let bytes: Buffer
  try {
    refuseEndless(name)
    bytes = readFileSync(name)
  } catch (error) {
    throw new UserError({
      where: name,
      message: `cannot read the recipe: ${(error as Error).message}`,
      hint: 'begin with a copy of one from data/recipes',
    })
  }
  return textOf(bytes, name)
}

function changed(data: Record<string, unknown>, { requests, sets }: RecipeFlags): RecipeChange {
  const { data: copy, flags, faults } = applyOverrides(data, sets, [], RECIPE_FORM)
  if (requests !== undefined) {
    copy.requests = requests
    delete copy.duration_s
  }
  return { data: copy, faults, flagAt: (path) => flagOf(flags, path) }
}

/** All streams faster or slower, so that their rates add up to `ratePerS`. */
export function atRate(recipe: Recipe, ratePerS: number): Recipe {
  const streams = Object.entries(recipe.streams)
  const sum = streams.reduce((total, [, one]) => total + one.rate_per_s, 0)
  return {
    ...recipe,
    streams: Object.fromEntries(streams.map(([name, one]) => [name, { ...one, rate_per_s: (one.rate_per_s * ratePerS) / sum }])),
  }
}
