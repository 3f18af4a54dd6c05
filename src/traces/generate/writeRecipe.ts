/** A recipe as YAML that a person can read and change. */
import { yaml } from '../../yaml/library.js'
import type { Recipe } from './recipe.js'

/** `comments` stand above the recipe, one a line. Read again it is the same recipe. */
export function recipeText(recipe: Recipe, comments: readonly string[] = []): string {
  const { Document, isScalar, visit } = yaml()
  // without the keys that are not set
  const document = new Document(JSON.parse(JSON.stringify(recipe)))
  visit(document, {
    Seq: (_, list) => {
      list.flow = list.items.every((item) => isScalar(item))
    },
  })
  const head = comments.map((line) => `# ${line}\n`).join('')
  return head + document.toString({ lineWidth: 0, flowCollectionPadding: false })
}
