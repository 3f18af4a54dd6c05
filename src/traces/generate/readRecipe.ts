/** Text to a checked recipe; every fault at once, each with its place. */
import { type Fault, UserError } from '../../errors.js'
import { type CheckedForm, type Problem, problemsOf } from '../../yaml/issues.js'
import { type Path, parseYaml } from '../../yaml/text.js'
import { type Recipe, recipeKeysAt, recipeSchema } from './recipe.js'
import { recipeProblems } from './recipeRules.js'

/** For messages on recipes. */
export const RECIPE_FORM: CheckedForm = {
  noun: 'recipe',
  example: 'docs/RECIPES.md',
  keysAt: recipeKeysAt,
  otherwise: 'remove it: it is no key here, or not beside the others; docs/RECIPES.md says which go together',
}

/** A recipe is checked once: compiling a checker for its schema would take longer than the check. */
const PARSE_ONCE = { jitless: true } as const

/** What flags of the command line do to the data of a recipe. */
export interface RecipeChange {
  readonly data: Record<string, unknown>
  readonly faults: readonly Fault[]
  /** The flag that gave the value at a path, undefined for the file's own. */
  flagAt(path: Path): string | undefined
}

/** `file` is for messages; `change` is applied before the checks. Throws UserError with all faults. */
export function readRecipe(
  text: string,
  file: string,
  change = (data: Record<string, unknown>): RecipeChange => ({ data, faults: [], flagAt: () => undefined }),
): Recipe {
  const parsed = parseYaml(text, file, RECIPE_FORM)
  const changed = change(parsed.data)
  if (parsed.faults.length > 0 || changed.faults.length > 0) throw new UserError([...parsed.faults, ...changed.faults])
  const { recipe, problems } = checkRecipe(changed.data)
  if (recipe !== null) return recipe
  throw new UserError(
    problems.map(({ path, key, message, hint }): Fault => {
      const flag = changed.flagAt(key === undefined ? path : [...path, key])
      return { where: flag ?? parsed.where(path, key), message, hint }
    }),
  )
}

/** Checks plain data; `recipe` is null when there are problems. */
export function checkRecipe(data: unknown): { recipe: Recipe | null; problems: readonly Problem[] } {
  const checked = recipeSchema.safeParse(data, PARSE_ONCE)
  if (!checked.success) return { recipe: null, problems: problemsOf(checked.error, data, RECIPE_FORM) }
  const recipe = checked.data as unknown as Recipe
  const problems = recipeProblems(recipe)
  return { recipe: problems.length === 0 ? recipe : null, problems }
}
