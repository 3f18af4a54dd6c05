/** Runs the compiled command line in a folder of its own. `npm test` compiles first (scripts/ensure.mjs). */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const MAIN = fileURLToPath(new URL('../dist/bin/shapewise.js', import.meta.url))

/** A call that waits for ever fails its test, and does not stop the rest. */
const LONGEST_MS = 300_000

export interface Ran {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

export const newFolder = (): string => mkdtempSync(join(tmpdir(), 'shapewise-cli-'))

export function shapewise(cwd: string, ...args: readonly string[]): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { cwd, encoding: 'utf8', timeout: LONGEST_MS })
  return { status, stdout, stderr }
}

/** The same on a terminal of so many columns, as far as widths are asked for. */
export function inTerminal(columns: number, cwd: string, ...args: readonly string[]): Ran {
  const columnsOfStdout = `data:text/javascript,process.stdout.columns=${columns}`
  const call = ['--import', columnsOfStdout, MAIN, ...args]
  const { status, stdout, stderr } = spawnSync(process.execPath, call, { cwd, encoding: 'utf8' })
  return { status, stdout, stderr }
}

/** Writes a file into the folder and returns its name. */
export function put(folder: string, name: string, content: string | Uint8Array): string {
  writeFileSync(join(folder, name), content)
  return name
}
