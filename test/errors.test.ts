/** One style of error text: what is wrong and what to do stand in lower case, without a full stop, as the hint of one follows its message. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { expect, it } from 'vitest'

const src = fileURLToPath(new URL('../src', import.meta.url))
/** Functions of several files that make a fault of their arguments. */
const MAKERS = ['fail', 'refuse', 'bad', 'packed', 'problem', 'noRequests', 'cannotWrite']
/** A capital that begins a sentence, not an acronym or a name of code; a full stop, not an ellipsis. */
const isSentence = (text: string): boolean => /^(A|[A-Z][a-z]+)[\s,]/.test(text) || /[^.]\.$/.test(text)

/** The texts of a value, of both sides where it is chosen. */
function textsOf(value: ts.Expression): string[] {
  if (ts.isStringLiteralLike(value) || ts.isTemplateExpression(value)) return [value.getText().slice(1, -1)]
  if (ts.isParenthesizedExpression(value)) return textsOf(value.expression)
  if (ts.isConditionalExpression(value)) return [value.whenTrue, value.whenFalse].flatMap(textsOf)
  return ts.isBinaryExpression(value) ? [value.left, value.right].flatMap(textsOf) : []
}

function faultTexts(file: ts.SourceFile): string[] {
  const found: string[] = []
  const visit = (node: ts.Node): void => {
    if ((ts.isPropertyAssignment(node) || ts.isVariableDeclaration(node)) && /^(message|hint)$/i.test(node.name.getText()))
      found.push(...(node.initializer === undefined ? [] : textsOf(node.initializer)))
    if (ts.isCallExpression(node) && MAKERS.includes(node.expression.getText())) found.push(...node.arguments.flatMap(textsOf))
    ts.forEachChild(node, visit)
  }
  visit(file)
  return found
}

it('messages and hints begin in lower case and end without a full stop', () => {
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))
  const texts = files.flatMap((name) =>
    faultTexts(ts.createSourceFile(name, readFileSync(join(src, name), 'utf8'), ts.ScriptTarget.Latest, true)),
  )
  expect(texts.length).toBeGreaterThan(400)
  expect(texts.filter(isSentence)).toEqual([])
})
