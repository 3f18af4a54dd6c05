/** The library's types: whatever a signature names can be imported, so that a user can write down what a function takes or gives. */
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { expect, it } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Types of the project that exported declarations name, and that `index.ts` does not export. */
function unexportedTypes(): string[] {
  const { options } = ts.parseJsonConfigFileContent(
    ts.readConfigFile(`${root}tsconfig.json`, ts.sys.readFile).config,
    ts.sys,
    root,
  )
  const program = ts.createProgram([`${root}src/index.ts`], options)
  const checker = program.getTypeChecker()
  const exportsOf = (file: ts.SourceFile): Set<ts.Symbol> => {
    const module = checker.getSymbolAtLocation(file)
    return new Set(module === undefined ? [] : checker.getExportsOfModule(module).map(declared))
  }
  const declared = (symbol: ts.Symbol): ts.Symbol =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
  const exported = exportsOf(program.getSourceFile(`${root}src/index.ts`) as ts.SourceFile)
  expect(exported.size).toBeGreaterThan(100)
  const missing = new Set<string>()
  const seen = new Set(exported)
  const open = [...exported]
  const visit = (node: ts.Node): void => {
    // bodies are no signatures
    if (ts.isBlock(node)) return
    if (ts.isTypeReferenceNode(node) || ts.isExpressionWithTypeArguments(node)) {
      const symbol = checker.getSymbolAtLocation(ts.isTypeReferenceNode(node) ? node.typeName : node.expression)
      if (symbol !== undefined) note(declared(symbol))
    }
    ts.forEachChild(node, visit)
  }
  const note = (symbol: ts.Symbol): void => {
    const file = symbol.declarations?.[0].getSourceFile()
    if (file === undefined || !file.fileName.startsWith(`${root}src/`) || seen.has(symbol)) return
    seen.add(symbol)
    open.push(symbol)
    if (symbol.declarations?.some((one) => ts.isInterfaceDeclaration(one) || ts.isTypeAliasDeclaration(one)))
      missing.add(`${symbol.name} of ${file.fileName.slice(root.length)}`)
  }
  for (let symbol = open.pop(); symbol !== undefined; symbol = open.pop()) symbol.declarations?.forEach(visit)
  return [...missing]
}

it('are exported, all that a signature names', { timeout: 120_000 }, () => {
  expect(unexportedTypes()).toEqual([])
})
