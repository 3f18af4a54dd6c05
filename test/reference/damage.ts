/** Damaged copies of the fast core: sources are transpiled into a temporary folder, one sentence of one of them altered. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { runInThisContext } from 'node:vm'
import ts from 'typescript'
import type { Simulate } from '../../src/testing/run.js'

const SOURCES = fileURLToPath(new URL('../../src/', import.meta.url))
const ENTRY = 'simulator/index.ts'

export interface Damage {
  /** File below src/. */
  readonly file: string
  readonly from: string
  readonly to: string
}

/** Files reached from the entry by relative imports, below src/. */
function reached(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found
  found.add(file)
  const text = readFileSync(join(SOURCES, file), 'utf8')
  for (const [, target] of text.matchAll(/from '(\.[^']+)\.js'/g)) reached(join(dirname(file), `${target}.ts`), found)
  return found
}

/** Packages are found from here, wherever the copy lies. */
const bare = (code: string) => code.replace(/from '([^.'][^']*)'/g, (_, name) => `from '${import.meta.resolve(name)}'`)

function transpiled(text: string): string {
  const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023 }
  return bare(ts.transpileModule(text, { compilerOptions: options }).outputText)
}

/** The core as it is, by file below src/. */
let intact: ReadonlyMap<string, string> | null = null

function damaged({ file, from, to }: Damage): string {
  const pieces = readFileSync(join(SOURCES, file), 'utf8').split(from)
  if (pieces.length !== 2) throw new Error(`${file} has ${pieces.length - 1} times: ${from}`)
  return transpiled(pieces.join(to))
}

/** The entry point of a copy of the core with this damage (null: none). The sentence must occur exactly once. */
export async function damagedCore(damage: Damage | null): Promise<Simulate> {
  intact ??= new Map([...reached(ENTRY)].map((file) => [file, transpiled(readFileSync(join(SOURCES, file), 'utf8'))]))
  const folder = mkdtempSync(join(tmpdir(), 'shapewise-damage-'))
  try {
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    for (const [file, code] of intact) {
      const path = join(folder, file.replace(/\.ts$/, '.js'))
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, damage?.file === file ? damaged(damage) : code)
    }
    const entry = pathToFileURL(join(folder, ENTRY.replace(/\.ts$/, '.js'))).href
    const { simulate } = (await import(/* @vite-ignore */ entry)) as { simulate: Simulate }
    return simulate
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** What `work` returns; throws when it takes longer, even where it never looks up: the engine's own watchdog ends it. */
export function within<T>(mostMs: number, work: () => T): T {
  const scope = globalThis as { timedWork?: () => T }
  scope.timedWork = work
  try {
    return runInThisContext('timedWork()', { timeout: mostMs }) as T
  } finally {
    delete scope.timedWork
  }
}
