/** Names the code that answers: a finished cell is no answer to the question that newer code would ask. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What answers a cell; how answers are judged and drawn may change without asking again. */
const ROOT = new URL('../../experiments/claim/runCell.js', import.meta.url)

/** Modules of this package that a module names, in `import` and `export … from`; those that are types alone name code that is not run. */
const IMPORT = /^(?:import|export)\s(?!type\b)(?:[^'"]*?\sfrom\s)?\s*['"](\.[^'"]+)['"]/gm

/** A test runner executes the source, where `x.js` is `x.ts`. */
const fileOf = (module: URL): string => {
  const compiled = fileURLToPath(module)
  return existsSync(compiled) ? compiled : compiled.replace(/\.js$/, '.ts')
}

/** Files that `root` needs, itself included, by name. */
export function modulesOf(root: URL = ROOT): string[] {
  const found = new Set<string>()
  const open = [root]
  for (let module = open.pop(); module !== undefined; module = open.pop()) {
    const file = fileOf(module)
    if (found.has(file)) continue
    found.add(file)
    for (const [, name] of readFileSync(file, 'utf8').matchAll(IMPORT)) open.push(new URL(name, module))
  }
  return [...found].sort()
}

/** Hash of all code that runs when a cell is answered, by name and content. */
export function codeHash(): string {
  const base = fileURLToPath(new URL('../../', import.meta.url))
  const digest = createHash('sha256')
  for (const file of modulesOf()) digest.update(`${relative(base, file)}\n`).update(readFileSync(file))
  return digest.digest('hex').slice(0, 12)
}
